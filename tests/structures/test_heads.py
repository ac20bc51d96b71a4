"""The contract of every structure of heads, also of one that the package does not have: what it
contains, with what is known it agrees, and among what it decodes."""

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from bounded import BoundedTrees, bounded_trees
from hypothesis import given, settings

from spacy_skd.structures import (
    ArcStructure,
    HeadSelection,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
    Structure,
)

SUPPORTS = {
    HeadSelection(): oracle.head_choices,
    SpanningTrees(): oracle.trees,
    SpanningTrees(single_root=False): oracle.forests,
    ProjectiveTrees(): oracle.projective_trees,
    ProjectiveTrees(single_root=False): oracle.projective_forests,
    BoundedTrees(reach=2): lambda n, _: bounded_trees(n, 2, True),
    BoundedTrees(reach=2, single_root=False): lambda n, _: bounded_trees(n, 2, False),
}
each = pytest.mark.parametrize("structure", SUPPORTS, ids=str)


def heads_of(support, n):
    return [tuple(y.argmax(axis=1).tolist()) for y in support(n, n + 1)]


def test_every_registered_structure_is_here():
    assert {type(structure) for structure in SUPPORTS} == {
        kind for kind in Structure.registered.values() if issubclass(kind, ArcStructure)
    }


@each
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_contains_its_support_alone(structure, n):
    """Whatever is in the padding, also a token as its own head."""
    support = set(heads_of(SUPPORTS[structure], n))
    choices = list(numpy.ndindex(*[n + 1] * n))
    padded = numpy.concatenate([choices, numpy.full((len(choices), 2), 77)], axis=1)
    found = structure.contains(padded, numpy.full(len(choices), n))
    assert [h for h, inside in zip(choices, found) if inside] == sorted(support)
    assert structure.contains(numpy.zeros((1, 0), "int64"), numpy.array([0])).tolist() == [True]


@each
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 4))
def test_agrees_with_what_some_structure_has(structure, seed, n):
    rng = numpy.random.default_rng(seed)
    heads = rng.integers(-1, n + 1, size=(5, n + 1))
    lengths = rng.integers(0, n + 1, size=5)
    for row, length, found in zip(heads, lengths, structure.agrees(heads, lengths)):
        known = [(i, h) for i, h in enumerate(row[:length].tolist()) if h >= 0]
        if any(h > length for _, h in known):
            continue
        some = any(all(y[i] == h for i, h in known) for y in heads_of(SUPPORTS[structure], length))
        assert found == (some or not length)


@each
def test_the_decoder_and_what_is_given_a_wider_structure_are_within(structure):
    scores = Parts({"arc": numpy.random.default_rng(0).normal(size=(20, 4, 5))}, numpy.full(20, 4))
    trees = set(heads_of(oracle.trees, 4))
    own = set(heads_of(SUPPORTS[structure], 4))
    (best,) = structure.decoder.best_heads([scores])
    assert all(tuple(row) in trees for row in best.tolist())
    if structure != HeadSelection():
        assert all(tuple(row) in own for row in best.tolist())
    assert structure.given(SpanningTrees()).single_root == (structure != HeadSelection())
    assert structure.given(HeadSelection()) == structure


@each
def test_units_without_a_structure_are_told(structure):
    arc = numpy.random.default_rng(0).normal(size=(3, 3, 4))
    arc[1, 0] = -1e9
    parts = Parts({"arc": arc}, numpy.array([3, 3, 2]))
    log_z, marginals, empty = structure.infer_possible(parts)
    assert empty.tolist() == [False, True, False]
    for unit in (0, 2):
        alone = structure.infer(parts[[unit]])
        assert log_z[unit] == pytest.approx(alone[0][0])
        numpy.testing.assert_allclose(marginals.arrays["arc"][unit], alone[1].arrays["arc"][0])
    assert structure.infer_possible(parts[[0, 2]])[2] is None
