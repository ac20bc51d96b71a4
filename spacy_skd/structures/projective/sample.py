"""Projective trees drawn from the inside charts, top-down."""

import numpy

from ...arrays import ArrayModule, Floats2d, Floats3d, Ints1d, Ints2d
from ..draws import draw
from .charts import Charts
from .trace import BASE, RIGHT, Items, trace


def sample_heads(
    xp: ArrayModule, charts: Charts, lengths: Ints1d, rng: numpy.random.Generator
) -> Ints2d:
    """charts (Charts): in nats, each unit with at least one tree.

    RETURNS (Ints2d): (B, N) heads, -1 in the padding.
    """
    nodes, n_units = charts.total.shape
    heads = xp.full((n_units, nodes - 1), -1)

    def choose(items: Items) -> tuple[Ints1d, Ints1d, Ints1d]:
        k = xp.zeros(len(items.kind), dtype="int64")
        for kind in range(3):
            which = xp.nonzero(items.kind == kind)[0]
            some = items.some(which)
            k[which] = some.i + (kind == RIGHT) + draw(xp, _ways(xp, charts, kind, some), rng)
        return k, items.rank, items.rank

    trace(xp, heads, lengths, xp.zeros(n_units, dtype="int64"), choose)
    return heads


def _ways(xp: ArrayModule, charts: Charts, kind: int, items: Items) -> Floats2d:
    """(items, widest) scores of the splits of items of one kind, -inf beyond their width."""
    width = (items.j - items.i)[:, None]
    t = xp.arange(int(width.max(initial=0)))[None]
    if kind == BASE:
        by_start, by_end, first, last = charts.right, charts.left_by_end, t, width - 1 - t
    elif kind == RIGHT:
        by_start, by_end, first, last = charts.to_right, charts.right_by_end, t + 1, width - 1 - t
    else:
        by_start, by_end, first, last = charts.left, charts.to_left_by_end, t, width - t
    row = items.row[:, None]
    ways: Floats3d = by_start[items.i[:, None], first, row] + by_end[items.j[:, None], last, row]
    return xp.where(t < width, ways, -xp.inf)
