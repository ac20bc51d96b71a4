"""Scores of a dependent for how far away its head is, and on which side, as scores of arcs.

    arc[d, h] += S[d, clip(h - d, -limit, limit)]

Most heads are near, so this is learnt long before which words go together. The scores that belong
to one row of arcs stand next to each other in S: laying them along the rows is a view.
"""

from typing import Any

import numpy
from thinc.api import get_array_module

from ..arrays import Floats3d


def arcs_of_distances(scores: Floats3d) -> Floats3d:
    """scores (Floats3d): (B, N, 2 * limit + 1), of distances -limit ... limit, those that are
    further away included. RETURNS (Floats3d): (B, N, N), of each dependent and head token.
    """
    xp = get_array_module(scores)
    n, limit = scores.shape[1], scores.shape[2] // 2
    nearest = numpy.clip(numpy.arange(1 - n, n), -limit, limit) + limit
    return _rows_of(xp, scores.take(xp.asarray(nearest), axis=2))


def distances_of_arcs(d_arcs: Floats3d, limit: int) -> Floats3d:
    """The way back. d_arcs (Floats3d): (B, N, N). RETURNS (Floats3d): (B, N, 2 * limit + 1)."""
    xp = get_array_module(d_arcs)
    count, n = d_arcs.shape[:2]
    wide = xp.zeros((count, n, 2 * n - 1), dtype=d_arcs.dtype)
    _rows_of(xp, wide)[...] = d_arcs
    near = min(limit, n - 1)
    first, end = n - 1 - near, n + near
    d_scores = xp.zeros((count, n, 2 * limit + 1), dtype=d_arcs.dtype)
    d_scores[..., limit - near : limit + near + 1] = wide[..., first:end]
    d_scores[..., 0] += wide[..., :first].sum(axis=2)
    d_scores[..., -1] += wide[..., end:].sum(axis=2)
    return d_scores


def _rows_of(xp: Any, wide: Floats3d) -> Floats3d:
    """A view of (B, N, 2 * N - 1), of distances, that is (B, N, N), of heads: each row one to the
    left of the row above."""
    n = wide.shape[1]
    by_doc, by_row, by_distance = wide.strides
    strides = (by_doc, by_row - by_distance, by_distance)
    return xp.lib.stride_tricks.as_strided(wide[:, :, n - 1 :], (len(wide), n, n), strides)
