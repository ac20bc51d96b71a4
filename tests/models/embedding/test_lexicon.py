"""Phrases in docs: what a naive search finds."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc

from spacy_skd.models.embedding.lexicon import N_POSITIONS, Lexicon

BEGIN, INSIDE, LAST, UNIT = range(N_POSITIONS)
CLASSES = ("GPE", "ORG", "PER")


@pytest.fixture(scope="module")
def vocab():
    return spacy.blank("en").vocab


def lexicon_of(phrases, attr="LOWER"):
    split = {tuple(text.split()): classes for text, classes in phrases.items()}
    return Lexicon.of(attr, split, known=CLASSES)


def found(lexicon, docs):
    """{(token of the batch, class, place)}"""
    tokens, features = lexicon.find(docs).positions()
    pairs = list(zip(tokens.tolist(), features.tolist()))
    assert len(pairs) == len(set(pairs))
    return {(token, CLASSES[f // N_POSITIONS], f % N_POSITIONS) for token, f in pairs}


def expected(phrases, docs):
    """The same, token by token, of docs without whitespace."""
    result, first = set(), 0
    for doc in docs:
        words = [token.lower_ for token in doc]
        for name in CLASSES:
            own = {tuple(p.lower().split()) for p, classes in phrases.items() if name in classes}
            i = 0
            while i < len(words):
                lengths = [
                    n for n in range(len(words) - i, 0, -1) if tuple(words[i : i + n]) in own
                ]
                for j in range(lengths[0] if lengths else 0):
                    place = BEGIN if j == 0 else LAST if j == lengths[0] - 1 else INSIDE
                    result.add((first + i + j, name, UNIT if lengths[0] == 1 else place))
                i += lengths[0] if lengths else 1
        first += len(doc)
    return result


def test_a_naive_search_finds_the_same(vocab):
    rng = numpy.random.default_rng(0)
    letters = list("abcdefg")
    for _ in range(40):
        phrases = {}
        for _ in range(rng.integers(1, 15)):
            text = " ".join(rng.choice(letters[:5], rng.integers(1, 5)))
            phrases.setdefault(text, set()).update(rng.choice(CLASSES, 2).tolist())
        sizes = rng.integers(0, 12, 4)
        docs = [Doc(vocab, [*map(str.upper, rng.choice(letters, n))]) for n in sizes]
        lexicon = lexicon_of(phrases)
        assert len(lexicon) == len(phrases)
        assert found(lexicon, docs) == expected(phrases, docs)
        again = Lexicon.from_bytes(lexicon.to_bytes())
        assert found(again, docs) == expected(phrases, docs)
        assert (again.attr, again.classes, len(again)) == ("LOWER", CLASSES, len(phrases))


def test_the_longest_of_each_class_and_both_classes_of_a_form(vocab):
    lexicon = lexicon_of(
        {"New York": ["GPE"], "York": ["GPE", "PER"], "New York Times": ["ORG"], "Times": ["ORG"]}
    )
    doc = Doc(vocab, "the New York Times".split())
    assert found(lexicon, [doc]) == {
        (1, "GPE", BEGIN), (2, "GPE", LAST), (2, "PER", UNIT),
        (1, "ORG", BEGIN), (2, "ORG", INSIDE), (3, "ORG", LAST),
    }  # fmt: skip


def test_case_counts_if_it_is_to(vocab):
    docs = [Doc(vocab, ["us", "US"])]
    assert found(lexicon_of({"US": ["GPE"]}, "ORTH"), docs) == {(1, "GPE", UNIT)}
    assert len(found(lexicon_of({"US": ["GPE"]}), docs)) == 2
    both = lexicon_of({"US": ["GPE"], "us": ["PER"]})
    assert (len(both), len(found(both, docs))) == (1, 4)


def test_no_phrase_goes_over_the_end_of_a_doc_and_whitespace_does_not_count(vocab):
    lexicon = lexicon_of({"New York": ["GPE"]})
    docs = [Doc(vocab, words) for words in (["\n", "New"], ["York"], [], ["New", "\n", "York"])]
    assert found(lexicon, docs) == {(3, "GPE", BEGIN), (5, "GPE", LAST)}


def test_nothing_is_found_in_nothing(vocab):
    for phrases in ({}, {"a": ["GPE"]}):
        for docs in ([], [Doc(vocab)], [Doc(vocab, ["b"]), Doc(vocab)]):
            assert found(lexicon_of(phrases), docs) == set()


def test_an_attribute_that_is_none():
    with pytest.raises(ValueError, match="attr: expected one of LOWER, ORTH, got 'NORM'"):
        lexicon_of({}, "NORM")
