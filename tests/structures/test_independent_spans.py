"""What independent spans have beside the contract."""

import numpy
import pytest

from spacy_skd.structures import IndependentSpans, Parts
from spacy_skd.structures.k_best import best_rows


def spans(array):
    return Parts({"span": array}, numpy.full(len(array), array.shape[1]))


@pytest.mark.parametrize("one_label", [True, False])
def test_a_span_does_not_depend_on_the_others(one_label):
    rng = numpy.random.default_rng(0)
    one, two = rng.normal(size=(2, 1, 5, 3, 2))
    two[0, 1, 2] = one[0, 1, 2]
    structure = IndependentSpans(3, one_label=one_label)
    found = [structure.infer(spans(each))[1].arrays["span"][0, 1, 2] for each in (one, two)]
    numpy.testing.assert_allclose(*found, atol=1e-12)
    odds = numpy.exp(one[0, 1, 2])
    numpy.testing.assert_allclose(found[0], odds / (1 + (odds.sum() if one_label else odds)))


def test_of_one_label_a_yes_or_no_is_that_label_or_none():
    scores = spans(numpy.random.default_rng(0).normal(size=(3, 7, 4, 1)))
    one, other = (IndependentSpans(4, one_label=each).infer(scores) for each in (True, False))
    numpy.testing.assert_allclose(one[0], other[0])
    numpy.testing.assert_allclose(one[1].arrays["span"], other[1].arrays["span"])


def test_the_k_best_of_a_long_unit_are_those_of_all_its_choices():
    scores = spans(numpy.random.default_rng(1).normal(size=(2, 40, 3, 2)) - 1)
    totals, found = IndependentSpans(3).k_best(scores, k=30)
    rows = numpy.zeros((2, 120, 3))
    rows[..., 1:] = scores.arrays["span"].reshape(2, 120, 2)
    inside = numpy.asarray([i + w < 40 for i in range(40) for w in range(3)])
    rows[:, ~inside, 1:] = -numpy.inf
    expected, columns = best_rows(numpy, rows, numpy.ones((2, 120), dtype=bool), 30)
    numpy.testing.assert_allclose(totals, expected)
    for rank, parts in enumerate(found):
        chosen = parts.arrays["span"].reshape(2, 120, 2)
        assert (chosen == numpy.eye(3)[columns[:, rank]][..., 1:]).all()


def test_sizes_that_are_none():
    with pytest.raises(ValueError, match="independent_spans: expected max_width of at least 1"):
        IndependentSpans(max_width=0)
    with pytest.raises(ValueError, match="W = max_width = 3, got"):
        IndependentSpans(max_width=3).infer(spans(numpy.zeros((1, 4, 2, 1))))
