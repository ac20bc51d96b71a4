"""Inside and outside passes over projective trees, for a whole batch and all spans of a width.

Eisner, "Three New Probabilistic Models for Dependency Parsing" (COLING 1996). Nodes are ROOT (0)
and the tokens (1 to n). The items over i..j are complete, headed by i (right) or j (left) with all
of its dependents on that side, or incomplete, where an arc joins i and j:

    base(i, j)  = sum_k right(i, k) left(k + 1, j)                    i <= k < j
    to_right(i, j) = base(i, j) w[i -> j],    to_left(i, j) = base(i, j) w[j -> i]
    right(i, j) = sum_k to_right(i, k) right(k, j)                    i < k <= j
    left(i, j)  = sum_k left(i, k) to_left(k, j)                      i <= k < j

and Z = right(0, n). With a single root, base(0, j) has k = 0 alone.
"""

from dataclasses import dataclass
from typing import Any

from ...arrays import ArrayModule, Floats1d, Floats2d, Floats3d
from ..rings import Gradients, Ring


@dataclass(frozen=True, eq=False)
class Charts:
    """Values of the items, or their gradients. Each array (M, M, B), M nodes: by where a span
    starts ([i, t] is i..i + t) or by where it ends ([j, t] is j - t..j), as the recursions read
    them; a ring's entries may have axes of their own behind these.

    total (Floats2d): (M, B) right(0, j). With a single root, `right` is zero there, so that no
    other item is made of it.
    """

    right: Floats3d
    right_by_end: Floats3d
    left: Floats3d
    left_by_end: Floats3d
    to_right: Floats3d
    to_left_by_end: Floats3d
    total: Floats2d

    @classmethod
    def empty(
        cls: type["Charts"], xp: ArrayModule, nodes: int, n_units: int, ring: Ring
    ) -> "Charts":
        shape = (nodes, nodes, n_units, *ring.shape)
        return cls(*(xp.full(s, ring.zero) for s in [*[shape] * 6, shape[1:]]))


def arcs_of_width(xp: ArrayModule, weights: Floats3d, w: int) -> tuple[Floats2d, Floats2d]:
    """Return (M - w, B) weights of i -> i + w, and of i + w -> i."""
    first = xp.arange(len(weights) - w)
    return weights[first + w, first], weights[first, first + w]


def inside(xp: ArrayModule, ring: Ring, weights: Floats3d, *, single_root: bool) -> Charts:
    """weights (Floats3d): (M, M, B) of [dependent, head], `ring.zero` where there is no arc."""
    m = len(weights)
    charts = Charts.empty(xp, m, weights.shape[2], ring)
    for chart in (charts.right, charts.right_by_end, charts.left, charts.left_by_end):
        chart[:, 0] = ring.one
    charts.total[0] = ring.one
    for w in range(1, m):
        i, j = slice(0, m - w), slice(w, m)
        # base(i, j) = sum_k right(i, k) left(k + 1, j)
        ends = charts.left_by_end[j, :w][:, ::-1]
        base = ring.sum_of_products(xp, charts.right[i, :w], ends)
        rightwards, leftwards = arcs_of_width(xp, weights, w)
        charts.to_right[i, w] = ring.times(xp, base, rightwards)
        charts.to_left_by_end[j, w] = ring.times(xp, base, leftwards)
        # right(i, j) = sum_k to_right(i, k) right(k, j)
        ends = charts.right_by_end[j, :w][:, ::-1]
        right = ring.sum_of_products(xp, charts.to_right[i, 1 : w + 1], ends)
        # left(i, j) = sum_k left(i, k) to_left(k, j)
        ends = charts.to_left_by_end[j, 1 : w + 1][:, ::-1]
        left = ring.sum_of_products(xp, charts.left[i, :w], ends)
        charts.total[w] = right[0]
        charts.right[i, w] = charts.right_by_end[j, w] = right
        charts.left[i, w] = charts.left_by_end[j, w] = left
        if single_root:
            charts.right[0, w] = ring.zero
    return charts


def outside(
    xp: ArrayModule,
    ring: Gradients,
    weights: Floats3d,
    charts: Charts,
    seed: Floats2d,
    *,
    single_root: bool,
) -> Floats3d:
    """Run the recursions of `inside` in reverse: each term passes its sum's gradient on to its
    factors.

    seed (Floats2d): (M, B) gradient of right(0, j): 1 / Z for j = n.
    RETURNS (Floats3d): (M, M, B) of [dependent, head], weight times gradient.
    """
    m = len(weights)
    d = Charts.empty(xp, m, weights.shape[2], ring)
    arcs = xp.full(weights.shape, ring.zero)
    for w in range(m - 1, 0, -1):
        i, j = slice(0, m - w), slice(w, m)
        d_right = ring.plus(xp, d.right[i, w], d.right_by_end[j, w])
        d_right[0] = seed[w] if single_root else ring.plus(xp, d_right[0], seed[w])
        d_left = ring.plus(xp, d.left[i, w], d.left_by_end[j, w])
        # right(i, j) = sum_k to_right(i, k) right(k, j)
        ring.add(xp, d.to_right[i, 1 : w + 1], d_right, charts.right_by_end[j, :w][:, ::-1])
        ring.add(xp, d.right_by_end[j, :w][:, ::-1], d_right, charts.to_right[i, 1 : w + 1])
        # left(i, j) = sum_k left(i, k) to_left(k, j)
        ring.add(xp, d.left[i, :w], d_left, charts.to_left_by_end[j, 1 : w + 1][:, ::-1])
        ring.add(xp, d.to_left_by_end[j, 1 : w + 1][:, ::-1], d_left, charts.left[i, :w])
        # to_right(i, j) = base(i, j) w[i -> j],  to_left(i, j) = base(i, j) w[j -> i]
        d_to_right, d_to_left = d.to_right[i, w], d.to_left_by_end[j, w]
        rightwards, leftwards = arcs_of_width(xp, weights, w)
        d_base = ring.plus(
            xp, ring.times(xp, d_to_right, rightwards), ring.times(xp, d_to_left, leftwards)
        )
        first = xp.arange(m - w)
        arcs[first + w, first] = ring.times(xp, d_to_right, charts.to_right[i, w])
        arcs[first, first + w] = ring.times(xp, d_to_left, charts.to_left_by_end[j, w])
        # base(i, j) = sum_k right(i, k) left(k + 1, j)
        ring.add(xp, d.right[i, :w], d_base, charts.left_by_end[j, :w][:, ::-1])
        ring.add(xp, d.left_by_end[j, :w][:, ::-1], d_base, charts.right[i, :w])
    return arcs


def total_of(xp: ArrayModule, charts: Charts, lengths: Any) -> Floats1d:
    """(B,) right(0, n) of each unit. lengths: (B,) tokens."""
    return charts.total[xp.asarray(lengths), xp.arange(charts.total.shape[1])]
