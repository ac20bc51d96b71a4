"""Gold labels that a component lacks are named once and counted, and the rest is learnt."""

import numpy
import parsers
import pytest
from conftest import build, gold_examples, make_doc
from spacy.tokens import Doc
from spacy.training import Example

from spacy_skd.pipeline.unknown_labels import UnknownLabels


def test_names_once_and_counts(caplog):
    unknown = UnknownLabels("x")
    unknown.add(["a", "", "b"], {"a", "b"})
    assert (unknown.tokens, caplog.text) == (0, "")
    for _ in range(2):
        unknown.add(["a", "d", "c", "d", ""], {"a", "b"})
    assert unknown.tokens == 6
    assert caplog.text.count("x: the annotation has the labels ['c', 'd'], which") == 1
    unknown.add(["c", "e"], {"a", "b"})  # in a later batch
    assert unknown.tokens == 8
    assert "x: the annotation has the labels ['e'], which" in caplog.text
    caplog.clear()
    for i in range(100):
        unknown.add([f"label {i}"], {"a", "b"})
    assert unknown.tokens == 108
    assert len(caplog.records) == 7, "one of each batch at first, then some of several"
    assert sum(len(record.args[1]) for record in caplog.records) == 47, "50 in all"


@pytest.mark.parametrize("kind", ["tree", "projective_tree", "head_selection", "second_order"])
@pytest.mark.parametrize("aligned", [True, False])
def test_deprels(kind, aligned, caplog):
    """The arc of a token is learnt, its deprel is not."""
    nlp = parsers.build(kind)
    pipe, examples = nlp.get_pipe("parser"), gold_examples(nlp)
    known = sorted({t.dep_ for eg in examples for t in eg.reference} - {"det", "punct"})
    pipe.initialize(lambda: examples, nlp=nlp, labels=known)
    (doc,) = [eg.reference for eg in examples[4:5]]  # "The cat sees Ann ."
    words = ["The", "cat", "sees", "Ann", "."] if aligned else ["The", "cat", "sees", "An", "n."]
    spaces = [True] * 5 if aligned else [True, True, True, False, True]
    eg = Example(Doc(nlp.vocab, words, spaces), doc)
    plan = pipe.task.lesson([eg], None)
    assert pipe.unknown_labels.tokens == 2
    assert "the annotation has the labels ['det', 'punct'], which" in caplog.text
    assert plan.heads[:3].tolist() == [1, 2, -1]
    assert 0 not in plan.pairs[:, 0]  # the deprel of "The"
    assert {1, 2} <= set(plan.pairs[:, 0].tolist())
    assert numpy.isfinite(pipe.update([eg])["parser"])


def test_tags_of_heads(caplog):
    """Counted as arcs without a tag."""
    nlp = parsers.build("offset_tags")
    pipe, examples = nlp.get_pipe("parser"), gold_examples(nlp)
    pipe.initialize(lambda: examples, nlp=nlp, labels=["0:ROOT", "1:nsubj"])
    assert numpy.isfinite(pipe.update(examples[4:5])["parser"])
    assert pipe.task.untagged == 3
    assert "3 gold arcs of a batch have no tag" in caplog.text


def test_tags(caplog):
    nlp = build()
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    tagger = nlp.get_pipe("tag")
    doc = make_doc(nlp, [(["Go", "!"], [0, 0], "ROOT punct", "VB .")])
    doc[0].tag_ = "NEW"
    eg = Example(Doc(nlp.vocab, ["Go", "!"]), doc)
    nlp.update([eg])
    assert tagger.unknown_labels.tokens == 1
    assert "tag: the annotation has the labels ['NEW'], which" in caplog.text
    assert nlp.get_pipe("pos").unknown_labels.tokens == 0
    lesson = tagger.task.lesson([eg], None)
    _, gradient = tagger.task.loss(lesson, numpy.zeros((2, len(tagger.labels)), "float32"))
    assert gradient.any(axis=1).tolist() == [False, True]
