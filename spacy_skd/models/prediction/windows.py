"""spaCy's MaxoutWindowEncoder in prediction, on columns:

X += norm(max over pieces of (W [X shifted by -window ... X shifted by window] + b))
"""

from typing import Any, NamedTuple

import numpy
from thinc.api import Model

from ...arrays import Floats1d, Floats2d, Floats3d
from .columns import MAX_COLUMNS, Chunk, normalise

_EPSILON = 1e-8  # of thinc's LayerNorm


class Step(NamedTuple):
    """One layer. W (Floats2d): (pieces * width, (2 * window + 1) * width + 1), whose last column is
    the bias. scale, shift (Floats1d): (width,) of the norm."""

    W: Floats2d
    scale: Floats1d
    shift: Floats1d

    @property
    def window(self) -> int:
        """Tokens on each side that the layer sees."""
        result: int = (self.W.shape[1] // len(self.scale) - 1) // 2
        return result


def steps_of(cnn: Model[Any, Any]) -> list[Step]:
    """Return the layers of a MaxoutWindowEncoder."""
    nodes = list(cnn.walk())
    maxouts = [node for node in nodes if node.name == "maxout"]
    norms = [node for node in nodes if node.name == "layernorm"]
    return [
        Step(_by_piece(m.get_param("W"), m.get_param("b")), n.get_param("G"), n.get_param("b"))
        for m, n in zip(maxouts, norms)
    ]


def _by_piece(W: Floats3d, b: Floats2d) -> Floats2d:
    """Turn thinc's W, (width, pieces, inputs), and b, (width, pieces), into (pieces * width,
    inputs + 1)."""
    both = numpy.concatenate([W, b[:, :, None]], axis=2).transpose(1, 0, 2)
    return numpy.ascontiguousarray(both).reshape((-1, both.shape[2]))


def convolve(steps: list[Step], chunk: Chunk, rows: Floats2d) -> Floats2d:
    """Run all layers on a chunk of docs.

    rows (Floats2d): (T, width) of the batch.
    RETURNS (Floats2d): (width, G * N), the chunk's tokens.
    """
    width, n = rows.shape[1], chunk.n_columns
    reach = sum(step.window for step in steps)
    if not steps or n <= 2 * MAX_COLUMNS:
        inputs, X = _inputs(steps, width, n, rows.dtype)
        chunk.read(rows, X)
        _convolve(steps, inputs, X)
        return chunk.tokens(X)
    before = numpy.zeros((width, n), dtype=rows.dtype)
    chunk.read(rows, before)
    after = numpy.empty_like(before)
    for start in range(0, n, MAX_COLUMNS):
        first, end = max(0, start - reach), min(n, start + MAX_COLUMNS)
        piece = before[:, first : end + reach]
        inputs, X = _inputs(steps, width, piece.shape[1], rows.dtype)
        X[...] = piece
        _convolve(steps, inputs, X)
        after[:, start:end] = X[:, start - first : end - first]
    return chunk.tokens(after)


def _inputs(steps: list[Step], width: int, n: int, dtype: Any) -> tuple[Floats2d, Floats2d]:
    """Make room for what a layer sees, ((2 * window + 1) * width + 1, n), whose last row is ones,
    and return the tokens within it, (width, n), zeros."""
    window = steps[0].window if steps else 0
    inputs = numpy.zeros(((2 * window + 1) * width + 1, n), dtype=dtype)
    inputs[-1] = 1.0
    return inputs, inputs[window * width : (window + 1) * width]


def _convolve(steps: list[Step], inputs: Floats2d, X: Floats2d) -> None:
    """Run all layers, in place.

    X (Floats2d): (width, n), within the inputs, see `_inputs`: docs with as many zeros before,
        between and after them as the layers see tokens on one side.
    """
    (width, n), window = X.shape, steps[0].window if steps else 0
    by_shift = inputs[:-1].reshape((-1, width, n))
    for W, scale, shift in steps:
        for k in (*range(-window, 0), *range(1, window + 1)):
            left, right = max(0, -k), n - max(0, k)
            by_shift[k + window, :, left:right] = X[:, left + k : right + k]
        pieces = (W @ inputs).reshape((-1, width, n))
        best = pieces[0]
        for piece in pieces[1:]:
            numpy.maximum(best, piece, out=best)
        X += normalise(best, scale, shift, epsilon=_EPSILON)
