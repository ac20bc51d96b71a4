"""Sets of labels by their scores, and one label of a doc."""

import itertools

import numpy
import pytest

from spacy_skd.structures import IMPOSSIBLE, IndependentLabels, LabelSets

KINDS = [IndependentLabels(), LabelSets()]


@pytest.fixture
def scores():
    return numpy.random.default_rng(0).normal(size=(2, 3)) * 4


def test_the_probability_of_a_set_is_that_of_its_labels(scores):
    """prod_l sigmoid(s[l])^y[l] (1 - sigmoid(s[l]))^(1 - y[l])"""
    parts = LabelSets().of_label_scores(scores)
    chances = 1 / (1 + numpy.exp(-scores))
    for y in itertools.product((0.0, 1.0), repeat=3):
        y = numpy.asarray([y, y])
        expected = numpy.where(y > 0, chances, 1 - chances).prod(axis=1)
        indicators = LabelSets().of_label_chances(y)
        found = LabelSets().log_prob(parts, indicators)
        numpy.testing.assert_allclose(numpy.exp(found), expected, rtol=1e-9)


@pytest.mark.parametrize("structure", KINDS)
def test_scores_and_probabilities_of_labels_and_back(structure, scores):
    parts = structure.of_label_scores(scores)
    numpy.testing.assert_allclose(structure.label_scores(parts), scores)
    _, marginals = structure.infer(parts)
    chances = structure.label_chances(marginals)
    again = structure.of_label_chances(chances)
    numpy.testing.assert_allclose(again.arrays["unary"], marginals.arrays["unary"], atol=1e-12)


@pytest.mark.parametrize("structure", KINDS)
def test_the_gradient_at_the_scores_is_that_of_the_labels(structure, scores):
    direction = numpy.random.default_rng(1).normal(size=scores.shape)
    target = structure.infer(structure.of_label_scores(scores[::-1]))[1]

    def loss(s):
        return structure.cross_entropy(target, structure.of_label_scores(s)).sum()

    _, marginals = structure.infer(structure.of_label_scores(scores))
    along = (structure.label_chances(marginals - target) * direction).sum()
    up, down = (loss(scores + sign * 1e-5 * direction) for sign in (1, -1))
    assert along == pytest.approx((up - down) / 2e-5, abs=1e-6)


def test_which_labels_are_a_structure_and_of_what_a_teacher_is_silent():
    chosen = numpy.asarray([[0, 0], [1, 0], [1, 1]], dtype=bool)
    assert IndependentLabels().has_labels(chosen).tolist() == [False, True, False]
    assert LabelSets().has_labels(chosen).all()
    lacking = numpy.asarray([True, False])
    assert IndependentLabels().silent_units(lacking).tolist() == [False]
    assert LabelSets().silent_units(lacking).tolist() == [True, False]


def test_certain_labels_are_exact_in_float32():
    scores = numpy.asarray([[IMPOSSIBLE, 1e9, 0.0]], dtype="float32")
    log_z, marginals = LabelSets().infer(LabelSets().of_label_scores(scores))
    assert log_z[0] == pytest.approx(numpy.log(2))
    assert LabelSets().label_chances(marginals)[0].tolist() == [0.0, 1.0, 0.5]
