"""Stores that were written when beliefs were of all tokens (tests/data/make_token_store.py)."""

from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import spacy

from spacy_skd.models.words import words_of
from spacy_skd.shards.manifest import Manifest
from spacy_skd.shards.store import BeliefStore, read_beliefs
from spacy_skd.structures.parts import POSSIBLE_ABOVE
from spacy_skd.training.corpora.distillation import DistillationCorpus
from spacy_skd.training.corpora.sampled import SampledCorpus

STORE = Path(__file__).parents[1] / "data" / "token_store"
MIX = {"ratio": 1.0, "buffer": 9, "max_length": 0, "seed": 0}
PIPES = ("sent", "tag", "ents", "spans", "parser", "tags")


@pytest.fixture(scope="module")
def store():
    return BeliefStore(STORE)


@pytest.fixture(scope="module")
def examples():
    return list(DistillationCorpus(STORE, None, **MIX)(spacy.blank("en")))


def beliefs(store, examples, pipe):
    """Of tokens as they are stored, and of words, with the words."""
    for eg in examples:
        carried = read_beliefs(eg.reference.user_data)
        stored = store.forms[pipe].unpack(carried.packed[pipe])
        (words,) = words_of([eg.predicted])
        yield stored, store.belief(carried, pipe, eg.predicted), words


def test_it_is_read_as_of_tokens(store, examples):
    assert not store.manifest.of_words
    assert sum(token.is_space for eg in examples for token in eg.predicted) == 4
    assert all(read_beliefs(eg.reference.user_data).id == store.id for eg in examples)


def test_rows_of_whitespace_are_dropped(store, examples):
    for pipe in ("sent", "tag"):
        for stored, belief, words in beliefs(store, examples, pipe):
            assert len(stored.scores) == words.n_tokens
            numpy.testing.assert_array_equal(belief.scores, words.of_tokens(stored.scores))


def test_a_chain_still_begins_and_ends_legally(store, examples):
    for stored, belief, words in beliefs(store, examples, "ents"):
        assert len(belief.scores) == len(words)
        possible = belief.scores > POSSIBLE_ABOVE
        begins = [tag[0] in "OBS" for tag in stored.labels]
        ends = [tag[0] in "OES" for tag in stored.labels]
        assert not possible[0, numpy.logical_not(begins)].any()
        assert not possible[-1, numpy.logical_not(ends)].any()
        middle = words.of_tokens(stored.scores)[1:-1]
        numpy.testing.assert_array_equal(belief.scores[1:-1], middle)


def test_spans_keep_their_scores(store, examples):
    for stored, belief, words in beliefs(store, examples, "spans"):
        at, widest = words.of_tokens(numpy.arange(words.n_tokens)), stored.scores.shape[1]
        for i, start in enumerate(at):
            for width, end in enumerate(at[i : i + widest]):
                if end - start < widest:
                    score = stored.scores[start, end - start]
                    numpy.testing.assert_array_equal(belief.scores[i, width], score)
                else:
                    assert (belief.scores[i, width] < POSSIBLE_ABOVE).all()


def test_arcs_keep_their_scores(store, examples):
    for stored, belief, words in beliefs(store, examples, "parser"):
        assert belief.units.tolist() == words.units_of_tokens(stored.units).tolist()
        tables = [_arcs_of_doc(each, n) for each, n in
                  ((stored, words.n_tokens), (belief, len(words)))]  # fmt: skip
        at = words.of_tokens(numpy.arange(words.n_tokens))
        columns = numpy.append(0, at + 1)
        numpy.testing.assert_array_equal(tables[1], tables[0][numpy.ix_(at, columns)])
        assert belief.pairs.max(initial=0) < len(words)
        assert len(belief.pairs) == len(belief.label_scores) <= len(stored.pairs)


def _arcs_of_doc(belief, n):
    table = numpy.full((n, n + 1), numpy.nan)
    for (start, end), arc in zip(belief.units, belief.arcs):
        table[start:end, 0] = arc[:, 0]
        table[start:end, start + 1 : end + 1] = arc[:, 1:]
    return table


def test_tags_of_heads_count_words(store, examples):
    for stored, belief, words in beliefs(store, examples, "tags"):
        index = {tag: i for i, tag in enumerate(stored.labels)}
        at = words.of_tokens(numpy.arange(words.n_tokens))
        for word, token in enumerate(at):
            for tag, column in index.items():
                offset, _, deprel = tag.partition(":")
                head = word + int(offset)
                if 0 <= head < len(words):
                    other = index.get(f"{at[head] - token}:{deprel}")
                    expected = -1e9 if other is None else stored.scores[token, other]
                    assert belief.scores[word, column] == pytest.approx(expected)


def test_what_is_drawn_follows_the_convention():
    layers = {"tag": "tag", "ents": "ents", "spans": "spans", "parser": "parser"}
    corpus = SampledCorpus(
        STORE, None, temperature=1.0, projective=False, layers=layers, skip=0, **MIX
    )
    seen = 0
    for _ in range(20):
        for eg in corpus(spacy.blank("en")):
            for token in eg.reference:
                seen += token.is_space
                if token.is_space:
                    assert (token.tag_, token.dep_) == ("_SP", "dep")
                else:
                    assert not token.head.is_space
            for span in [*eg.reference.ents, *eg.reference.spans["sc"]]:
                assert not span[0].is_space
                assert not span[-1].is_space
    assert seen


def test_only_the_same_meaning_is_resumed():
    manifest = Manifest.from_disk(STORE)
    now = replace(manifest, of_words=True)
    with pytest.raises(ValueError, match=r"of_words: expected false.*got true"):
        manifest.check_same(now, folder=STORE)
    assert now.id != manifest.id
    now.check_same(now, folder=STORE)
