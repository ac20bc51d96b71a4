"""Gold heads of a bucket's units, as the indicators that a student of trees learns."""

import hypothesis.strategies as st
import numpy
import oracle
from conftest import build, gold_examples
from hypothesis import given, settings
from spacy.tokens import Doc
from spacy.training import Example

from spacy_skd.codecs.units import ROOT_HEAD, UNKNOWN_HEAD, make_buckets
from spacy_skd.pipeline.tasks.tree_loss import GoldTrees
from spacy_skd.structures import SpanningTrees


def gold_of(heads, n):
    (bucket,) = make_buckets(numpy.array([[0, n]]))
    return GoldTrees()(numpy.array(heads), bucket, structure=SpanningTrees(), name="")


def test_heads_that_are_no_tree_are_unknown():
    for heads in ([1, 0, ROOT_HEAD], [ROOT_HEAD, ROOT_HEAD, 0]):
        gold = gold_of(heads, 3)
        assert gold.empty.all()
        assert gold.indicators.arrays["arc"].sum() == 0


def test_sentences_of_no_tree_are_told_before_anything_is_learnt(caplog):
    nlp = build()
    pipe, examples = nlp.get_pipe("parser"), gold_examples(nlp)
    for words, heads in (("Go home", [1, 1]), ("Ann sees him", [1, 0, 1]), ("A b", [1, 0])):
        doc = Doc(nlp.vocab, words.split(), heads=heads, deps=["dep"] * len(heads))
        examples += [Example(nlp.make_doc(words), doc)] * 2
    nlp.initialize(lambda: examples)
    (told,) = [line for line in caplog.messages if "form no tree" in line]
    assert told.startswith("parser: the heads of 2 annotated sentences form no tree")
    assert told.endswith("The first: 'Ann sees him'")
    nlp.update(examples)
    assert pipe.task.gold_trees.broken == 4
    assert sum("form no tree" in line for line in caplog.messages) == 1


def test_of_a_component_that_is_initialized_already_in_training(caplog):
    gold_of([1, 0, ROOT_HEAD], 3)
    (told,) = caplog.messages
    assert "the heads of 1 units of a batch form no tree" in told


def test_known_heads_that_no_tree_has_make_the_unit_unknown():
    for heads in ([1, 0, UNKNOWN_HEAD], [ROOT_HEAD, UNKNOWN_HEAD, ROOT_HEAD]):
        assert gold_of(heads, 3).empty.all()
    assert gold_of([1, UNKNOWN_HEAD, ROOT_HEAD], 3).known.tolist() == [[True, False, True]]


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.integers(-1, n), min_size=n, max_size=n)))
def test_a_unit_is_unknown_only_where_no_tree_agrees(heads):
    """heads: -1 unknown, 0 ROOT, i + 1 a token."""
    n = len(heads)
    if any(head == i + 1 for i, head in enumerate(heads)):
        return
    agrees = any(
        oracle.forms_tree(tree, single_root=True)
        and all(h in (-1, found) for h, found in zip(heads, tree))
        for tree in oracle.all_heads(n)
    )
    rows = {-1: UNKNOWN_HEAD, 0: ROOT_HEAD}
    gold = gold_of([rows.get(h, h - 1) for h in heads], n)
    assert gold.known.tolist() == [[agrees and h >= 0 for h in heads]]


def test_a_head_outside_the_unit_is_unknown_and_the_rest_stays():
    gold = gold_of([ROOT_HEAD, 0, 7, UNKNOWN_HEAD], 4)
    assert gold.known.tolist() == [[True, True, False, False]]
    assert not gold.complete.any()
