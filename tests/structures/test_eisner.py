"""Projective trees beyond what enumeration reaches."""

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.structures import (
    IMPOSSIBLE,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
    eisner,
    is_tree,
)
from spacy_skd.structures.eisner import is_projective
from spacy_skd.structures.projective import exact as eisner_exact

both = pytest.mark.parametrize("single_root", [True, False])


def trees(arc, lengths=None):
    arc = numpy.asarray(arc)
    return Parts({"arc": arc}, numpy.asarray(lengths or [arc.shape[1]] * len(arc)))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=6, max_size=6), st.integers(0, 6))
def test_is_projective_equals_looking_at_all_pairs(heads, n):
    heads = [h if i < n and h <= n and h != i + 1 else 0 for i, h in enumerate(heads)]
    crossing = oracle.crossing(tuple(heads[:n]))
    assert is_projective(numpy.array([heads, [0] * 6])).tolist() == [not crossing, True]


@pytest.fixture
def log_space(monkeypatch):
    """How many units were done in log space."""
    done = []
    exact = eisner_exact._in_log_space

    def spy(xp, log_weights, lengths, **settings):
        done.extend(lengths.tolist())
        return exact(xp, log_weights, lengths, **settings)

    monkeypatch.setattr(eisner_exact, "_in_log_space", spy)
    return done


@both
@pytest.mark.parametrize("gap", [10, 200, 247, 400, 1e5])
def test_what_underflows_is_done_in_log_space(single_root, gap, log_space):
    """Three of four tokens cannot have their best head. At 247 nats Z is there, but inexact."""
    rng = numpy.random.default_rng(0)
    arc = rng.normal(size=(1, 4, 5))
    for token, head in enumerate([3, 4, 1, 2]):
        arc[0, token, head] += gap
    outputs = oracle.projective_trees if single_root else oracle.projective_forests
    expected = oracle.enumerate_unit(outputs, arc[0])
    scores = trees(numpy.concatenate([arc, arc * 0]))
    log_z, marginals = ProjectiveTrees(single_root).infer(scores)
    assert log_z[0] == pytest.approx(expected.log_z, rel=1e-12)
    numpy.testing.assert_allclose(marginals.arrays["arc"][0], expected.marginals, atol=1e-9)
    assert log_space == ([4] if gap > 220 else [])
    drawn = ProjectiveTrees(single_root).sample(scores, rng=rng)
    assert any((drawn.arrays["arc"][0] == y).all() for y in expected.outputs)


@both
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.sampled_from([0.3, 3.0, 30.0]))
def test_log_space_equals_numbers(single_root, seed, scale):
    rng = numpy.random.default_rng(seed)
    arc = rng.normal(size=(4, 12, 13)) * scale
    scores = trees(arc, [12, 9, 1, 5])
    usual, marginals = ProjectiveTrees(single_root).infer(scores)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eisner_exact, "LEAST", 1.0)
        log_z, others = ProjectiveTrees(single_root).infer(scores)
    numpy.testing.assert_allclose(log_z, usual, rtol=1e-12, atol=1e-10)
    numpy.testing.assert_allclose(marginals.arrays["arc"], others.arrays["arc"], atol=1e-10)


@both
def test_long_units(single_root, log_space):
    """Heads sum to 1, the mean score is the gradient's, and no tree is better than the best."""
    rng = numpy.random.default_rng(0)
    lengths = [60, 58, 33, 7, 0, 61]
    scores = trees(rng.normal(size=(6, 61, 62)) * 3, lengths)
    structure = ProjectiveTrees(single_root)
    log_z, marginals = structure.infer(scores)
    arc = marginals.arrays["arc"]
    numpy.testing.assert_allclose(arc.sum(axis=-1), scores.mask, atol=1e-9)
    if single_root:
        numpy.testing.assert_allclose(arc[:, :, 0].sum(axis=1), numpy.array(lengths) > 0)
    free = SpanningTrees(single_root)
    assert (log_z <= free.infer(scores)[0] + 1e-9).all()
    best, drawn = structure.argmax(scores), structure.sample(scores, rng=rng)
    totals, found = structure.k_best(scores, k=3)
    for parts in (best, drawn, *found):
        heads = parts.arrays["arc"].argmax(axis=-1)
        assert (parts.arrays["arc"].sum(axis=-1) == scores.mask).all()
        assert is_tree(heads, scores.lengths, single_root=single_root).all()
        assert is_projective(heads).all()
    numpy.testing.assert_allclose(best.dot(scores), totals[:, 0])
    for rank, parts in enumerate(found):
        here = numpy.isfinite(totals[:, rank])
        numpy.testing.assert_allclose(parts.dot(scores)[here], totals[here, rank])
    assert (totals[:, 0] <= free.argmax(scores).dot(scores) + 1e-9).all()
    assert (drawn.dot(scores) <= totals[:, 0]).all()
    # at a low temperature the mean score is the best
    cold = structure.infer(scores * 200.0)[1]
    numpy.testing.assert_allclose(cold.dot(scores), totals[:, 0], atol=0.05)
    assert log_space  # these peaked ones underflow


def test_only_units_whose_greedy_heads_are_no_projective_tree_are_decoded(monkeypatch):
    heads = numpy.array([[0, 1, 2, 3], [2, 1, 0, 3], [0, 0, 1, 3], [3, 4, 0, 3]])
    arc = numpy.zeros((4, 4, 5))
    for unit, chosen in enumerate(heads):
        arc[unit, numpy.arange(4), chosen] = 5.0
    decoded = []
    usual = eisner.best_heads

    def spy(xp, weights, lengths, **settings):
        decoded.extend(weights[1:].argmax(axis=1).T.tolist())
        return usual(xp, weights, lengths, **settings)

    monkeypatch.setattr(eisner, "best_heads", spy)
    ProjectiveTrees().argmax(trees(arc))
    assert decoded == heads[1:].tolist()


def test_batches_of_a_length_do_not_change_a_unit(monkeypatch):
    rng = numpy.random.default_rng(3)
    scores = trees(rng.normal(size=(9, 12, 13)), [12, 3, 11, 12, 0, 9, 1, 12, 5])
    one = ProjectiveTrees().infer(scores)
    monkeypatch.setattr(eisner, "MOST_ENTRIES", 200)
    two = ProjectiveTrees().infer(scores)
    numpy.testing.assert_allclose(one[0], two[0])
    numpy.testing.assert_allclose(one[1].arrays["arc"], two[1].arrays["arc"], atol=1e-12)


def test_only_crossing_trees_are_possible():
    arc = numpy.full((2, 4, 5), IMPOSSIBLE)
    arc[0] = 0.0
    for token, head in enumerate([3, 0, 2, 1]):  # 1 <- 3 crosses the arc to the root
        arc[1, token, head] = 0.0
    structure = ProjectiveTrees()
    rng = numpy.random.default_rng(0)
    for method in (
        structure.infer,
        structure.argmax,
        lambda scores: structure.k_best(scores, k=1),
        lambda scores: structure.sample(scores, rng=rng),
    ):
        with pytest.raises(ValueError, match="unit 1 .* no tree without crossing arcs"):
            method(trees(arc))
    assert numpy.isfinite(SpanningTrees().infer(trees(arc))[0]).all()
