"""What flat segments have beside the contract."""

import numpy
import oracle
import pytest

from spacy_skd.structures import IMPOSSIBLE, FlatSegments, LinearChain, Parts, tie


def segments(span, lengths=None):
    span = numpy.asarray(span)
    return Parts({"span": span}, numpy.asarray(lengths or [span.shape[1]] * len(span)))


def test_spans_of_another_width_are_refused():
    scores = segments(numpy.zeros((1, 4, 3, 2)))
    structure = FlatSegments(max_width=2)
    for method in (structure.infer, structure.argmax):
        with pytest.raises(ValueError, match=r"W = max_width = 2, got \(1, 4, 3, 2\)"):
            method(scores)
    with pytest.raises(ValueError, match="max_width of at least 1, got 0"):
        FlatSegments(max_width=0)


def test_without_labels_all_tokens_are_outside():
    log_z, marginals = FlatSegments(2).infer(segments(numpy.zeros((1, 3, 2, 0))))
    assert log_z.tolist() == [0.0]
    assert marginals.arrays["span"].shape == (1, 3, 2, 0)
    assert FlatSegments(2).k_best(segments(numpy.zeros((1, 3, 2, 0))), k=2)[0][0, 1] == -numpy.inf


def test_units_shorter_than_the_widest_span():
    span = numpy.random.default_rng(0).normal(size=(1, 2, 5, 2))
    log_z, marginals = FlatSegments(5).infer(segments(span))
    narrow = FlatSegments(2).infer(segments(span[:, :, :2]))
    assert log_z[0] == pytest.approx(narrow[0][0])
    assert (marginals.arrays["span"][:, :, 2:] == 0).all()


def test_spans_of_one_token_are_independent_labels():
    span = numpy.random.default_rng(0).normal(size=(1, 6, 1, 3)) * 10
    log_z, marginals = FlatSegments(1).infer(segments(span))
    weights = numpy.exp(span[0, :, 0])
    total = 1 + weights.sum(axis=1)
    assert log_z[0] == pytest.approx(numpy.log(total).sum())
    numpy.testing.assert_allclose(marginals.arrays["span"][0, :, 0], weights / total[:, None])


def as_chain(span):
    """The same spans as sequences of states: O, and the tokens that a span of each width still
    has, by label."""
    n, w, n_labels = span.shape
    widths = [(left, width) for width in range(w) for left in range(width + 1)]
    states = [(left, width, c) for left, width in widths for c in range(n_labels)]
    unary = numpy.full((n, 1 + len(states)), IMPOSSIBLE)
    unary[:, 0] = 0.0
    transition = numpy.full((1 + len(states), 1 + len(states)), IMPOSSIBLE)
    starts = [0] + [i for i, (left, width, _) in enumerate(states, 1) if left == width]
    for one, (left, width, c) in enumerate(states, 1):
        for i in range(n):
            if i + left < n and i >= width - left:
                unary[i, one] = span[i, width, c] if left == width else 0.0
        transition[one, starts if left == 0 else [states.index((left - 1, width, c)) + 1]] = 0.0
    transition[0, starts] = 0.0
    unary[0, [i for i in range(1 + len(states)) if i not in starts]] = IMPOSSIBLE
    return unary[None], transition


@pytest.mark.parametrize("scale", [1.0, 50.0, 500.0])
def test_long_units_equal_a_chain_of_states(scale):
    span = numpy.random.default_rng(1).normal(size=(1, 60, 3, 2)) * scale
    scores = segments(span)
    unary, transition = as_chain(span[0])
    chain = Parts({"unary": unary, "transition": tie(transition, 1)}, scores.lengths)
    log_z, marginals = FlatSegments(3).infer(scores)
    other_z, other = LinearChain().infer(chain)
    assert log_z[0] == pytest.approx(other_z[0], rel=1e-9)
    span_marginals = marginals.arrays["span"][0]
    covered = sum(span_marginals[30 - w : 31, w].sum() for w in range(3))
    assert 1 - covered == pytest.approx(other.arrays["unary"][0, 30, 0], abs=1e-7)
    totals, _ = FlatSegments(3).k_best(scores, k=40)
    numpy.testing.assert_allclose(totals, LinearChain().best(chain, k=40)[0], rtol=1e-9)
    assert FlatSegments(3).argmax(scores).dot(scores)[0] == pytest.approx(totals[0, 0])


def test_scores_are_of_spans_that_start_at_a_token():
    """One span of two tokens, all but certain: its marginal is at its first token."""
    span = numpy.full((1, 4, 2, 1), -9.0)
    span[0, 1, 1, 0] = 30.0
    marginals = FlatSegments(2).infer(segments(span))[1].arrays["span"][0, :, :, 0]
    assert marginals[1, 1] == pytest.approx(1.0, abs=1e-9)
    assert FlatSegments(2).argmax(segments(span)).arrays["span"].nonzero()[1:3] == ([1], [1])
    expected = oracle.enumerate_unit(
        lambda n, columns: oracle.segmentations(n, columns, width=2), span[0].reshape(4, 2)
    )
    numpy.testing.assert_allclose(marginals, expected.marginals, atol=1e-12)
