"""Between one label of a doc and sets of labels: the enumerated expectation."""

import itertools

import hypothesis.strategies as st
import numpy
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.labels import match_labels
from spacy_skd.structures import FlatSegments, IndependentLabels, LabelSets, LinearChain, Parts
from spacy_skd.transfer import Posterior, convert

seeds = st.integers(0, 2**31)
TEACHER, STUDENT = ("A", "B", "C"), ("C", "X", "A")
MATCH = match_labels(teacher=TEACHER, student=STUDENT, what="test")


def outputs_of(structure, scores):
    """All sets of labels of a doc, as 0/1 rows, with the probability of each."""
    n = len(scores)
    if structure == LabelSets():
        sets = [numpy.asarray(y, "float64") for y in itertools.product((0, 1), repeat=n)]
    else:
        sets = list(numpy.eye(n))
    weights = numpy.exp([y @ scores for y in sets])
    return sets, weights / weights.sum()


def expected_chances(teacher, student, scores):
    """Of each of the student's labels that the teacher has; the share that is lost."""
    kept, lost = [], 0.0
    for y, p in zip(*outputs_of(teacher, scores)):
        own = y[[0, 2]]  # A, C
        if student == LabelSets() or (y.sum() == 1 and own.sum() == 1):
            kept.append((own, p))
        else:
            lost += p
    total = sum(p for _, p in kept)
    return sum(y * p for y, p in kept) / total, lost


@pytest.mark.parametrize("student", [IndependentLabels(), LabelSets()])
@pytest.mark.parametrize("teacher", [IndependentLabels(), LabelSets()])
@settings(max_examples=20, deadline=None)
@given(seed=seeds, temperature=st.sampled_from([0.5, 1.0, 3.0]))
def test_every_pair_equals_its_specification(teacher, student, seed, temperature):
    scores = numpy.random.default_rng(seed).normal(size=(2, 3)) * 3
    posterior = Posterior(teacher, teacher.of_label_scores(scores))
    target = convert(posterior, student, match=MATCH, temperature=temperature)
    rows = target.marginals.arrays["unary"]
    for i, row in enumerate(scores):
        (a, c), lost = expected_chances(teacher, student, row / temperature)
        if student == IndependentLabels():
            numpy.testing.assert_allclose(rows[i, 0], [c, 0, a], atol=1e-9)
            assert target.lost[i] == pytest.approx(lost, abs=1e-9)
        else:
            units = slice(3 * i, 3 * i + 3)
            numpy.testing.assert_allclose(rows[units, 0, 1][[0, 2]], [c, a], atol=1e-9)
            assert target.empty[units].tolist() == [False, True, False]
            assert target.lost[units].tolist() == [0, 0, 0]


def test_a_teacher_that_is_certain_of_two_labels_says_nothing_of_which_it_is():
    scores = numpy.asarray([[1e9, 1e9, -1e9], [1e9, -1e9, -1e9]])
    posterior = Posterior(LabelSets(), LabelSets().of_label_scores(scores))
    target = convert(posterior, IndependentLabels())
    assert target.empty.tolist() == [True, False]
    assert target.lost.tolist() == [1.0, 0.0]
    assert target.marginals.arrays["unary"][1, 0].tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("other", [LinearChain(), FlatSegments(max_width=2)])
def test_other_structures_are_refused_by_name(other):
    parts = Parts({"unary": numpy.zeros((1, 1, 2))}, numpy.array([1]))
    with pytest.raises(ValueError, match=r"LabelSets student \(.* say nothing of sets of labels\)"):
        convert(Posterior(other, parts), LabelSets())
    with pytest.raises(ValueError, match="no conversion from a LabelSets teacher"):
        convert(Posterior(LabelSets(), parts), other)
