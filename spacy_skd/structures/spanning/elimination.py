"""log Z and marginals of spanning trees without one subtraction: exact whatever the scores.

Grassmann, Taksar & Heyman, "Regenerative Analysis and Steady State Distributions for Markov Chains"
(Operations Research, 1985): eliminating state k adds the way through k to every other arc,

    w[i, j] += w[i, k] w[k, j] / S_k,    S_k = sum_j w[k, j],

and by the Markov chain tree theorem (Leighton & Rivest, 1986) the weight of all trees rooted in
state 0 is prod_k S_k, and that of those rooted in d is this times x_d, the chain's stationary
distribution relative to state 0. In log space here, one unit at a time, O(n^3).
"""

import numpy

from ...arrays import Array, Floats1d, Floats2d
from ..parts import POSSIBLE_ABOVE


def eliminate(arc: Floats2d, *, single_root: bool) -> tuple[float, Floats2d] | None:
    """arc (Floats2d): (n, n + 1) scores in nats, float64, head 0 = ROOT.

    RETURNS (tuple[float, Floats2d] | None): log Z and marginals (n, n + 1); None if there is no
        tree.
    """
    arc = numpy.where(arc <= POSSIBLE_ABOVE, -numpy.inf, arc)
    if not single_root:  # ROOT is state 0, whose own row no tree uses
        square = numpy.concatenate([numpy.full((1, len(arc) + 1), -numpy.inf), arc])
        if not _reaches(square, 0):
            return None
        log_z, d_square, _ = _trees(square, numpy.asarray([0.0] + [-numpy.inf] * len(arc)))
        return log_z, d_square[1:]
    root, inner = arc[:, 0], arc[:, 1:]
    candidates = [int(d) for d in numpy.nonzero(root > -numpy.inf)[0] if _reaches(inner, int(d))]
    if not candidates:
        return None
    # State 0 must be one that can be the root, else S_k may be an empty sum.
    order = numpy.arange(len(arc))
    order[[0, candidates[0]]] = order[[candidates[0], 0]]
    log_z, d_inner, d_root = _trees(inner[numpy.ix_(order, order)], root[order])
    marginals = numpy.zeros_like(arc)
    marginals[order, 0] = d_root
    marginals[numpy.ix_(order, order + 1)] = d_inner
    return log_z, marginals


def _reaches(arc: Floats2d, goal: int) -> bool:
    """Whether every state has a way to the goal. arc: (n, n), from row to column."""
    reached = numpy.zeros(len(arc), dtype=bool)
    frontier: list[int] = [goal]
    reached[goal] = True
    while frontier:
        new = ~reached & (arc[:, frontier] > -numpy.inf).any(axis=1)
        reached |= new
        frontier = [int(state) for state in numpy.nonzero(new)[0]]
    return bool(reached.all())


def _trees(w: Floats2d, root: Floats1d) -> tuple[float, Floats2d, Floats1d]:
    """log of sum_d exp(root[d]) * (weight of the trees rooted in d), and its gradients.

    w (Floats2d): (n, n) log weights from dependent to head; every state reaches state 0.
    root (Floats1d): (n,) log weights of d as the root.
    """
    n = len(w)
    w = w.copy()
    numpy.fill_diagonal(w, -numpy.inf)
    sums = numpy.zeros(n)
    before: list[Floats2d] = []
    for k in range(n - 1, 0, -1):
        before.append(w[: k + 1, : k + 1].copy())
        sums[k] = numpy.logaddexp.reduce(w[k, :k])
        # w[i, j] += w[i, k] w[k, j] / S_k
        w[:k, :k] = numpy.logaddexp(w[:k, :k], w[:k, k, None] + w[k, :k] - sums[k])
        numpy.fill_diagonal(w[:k, :k], -numpy.inf)
    before.reverse()
    # x_k = sum_i x_i w[i, k] / S_k
    x = numpy.zeros(n)
    for k in range(1, n):
        x[k] = numpy.logaddexp.reduce(x[:k] + before[k - 1][:k, k]) - sums[k]
    total = numpy.logaddexp.reduce(root + x)
    d_root = numpy.exp(root + x - total)
    d_w = _backward(before, sums, x, d_root)
    return float(sums.sum() + total), d_w, d_root


def _backward(before: list[Floats2d], sums: Floats1d, x: Floats1d, d_root: Floats1d) -> Floats2d:
    """Gradient of the result at w: the recursions above, in reverse, as shares of each sum."""
    n = len(x)
    d_x = d_root.copy()
    d_column = numpy.zeros((n, n))
    for k in range(n - 1, 0, -1):
        share = d_x[k] * _shares(x[:k] + before[k - 1][:k, k], x[k] + sums[k])
        d_x[:k] += share
        d_column[k, :k] = share
    d_w = numpy.zeros((1, 1))
    for k in range(1, n):
        old = before[k - 1]
        through = old[:k, k, None] + old[k, :k] - sums[k]
        numpy.fill_diagonal(through, -numpy.inf)
        new = numpy.logaddexp(old[:k, :k], through)
        d_through = d_w * _shares(through, new)
        d_sum = 1.0 - d_x[k] - d_through.sum()
        grown = numpy.zeros((k + 1, k + 1))
        grown[:k, :k] = d_w * _shares(old[:k, :k], new)
        grown[:k, k] = d_through.sum(axis=1) + d_column[k, :k]
        grown[k, :k] = d_through.sum(axis=0) + d_sum * _shares(old[k, :k], sums[k])
        d_w = grown
    return numpy.clip(d_w, 0.0, 1.0)


def _shares(parts: Array, total: Array) -> Array:
    """exp(parts - total), 0 where both are -inf."""
    shares: Array = numpy.exp(parts - numpy.maximum(total, -1e300))
    return shares
