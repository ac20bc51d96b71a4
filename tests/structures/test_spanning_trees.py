"""Samples and the k best of spanning trees where enumeration or walking gets hard."""

from collections import Counter

import numpy
import oracle
import pytest

from spacy_skd.structures import (
    IMPOSSIBLE,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
)
from spacy_skd.structures.spanning import best as spanning_best
from spacy_skd.structures.spanning import sample as spanning_sample
from spacy_skd.structures.spanning.sample import possible_roots


def copies(unit, n_units):
    arc = numpy.repeat(unit[None], n_units, axis=0)
    return Parts({"arc": arc}, numpy.full(n_units, len(unit)))


@pytest.mark.parametrize("single_root", [True, False])
@pytest.mark.parametrize(("gap", "n_units"), [(3.0, 3000), (5.0, 1500), (40.0, 400), (800.0, 400)])
def test_words_that_point_at_each_other(single_root, gap, n_units, monkeypatch):
    """Some walks are given up, and then most: neither shows in the trees."""
    given_up = []
    usual = spanning_sample._by_conditioning
    monkeypatch.setattr(
        spanning_sample, "_by_conditioning", lambda *a: given_up.append(1) or usual(*a)
    )
    monkeypatch.setattr(spanning_sample, "MOST_STEPS", 12)
    rng = numpy.random.default_rng(1)
    unit = rng.normal(size=(3, 4))
    unit[1, 3] += gap
    unit[2, 2] += gap
    outputs = oracle.trees if single_root else oracle.forests
    found = oracle.enumerate_unit(outputs, unit)
    drawn = SpanningTrees(single_root).sample(copies(unit, n_units), rng=rng).arrays["arc"]
    counted = Counter(y.tobytes() for y in drawn)
    counts = numpy.array([counted[y.tobytes()] for y in found.outputs])
    assert counts.sum() == n_units
    expected = numpy.exp(found.log_probs) * n_units
    often = expected > 5
    statistic = ((counts - expected)[often] ** 2 / expected[often]).sum()
    assert statistic < often.sum() + 4 * numpy.sqrt(2 * often.sum())
    assert counts[~often].sum() <= 5 + 3 * expected[~often].sum()
    assert given_up
    assert gap > 5 or len(given_up) < n_units


def test_the_root_stays_when_a_walk_is_given_up(monkeypatch):
    """With one root walks are longer than with the other: giving up must not favour either."""
    unit = numpy.full((3, 4), IMPOSSIBLE)
    unit[0, 0] = unit[1, 0] = 0.0
    unit[1, 1] = unit[0, 3] = 0.0
    unit[2, 1], unit[2, 2] = 3.0, 0.0
    monkeypatch.setattr(spanning_sample, "MOST_STEPS", 2)
    found = oracle.enumerate_unit(oracle.trees, unit)
    drawn = SpanningTrees().sample(copies(unit, 4000), rng=numpy.random.default_rng(0))
    frequencies = drawn.arrays["arc"].mean(axis=0)
    numpy.testing.assert_allclose(frequencies, found.marginals, atol=0.03)


def test_possible_roots_are_those_of_some_tree():
    rng = numpy.random.default_rng(0)
    for _ in range(60):
        n = int(rng.integers(1, 5))
        arc = numpy.where(rng.random((1, 6, 7)) < 0.5, -numpy.inf, 0.0)
        arc[0, numpy.arange(6), numpy.arange(6) + 1] = -numpy.inf
        arc[0, n:] = arc[0, :, n + 1 :] = -numpy.inf
        unit = arc[0, :n, : n + 1]
        possible = [y for y in oracle.trees(n, n) if (unit[y > 0] == 0).all()]
        expected = sum(possible, numpy.zeros((n, n + 1)))[:, 0] > 0
        found = possible_roots(arc, numpy.array([n]))[0]
        assert found[:n].tolist() == expected.tolist()
        assert not found[n:].any()


@pytest.mark.parametrize("single_root", [True, False])
def test_k_best_of_longer_units(single_root, monkeypatch):
    """Against the k best projective trees, where all others are worse; in pieces of few scores."""
    rng = numpy.random.default_rng(2)
    arc = rng.normal(size=(2, 14, 15))
    distance = numpy.abs(numpy.arange(15)[None] - numpy.arange(1, 15)[:, None])
    arc -= 40.0 * (distance > 1)
    scores = Parts({"arc": arc}, numpy.array([14, 11]))
    totals, found = SpanningTrees(single_root).k_best(scores, k=8)
    expected, others = ProjectiveTrees(single_root).k_best(scores, k=8)
    numpy.testing.assert_allclose(totals, expected)
    for one, two in zip(found, others):
        assert (one.arrays["arc"] == two.arrays["arc"]).all()
    monkeypatch.setattr(spanning_best, "MOST_SCORES", 500)
    pieces = SpanningTrees(single_root).k_best(scores, k=8)[0]
    numpy.testing.assert_allclose(totals, pieces)


@pytest.mark.parametrize("method", ["infer", "argmax", "k_best", "sample"])
def test_two_roots_are_no_tree_with_a_single_root(method):
    """Every token has a head and there is no cycle, yet no tree."""
    arc = numpy.full((1, 3, 4), IMPOSSIBLE)
    arc[0, 0, 0] = arc[0, 1, 0] = arc[0, 2, 1] = 0.0
    scores = Parts({"arc": arc}, numpy.array([3]))
    more = {"k_best": {"k": 2}, "sample": {"rng": numpy.random.default_rng(0)}}.get(method, {})
    with pytest.raises(ValueError, match="form no rooted tree"):
        getattr(SpanningTrees(), method)(scores, **more)
    getattr(SpanningTrees(single_root=False), method)(scores, **more)
