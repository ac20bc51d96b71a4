import numpy
import pytest
import spacy
from spacy.attrs import SENT_START
from spacy.tokens import Doc

from spacy_skd.layers.known import find_layer
from spacy_skd.models.words import doc_starts, units_of, words_of


def doc_units(docs, *, max_length):
    return units_of(doc_starts(docs)[0], words_of(docs), max_length=max_length)


def make_docs():
    rng, vocab = numpy.random.default_rng(0), spacy.blank("en").vocab
    docs = [Doc(vocab, words=[])]
    for n in (1, 2, 9, 30, 0, 12):
        starts = (rng.random(n) < 0.3).tolist()
        docs.append(Doc(vocab, words=["w"] * n, sent_starts=[True, *starts[1:]] if n else None))
    return [*docs, Doc(vocab, words=["w"] * 8), Doc(vocab, words=["w"]), Doc(vocab, words=[])]


@pytest.mark.parametrize("max_length", [0, 100])
def test_units_are_the_sentences(max_length):
    docs = make_docs()
    for doc, units in zip(docs, doc_units(docs, max_length=max_length), strict=True):
        whole = [[0, len(doc)]] if len(doc) else []
        annotated = doc.has_annotation("SENT_START")
        expected = [[s.start, s.end] for s in doc.sents] if annotated else whole
        assert units.tolist() == expected == doc_units([doc], max_length=max_length)[0].tolist()
        assert units.shape[1:] == (2,)
        assert units.dtype == "int64"


def test_long_sentences_are_cut():
    docs = make_docs()
    for doc, units in zip(docs, doc_units(docs, max_length=3), strict=True):
        assert [*map(int, units.reshape(-1))] == sorted(units.reshape(-1).tolist())
        assert (units[:, 1] - units[:, 0]).max(initial=0) <= 3
        assert sum((units[:, 1] - units[:, 0]).tolist()) == len(doc)
        if doc.has_annotation("SENT_START"):
            assert {s.start for s in doc.sents} <= set(units[:, 0].tolist())


def test_no_docs_and_no_tokens():
    assert doc_units([], max_length=5) == []
    empty = Doc(spacy.blank("en").vocab, words=[])
    assert [u.shape for u in doc_units([empty, empty], max_length=5)] == [(0, 2), (0, 2)]


@pytest.mark.parametrize("name", ["tag", "sent"])
def test_labels_of_a_batch_are_those_of_each_doc(name):
    layer = find_layer(name, max_length=4, threshold=0.3)
    lengths = [3, 0, 12, 1]
    scores = numpy.random.default_rng(1).normal(size=(16, 2)).astype("float32")
    found = layer.choose_all(scores, lengths)
    parts = numpy.split(scores, [3, 3, 15])
    assert [x.tolist() for x in found] == [layer.choose(x).tolist() for x in parts]


def test_a_doc_starts_a_unit_whatever_its_first_token_says():
    docs = [Doc(spacy.blank("en").vocab, words=["w"] * 3) for _ in range(2)]
    for doc in docs:
        values = numpy.asarray([-1, -1, 1], dtype="int64").view("uint64")
        doc.from_array([SENT_START], values.reshape(-1, 1))
    assert [units.tolist() for units in doc_units(docs, max_length=9)] == [[[0, 2], [2, 3]]] * 2
