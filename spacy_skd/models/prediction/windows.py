"""spaCy's MaxoutWindowEncoder in prediction, on columns:

X += norm(max over pieces of (W [X shifted by -window ... X shifted by window] + b))
"""

from typing import Any, NamedTuple

import numpy
from thinc.api import Model

from ...arrays import Floats1d, Floats2d, Floats3d
from .columns import MAX_COLUMNS, normalise

_EPSILON = 1e-8  # of thinc's LayerNorm


class Step(NamedTuple):
    """One layer. W (Floats3d): (width, pieces, (2 * window + 1) * width). b (Floats2d): (width,
    pieces). scale, shift (Floats1d): (width,) of the norm."""

    W: Floats3d
    b: Floats2d
    scale: Floats1d
    shift: Floats1d

    @property
    def window(self) -> int:
        """Tokens on each side that the layer sees."""
        result: int = (self.W.shape[2] // len(self.W) - 1) // 2
        return result


def steps_of(cnn: Model[Any, Any]) -> list[Step]:
    """Return the layers of a MaxoutWindowEncoder."""
    nodes = list(cnn.walk())
    maxouts = [node for node in nodes if node.name == "maxout"]
    norms = [node for node in nodes if node.name == "layernorm"]
    return [
        Step(m.get_param("W"), m.get_param("b"), n.get_param("G"), n.get_param("b"))
        for m, n in zip(maxouts, norms)
    ]


def convolve(steps: list[Step], X: Floats2d) -> None:
    """Run all layers, in place.

    X (Floats2d): (width, columns), docs with as many zeros before, between and after them as the
        layers see tokens on one side.
    """
    n = X.shape[1]
    if n <= 2 * MAX_COLUMNS:
        _convolve(steps, X)
        return
    reach = sum(step.window for step in steps)
    before = X.copy()
    for start in range(0, n, MAX_COLUMNS):
        first, end = max(0, start - reach), min(n, start + MAX_COLUMNS)
        piece = before[:, first : end + reach].copy()
        _convolve(steps, piece)
        X[:, start:end] = piece[:, start - first : end - first]


def _convolve(steps: list[Step], X: Floats2d) -> None:
    (width, n), window = X.shape, steps[0].window
    shifted = numpy.zeros((2 * window + 1, width, n), dtype=X.dtype)
    flat = shifted.reshape((-1, n))
    for W, b, scale, shift in steps:
        for k in range(-window, window + 1):
            left, right = max(0, -k), n - max(0, k)
            shifted[k + window, :, left:right] = X[:, left + k : right + k]
        pieces = W.reshape((-1, W.shape[2])) @ flat
        pieces += b.reshape((-1, 1))
        X += normalise(_maxima(pieces.reshape((*b.shape, n))), scale, shift, epsilon=_EPSILON)


def _maxima(pieces: Floats3d) -> Floats2d:
    """Turn (width, pieces, columns) into (width, columns); numpy's own is slow along a short
    axis."""
    best = pieces[:, 0].copy()
    for p in range(1, pieces.shape[1]):
        numpy.maximum(best, pieces[:, p], out=best)
    return best
