"""What a linear chain has beside the contract: tied scores, k-best, and scores that underflow."""

import hypothesis.strategies as st
import numpy
import oracle
import pytest
from hypothesis import given, settings

from spacy_skd.structures import IMPOSSIBLE, LinearChain, Parts, forward_backward, tie

seeds = st.integers(0, 2**31)


def chain(unary, transition, lengths=None):
    unary = numpy.asarray(unary, dtype="float64")
    if lengths is None:
        lengths = [unary.shape[1]] * len(unary)
    return Parts({"unary": unary, "transition": transition}, numpy.asarray(lengths))


@settings(max_examples=30, deadline=None)
@given(seed=seeds, k=st.integers(1, 12), n=st.integers(1, 4), gone=st.floats(0, 0.4))
def test_k_best_are_the_highest_of_all_sequences(seed, k, n, gone):
    rng = numpy.random.default_rng(seed)
    lengths = [n, int(rng.integers(1, n + 1))]
    unary = rng.normal(size=(2, n, 3)) * 3
    table = rng.normal(size=(3, 3))
    table[(rng.random((3, 3)) < gone) & ~numpy.eye(3, dtype=bool)] = IMPOSSIBLE
    totals, labels = LinearChain().best(chain(unary, tie(table, 2), lengths), k=k)
    for i, length in enumerate(lengths):
        unit = numpy.concatenate([unary[i, :length], table])
        found = oracle.enumerate_unit(oracle.chains, unit)
        expected = sorted(found.log_probs + found.log_z)[::-1][:k]
        numpy.testing.assert_allclose(totals[i, : len(expected)], expected, atol=1e-9)
        assert (totals[i, len(expected) :] == -numpy.inf).all()
        assert (labels[i, len(expected) :] == -1).all()
        assert (labels[i, :, length:] == -1).all()
        kept = labels[i, : len(expected), :length]
        assert len({tuple(row) for row in kept}) == len(expected)
        for total, row in zip(totals[i], kept):
            score = unit[numpy.arange(length), row].sum() + table[row[:-1], row[1:]].sum()
            assert score == pytest.approx(total)


def test_k_below_1_is_an_error():
    with pytest.raises(ValueError, match="k of at least 1, got 0"):
        LinearChain().best(chain(numpy.zeros((1, 2, 2)), numpy.zeros((1, 2, 2))), k=0)


def test_tied_transitions_equal_those_of_each_unit():
    rng = numpy.random.default_rng(0)
    unary, table = rng.normal(size=(4, 6, 3)), rng.normal(size=(3, 3))
    one = LinearChain().infer(chain(unary, tie(table, 4), [6, 2, 0, 5]))
    two = LinearChain().infer(chain(unary, numpy.stack([table] * 4), [6, 2, 0, 5]))
    numpy.testing.assert_allclose(one[0], two[0])
    for name in ("unary", "transition"):
        numpy.testing.assert_allclose(one[1].arrays[name], two[1].arrays[name], atol=1e-12)


def forced(n, gap):
    """Label 0 scores `gap` nats a token more than label 1, and may not end: all must be label 1
    from the start, as no label may change."""
    unary = numpy.zeros((1, n, 2))
    unary[0, :, 0] = gap
    unary[0, -1, 0] = IMPOSSIBLE
    return chain(unary, numpy.array([[[0.0, IMPOSSIBLE], [IMPOSSIBLE, 0.0]]]))


@pytest.mark.parametrize(("n", "gap"), [(14, 12.0), (40, 50.0), (400, 12.0), (3000, 5.0)])
def test_what_underflows_is_found_and_computed_in_log_space(n, gap, monkeypatch):
    calls = []
    exact = forward_backward._in_log_space
    monkeypatch.setattr(
        forward_backward, "_in_log_space", lambda *args: calls.append(1) or exact(*args)
    )
    scores = forced(n, gap)
    log_z, marginals = LinearChain().infer(scores)
    assert log_z[0] == pytest.approx(0.0, abs=1e-9)
    expected = numpy.stack([numpy.zeros(n), numpy.ones(n)], axis=1)
    numpy.testing.assert_allclose(marginals.arrays["unary"][0], expected, atol=1e-9)
    assert marginals.arrays["transition"][0, 1, 1] == pytest.approx(n - 1)
    assert bool(calls) == (n * gap > 700)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, scale=st.sampled_from([1.0, 50.0]))
def test_log_space_equals_scaled_space(seed, scale):
    rng = numpy.random.default_rng(seed)
    lengths = [7, 1, 0, 4]
    scores = chain(
        rng.normal(size=(4, 7, 3)) * scale, tie(rng.normal(size=(3, 3)) * scale, 4), lengths
    )
    log_z, marginals = LinearChain().infer(scores)
    order = numpy.argsort(-scores.lengths, kind="stable")
    some = scores[order]
    active = [int((some.lengths > i).sum()) for i in range(8)]
    chains = forward_backward.Chains(
        some.arrays["unary"], some.arrays["transition"][:1], some.lengths, active, order
    )
    slow = forward_backward._in_log_space(numpy, chains)
    numpy.testing.assert_allclose(slow[0], log_z[order])
    numpy.testing.assert_allclose(slow[1], marginals.arrays["unary"][order], atol=1e-9)
    numpy.testing.assert_allclose(slow[2], marginals.arrays["transition"][order], atol=1e-9)


def test_a_text_of_many_tokens_with_peaked_scores():
    rng = numpy.random.default_rng(1)
    scores = chain(rng.normal(size=(1, 5000, 5)) * 20, rng.normal(size=(1, 5, 5)) * 20)
    log_z, marginals = LinearChain().infer(scores)
    assert numpy.isfinite(log_z[0])
    numpy.testing.assert_allclose(marginals.arrays["unary"].sum(axis=-1), 1.0, atol=1e-7)
    assert marginals.arrays["transition"].sum() == pytest.approx(4999)
    best = LinearChain().argmax(scores)
    assert float(best.dot(scores)[0]) <= log_z[0] + 1e-6
