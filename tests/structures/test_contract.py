"""The contract of every structure, against enumeration (tests/oracle.py)."""

from typing import Callable, List, NamedTuple

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.structures import (
    IMPOSSIBLE,
    HeadSelection,
    IndependentLabels,
    LinearChain,
    Parts,
    SpanningTrees,
    Structure,
)


class Case(NamedTuple):
    """A unit is one array: a row for each token, then the rows of its transitions."""

    structure: Structure
    array: str
    outputs: Callable

    @property
    def more_rows(self) -> int:
        return LABELS if self.array == "chain" else 0


LABELS = 3


CASES = [
    Case(IndependentLabels(), "unary", oracle.labellings),
    Case(HeadSelection(), "arc", oracle.head_choices),
    Case(SpanningTrees(single_root=True), "arc", oracle.trees),
    Case(SpanningTrees(single_root=False), "arc", oracle.forests),
    Case(LinearChain(), "chain", oracle.chains),
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.structure))
seeds = st.integers(0, 2**31)
scales = st.sampled_from([0.1, 1.0, 5.0, 50.0])


def width(case: Case, n: int) -> int:
    return n + 1 if case.array == "arc" else LABELS


def random_unit(case: Case, n: int, scale: float, rng, dtype="float64") -> numpy.ndarray:
    scores = rng.normal(size=(n + case.more_rows, width(case, n))) * scale
    if scale == 50.0:  # the extremes themselves
        scores = numpy.clip(scores, -50, 50)
    return scores.astype(dtype)


def batch(case: Case, units: List[numpy.ndarray], n: int, junk: float = 0.0) -> Parts:
    """Padded with junk to n tokens."""
    lengths = numpy.array([len(unit) - case.more_rows for unit in units])
    array = numpy.full((len(units), n, width(case, n)), junk, dtype=units[0].dtype)
    for i, (unit, length) in enumerate(zip(units, lengths)):
        array[i, :length, : unit.shape[1]] = unit[:length]
    if case.array != "chain":
        return Parts({case.array: array}, lengths)
    transition = numpy.stack([unit[length:] for unit, length in zip(units, lengths)])
    return Parts({"unary": array, "transition": transition}, lengths)


def flat(case: Case, parts: Parts, i: int) -> numpy.ndarray:
    """One unit of a batch, as `batch` takes it."""
    n = int(parts.lengths[i])
    if case.array == "chain":
        arrays = parts.arrays["unary"][i, :n], parts.arrays["transition"][i]
        return numpy.concatenate(arrays)
    return parts.arrays[case.array][i, :n, : width(case, n)]


@each_case
@settings(max_examples=40, deadline=None)
@given(seed=seeds, n=st.integers(1, 5), scale=scales)
def test_log_z_marginals_and_argmax_equal_enumeration(case, seed, n, scale):
    unit = random_unit(case, n, scale, numpy.random.default_rng(seed))
    scores = batch(case, [unit], n)
    expected = oracle.enumerate_unit(case.outputs, unit)
    log_z, marginals = case.structure.infer(scores)
    assert log_z.dtype == "float64"
    numpy.testing.assert_allclose(log_z[0], expected.log_z, rtol=1e-9, atol=1e-9)
    numpy.testing.assert_allclose(flat(case, marginals, 0), expected.marginals, atol=2e-6)
    best = case.structure.argmax(scores)
    assert best.dot(scores)[0] == pytest.approx(expected.best_score, abs=1e-6)
    assert any((flat(case, best, 0) == y).all() for y in expected.outputs)


@each_case
@settings(max_examples=40, deadline=None)
@given(seed=seeds, n=st.integers(2, 5), scale=scales, share=st.floats(0.1, 0.6))
def test_exact_where_parts_are_impossible(case, seed, n, scale, share):
    rng = numpy.random.default_rng(seed)
    unit = random_unit(case, n, scale, rng)
    gone = rng.random(unit.shape) < share
    kept = next(iter(oracle.enumerate_unit(case.outputs, unit * 0).outputs))
    unit[gone & (kept == 0)] = rng.choice([IMPOSSIBLE, -numpy.inf])
    scores = batch(case, [unit], n)
    expected = oracle.enumerate_unit(case.outputs, unit)
    log_z, marginals = case.structure.infer(scores)
    numpy.testing.assert_allclose(log_z[0], expected.log_z, rtol=1e-9, atol=1e-9)
    numpy.testing.assert_allclose(flat(case, marginals, 0), expected.marginals, atol=2e-6)
    assert (flat(case, marginals, 0)[unit <= oracle.GONE] == 0).all()
    best = case.structure.argmax(scores)
    assert best.dot(scores)[0] == pytest.approx(expected.best_score, abs=1e-6)


@each_case
@settings(max_examples=15, deadline=None)
@given(seed=seeds, n=st.integers(1, 6))
def test_marginals_are_the_gradient_of_log_z(case, seed, n):
    rng = numpy.random.default_rng(seed)
    unit = random_unit(case, n, 1.0, rng)
    direction = rng.normal(size=unit.shape)
    eps = 1e-5
    ups, downs = (
        case.structure.infer(batch(case, [unit + sign * eps * direction], n))[0][0]
        for sign in (1, -1)
    )
    marginals = flat(case, case.structure.infer(batch(case, [unit], n))[1], 0)
    assert (marginals * direction).sum() == pytest.approx((ups - downs) / (2 * eps), abs=1e-6)


@each_case
@settings(max_examples=15, deadline=None)
@given(seed=seeds, n=st.integers(1, 6), shift=st.floats(-100, 100))
def test_a_shift_of_a_tokens_scores_moves_log_z_alone(case, seed, n, shift):
    rng = numpy.random.default_rng(seed)
    unit = random_unit(case, n, 2.0, rng)
    shifted = unit.copy()
    shifted[rng.integers(n)] += shift
    one, two = case.structure.infer(batch(case, [unit, shifted], n))
    assert one[1] - one[0] == pytest.approx(shift, abs=1e-8)
    numpy.testing.assert_allclose(flat(case, two, 0), flat(case, two, 1), atol=1e-8)


@each_case
@settings(max_examples=20, deadline=None)
@given(seed=seeds, lengths=st.lists(st.integers(0, 7), min_size=1, max_size=5))
def test_padding_and_order_of_the_batch_change_nothing(case, seed, lengths):
    rng = numpy.random.default_rng(seed)
    units = [random_unit(case, n, 3.0, rng) for n in lengths]
    longest = max(lengths) + int(rng.integers(0, 3))
    log_z, marginals = case.structure.infer(batch(case, units, longest, junk=77.0))
    best = case.structure.argmax(batch(case, units, longest, junk=77.0))
    for i, unit in enumerate(units):
        n = len(unit) - case.more_rows
        alone_z, alone = case.structure.infer(batch(case, [unit], n))
        assert log_z[i] == pytest.approx(alone_z[0], abs=1e-8)
        for found, expected in (
            (marginals, alone),
            (best, case.structure.argmax(batch(case, [unit], n))),
        ):
            inside = flat(case, found, i)
            numpy.testing.assert_allclose(inside, flat(case, expected, 0), atol=1e-8)
            total = sum(array[i].sum() for array in found.arrays.values())
            assert total == pytest.approx(inside.sum())


@each_case
def test_float32_in_float32_out(case):
    unit = random_unit(case, 5, 50.0, numpy.random.default_rng(0), "float32")
    scores = batch(case, [unit], 5)
    log_z, marginals = case.structure.infer(scores)
    best = case.structure.argmax(scores)
    assert log_z.dtype == "float64"
    assert flat(case, marginals, 0).dtype == flat(case, best, 0).dtype == "float32"
    expected = oracle.enumerate_unit(case.outputs, unit)
    numpy.testing.assert_allclose(log_z[0], expected.log_z, rtol=1e-6)
    numpy.testing.assert_allclose(flat(case, marginals, 0), expected.marginals, atol=1e-5)


@each_case
@pytest.mark.parametrize("value", [numpy.nan, numpy.inf])
def test_a_score_that_is_no_number_names_its_unit(case, value):
    units = [random_unit(case, 3, 1.0, numpy.random.default_rng(i)) for i in range(3)]
    units[1][2, 0] = value
    for method in (case.structure.infer, case.structure.argmax):
        with pytest.raises(ValueError, match="unit 1"):
            method(batch(case, units, 3))


@each_case
def test_a_unit_without_any_structure_is_named(case):
    units = [random_unit(case, 3, 1.0, numpy.random.default_rng(i)) for i in range(3)]
    units[2][1] = IMPOSSIBLE
    for method in (case.structure.infer, case.structure.argmax):
        with pytest.raises(ValueError, match="unit 2 of the batch has no possible structure"):
            method(batch(case, units, 3))


@each_case
def test_no_units_and_no_tokens(case):
    for n_units, n in ((0, 0), (0, 3), (2, 0)):
        arrays = {case.array: numpy.zeros((n_units, n, width(case, n)))}
        if case.array == "chain":
            unary = arrays.pop("chain")
            arrays = {"unary": unary, "transition": numpy.zeros((n_units, LABELS, LABELS))}
        scores = Parts(arrays, numpy.zeros(n_units, int))
        log_z, marginals = case.structure.infer(scores)
        assert log_z.tolist() == [0.0] * n_units
        for parts in (marginals, case.structure.argmax(scores)):
            assert all(array.sum() == 0 for array in parts.arrays.values())


@each_case
def test_derived_quantities_equal_their_definitions(case):
    rng = numpy.random.default_rng(5)
    student, teacher = (random_unit(case, 4, 1.5, rng) for _ in range(2))
    p, q = (oracle.enumerate_unit(case.outputs, unit) for unit in (student, teacher))
    s, t = (batch(case, [unit], 4) for unit in (student, teacher))
    weights = numpy.exp(q.log_probs)
    assert case.structure.entropy(t)[0] == pytest.approx(-(weights * q.log_probs).sum())
    cross = -(weights * p.log_probs).sum()
    marginals = case.structure.infer(t)[1]
    assert case.structure.cross_entropy(marginals, s)[0] == pytest.approx(cross)
    assert case.structure.kl(t, s)[0] == pytest.approx(cross + (weights * q.log_probs).sum())
    y = batch(case, [p.outputs[3]], 4)
    assert case.structure.log_prob(s, y)[0] == pytest.approx(p.log_probs[3])


@each_case
def test_structures_with_the_same_settings_are_equal(case):
    assert case.structure == type(case.structure)(**vars(case.structure))
    assert hash(case.structure) == hash(type(case.structure)(**vars(case.structure)))
