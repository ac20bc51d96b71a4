"""From how each item of a projective chart is made up to the heads of whole trees, top-down."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ...arrays import ArrayModule, Ints1d, Ints2d

# Kinds of items over i..j, and which two others make them at a split k (eisner_charts.py):
# base(i, j):  right(i, k) and left(k + 1, j), and so to_right(i, j) and to_left(i, j);
# right(i, j): to_right(i, k) and right(k, j);  left(i, j): left(i, k) and to_left(k, j).
BASE, RIGHT, LEFT = 0, 1, 2
FIRST, SECOND = (RIGHT, BASE, LEFT), (LEFT, RIGHT, BASE)


class Items(NamedTuple):
    """Each (items,): kind, row of the heads to write, nodes i < j, rank among the k best."""

    kind: Ints1d
    row: Ints1d
    i: Ints1d
    j: Ints1d
    rank: Ints1d

    def some(self, chosen: Any) -> "Items":
        return Items(*(column[chosen] for column in self))


# Of items: their splits k, the ranks of the first and of the second that they are made of.
Choice = Callable[[Items], tuple[Ints1d, Ints1d, Ints1d]]


def trace(xp: ArrayModule, heads: Ints2d, lengths: Ints1d, ranks: Ints1d, choose: Choice) -> None:
    """Write the heads of each row's tokens: of the tree at `right(0, n)` of a rank.

    heads (Ints2d): (R, N), changed. lengths, ranks (Ints1d): (R,).
    """
    first, second = xp.asarray(FIRST), xp.asarray(SECOND)
    zeros = xp.zeros(len(heads), dtype="int64")
    items = Items(zeros + RIGHT, xp.arange(len(heads)), zeros, xp.asarray(lengths), ranks)
    items = items.some(items.j > 0)
    while len(items.kind):
        kind, row, i, j, _ = items
        k, rank_1, rank_2 = choose(items)
        complete = kind != BASE
        heads[row[complete], k[complete] - 1] = xp.where(kind == RIGHT, i, j)[complete]
        pairs = zip(
            (first[kind], row, i, k, rank_1),
            (second[kind], row, k + ~complete, j, rank_2),
        )
        items = Items(*(xp.concatenate(pair) for pair in pairs))
        items = items.some(items.i < items.j)
