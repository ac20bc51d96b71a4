"""The best label sequence of each chain (Viterbi 1967), where few labels may follow most others.

Of spans' tags as BIOES, I-x and E-x follow two tags alone, and what may follow the end of a span
may follow every end: so of C * C pairs a quarter is looked at. Where these are still many, labels
before are left out of which it is certain that none after would choose them.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy

from ..arrays import Array, ArrayModule, Floats1d, Floats2d, Ints1d, Ints2d
from .forward_backward import Chains

FEW = 4  # labels before: those of fewer are looked up one by one
MANY = 4096  # pairs: of more, labels before are left out


class Pairs(NamedTuple):
    """The possible pairs of a transition that all chains share, labels being of two kinds.

    many (Ints1d): (M,) labels that follow many. before (Ints1d): (P,) what they may follow.
    scores (Floats2d): (M, P); highest, lowest (Floats1d): (P,) of them. few (Ints1d): (F,) the
    other labels. before_few (Ints2d): (K, F), up to `FEW` of what each may follow, and scores_few
    (Floats2d) alike, -inf where there are fewer.
    """

    many: Ints1d
    before: Ints1d
    scores: Floats2d
    highest: Floats1d
    lowest: Floats1d
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
        scores = transition[before][:, many]
        return Pairs(
            many,
            before,
            xp.ascontiguousarray(scores.T),
            scores.max(axis=1, initial=-numpy.inf),
            scores.min(axis=1, initial=numpy.inf),
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
        find = _of_all if pairs.scores.size <= MANY else _of_possible
        best[:, pairs.many], where = find(xp, state[:, pairs.before], pairs)
        step[:, pairs.many] = pairs.before[where]
    if len(pairs.few):
        best[:, pairs.few], step[:, pairs.few] = _first_highest(
            xp,
            (
                (before, state[:, before] + scores)
                for before, scores in zip(pairs.before_few, pairs.scores_few)
            ),
        )
    return best, step


def _of_all(xp: ArrayModule, sums: Floats2d, pairs: Pairs) -> tuple[Floats2d, Array]:
    """Return (B, M) the best totals of labels after, and which of the P each has before it.

    sums (Floats2d): (B, P) the best totals that end in a label before.
    """
    totals = sums[:, None] + pairs.scores
    where = totals.argmax(axis=2)
    rows = xp.arange(where.size)
    # Faster than the maximum of a short axis.
    best = totals.reshape((-1, totals.shape[2]))[rows, where.ravel()]
    return best.reshape(where.shape), where


def _of_possible(xp: ArrayModule, sums: Floats2d, pairs: Pairs) -> tuple[Floats2d, Array]:
    """Return the same, of those labels before which with their highest score reach what another
    reaches with its lowest: no label after has one of the rest before it."""
    reached = (sums + pairs.lowest).max(axis=1)
    is_possible = sums + pairs.highest >= reached[:, None]
    counts = is_possible.sum(axis=1)
    labels = xp.argsort(~is_possible, axis=1, kind="stable")  # the possible ones first, in order
    best = xp.empty((len(sums), len(pairs.many)))
    where = xp.empty(best.shape, dtype="int64")
    below, width = 0, 1
    while below < sums.shape[1]:  # units of up to twice as many possible labels at a time
        units = xp.flatnonzero((counts > below) & (counts <= width))
        if len(units):
            best[units], where[units] = _first_highest(
                xp,
                (
                    (before[:, None], sums[units, before][:, None] + pairs.scores.T[before])
                    for before in labels[units, :width].T
                ),
            )
        below, width = width, 2 * width
    return best, where


def _first_highest(
    xp: ArrayModule, choices: Iterator[tuple[Array, Floats2d]]
) -> tuple[Floats2d, Array]:
    """Return (B, F) the highest totals, and the label before of each, of equal ones the first.

    choices: at least one; labels before, and (B, F) the totals with them.
    """
    label, highest = next(choices)
    for before, sums in choices:
        is_higher = sums > highest
        highest = xp.where(is_higher, sums, highest)
        label = xp.where(is_higher, before, label)
    return highest, label
