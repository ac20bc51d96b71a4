"""A hidden layer of a scorer: affine, leaky ReLU, dropout."""

from typing import Any, Callable, Tuple

from thinc.api import Model, glorot_uniform_init
from thinc.types import Floats2d

SLOPE = 0.1


def init_hidden(model: Model, name: str, *, nO: int, nI: int) -> None:
    """Set the parameters `{name}_W` and `{name}_b` of a model."""
    model.set_param(f"{name}_W", glorot_uniform_init(model.ops, (nO, nI)))
    model.set_param(f"{name}_b", model.ops.alloc1f(nO))


def hidden(
    model: Model, name: str, X: Floats2d, *, dropout: float
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """X (Floats2d): (T, nI). RETURNS: (T, nO), and the gradient's way back to X."""
    W, b = model.get_param(f"{name}_W"), model.get_param(f"{name}_b")
    Y = X @ W.T
    Y += b
    slope = model.ops.xp.where(Y > 0, 1.0, SLOPE).astype(Y.dtype)
    if dropout:
        slope = slope * _dropout_mask(model, Y, dropout)

    def backprop(dY: Floats2d) -> Floats2d:
        dZ = dY * slope
        model.inc_grad(f"{name}_W", dZ.T @ X)
        model.inc_grad(f"{name}_b", dZ.sum(axis=0))
        return dZ @ W

    return Y * slope, backprop


def _dropout_mask(model: Model, Y: Floats2d, dropout: float) -> Any:
    return model.ops.get_dropout_mask(Y.shape, dropout)
