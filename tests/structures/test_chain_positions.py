"""The loss of token marginals on a chain, by listing all sequences and by finite differences."""

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.codecs.bioes import legality, span_tags
from spacy_skd.structures import (
    HeadSelection,
    IndependentLabels,
    LinearChain,
    Parts,
    SpanningTrees,
)
from spacy_skd.transfer.loss import position_loss, structural_loss

C = 3
SEEDS = st.integers(0, 2**31)
LENGTHS = st.lists(st.integers(0, 4), min_size=1, max_size=3)


def chains_of(rng, lengths, *, scale=1.0, c=C):
    n = max(lengths)
    arrays = {
        "unary": rng.normal(size=(len(lengths), n, c)) * scale,
        "transition": rng.normal(size=(len(lengths), c, c)) * scale,
    }
    return Parts(arrays, numpy.asarray(lengths))


def targets_of(rng, lengths, *, c=C):
    """Random distributions of each token, and noise in the padding, which must not count."""
    unary = rng.dirichlet(numpy.ones(c), size=(len(lengths), max(lengths)))
    return Parts({"unary": unary}, numpy.asarray(lengths))


def listed(scores, target, unit):
    """RETURNS: the loss of a unit and sum_j (P_u - Q_j(u)) of its parts, both from the list."""
    n = int(scores.lengths[unit])
    own = numpy.concatenate([scores.arrays["unary"][unit, :n], scores.arrays["transition"][unit]])
    if not n:
        return 0.0, numpy.zeros_like(own)
    found = oracle.enumerate_unit(oracle.chains, own)
    wanted = target.arrays["unary"][unit]
    loss, gradient = 0.0, n * found.marginals
    for j in range(n):
        for label in range(own.shape[1]):
            having = [k for k, y in enumerate(found.outputs) if y[j, label]]
            if wanted[j, label] == 0:
                continue
            log_p = numpy.logaddexp.reduce(found.log_probs[having])
            loss -= wanted[j, label] * log_p
            given_label = numpy.exp(found.log_probs[having] - log_p)
            q = sum(p * found.outputs[k] for p, k in zip(given_label, having))
            gradient = gradient - wanted[j, label] * q
    return loss, gradient


def gradient_of(parts, unit):
    n = int(parts.lengths[unit])
    assert not parts.arrays["unary"][unit, n:].any()
    return numpy.concatenate([parts.arrays["unary"][unit, :n], parts.arrays["transition"][unit]])


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, lengths=LENGTHS, scale=st.sampled_from([1.0, 20.0]))
def test_loss_and_gradient_of_padded_batches_equal_the_list(seed, lengths, scale):
    rng = numpy.random.default_rng(seed)
    scores, target = chains_of(rng, lengths, scale=scale), targets_of(rng, lengths)
    losses, gradient = LinearChain().positions(scores, target)
    for unit in range(len(lengths)):
        loss, expected = listed(scores, target, unit)
        assert losses[unit] == pytest.approx(loss, rel=1e-9, abs=1e-9)
        numpy.testing.assert_allclose(gradient_of(gradient, unit), expected, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_exact_at_scores_of_50(seed):
    """Marginals down to e^-500 and less, of which the target asks for some."""
    rng = numpy.random.default_rng(seed)
    scores, target = chains_of(rng, [4, 3]), targets_of(rng, [4, 3])
    arrays = {name: numpy.sign(array) * 50 for name, array in scores.arrays.items()}
    scores = Parts(arrays, scores.lengths)
    losses, gradient = LinearChain().positions(scores, target)
    for unit in range(2):
        loss, expected = listed(scores, target, unit)
        assert losses[unit] == pytest.approx(loss, rel=1e-9)
        numpy.testing.assert_allclose(gradient_of(gradient, unit), expected, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, lengths=LENGTHS)
def test_the_gradient_is_minus_the_derivative_of_the_marginals_in_direction_m_by_p(seed, lengths):
    rng = numpy.random.default_rng(seed)
    scores, target = chains_of(rng, lengths), targets_of(rng, lengths)
    _, p = LinearChain().infer(scores)
    ratio = numpy.where(scores.mask[..., None], target.arrays["unary"], 0)
    ratio = ratio / numpy.where(p.arrays["unary"] > 0, p.arrays["unary"], 1)
    still = numpy.zeros_like(scores.arrays["transition"])
    step = Parts({"unary": ratio * 1e-6, "transition": still}, scores.lengths)
    _, up = LinearChain().infer(scores + step)
    _, down = LinearChain().infer(scores - step)
    _, gradient = LinearChain().positions(scores, target)
    for name, array in gradient.arrays.items():
        derivative = (up.arrays[name] - down.arrays[name]) / 2e-6
        numpy.testing.assert_allclose(array, -derivative, rtol=1e-4, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, lengths=LENGTHS, temperature=st.sampled_from([0.5, 1.0, 3.0]))
def test_the_gradient_is_that_of_the_loss(seed, lengths, temperature):
    rng = numpy.random.default_rng(seed)
    scores, target = chains_of(rng, lengths), targets_of(rng, lengths)
    weights = rng.random(len(lengths))

    def loss_of(parts):
        return position_loss(LinearChain(), parts, target, temperature=temperature, weights=weights)

    _, gradient = loss_of(scores)
    for name, array in scores.arrays.items():
        direction = rng.normal(size=array.shape)
        arrays = {k: numpy.zeros_like(v) for k, v in scores.arrays.items()}
        step = Parts({**arrays, name: direction * 1e-5}, scores.lengths)
        slope = (loss_of(scores + step)[0] - loss_of(scores - step)[0]) / 2e-5
        found = float((gradient.arrays[name] * direction).sum())
        assert found == pytest.approx(slope, abs=1e-6, rel=1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_at_least_the_entropy_of_the_target_and_no_gradient_where_marginals_agree(seed):
    rng = numpy.random.default_rng(seed)
    scores, teacher = chains_of(rng, [4, 2]), chains_of(rng, [4, 2])
    _, target = LinearChain().infer(teacher)
    rows = target.arrays["unary"][scores.mask]
    entropy = -(rows * numpy.log(rows)).sum()
    loss, _ = position_loss(LinearChain(), scores, target)
    assert loss > entropy
    least, gradient = position_loss(LinearChain(), teacher, target)
    assert least == pytest.approx(entropy)
    for array in gradient.arrays.values():
        assert numpy.abs(array).max() < 1e-12


def test_it_is_another_loss_than_that_over_sequences():
    rng = numpy.random.default_rng(0)
    scores = chains_of(rng, [4])
    _, target = LinearChain().infer(chains_of(rng, [4]))
    _, mine = position_loss(LinearChain(), scores, target)
    _, other = structural_loss(LinearChain(), scores, target)
    assert numpy.abs(mine.arrays["unary"] - other.arrays["unary"]).max() > 0.1


@pytest.mark.parametrize("structure", [IndependentLabels(), HeadSelection()])
def test_where_tokens_are_independent_it_is_the_structural_loss(structure):
    rng = numpy.random.default_rng(0)
    name = "arc" if isinstance(structure, HeadSelection) else "unary"
    scores, teacher = (Parts({name: rng.normal(size=(2, 3, 4))}, numpy.array([3, 2])) for _ in "ab")
    _, target = structure.infer(teacher)
    found = position_loss(structure, scores, target, temperature=2.0)
    expected = structural_loss(structure, scores, target, temperature=2.0)
    assert found[0] == expected[0]
    assert (found[1].arrays[name] == expected[1].arrays[name]).all()


def test_illegal_sequences_have_no_gradient():
    tags = span_tags(["A"], scheme="BIOES")
    rng = numpy.random.default_rng(0)
    scores = legality(tags).add_to(chains_of(rng, [4, 2, 1], c=len(tags)))
    _, target = LinearChain().infer(legality(tags).add_to(chains_of(rng, [4, 2, 1], c=len(tags))))
    loss, gradient = position_loss(LinearChain(), scores, target)
    assert 0 < loss < 1e3
    for name, array in gradient.arrays.items():
        assert numpy.isfinite(array).all()
        assert not array[scores.arrays[name] < -1e6].any()
        assert array.any()


def test_scores_in_float32_have_a_gradient_in_float32():
    rng = numpy.random.default_rng(0)
    scores = chains_of(rng, [3])
    arrays = {k: v.astype("float32") for k, v in scores.arrays.items()}
    _, gradient = position_loss(LinearChain(), Parts(arrays, scores.lengths), targets_of(rng, [3]))
    assert {array.dtype.name for array in gradient.arrays.values()} == {"float32"}


def test_what_is_refused():
    rng = numpy.random.default_rng(0)
    scores, target = chains_of(rng, [3]), targets_of(rng, [3])
    with pytest.raises(ValueError, match="temperature: expected a number > 0"):
        position_loss(LinearChain(), scores, target, temperature=0.0)
    trees = Parts({"arc": rng.normal(size=(1, 2, 3))}, numpy.array([2]))
    with pytest.raises(ValueError, match="expected one of .* got SpanningTrees"):
        position_loss(SpanningTrees(), trees, trees)
    arrays = {**scores.arrays, "transition": numpy.full((1, C, C), -1e9)}
    with pytest.raises(ValueError, match="no possible structure"):
        position_loss(LinearChain(), Parts(arrays, scores.lengths), target)
