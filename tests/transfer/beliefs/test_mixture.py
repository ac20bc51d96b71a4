"""Several teachers: the marginals of the mixture of their distributions, by listing structures."""

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.labels import match_labels
from spacy_skd.structures import IndependentLabels, LinearChain, Parts, SpanningTrees
from spacy_skd.transfer import Posterior, convert
from spacy_skd.transfer.beliefs import Mixture, TokenBelief
from spacy_skd.transfer.beliefs.mixture import mixed_target
from spacy_skd.transfer.conversions.table import Target
from spacy_skd.transfer.posterior import mix

SEEDS = st.integers(0, 2**31)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, temperature=st.sampled_from([1.0, 2.0]))
def test_trees_of_three_teachers(seed, temperature):
    rng = numpy.random.default_rng(seed)
    arcs = rng.normal(size=(3, 3, 4)) * 2
    weights = (0.5, 1.5, 1.0)
    targets = [
        convert(
            Posterior(SpanningTrees(), Parts({"arc": arc[None]}, numpy.array([3]))),
            SpanningTrees(),
            temperature=temperature,
        )
        for arc in arcs
    ]
    found = mix(targets, weights)
    listed = [oracle.enumerate_unit(oracle.trees, arc / temperature) for arc in arcs]
    expected = sum(w * one.marginals for w, one in zip(weights, listed)) / 3.0
    numpy.testing.assert_allclose(found.marginals.arrays["arc"][0], expected, atol=1e-9)
    assert found.lost.tolist() == [0.0]


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_each_teacher_has_labels_of_its_own(seed):
    """Matched by name; each is conditioned on what the student can express, then mixed."""
    rng = numpy.random.default_rng(seed)
    inventories, student = (("A", "B"), ("C", "B", "A")), ("B", "A")
    rows = [rng.dirichlet(numpy.ones(len(labels)), size=1) for labels in inventories]

    def target_of(kind, beliefs):
        match = match_labels(teacher=beliefs[0].labels, student=student, what="test")
        unary = numpy.stack([belief.scores for belief in beliefs])
        parts = Parts({"unary": unary}, numpy.ones(len(beliefs), dtype="int64"))
        return convert(Posterior(IndependentLabels(), parts), IndependentLabels(), match=match)

    beliefs = tuple(
        TokenBelief(IndependentLabels(), labels, numpy.log(row))
        for labels, row in zip(inventories, rows)
    )
    found = mixed_target([Mixture(beliefs, (3.0, 7.0))], target_of)
    (one,), (two,) = rows
    expected = [
        0.3 * one[1] + 0.7 * two[1] / (1 - two[0]),
        0.3 * one[0] + 0.7 * two[2] / (1 - two[0]),
    ]
    numpy.testing.assert_allclose(found.marginals.arrays["unary"][0, 0], expected, atol=1e-9)
    assert found.lost[0] == pytest.approx(0.7 * two[0])
    assert found.empty is None


def target(rows, lost, empty):
    parts = Parts({"unary": numpy.asarray(rows)[:, None]}, numpy.ones(len(rows), dtype="int64"))
    return Target(parts, numpy.asarray(lost), None if empty is None else numpy.asarray(empty))


def test_a_unit_is_empty_if_it_is_for_all():
    one = target([[1.0, 0.0], [9.0, 9.0], [9.0, 9.0]], [0.0, 1.0, 1.0], [False, True, True])
    two = target([[0.0, 1.0], [0.0, 1.0], [9.0, 9.0]], [0.0, 0.0, 1.0], [False, False, True])
    found = mix([one, two], (1.0, 3.0))
    assert found.empty.tolist() == [False, False, True]
    assert found.lost.tolist() == [0.0, 0.25, 1.0]
    unary = found.marginals.arrays["unary"][:, 0]
    assert unary[:2].tolist() == [[0.25, 0.75], [0.0, 1.0]]


def test_one_teacher_is_what_it_says():
    rng = numpy.random.default_rng(0)
    arrays = {"unary": rng.normal(size=(2, 3, 4)), "transition": rng.normal(size=(2, 4, 4))}
    posterior = Posterior(LinearChain(), Parts(arrays, numpy.array([3, 1])))
    alone = convert(posterior, LinearChain())
    mixed = mix([alone], (5.0,))
    for name, array in alone.marginals.arrays.items():
        numpy.testing.assert_array_equal(mixed.marginals.arrays[name], array)
