"""The k best spanning trees: the others are split by where they first differ from the best.

Lawler, "A Procedure for Computing the K Best Solutions to Discrete Optimization Problems"
(Management Science, 1972): after the best tree of a set, the rest of the set is, for each token d,
the trees that give the tokens before d the same heads and d another one. The best of each is a
maximum tree under masked scores. The sum of each token's best head bounds it, and is exact where
those heads form a tree.
"""

from dataclasses import dataclass

import numpy

from ...arrays import Floats1d, Floats2d, Ints1d, Ints2d
from ..heads import is_tree
from ..parts import POSSIBLE_ABOVE
from .maximum import maximum_trees

# Scores (sets x tokens x heads) that are decoded at a time.
MOST_SCORES = 2**22


@dataclass(frozen=True, eq=False)
class _Best:
    """The best tree of a set: of those with the same heads before token `fixed`, whose own head is
    none of `banned`."""

    total: float
    heads: Ints1d
    fixed: int
    banned: frozenset[int]


def best_trees(arc: Floats2d, k: int, *, single_root: bool) -> tuple[list[float], list[Ints1d]]:
    """arc (Floats2d): (n, n + 1) scores of one unit in nats, float64, head 0 = ROOT.

    RETURNS (tuple[list[float], list[Ints1d]]): at most k totals, highest first, and (n,) heads.
    """
    arc = numpy.where(arc > POSSIBLE_ABOVE, arc, -numpy.inf)
    found: list[_Best] = []
    waiting = _decode(arc, numpy.zeros((1, len(arc)), "int64"), [(0, frozenset())], single_root)
    while waiting and len(found) < k:
        best = waiting.pop(0)
        found.append(best)
        left = k - len(found)
        if left:
            enough = waiting[left - 1].total if len(waiting) >= left else -numpy.inf
            waiting += _split(arc, best, single_root=single_root, enough=enough)
            waiting = sorted(waiting, key=lambda tree: -tree.total)[:left]
    return [tree.total for tree in found], [tree.heads for tree in found]


def _split(arc: Floats2d, best: _Best, *, single_root: bool, enough: float) -> list[_Best]:
    """Return the best trees of the sets that the others are split into, if they score `enough`."""
    n = len(arc)
    index = numpy.arange(n)
    sets = [(d, frozenset({int(best.heads[d])})) for d in range(best.fixed, n)]
    if sets:
        sets[0] = (best.fixed, sets[0][1] | best.banned)
    greedy = numpy.where(index[None] < index[best.fixed :, None], best.heads, arc.argmax(axis=1))
    for row, (d, banned) in zip(greedy, sets):
        row[d] = _without(arc[d], banned).argmax()
    totals = arc[index, greedy].sum(axis=1)
    for place, (d, banned) in enumerate(sets):
        if int(greedy[place, d]) in banned:  # there is no other head
            totals[place] = -numpy.inf
    done = is_tree(greedy, numpy.full(len(sets), n), single_root=single_root)
    trees = [
        _Best(float(totals[i]), greedy[i], *sets[i])
        for i in numpy.nonzero(done & numpy.isfinite(totals))[0]
    ]
    rest = numpy.nonzero(~done & numpy.isfinite(totals) & (totals >= enough))[0]
    heads = numpy.broadcast_to(best.heads, (len(rest), n))
    return trees + _decode(arc, heads, [sets[i] for i in rest], single_root)


def _decode(
    arc: Floats2d, heads: Ints2d, sets: list[tuple[int, frozenset[int]]], single_root: bool
) -> list[_Best]:
    """Return the best tree of each set, if it has one. heads: (sets, n), of which the fixed ones
    count."""
    trees = []
    n = len(arc)
    step = max(1, MOST_SCORES // max(1, arc.size))
    for start in range(0, len(sets), step):
        some = sets[start : start + step]
        scores = numpy.stack([_masked(arc, h, *one) for h, one in zip(heads[start:], some)])
        found = maximum_trees(scores, numpy.full(len(some), n), single_root=single_root)
        totals = numpy.take_along_axis(scores, found[..., None], axis=2)[..., 0].sum(axis=1)
        good = is_tree(found, numpy.full(len(some), n), single_root=single_root)
        for i in numpy.nonzero(good & (totals > -numpy.inf))[0]:
            trees.append(_Best(float(totals[i]), found[i], *some[i]))
    return trees


def _masked(arc: Floats2d, heads: Ints1d, fixed: int, banned: frozenset[int]) -> Floats2d:
    scores = arc.copy()
    scores[:fixed] = -numpy.inf
    scores[numpy.arange(fixed), heads[:fixed]] = arc[numpy.arange(fixed), heads[:fixed]]
    scores[fixed : fixed + 1, list(banned)] = -numpy.inf
    return scores


def _without(row: Floats1d, banned: frozenset[int]) -> Floats1d:
    row = row.copy()
    row[list(banned)] = -numpy.inf
    return row
