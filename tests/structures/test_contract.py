"""The contract of every structure, against enumeration (tests/oracle.py)."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from bounded import BoundedTrees, bounded_trees
from hypothesis import given, settings

from spacy_skd.structures import (
    IMPOSSIBLE,
    FlatSegments,
    HeadSelection,
    IndependentLabels,
    IndependentSpans,
    LabelSets,
    LinearChain,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
    Structure,
)


class Case(NamedTuple):
    """A unit is one array: a row for each token, then the rows of its transitions. Of spans, a row
    has all widths and labels."""

    structure: Structure
    array: str
    outputs: Callable
    labels: int = 3
    widths: int = 1

    @property
    def more_rows(self) -> int:
        return self.labels if self.array == "chain" else 0


def independent(*, one_label: bool, labels: int, widths: int) -> Case:
    """Small: all spans of a unit are chosen freely."""
    outputs = partial(oracle.span_sets, width=widths, one_label=one_label)
    structure = IndependentSpans(max_width=widths, one_label=one_label)
    return Case(structure, "span", outputs, labels, widths)


CASES = [
    Case(IndependentLabels(), "unary", oracle.labellings),
    Case(LabelSets(), "unary", oracle.labellings),
    Case(HeadSelection(), "arc", oracle.head_choices),
    Case(SpanningTrees(single_root=True), "arc", oracle.trees),
    Case(SpanningTrees(single_root=False), "arc", oracle.forests),
    Case(LinearChain(), "chain", oracle.chains),
    Case(ProjectiveTrees(single_root=True), "arc", oracle.projective_trees),
    Case(ProjectiveTrees(single_root=False), "arc", oracle.projective_forests),
    Case(BoundedTrees(reach=2), "arc", lambda n, _: bounded_trees(n, 2, True)),
    Case(FlatSegments(max_width=2), "span", partial(oracle.segmentations, width=2), widths=2),
    independent(one_label=True, labels=3, widths=1),
    independent(one_label=True, labels=1, widths=2),
    independent(one_label=False, labels=2, widths=1),
]


def test_every_structure_has_a_case():
    own = {
        kind for kind in Structure.registered.values() if kind.__module__.startswith("spacy_skd")
    }
    assert own <= {type(case.structure) for case in CASES}


def for_each(cases: list[Case]):
    return pytest.mark.parametrize("case", cases, ids=lambda case: repr(case.structure))


each_case = for_each(CASES)
# A token outside all spans scores 0, so that there is always a structure, and shifts do matter.
each_case_of_columns = for_each([case for case in CASES if case.array != "span"])
seeds = st.integers(0, 2**31)
scales = st.sampled_from([0.1, 1.0, 5.0, 50.0])


def width(case: Case, n: int) -> int:
    if case.array == "span":
        return case.widths * case.labels
    return n + 1 if case.array == "arc" else case.labels


def random_unit(case: Case, n: int, scale: float, rng, dtype="float64") -> numpy.ndarray:
    scores = rng.normal(size=(n + case.more_rows, width(case, n))) * scale
    if scale == 50.0:  # the extremes themselves
        scores = numpy.clip(scores, -50, 50)
    return scores.astype(dtype)


def batch(case: Case, units: list[numpy.ndarray], n: int, junk: float = 0.0) -> Parts:
    """Padded with junk to n tokens."""
    lengths = numpy.array([len(unit) - case.more_rows for unit in units])
    array = numpy.full((len(units), n, width(case, n)), junk, dtype=units[0].dtype)
    for i, (unit, length) in enumerate(zip(units, lengths)):
        array[i, :length, : unit.shape[1]] = unit[:length]
    if case.array == "span":
        array = array.reshape(len(units), n, case.widths, case.labels)
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
    array = parts.arrays[case.array][i, :n]
    wide = width(case, n)
    return array.reshape(n, wide) if case.array == "span" else array[:, :wide]


def methods(structure: Structure) -> list[Callable]:
    rng = numpy.random.default_rng(0)
    best, drawn = partial(structure.k_best, k=2), partial(structure.sample, rng=rng)
    return [structure.infer, structure.argmax, best, drawn]


def with_impossible(case: Case, unit: numpy.ndarray, share: float, rng) -> numpy.ndarray:
    """Some parts impossible, but those of one output."""
    gone = rng.random(unit.shape) < share
    kept = next(iter(oracle.enumerate_unit(case.outputs, unit * 0).outputs))
    return numpy.where(gone & (kept == 0), rng.choice([IMPOSSIBLE, -numpy.inf]), unit)


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
    unit = with_impossible(case, random_unit(case, n, scale, rng), share, rng)
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


@each_case_of_columns
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
    _, second = case.structure.k_best(scores, k=2)[1]
    drawn = case.structure.sample(scores, rng=numpy.random.default_rng(0))
    for parts in (marginals, best, second, drawn):
        assert flat(case, parts, 0).dtype == "float32"
    expected = oracle.enumerate_unit(case.outputs, unit)
    numpy.testing.assert_allclose(log_z[0], expected.log_z, rtol=1e-6)
    numpy.testing.assert_allclose(flat(case, marginals, 0), expected.marginals, atol=1e-5)


@each_case
@pytest.mark.parametrize("value", [numpy.nan, numpy.inf])
def test_a_score_that_is_no_number_names_its_unit(case, value):
    units = [random_unit(case, 3, 1.0, numpy.random.default_rng(i)) for i in range(3)]
    units[1][2, 0] = value
    for method in methods(case.structure):
        with pytest.raises(ValueError, match="unit 1"):
            method(batch(case, units, 3))


@each_case_of_columns
def test_a_unit_without_any_structure_is_named(case):
    units = [random_unit(case, 3, 1.0, numpy.random.default_rng(i)) for i in range(3)]
    units[2][1] = IMPOSSIBLE
    for method in methods(case.structure):
        with pytest.raises(ValueError, match="unit 2 of the batch has no possible structure"):
            method(batch(case, units, 3))


@each_case
def test_no_units_and_no_tokens(case):
    for n_units, n in ((0, 0), (0, 3), (2, 0)):
        units = [numpy.zeros((case.more_rows, width(case, n)))] * max(n_units, 1)
        scores = batch(case, units, n)[:n_units]
        log_z, marginals = case.structure.infer(scores)
        assert log_z.tolist() == [0.0] * n_units
        totals, best = case.structure.k_best(scores, k=2)
        assert totals.tolist() == [[0.0, -numpy.inf]] * n_units
        drawn = case.structure.sample(scores, rng=numpy.random.default_rng(0))
        for parts in (marginals, case.structure.argmax(scores), *best, drawn):
            assert {k: v.shape for k, v in parts.arrays.items()} == {
                k: v.shape for k, v in scores.arrays.items()
            }
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


@each_case
@settings(max_examples=25, deadline=None)
@given(
    seed=seeds, n=st.integers(1, 4), k=st.integers(1, 20), scale=scales, share=st.floats(0.0, 0.5)
)
def test_k_best_are_the_highest_of_all(case, seed, n, k, scale, share):
    rng = numpy.random.default_rng(seed)
    unit = with_impossible(case, random_unit(case, n, scale, rng), share, rng)
    if seed % 3 == 0:  # many of the same score
        unit = numpy.maximum(numpy.round(unit), IMPOSSIBLE)
    other = random_unit(case, 4, scale, rng)
    totals, best = case.structure.k_best(batch(case, [unit, other], 5, junk=77.0), k=k)
    assert totals.dtype == "float64"
    assert len(best) == k
    for i, one in enumerate((unit, other)):
        found = oracle.enumerate_unit(case.outputs, one)
        expected = numpy.sort(found.log_probs + found.log_z)[::-1][:k]
        numpy.testing.assert_allclose(totals[i, : len(expected)], expected, atol=1e-8)
        assert (totals[i, len(expected) :] == -numpy.inf).all()
        possible = {y.tobytes() for y in found.outputs}
        for rank, (parts, total) in enumerate(zip(best, totals[i])):
            y = flat(case, parts, i)
            assert sum(array[i].sum() for array in parts.arrays.values()) == y.sum()
            if rank >= len(expected):
                assert not y.any()
                continue
            assert numpy.where(y > 0, one, 0.0).ravel() @ y.ravel() == pytest.approx(total)
            possible.remove(y.tobytes())  # possible, and not found twice


@each_case
def test_k_best_of_the_same_score_do_not_depend_on_the_rest_of_the_batch(case):
    units = [numpy.zeros((n + case.more_rows, width(case, n))) for n in (3, 4, 2)]
    many = case.structure.k_best(batch(case, units, 6), k=6)[1]
    for i, unit in enumerate(units):
        alone = case.structure.k_best(batch(case, [unit], len(unit) - case.more_rows), k=6)[1]
        for one, two in zip(many, alone):
            assert (flat(case, one, i) == flat(case, two, 0)).all()


@each_case
def test_k_below_1_is_an_error(case):
    scores = batch(case, [random_unit(case, 2, 1.0, numpy.random.default_rng(0))], 2)
    with pytest.raises(ValueError, match="k of at least 1, got 0"):
        case.structure.k_best(scores, k=0)


SAMPLES = 8000


def chi_square(counts: numpy.ndarray, probabilities: numpy.ndarray) -> float:
    """As a standard normal (Wilson & Hilferty 1931); rare outputs count as one."""
    expected = probabilities * counts.sum()
    rare = expected < 5
    if rare.any():
        counts = numpy.append(counts[~rare], counts[rare].sum())
        expected = numpy.append(expected[~rare], expected[rare].sum())
    freedom = max(len(counts) - 1, 1)
    statistic = ((counts - expected) ** 2 / numpy.maximum(expected, 1e-9)).sum()
    width_ = 2 / (9 * freedom)
    return ((statistic / freedom) ** (1 / 3) - (1 - width_)) / width_**0.5


@each_case
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_samples_are_drawn_from_the_distribution(case, masked, seed):
    rng = numpy.random.default_rng(seed)
    unit = random_unit(case, 3, 1.0, rng)
    if masked:
        unit = with_impossible(case, unit, 0.3, rng)
    scores = batch(case, [unit] * SAMPLES, 4, junk=77.0)
    drawn = case.structure.sample(scores, rng=rng)
    found = oracle.enumerate_unit(case.outputs, unit)
    counted = Counter(flat(case, drawn, i).tobytes() for i in range(SAMPLES))
    counts = numpy.array([counted[y.tobytes()] for y in found.outputs])
    assert counts.sum() == SAMPLES  # none is outside the support
    assert chi_square(counts, numpy.exp(found.log_probs)) < 3.5
    other = oracle.enumerate_unit(case.outputs, unit * 1.3)  # what the bound would find
    assert len(counts) == 1 or chi_square(counts, numpy.exp(other.log_probs)) > 3.5


@each_case
@settings(max_examples=15, deadline=None)
@given(seed=seeds, scale=scales, lengths=st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_samples_are_possible_and_do_not_depend_on_padding(case, seed, scale, lengths):
    rng = numpy.random.default_rng(seed)
    units = [random_unit(case, n, scale, rng) for n in lengths]
    units = [with_impossible(case, unit, 0.4, rng) for unit in units]
    one, two = (
        case.structure.sample(
            batch(case, units, max(lengths) + more, junk=77.0), rng=numpy.random.default_rng(seed)
        )
        for more in (0, 2)
    )
    for i, unit in enumerate(units):
        y = flat(case, one, i)
        assert (flat(case, two, i) == y).all()
        assert sum(array[i].sum() for array in one.arrays.values()) == y.sum()
        assert any((y == o).all() for o in oracle.enumerate_unit(case.outputs, unit).outputs)
