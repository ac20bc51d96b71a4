"""Illegal BIO, wherever it enters: repaired as spaCy does, and told in one line."""

import hypothesis.strategies as st
import pytest
import spacy
from conftest import LISTENER, TOK2VEC, train
from entities import examples
from hypothesis import given
from illegal import REPAIRED, WORDS, illegal_doc, illegal_file, tags_of, told
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example, iob_to_biluo

from spacy_skd.layers.entity_tags import repair_biluo, repair_entities
from spacy_skd.report.scores import read_docs, score
from spacy_skd.training.annotation.inputs import read_inputs
from spacy_skd.training.corpora.readers import make_mixed_corpus


@given(st.lists(st.sampled_from(["", "O", "B-A", "I-A", "B-B", "I-B"]), max_size=8))
def test_docs_are_repaired_as_spacys_own_constructor_does(tags):
    """Which overlooks the first token of all."""
    doc = illegal_doc(tags)
    n = repair_entities(doc)
    theirs = Doc(doc.vocab, ["x"] * (len(tags) + 1), ents=["O", *tags])
    assert tags_of(doc) == tags_of(theirs)[1:]
    assert n == sum(a != b for a, b in zip(tags, tags_of(doc)))
    assert [(e.start, e.end, e.label_) for e in doc.ents] == [
        (e.start - 1, e.end - 1, e.label_) for e in theirs.ents
    ]
    assert repair_entities(doc) == 0


biluo = st.sampled_from([None, "O", *(f"{p}-{x}" for p in "BILU" for x in "AB")])


@given(st.lists(biluo, max_size=8))
def test_biluo_is_repaired_as_spacy_convert_does(tags):
    repaired, n = repair_biluo(tags)
    assert [tag or "O" for tag in repaired] == iob_to_biluo([tag or "O" for tag in tags])
    assert n == sum(a != b for a, b in zip(tags, repaired))
    assert repair_biluo(repaired) == (repaired, 0)


def entity_pipe(structure="linear_chain"):
    scorer = "SegmentScorer" if structure == "segments" else "ChainScorer"
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    model = {"@architectures": f"spacy-skd.{scorer}.v1", "tok2vec": LISTENER}
    config = {"layer": "ents", "structure": structure, "model": model}
    nlp.add_pipe("distilling_tagger", "ner", config=config)
    return nlp


@pytest.mark.parametrize("structure", ["linear_chain", "segments"])
def test_a_component_learns_from_what_is_repaired(structure, log):
    nlp = entity_pipe(structure)
    docs = [illegal_doc(vocab=nlp.vocab) for _ in range(2)]
    egs = [Example(Doc(nlp.vocab, WORDS), doc) for doc in docs]
    spacy.util.fix_random_seed(0)
    nlp.initialize(lambda: egs)
    assert nlp.get_pipe("ner").labels == ("LOC", "PER")
    train(nlp, egs, 60)
    assert tags_of(nlp(Doc(nlp.vocab, WORDS))) == REPAIRED
    assert nlp.get_pipe("ner").layer.repaired.tags == 4
    assert nlp.get_pipe("ner").task.illegal == 0
    assert told(log, where="ner: layer 'ents'", n=2)


def test_a_reference_is_repaired_before_it_is_aligned_and_before_it_is_scored(log):
    nlp = entity_pipe()
    nlp.initialize(lambda: examples(nlp))
    layer = nlp.get_pipe("ner").layer
    words = [*WORDS[:4], "Yo", "rk", "today"]
    eg = Example(Doc(nlp.vocab, words, spaces=[True] * 4 + [False, True, True]), illegal_doc())
    assert layer.gold(eg, scheme="BIO") == ["B-PER", "O", "B-PER", "B-LOC", "I-LOC", "I-LOC", "O"]
    guess = Doc(nlp.vocab, WORDS, ents=REPAIRED)
    assert layer.score([Example(guess, illegal_doc())])["ents_f"] == 1.0
    assert layer.repaired.tags == 4


def test_what_annotate_reads_is_repaired(tmp_path, log):
    path = illegal_file(tmp_path)
    records = list(read_inputs([path], max_chars=1000))
    assert [tags_of(record.doc) for record in records] == [REPAIRED] * 2
    assert told(log, where=path, n=4)


def test_a_mixed_corpus_is_repaired(tmp_path, log):
    read = make_mixed_corpus(illegal_file(tmp_path))
    for _ in range(2):
        assert [tags_of(eg.reference) for eg in read(spacy.blank("en"))] == [REPAIRED] * 2
    assert read.repaired.tags == 8
    assert told(log, where="MixedCorpus", n=2)


def test_what_is_reported_is_repaired(tmp_path, log):
    nlp = spacy.blank("en")
    nlp.add_pipe("ner").add_label("PER")
    nlp.initialize()
    path = illegal_file(tmp_path)
    docs = read_docs(path, nlp)
    assert [tags_of(doc) for doc in docs] == [REPAIRED] * 2
    assert "ents_f" in score(nlp, docs, setting="predicted_sentences")
    assert told(log, where=path, n=4)
    with pytest.raises(ValueError, match="E093"):  # what spaCy says without
        Scorer(nlp=nlp).score([Example(Doc(nlp.vocab, WORDS), illegal_doc())])
