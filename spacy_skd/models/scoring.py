"""What scorers are made of: hidden layers, ROOT among the rows, and scores of distances.

A hidden layer is affine, leaky ReLU, dropout. ROOT is a learned vector that stands as one more row.
Scores of a dependent for how far away its head is, and on which side, become scores of arcs,

    arc[d, h] += S[d, clip(h - d, -limit, limit)]

Most heads are near, so this is learnt long before which words go together. The scores that belong
to one row of arcs stand next to each other in S: laying them along the rows is a view.
"""

from collections.abc import Callable
from typing import Any

import numpy
from thinc.api import Model, glorot_uniform_init

from ..arrays import ArrayModule, Floats2d, Floats3d

SLOPE = 0.1
# At a time, so that they stay in the processor's cache.
ROWS = 512


def init_hidden(model: Model[Any, Any], name: str, *, nO: int, nI: int) -> None:
    """Set the parameters `{name}_W` and `{name}_b` of a model."""
    model.set_param(f"{name}_W", glorot_uniform_init(model.ops, (nO, nI)))
    model.set_param(f"{name}_b", model.ops.alloc1f(nO))


def hidden(
    model: Model[Any, Any], name: str, rows: Floats2d, *, dropout: float, root: bool = False
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Run a hidden layer. rows (Floats2d): (T, nI). root (bool): whether ROOT, the parameter
    `root`, is one more row.
    RETURNS: (T, nO), or (T + 1, nO) with ROOT; and the gradient's way back to the rows."""
    xp = model.ops.xp
    X = xp.concatenate([rows, model.get_param("root").astype(rows.dtype)]) if root else rows
    W, b = model.get_param(f"{name}_W"), model.get_param(f"{name}_b")
    Y: Floats2d = xp.empty((len(X), len(W)), dtype=xp.result_type(X, W))
    step = ROWS if xp is numpy else max(1, len(X))
    for start in range(0, len(X), step):
        part = Y[start : start + step]
        xp.matmul(X[start : start + step], W.T, out=part)
        part += b
        xp.maximum(part, SLOPE * part, out=part)
    mask: Any = model.ops.get_dropout_mask(Y.shape, dropout) if dropout else None
    if mask is not None:
        Y *= mask

    def backprop(dY: Floats2d) -> Floats2d:
        dZ = xp.where(Y > 0, dY, SLOPE * dY)  # where Y is dropped, the mask is 0
        if mask is not None:
            dZ *= mask
        model.inc_grad(f"{name}_W", dZ.T @ X)
        model.inc_grad(f"{name}_b", dZ.sum(axis=0))
        dX: Floats2d = dZ @ W
        if root:
            model.inc_grad("root", dX[-1:])
        return dX[: len(rows)]

    return Y, backprop


def with_one(xp: ArrayModule, rows: Floats2d) -> Floats2d:
    """Append a column of ones, for the linear terms of a product."""
    result: Floats2d = xp.concatenate([rows, xp.ones((len(rows), 1), dtype=rows.dtype)], axis=1)
    return result


def arcs_of_distances(xp: ArrayModule, scores: Floats3d) -> Floats3d:
    """Return the scores, (B, N, N), of each dependent and head token.

    scores (Floats3d): (B, N, 2 * limit + 1), of distances -limit ... limit, those that are further
        away included.
    """
    n, limit = scores.shape[1], scores.shape[2] // 2
    nearest = numpy.clip(numpy.arange(1 - n, n), -limit, limit) + limit
    return _rows_of(xp, scores.take(xp.asarray(nearest), axis=2))


def distances_of_arcs(xp: ArrayModule, d_arcs: Floats3d, limit: int) -> Floats3d:
    """Return the gradient, (B, N, 2 * limit + 1), of that of arcs, (B, N, N)."""
    count, n = d_arcs.shape[:2]
    wide = xp.zeros((count, n, 2 * n - 1), dtype=d_arcs.dtype)
    _rows_of(xp, wide)[...] = d_arcs
    near = min(limit, n - 1)
    first, end = n - 1 - near, n + near
    d_scores = xp.zeros((count, n, 2 * limit + 1), dtype=d_arcs.dtype)
    d_scores[..., limit - near : limit + near + 1] = wide[..., first:end]
    d_scores[..., 0] += wide[..., :first].sum(axis=2)
    d_scores[..., -1] += wide[..., end:].sum(axis=2)
    result: Floats3d = d_scores
    return result


def _rows_of(xp: Any, wide: Floats3d) -> Floats3d:
    """View (B, N, 2 * N - 1), of distances, as (B, N, N), of heads: each row one to the left of the
    row above."""
    n = wide.shape[1]
    by_doc, by_row, by_distance = wide.strides
    strides = (by_doc, by_row - by_distance, by_distance)
    result: Floats3d = xp.lib.stride_tricks.as_strided(
        wide[:, :, n - 1 :], (len(wide), n, n), strides
    )
    return result


def no_backprop(d_scores: Floats2d) -> Floats2d:
    """Raise RuntimeError always; it stands for the way back of prediction."""
    raise RuntimeError("the forward pass was not run for training")
