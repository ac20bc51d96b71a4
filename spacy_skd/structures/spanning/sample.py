"""Spanning trees drawn exactly: by random walks, and where those do not end by conditioning.

Wilson, "Generating Random Spanning Trees More Quickly than the Cover Time" (STOC 1996): from each
token walk to a head drawn by its scores, and on, until the tree that is there already; the walk
without its loops joins the tree. Between two tokens that point at each other with a gap of 40 nats
the walk takes exp(40) steps. The loops that are taken out are independent of the tree that results
(Propp & Wilson, "How to Get a Perfectly Random Sample from a Generic Markov Chain", 1998), so a
unit whose walks take too many steps can be done anew, by other means, without a bias: head by head,
by the exact marginals given the heads that are drawn.
"""

from typing import Any

import numpy

from ...arrays import Array, Floats2d, Floats3d, Ints1d, Ints2d
from ..draws import draw
from .elimination import eliminate

# Steps of a unit's walks for each of its tokens, from which on it is done by conditioning.
MOST_STEPS = 40
# A marginal below this may be that of no tree: what rounding leaves of 0.
ROUNDING = 1e-12


def sample_trees(
    arc: Floats3d, lengths: Ints1d, roots: Ints1d, rng: numpy.random.Generator
) -> Ints2d:
    """arc (Floats3d): (B, N, N + 1) float64 scores in nats, -inf where impossible; each unit has a
        tree. lengths (Ints1d): (B,). roots (Ints1d): (B,) the only token with ROOT as its head, a
        possible one; negative where there may be several.
    RETURNS (Ints2d): (B, N) heads, -1 in the padding.
    """
    arc = _with_roots(arc, roots)
    heads, done = _walk(arc, lengths, rng)
    for unit in numpy.nonzero(~done)[0]:
        n = int(lengths[unit])
        heads[unit, :n] = _by_conditioning(arc[unit, :n, : n + 1], rng)
    return numpy.where(numpy.arange(arc.shape[1])[None] < lengths[:, None], heads, -1)


def possible_roots(arc: Floats3d, lengths: Ints1d) -> Array:
    """(B, N) bool: the tokens that can be the only root: ROOT can be their head, and all tokens
    reach them. arc: as in `sample_trees`."""
    n = arc.shape[1]
    inside = numpy.arange(n)[None] < lengths[:, None]
    steps = (arc[..., 1:] > -numpy.inf) | numpy.eye(n, dtype=bool)
    for _ in range(n.bit_length()):
        paths = steps.astype("float32")
        steps = numpy.matmul(paths, paths) > 0
    return (steps | ~inside[..., None]).all(axis=1) & (arc[..., 0] > -numpy.inf) & inside


def _with_roots(arc: Floats3d, roots: Ints1d) -> Floats3d:
    arc = arc.copy()
    units = numpy.nonzero(roots >= 0)[0]
    own = arc[units, roots[units], 0]
    arc[units, :, 0] = -numpy.inf
    arc[units, roots[units]] = -numpy.inf
    arc[units, roots[units], 0] = own
    return arc


def _walk(arc: Floats3d, lengths: Ints1d, rng: numpy.random.Generator) -> Any:
    """Return (B, N) heads; (B,) whether the unit's tree was finished. All units walk together."""
    b, n, _ = arc.shape
    joined = numpy.ones((b, n + 1), dtype=bool)  # ROOT, and what lies beyond a unit, need no walk
    joined[:, 1:] = numpy.arange(n)[None] >= lengths[:, None]
    heads = numpy.zeros((b, n + 1), dtype="int64")
    left = MOST_STEPS * numpy.asarray(lengths)
    start, node = _next_walk(joined), _next_walk(joined)
    walking = numpy.nonzero(start > 0)[0]
    while len(walking):
        here = node[walking]
        heads[walking, here] = draw(numpy, arc[walking, here - 1], rng)
        node[walking] = heads[walking, here]
        left[walking] -= 1
        arrived = walking[joined[walking, node[walking]]]
        _join(joined, heads, arrived, start[arrived])
        start[arrived] = node[arrived] = _next_walk(joined[arrived])
        walking = walking[(start[walking] > 0) & (left[walking] > 0)]
    return heads[:, 1:], joined.all(axis=1)


def _next_walk(joined: Any) -> Any:
    """(B,) the first node that is not joined, 0 if all are."""
    return (~joined).argmax(axis=1)


def _join(joined: Any, heads: Ints2d, units: Ints1d, node: Ints1d) -> None:
    """Join the ways from each unit's node on; later heads have replaced those of the loops."""
    while len(units):
        joined[units, node] = True
        node = heads[units, node]
        going_on = ~joined[units, node]
        units, node = units[going_on], node[going_on]


def _by_conditioning(arc: Floats2d, rng: numpy.random.Generator) -> Ints1d:
    arc = arc.copy()
    n = len(arc)
    single_root = bool((arc[:, 0] > -numpy.inf).sum() == 1)
    heads = numpy.zeros(n, dtype="int64")
    for token in range(n):
        found = eliminate(arc, single_root=single_root)
        if found is None:
            raise ValueError("spanning trees: expected scores that allow a tree to be drawn")
        with numpy.errstate(divide="ignore"):
            row = numpy.log(numpy.where(found[1][token] > ROUNDING, found[1][token], 0.0))
        heads[token] = draw(numpy, row[None], rng)[0]
        score = arc[token, heads[token]]
        arc[token] = -numpy.inf
        arc[token, heads[token]] = score
    return heads
