"""Spanning trees beyond what enumeration reaches: peaked scores, and the decoder."""

import logging

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.structures import (
    IMPOSSIBLE,
    HeadSelection,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
    is_tree,
    matrix_tree,
    maximum_trees,
)
from spacy_skd.structures.spanning import maximum as spanning_tree
from spacy_skd.structures.spanning.elimination import eliminate


@pytest.mark.parametrize("single_root", [True, False])
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 5), scale=st.sampled_from([1, 20, 100]))
def test_elimination_equals_enumeration(single_root, seed, n, scale):
    rng = numpy.random.default_rng(seed)
    arc = rng.normal(size=(n, n + 1)) * scale
    arc[numpy.arange(n), numpy.arange(n) + 1] = IMPOSSIBLE
    gone = rng.random(arc.shape) < 0.3
    arc[gone] = IMPOSSIBLE
    outputs = oracle.trees if single_root else oracle.forests
    possible = [y for y in outputs(n, n) if not ((arc <= oracle.GONE) & (y > 0)).any()]
    found = eliminate(arc, single_root=single_root)
    if not possible:
        assert found is None
        return
    expected = oracle.enumerate_unit(outputs, arc)
    assert found is not None
    assert found[0] == pytest.approx(expected.log_z, abs=1e-9, rel=1e-12)
    numpy.testing.assert_allclose(found[1], expected.marginals, atol=1e-10)


@pytest.mark.parametrize("gap", [5, 20, 30, 36, 40, 60, 200])
def test_words_that_point_at_each_other(gap, caplog):
    """The Laplacian loses all digits; the result must not."""
    rng = numpy.random.default_rng(1)
    arc = rng.normal(size=(5, 6))
    arc[1, 3] = arc[2, 2] = gap
    arc[numpy.arange(5), numpy.arange(5) + 1] = IMPOSSIBLE
    expected = oracle.enumerate_unit(oracle.trees, arc)
    with caplog.at_level(logging.DEBUG, logger="spacy.skd"):
        log_z, marginals = SpanningTrees().infer(Parts({"arc": arc[None]}, numpy.array([5])))
    assert log_z[0] == pytest.approx(expected.log_z, rel=1e-9)
    numpy.testing.assert_allclose(marginals.arrays["arc"][0], expected.marginals, atol=2e-6)
    assert bool(caplog.records) == (gap >= 20)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 5), single_root=st.booleans())
def test_decoder_equals_enumeration_with_ties(seed, n, single_root):
    rng = numpy.random.default_rng(seed)
    arc = rng.integers(-3, 4, size=(6, n, n + 1)).astype("float32")
    lengths = rng.integers(1, n + 1, size=6)
    heads = maximum_trees(arc, lengths, single_root=single_root)
    for i, length in enumerate(lengths):
        unit = arc[i, :length, : length + 1]
        outputs = oracle.trees if single_root else oracle.forests
        best = oracle.enumerate_unit(outputs, unit).best_score
        mine = tuple(heads[i, :length].tolist())
        assert oracle.forms_tree(mine, single_root=single_root)
        assert (oracle.arcs(mine) * unit).sum() == best


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), bonus=st.sampled_from([-50.0, 0.5, 2.0, 6.0, 15.0, 50.0, 1e4]))
def test_decoder_leaves_one_root_however_much_each_token_wants_to_be_it(seed, bonus):
    rng = numpy.random.default_rng(seed)
    arc = rng.normal(size=(8, 5, 6))
    arc[:, :, 0] += bonus * rng.uniform(0.8, 1.0, size=(8, 5))
    arc[rng.random(arc.shape) < 0.1] = IMPOSSIBLE
    arc[:, 0, 0] = arc[:, 1, 1] = arc[:, 2, 2] = arc[:, 3, 3] = arc[:, 4, 4] = (
        0.0  # one tree is left
    )
    heads = maximum_trees(arc, numpy.full(8, 5), single_root=True)
    for unit, mine in zip(arc, heads.tolist()):
        best = oracle.enumerate_unit(oracle.trees, unit).best_score
        assert oracle.forms_tree(tuple(mine), single_root=True)
        assert (oracle.arcs(tuple(mine)) * unit).sum() == pytest.approx(best)


@pytest.mark.parametrize("bonus", [-8.0, 0.0, 3.0, 50.0, 1e4])
def test_most_units_are_done_by_the_first_penalty(monkeypatch, bonus):
    arc = numpy.random.default_rng(0).normal(size=(200, 12, 13), scale=3.0)
    arc[:, :, 0] += bonus
    lengths = numpy.full(200, 12)
    passes = []
    contract_all = spanning_tree._contract_all
    monkeypatch.setattr(
        spanning_tree,
        "_contract_all",
        lambda scores: passes.append(len(scores)) or contract_all(scores),
    )
    heads = maximum_trees(arc, lengths, single_root=True)
    assert is_tree(heads, lengths, single_root=True).all()
    assert passes[0] == 200
    assert sum(passes[1:2]) < 80


def test_decoder_on_long_units_beats_random_trees_and_greedy_bounds_it():
    rng = numpy.random.default_rng(0)
    n = 60
    arc = rng.normal(size=(20, n, n + 1))
    arc[:, numpy.arange(n), numpy.arange(n) + 1] = IMPOSSIBLE
    lengths = numpy.full(20, n)
    scores = Parts({"arc": arc}, lengths)
    best = SpanningTrees().argmax(scores)
    heads = best.arrays["arc"].argmax(-1)
    assert is_tree(heads, lengths, single_root=True).all()
    free = SpanningTrees(single_root=False).argmax(scores)
    greedy = arc.max(-1).sum(-1)
    assert (best.dot(scores) <= free.dot(scores) + 1e-9).all()
    assert (free.dot(scores) <= greedy + 1e-9).all()
    # exchanging one head for any other that keeps the tree never helps
    for b in range(3):
        for d in range(n):
            for h in range(n + 1):
                if h == d + 1 or arc[b, d, h] <= arc[b, d, heads[b, d]]:
                    continue
                other = heads[b].copy()
                other[d] = h
                assert not is_tree(other[None], lengths[:1], single_root=True)[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=5, max_size=5), st.booleans())
def test_is_tree_equals_walking_up(heads, single_root):
    expected = oracle.forms_tree(tuple(heads), single_root=single_root)
    found = is_tree(numpy.array([heads]), numpy.array([5]), single_root=single_root)
    assert found.tolist() == [expected]


def test_no_tree_though_every_token_has_a_head():
    arc = numpy.full((1, 3, 4), IMPOSSIBLE)
    arc[0, 0, 0] = arc[0, 1, 3] = arc[0, 2, 2] = 0.0  # tokens 1 and 2 only have each other
    scores = Parts({"arc": arc}, numpy.array([3]))
    for method in (SpanningTrees().infer, SpanningTrees().argmax):
        with pytest.raises(ValueError, match="form no rooted tree"):
            method(scores)


def test_only_units_whose_greedy_heads_are_no_tree_are_decoded(monkeypatch):
    """Of three units: a tree, a cycle, two roots."""
    heads = numpy.array([[0, 1, 2], [2, 1, 0], [0, 0, 1]])
    arc = numpy.zeros((3, 3, 4))
    for unit, chosen in enumerate(heads):
        arc[unit, numpy.arange(3), chosen] = 5.0
    decoded = []

    def spy(scores, lengths, **settings):
        decoded.extend(scores.argmax(axis=-1).tolist())
        return maximum_trees(scores, lengths, **settings)

    monkeypatch.setattr(matrix_tree, "maximum_trees", spy)
    SpanningTrees(single_root=True).argmax(Parts({"arc": arc}, numpy.array([3, 3, 3])))
    assert decoded == heads[1:].tolist()
    decoded.clear()
    SpanningTrees(single_root=True).argmax(Parts({"arc": arc[:1]}, numpy.array([3])))
    assert decoded == []


@pytest.mark.parametrize("most", [1, 200, 10**6])
@pytest.mark.parametrize(
    "structure",
    [
        SpanningTrees(single_root=True),
        SpanningTrees(single_root=False),
        ProjectiveTrees(single_root=True),
        HeadSelection(),
    ],
)
def test_batches_that_are_decoded_together(monkeypatch, most, structure):
    monkeypatch.setattr(matrix_tree, "MAX_ARCS", most)
    rng = numpy.random.default_rng(5)
    batch = []
    for lengths in ([2, 3, 1], [], [5, 4, 5, 5], [1], [4, 9]):
        n = max(lengths, default=0) + 2
        arc = rng.normal(size=(len(lengths), n, n + 1)).astype("float32")
        batch.append(Parts({"arc": arc}, numpy.asarray(lengths, dtype="int64")))
    for scores, heads in zip(batch, structure.best_heads(batch), strict=True):
        assert heads.shape == scores.mask.shape
        assert not heads[~scores.mask].any()
        for unit, n in enumerate(scores.lengths.tolist()):
            alone = Parts({"arc": scores.arrays["arc"][[unit], :n, : n + 1]}, numpy.array([n]))
            expected = structure.argmax(alone).arrays["arc"][0].argmax(axis=-1)
            assert heads[unit, :n].tolist() == expected.tolist()


def test_the_unit_without_a_tree_is_named():
    good = Parts({"arc": numpy.zeros((1, 1, 2))}, numpy.array([1]))
    arc = numpy.zeros((2, 3, 4))
    arc[1] = IMPOSSIBLE
    arc[1, 0, 0] = arc[1, 1, 3] = arc[1, 2, 2] = 0.0
    with pytest.raises(ValueError, match="unit 1 .*form no rooted tree"):
        SpanningTrees().best_heads([good, Parts({"arc": arc}, numpy.array([3, 3]))])
