"""The k best projective trees: the inside pass where an entry is a list of the k best.

Goodman, "Semiring Parsing" (Computational Linguistics, 1999), section 2; Huang & Chiang, "Better
k-best Parsing" (IWPT 2005), algorithm 1.
"""

from typing import Any

from ...arrays import ArrayModule, Floats2d, Floats3d, Ints1d, Ints3d
from ..k_best import likely_pairs, padded, top
from .charts import inside
from .trace import RIGHT, Items, trace


class Best:
    """A product of two lists is the k highest sums of two entries, a sum the k highest of all, and
    both note how each entry was made, so one object serves one inside pass.

    codes: (3, M, M, B, k) of [kind, i, width], split x pairs + pair.
    first, second (Ints1d): (pairs,) ranks.
    """

    zero = -float("inf")

    def __init__(self, xp: ArrayModule, *, nodes: int, n_units: int, k: int):
        self.shape: tuple[int, ...] = (k,)
        self.one = padded(xp, xp.zeros(1), k, value=self.zero)
        self.codes = xp.zeros((3, nodes, nodes, n_units, k), dtype="int32")
        self.first, self.second = likely_pairs(xp, k, k, k)
        self._calls = 0

    def times(self, xp: ArrayModule, a: Any, b: Any) -> Any:
        return a + b

    def sum_of_products(self, xp: ArrayModule, a: Any, b: Any) -> Any:
        (k,) = self.shape
        sums = a[..., self.first] + b[..., self.second]
        items, t, units, pairs = sums.shape
        sums = sums.transpose(0, 2, 1, 3).reshape(items, units, t * pairs)
        where = top(xp, sums, k)
        # `inside` asks for the kinds BASE, RIGHT, LEFT of each width in turn
        kind, width = self._calls % 3, self._calls // 3 + 1
        self.codes[kind, :items, width] = padded(xp, where, k, value=0)
        self._calls += 1
        return padded(xp, xp.take_along_axis(sums, where, axis=-1), k, value=self.zero)


def best_heads(
    xp: ArrayModule, weights: Floats3d, lengths: Ints1d, *, k: int, single_root: bool
) -> tuple[Floats2d, Ints3d]:
    """weights (Floats3d): (M, M, B) scores in nats of [dependent, head], -inf where impossible.

    RETURNS (tuple[Floats2d, Ints3d]): (B, k) totals, highest first, -inf where there are fewer
        trees; (B, k, N) heads, -1 in the padding and where there are fewer.
    """
    nodes, _, b = weights.shape
    best = Best(xp, nodes=nodes, n_units=b, k=k)
    charts = inside(xp, best, weights[..., None], single_root=single_root)
    lengths = xp.asarray(lengths)
    totals = charts.total[lengths, xp.arange(b)]
    units, ranks = xp.nonzero(xp.isfinite(totals))

    def choose(items: Items) -> tuple[Ints1d, Ints1d, Ints1d]:
        unit = units[items.row]
        code = best.codes[items.kind, items.i, items.j - items.i, unit, items.rank]
        t, pair = xp.divmod(code, len(best.first))
        return items.i + t + (items.kind == RIGHT), best.first[pair], best.second[pair]

    found = xp.full((len(units), nodes - 1), -1)
    trace(xp, found, lengths[units], ranks, choose)
    heads = xp.full((b, k, nodes - 1), -1)
    heads[units, ranks] = found
    return totals, heads
