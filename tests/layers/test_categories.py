"""Gold categories of docs: what is refused, what is unknown, what is counted."""

import logging
import math

import numpy
import pytest
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_skd.layers.known import find_layer, layers_of

LABELS = ("A", "B", "C")
NAN = math.nan


def doc_of(**cats):
    doc = Doc(Vocab(), ["Dogs", "sleep"])
    doc.cats = cats
    return doc


def gold(name, **cats):
    return find_layer(name).gold(doc_of(**cats), LABELS).tolist()


@pytest.mark.parametrize(
    ("cats", "expected"),
    [
        ({"A": 0, "B": 1, "C": 0}, [0, 1, 0]),
        ({"B": 1}, [0, 1, 0]),
        ({"A": True, "B": False}, [1, 0, 0]),
        ({"A": 0.25, "B": 0.75}, [0.25, 0.75, 0]),
        ({"A": 0.33, "B": 0.33, "C": 0.33}, [1 / 3] * 3),
        ({"A": 0}, [0, NAN, NAN]),
        ({}, [NAN] * 3),
        ({"A": 1, "X": 1}, [1, 0, 0]),  # X is another component's
        ({"A": 0, "B": 0, "C": 0, "X": 1}, [NAN] * 3),
        ({"A": 0.5, "X": 0.5}, [NAN] * 3),
    ],
)
def test_of_one_label(cats, expected):
    numpy.testing.assert_allclose(gold("cats", **cats), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("cats", "total"), [({"A": 1, "B": 1}, 2), ({"A": 0.7}, 0.7), ({"A": 0.7, "B": 0.6}, 1.3)]
)
def test_categories_that_are_no_distribution_are_refused(cats, total):
    message = rf"^cats:mine: expected one category of the doc 'Dogs sleep ?', .*sum is {total}\. "
    with pytest.raises(ValueError, match=message + "Correct doc.cats; or set exclusive = false"):
        find_layer("cats:mine").gold(doc_of(**cats), LABELS)


@pytest.mark.parametrize("name", ["cats", "cats_multilabel"])
@pytest.mark.parametrize("number", [-0.5, 1.5, NAN])
def test_a_number_that_is_no_probability_is_refused(name, number):
    message = rf"^{name}:mine: .*of the doc 'Dogs sleep ?' from 0 to 1, got 'B': "
    with pytest.raises(ValueError, match=message):
        gold(f"{name}:mine", A=0, B=number)


def test_each_label_on_its_own():
    found = gold("cats_multilabel", A=1, B=0.25, X=1)
    numpy.testing.assert_allclose(found, [1, 0.25, NAN])


def test_a_doc_of_which_no_category_holds_is_counted_and_told_once(caplog):
    layer = find_layer("cats:mine")
    with caplog.at_level(logging.WARNING, logger="spacy.skd"):
        rows = [layer.gold(doc_of(A=0, B=0, C=0), LABELS) for _ in range(3)]
    assert numpy.isnan(rows).all()
    assert layer.undecided == 3
    assert [r.getMessage().partition(";")[0] for r in caplog.records] == [
        "cats:mine: none of the categories of a doc holds"
    ]


def test_labels_that_cannot_be():
    with pytest.raises(ValueError, match="expected two labels or more, .* got \\['A'\\]"):
        find_layer("cats").check(["A"])
    find_layer("cats_multilabel").check(["A"])
    for labels in (["A", "B", "C"], ["B", "C"]):
        with pytest.raises(ValueError, match="positive_label: expected one of two labels, got 'A'"):
            find_layer("cats", positive_label="A").check(labels)
    find_layer("cats", positive_label="A").check(["A", "B"])


def test_scores_are_spacys():
    predicted, reference = doc_of(A=0.6, B=0.4), doc_of(A=0, B=1)
    examples = [Example(predicted, reference), Example(reference, reference)]

    def scores(name, **settings):
        return find_layer(name, **settings).score(examples, labels=["A", "B"])

    assert scores("cats")["cats_score_desc"] == "macro F"
    positive = scores("cats", positive_label="B")
    assert positive["cats_score_desc"] == "F (B)"
    assert positive["cats_score"] == pytest.approx(2 / 3)
    assert scores("cats_multilabel")["cats_f_per_type"]["B"]["r"] == 0.5
    assert scores("cats_multilabel", threshold=0.4)["cats_f_per_type"]["B"]["r"] == 1.0


def test_what_holds():
    chances = numpy.asarray([0.5, 0.2, 0.9])
    assert find_layer("cats").chosen(chances) == [2]
    assert find_layer("cats_multilabel").chosen(chances) == [0, 2]
    assert find_layer("cats_multilabel", threshold=0.95).chosen(chances) == []


def test_components_of_a_config_are_told_apart():
    for factory, exclusive in (("textcat", True), ("textcat_multilabel", False)):
        name = "cats" if exclusive else "cats_multilabel"
        assert layers_of({"factory": factory}) == (name,)
        assert layers_of({"factory": "distilling_textcat", "exclusive": exclusive}) == (name,)
    assert layers_of({"factory": "distilling_textcat"}) == ("cats",)


def test_what_gold_says_of_a_decision_and_which_probability_it_has():
    doc = doc_of(A=0.9, B=0.8)
    several, one = find_layer("cats_multilabel"), find_layer("cats")
    a, b = several.decisions(doc)
    kept = {"labels": ("C", "A"), "marginals": numpy.asarray([0.1, 0.7])}
    assert several.confidences(doc, [a, b], {}) == [0.9, 0.8]
    assert several.confidences(doc, [a, b], kept) == pytest.approx([0.7, numpy.nan], nan_ok=True)
    partial = doc_of(A=0.0)
    assert [several.says(partial, fact) for fact in (a, b)] == [True, False]
    assert not one.says(partial, a)
    assert one.says(doc_of(C=1.0), a)
