"""A hidden layer of a scorer: affine, leaky ReLU, dropout."""

from collections.abc import Callable
from typing import Any

import numpy
from thinc.api import Model, glorot_uniform_init

from ..arrays import Floats2d

SLOPE = 0.1
# At a time, so that they stay in the processor's cache.
ROWS = 512


def init_hidden(model: Model, name: str, *, nO: int, nI: int) -> None:
    """Set the parameters `{name}_W` and `{name}_b` of a model."""
    model.set_param(f"{name}_W", glorot_uniform_init(model.ops, (nO, nI)))
    model.set_param(f"{name}_b", model.ops.alloc1f(nO))


def hidden(
    model: Model, name: str, X: Floats2d, *, dropout: float, out: Floats2d | None = None
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """X (Floats2d): (T, nI). out (Floats2d | None): (T, nO), where to write what is returned.
    RETURNS: (T, nO), and the gradient's way back to X."""
    xp = model.ops.xp
    W, b = model.get_param(f"{name}_W"), model.get_param(f"{name}_b")
    Y = xp.empty((len(X), len(W)), dtype=xp.result_type(X, W)) if out is None else out
    step = ROWS if xp is numpy else max(1, len(X))
    for start in range(0, len(X), step):
        some = Y[start : start + step]
        xp.matmul(X[start : start + step], W.T, out=some)
        some += b
        xp.maximum(some, SLOPE * some, out=some)
    mask = _dropout_mask(model, Y, dropout) if dropout else None
    if mask is not None:
        Y *= mask

    def backprop(dY: Floats2d) -> Floats2d:
        dZ = xp.where(Y > 0, dY, SLOPE * dY)  # where Y is dropped, the mask is 0
        if mask is not None:
            dZ *= mask
        model.inc_grad(f"{name}_W", dZ.T @ X)
        model.inc_grad(f"{name}_b", dZ.sum(axis=0))
        return dZ @ W

    return Y, backprop


def _dropout_mask(model: Model, Y: Floats2d, dropout: float) -> Any:
    return model.ops.get_dropout_mask(Y.shape, dropout)
