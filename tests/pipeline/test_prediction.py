"""Docs of every shape, files, bytes, processes."""

import warnings

import numpy
import pytest
import spacy
from conftest import build, gold_examples
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import Doc

from spacy_skd.layers.known import find_layer


@pytest.fixture(scope="module")
def nlp(teacher):
    return spacy.load(teacher)


def test_empty_docs_one_token_and_whitespace(nlp):
    texts = ["", "Go", "  ", "Go  home \n\n !", "\t", ""]
    docs = list(nlp.pipe(texts))
    assert [doc.text for doc in docs] == texts
    for doc in docs:
        assert all(token.tag_ and token.pos_ and token.dep_ for token in doc)
        assert all(sum(t.head == t for t in sent) == 1 for sent in doc.sents)
    assert list(nlp.pipe([])) == []


def test_a_long_doc_without_sentence_boundaries(teacher):
    """5,000 tokens: cut, with a warning that says how to avoid it."""
    nlp = spacy.load(teacher, exclude=["sent"])
    doc = Doc(nlp.vocab, ["cat"] * 5000)
    for name in ("tok2vec", "tag"):
        doc = nlp.get_pipe(name)(doc)
    with pytest.warns(UserWarning, match="has no sentence boundaries"):
        doc = nlp.get_pipe("parser")(doc)
    assert all(token.dep_ for token in doc)
    assert max(abs(token.head.i - token.i) for token in doc) <= 150


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
def test_a_sentence_starts_where_its_probability_exceeds_the_threshold(threshold):
    layer = find_layer("sent", max_length=0, threshold=threshold)
    p = numpy.array([0.01, 0.05, 0.3, 0.6, 0.95])
    scores = numpy.log(numpy.stack([1 - p, p], axis=1))
    assert layer.choose(scores).tolist() == [1, *(p[1:] > threshold).astype(int).tolist()]


def test_at_the_ends_all_tokens_start_a_sentence_or_the_first_alone():
    scores = numpy.asarray([[50.0, -50.0], [0.0, 0.0], [-50.0, 50.0]], dtype="float32")
    all_start, none_starts = (find_layer("sent", max_length=0, threshold=t) for t in (0.0, 1.0))
    assert all_start.choose(scores).tolist() == [1, 1, 1]
    assert none_starts.choose(scores).tolist() == [1, 0, 0]


def test_spacy_finds_a_threshold(teacher, corpus):
    """It begins with 0 and ends with 1."""
    best, score, scores = find_threshold(
        str(teacher), corpus, "sent", "threshold", "sents_f", n_trials=3
    )
    assert list(scores) == [0.0, 0.5, 1.0]
    assert (best, score) == (0.5, 1.0)
    assert scores[0.0] == 0, "no sentence of the corpus is of one token"
    assert 0 < scores[1.0] < 1, "some docs are one sentence"


@pytest.mark.parametrize("threshold", [-1e-9, 1.1, -3.0, float("nan")])
def test_a_threshold_that_is_no_probability(threshold):
    with pytest.raises(ValueError, match="threshold: expected a number from 0 to 1"):
        find_layer("sent", max_length=0, threshold=threshold)


def test_a_long_sentence_is_cut_at_its_likeliest_start(teacher):
    nlp = spacy.load(teacher)
    nlp.get_pipe("sent").task.layer.max_length = 20
    doc = nlp(Doc(nlp.vocab, ["cat"] * 95))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lengths = [len(sent) for sent in doc.sents]
    assert max(lengths) <= 20
    assert sum(lengths) == 95


def test_a_sentence_is_cut_where_a_start_is_likeliest():
    """In the second half of what is allowed; so again for what is left."""
    layer = find_layer("sent", max_length=10, threshold=0.5)
    scores = numpy.zeros((24, 2))
    scores[:, 0] = 20.0
    scores[[3, 7, 15, 16], 0] = [1.0, 5.0, 8.0, 7.0]
    assert numpy.nonzero(layer.choose(scores))[0].tolist() == [0, 7, 16]


def test_annotation_that_is_there_is_kept_unless_overwrite(nlp):
    doc = nlp.make_doc("The cat sees Ann")
    doc[1].tag_ = "MINE"
    nlp.get_pipe("tok2vec")(doc)
    nlp.get_pipe("tag")(doc)
    assert doc[1].tag_ == "MINE"
    assert doc[0].tag_ != ""
    nlp.get_pipe("tag").task.overwrite = True
    nlp.get_pipe("tag")(doc)
    nlp.get_pipe("tag").task.overwrite = False
    assert doc[1].tag_ != "MINE"


def annotation(doc):
    return [(t.tag_, t.pos_, t.dep_, t.head.i, t.is_sent_start) for t in doc]


TEXTS = ["The cat sees Ann . Dogs sleep well", "Go !", "She gave him the book"] * 5


def test_bytes_and_disk(nlp, tmp_path):
    expected = [annotation(doc) for doc in nlp.pipe(TEXTS)]
    other = build().from_bytes(nlp.to_bytes())
    assert [annotation(doc) for doc in other.pipe(TEXTS)] == expected
    nlp.to_disk(tmp_path / "x")
    assert [annotation(doc) for doc in spacy.load(tmp_path / "x").pipe(TEXTS)] == expected


def test_processes(nlp):
    expected = [annotation(doc) for doc in nlp.pipe(TEXTS)]
    assert [annotation(doc) for doc in nlp.pipe(TEXTS, n_process=2, batch_size=4)] == expected


def test_batch_size_changes_nothing(nlp):
    expected = [annotation(doc) for doc in nlp.pipe(TEXTS, batch_size=1)]
    assert [annotation(doc) for doc in nlp.pipe(TEXTS, batch_size=9)] == expected


def test_listeners_can_be_replaced_and_the_pipe_sourced(teacher, nlp):
    other = spacy.blank("en")
    source = spacy.load(teacher)
    source.replace_listeners("tok2vec", "tag", ["model.tok2vec"])
    other.add_pipe("tag", source=source)
    found = [t.tag_ for t in other(TEXTS[0])]
    assert found == [t.tag_ for t in nlp(TEXTS[0])]


@pytest.mark.parametrize("lang", ["de", "xx"])
def test_other_languages(lang):
    nlp = build(lang=lang)
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    doc = nlp("Das ist gut .")
    assert all(token.dep_ for token in doc)


def test_labels_can_be_added_before_initialize(nlp):
    fresh = spacy.blank("en").add_pipe("distilling_tagger")
    assert fresh.add_label("A") == 1
    assert fresh.add_label("A") == 0
    assert fresh.labels == ("A",)
    with pytest.raises(ValueError, match="fixed labels"):
        nlp.get_pipe("sent").add_label("NEW")
    with pytest.raises(ValueError, match="universal POS"):
        spacy.blank("en").add_pipe("distilling_tagger", config={"layer": "pos"}).add_label("NN")


@pytest.mark.parametrize(
    ("factory", "config", "message"),
    [
        ("distilling_tagger", {"layer": "ent"}, "layer: expected one of"),
        ("distilling_tagger", {"distill_weight": 2.0}, "weight"),
        ("distilling_tagger", {"temperature": 0.0}, "temperature"),
        ("distilling_parser", {"structure": "graph"}, "structure: expected one of"),
        ("skd_teacher", {"cache_mb": 0}, "cache_mb"),
    ],
)
def test_settings_out_of_range(factory, config, message):
    with pytest.raises(ValueError, match=message):
        spacy.blank("en").add_pipe(factory, config=config)


def test_documents_do_not_depend_on_the_rest_of_the_batch(nlp):
    alone = nlp.get_pipe("parser").believe([parsed(nlp, TEXTS[0])])[0]
    among = nlp.get_pipe("parser").believe([parsed(nlp, t) for t in TEXTS])[0]
    for a, b in zip(alone.arcs, among.arcs):
        numpy.testing.assert_allclose(a, b, atol=1e-4)


def parsed(nlp, text):
    doc = nlp.make_doc(text)
    for name in ("tok2vec", "sent"):
        doc = nlp.get_pipe(name)(doc)
    return doc
