"""The best label sequence of each chain (Viterbi 1967), where few labels may follow most others.

Of spans' tags as BIOES, I-x and E-x follow two tags alone, and what may follow the end of a span
may follow every end: so of C * C pairs a quarter is looked at.
"""

from typing import Any, NamedTuple

import numpy

from ..arrays import Array, ArrayModule, Floats1d, Floats2d, Ints1d, Ints2d
from .forward_backward import Chains

FEW = 4  # labels before: those of fewer are looked up one by one


class Pairs(NamedTuple):
    """The possible pairs of a transition that all chains share, labels being of two kinds.

    many (Ints1d): (M,) labels that follow many. before (Ints1d): (P,) what they may follow.
    scores (Floats2d): (M, P). few (Ints1d): (F,) the other labels. before_few (Ints2d): (K, F), up
    to `FEW` of what each may follow, and scores_few (Floats2d) alike, -inf where there are fewer.
    """

    many: Ints1d
    before: Ints1d
    scores: Floats2d
    few: Ints1d
    before_few: Ints2d
    scores_few: Floats2d

    @staticmethod
    def of(xp: ArrayModule, transition: Floats2d) -> "Pairs":
        """transition (Floats2d): (C, C), from a label to the next, -inf where it is impossible."""
        possible = transition > -numpy.inf
        counts = possible.sum(axis=0)
        is_few = counts <= FEW
        few, many = xp.flatnonzero(is_few), xp.flatnonzero(~is_few)
        before = xp.flatnonzero(possible[:, many].any(axis=1))
        # The possible ones first, in their order.
        most = max(1, int(counts[few].max())) if len(few) else 1
        before_few = xp.argsort(~possible[:, few], axis=0, kind="stable")[:most]
        return Pairs(
            many,
            before,
            xp.ascontiguousarray(transition[before][:, many].T),
            few,
            before_few,
            transition[before_few, few],
        )


def best_sequences(xp: ArrayModule, chains: Chains) -> tuple[Floats1d, Ints2d]:
    """Return (B,) totals, in nats, and (B, N) labels, -1 in the padding and where no sequence is
    possible, units in the order of `chains`; of equal ones as `k_best` with k = 1.

    chains (Chains): that share a transition.
    """
    b, n, c = chains.unary.shape
    totals, labels = xp.zeros(b), xp.full((b, n), -1)
    if not n or not b or not chains.active[0]:
        return totals, labels
    pairs = Pairs.of(xp, chains.transition[0])
    state = chains.unary[:, 0]
    steps: list[Any] = [None]
    ends = xp.zeros((b, c))
    for i in range(n):
        running, going_on = chains.active[i], chains.active[i + 1]
        if i:
            state, step = _extend(xp, state[:running], pairs)
            state += chains.unary[:running, i]
            steps.append(step)
        ends[going_on:running] = state[going_on:running]
    label = ends.argmax(axis=1)
    totals[: chains.active[0]] = ends[xp.arange(b), label][: chains.active[0]]
    for i in range(n - 1, -1, -1):
        running, going_on = chains.active[i], chains.active[i + 1]
        if going_on:
            label[:going_on] = steps[i + 1][xp.arange(going_on), label[:going_on]]
        labels[:running, i] = label[:running]
    labels[~xp.isfinite(totals)] = -1
    return totals, labels


def _extend(xp: ArrayModule, state: Floats2d, pairs: Pairs) -> tuple[Floats2d, Array]:
    """state (Floats2d): (B, C) the best totals that end in a label. RETURNS: of the next labels,
    and (B, C) the label before each."""
    units, c = state.shape
    best, step = xp.empty((units, c)), xp.empty((units, c), dtype="int64")
    if len(pairs.many):
        sums = state[:, pairs.before][:, None] + pairs.scores
        where = sums.argmax(axis=2)
        rows = xp.arange(where.size)
        # Faster than the maximum of a short axis.
        best[:, pairs.many] = sums.reshape((-1, sums.shape[2]))[rows, where.ravel()].reshape(
            where.shape
        )
        step[:, pairs.many] = pairs.before[where]
    if len(pairs.few):
        highest = state[:, pairs.before_few[0]] + pairs.scores_few[0]
        label = pairs.before_few[0]
        for before, scores in zip(pairs.before_few[1:], pairs.scores_few[1:]):
            sums = state[:, before] + scores
            is_higher = sums > highest
            highest = xp.where(is_higher, sums, highest)
            label = xp.where(is_higher, before, label)
        best[:, pairs.few] = highest
        step[:, pairs.few] = label
    return best, step
