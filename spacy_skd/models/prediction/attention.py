"""The attention layers in prediction, on columns (see `columns`).

What does not depend on the text is done once, in the weights (`Attention.of`): the scale and shift
of the norms, the factor of the scores, and the biases of keys, which cancel in the softmax, and of
values, whose weights sum to 1. All other biases are one more column of the weights, of which the
factor is a row of ones. And since all that reads the sum of the layers subtracts its mean, whatever
is added to it has mean 0 already: the means are taken out once, before the first layer.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy
from thinc.api import Model

from ...arrays import Array, Floats2d, Floats3d
from ..attention import EPSILON
from .columns import MAX_PAIRS, Chunk, scaled


@dataclass(frozen=True, eq=False)
class Attention:
    """An attention layer's weights for prediction; the last column of each is the bias.

    QKV (Floats2d): ((3 * width) + heads, width + 1); each head's values have one more row, which
    makes ones. OUT (Floats2d): (width, width + 1). F1 (Floats2d): (hidden + 1, width + 1); its last
    row makes ones. F2 (Floats2d): (width, hidden + 1).
    bias (Floats2d): (heads, 2 * limit + 1), of the distances from -limit up to limit.
    """

    QKV: Floats2d
    OUT: Floats2d
    F1: Floats2d
    F2: Floats2d
    bias: Floats2d
    _by_reach: dict[int, Floats2d] = field(default_factory=dict)

    @classmethod
    def of(cls, layer: Model[Any, Any]) -> "Attention":
        """Read a layer. layer (Model): see `attention_layer`."""
        param, heads, width = layer.get_param, layer.get_dim("nH"), layer.get_dim("nO")
        QKV = param("QKV_W") * param("norm1_G")
        shift = param("QKV_W") @ param("norm1_b") + param("QKV_b")
        factor = QKV.dtype.type(1.0 / math.sqrt(width // heads))
        queries = _with_bias(QKV[:width] * factor, shift[:width] * factor)
        keys = _with_bias(QKV[width : 2 * width])
        values = _with_bias(QKV[2 * width :]).reshape((heads, -1, width + 1))
        values = numpy.concatenate([values, _ones_of(values)], axis=1).reshape((-1, width + 1))
        out_bias = param("O_W") @ shift[2 * width :] + param("O_b")
        F1 = param("F1_W") * param("norm2_G")
        F1 = _with_bias(F1, param("F1_W") @ param("norm2_b") + param("F1_b"))
        return cls(
            QKV=numpy.concatenate([queries, keys, values]),
            OUT=_centred(_with_bias(param("O_W"), out_bias)),
            F1=numpy.concatenate([F1, _ones_of(F1[None])[0]]),
            F2=_centred(_with_bias(param("F2_W"), param("F2_b"))),
            bias=param("bias"),
        )

    @property
    def heads(self) -> int:
        return len(self.bias)

    def bias_of(self, n_keys: int, n_queries: int, *, offset: int) -> Floats3d:
        """Return (heads, Nk, Nq), a view. offset (int): position of the first key minus that of the
        first query."""
        reach = 1 << (max(n_queries - offset, n_keys + offset) - 1).bit_length()
        if reach not in self._by_reach:
            limit = self.bias.shape[1] // 2
            distances = numpy.clip(numpy.arange(reach, -reach - 1, -1), -limit, limit)
            self._by_reach[reach] = numpy.ascontiguousarray(self.bias[:, distances + limit])
        wide = self._by_reach[reach]
        row, column = wide.strides
        shape, strides = (len(wide), n_keys, n_queries), (row, -column, column)
        start = (reach - offset) * column
        return numpy.ndarray(shape, wide.dtype, buffer=wide, offset=start, strides=strides)


def _with_bias(W: Floats2d, bias: Array | None = None) -> Floats2d:
    """Append a column, of zeros if there is no bias."""
    column = numpy.zeros_like(W[:, :1]) if bias is None else bias[:, None]
    return numpy.concatenate([W, column], axis=1)


def _ones_of(W: Floats3d) -> Floats3d:
    """Return a row for each of some weights that makes ones of a row of ones, the last."""
    row = numpy.zeros_like(W[:, :1])
    row[..., -1] = 1.0
    return row


def _centred(W: Floats2d) -> Floats2d:
    """Take the mean out of what the weights make, W X, for any X."""
    result: Floats2d = W - W.mean(axis=0)
    return result


def attend(layer: Attention, X: Floats2d, chunk: Chunk, *, block: int, halo: int) -> None:
    """Run an attention layer, in place.

    X (Floats2d): (width, G * N), the tokens of a chunk, each of mean 0. block, halo (int): see
        `blocks`.
    """
    normed = with_ones(X)
    scaled(X, epsilon=EPSILON, out=normed[:-1])
    X += layer.OUT @ _mix(layer, normed, chunk, block=block, halo=halo)
    scaled(X, epsilon=EPSILON, out=normed[:-1])
    hidden = layer.F1 @ normed
    numpy.maximum(hidden, 0.0, out=hidden)
    X += layer.F2 @ hidden


def with_ones(X: Floats2d) -> Floats2d:
    """Make room for (rows, columns) like X, with one more row, of ones."""
    larger = numpy.empty((len(X) + 1, X.shape[1]), dtype=X.dtype)
    larger[-1] = 1.0
    return larger


def _mix(layer: Attention, X: Floats2d, chunk: Chunk, *, block: int, halo: int) -> Floats2d:
    """Attend. X: (width + 1, G * N), normed, the last row 1. RETURNS: likewise."""
    heads, width, n = layer.heads, len(X) - 1, chunk.n_tokens
    qkv = layer.QKV @ X
    Q, K = qkv[: 2 * width].reshape((2, heads, width // heads, -1, n))
    V = qkv[2 * width :].reshape((heads, width // heads + 1, -1, n))
    flat = with_ones(X[:-1])
    mixed = flat[:-1].reshape(Q.shape)
    if n <= block + 2 * halo:
        if not chunk.is_full:
            V *= chunk.inside
        _attend(Q, K, V, layer.bias_of(n, n, offset=0), mixed)
        return flat
    mixed[...] = 0.0
    for i, size in enumerate(chunk.lengths.tolist()):
        one = (part[:, :, i, :size] for part in (Q, K, V))
        mixed[:, :, i, :size] = _attend_blocks(layer, *one, block=block, halo=halo)
    return flat


def _attend_blocks(
    layer: Attention, Q: Floats3d, K: Floats3d, V: Floats3d, *, block: int, halo: int
) -> Floats3d:
    """Attend within one doc that is cut into blocks. Q, K: (heads, d, N). V: (heads, d + 1, N).
    RETURNS: like Q."""
    n = Q.shape[2]
    count, n_keys = -(-n // block), block + 2 * halo
    queries = _padded(Q, 0, count * block)
    queries = queries.reshape((*queries.shape[:2], count, block))
    keys, values = (
        _overlapping(_padded(part, halo, count * block + 2 * halo), count, block, n_keys)
        for part in (K, V)
    )
    bias = layer.bias_of(n_keys, block, offset=-halo)
    mixed = numpy.empty_like(queries)
    step = max(1, MAX_PAIRS // (block * n_keys))
    for i in range(0, count, step):
        cut = slice(i, i + step)
        _attend(queries[:, :, cut], keys[:, :, cut], values[:, :, cut], bias, mixed[:, :, cut])
    return mixed.reshape((*mixed.shape[:2], -1))[..., :n]


def _padded(X: Floats3d, before: int, size: int) -> Floats3d:
    """Turn (heads, d, N) into (heads, d, size), zeros before and after."""
    padded = numpy.zeros((*X.shape[:2], size), dtype=X.dtype)
    padded[..., before : before + X.shape[2]] = X
    return padded


def _overlapping(X: Floats3d, count: int, block: int, size: int) -> Any:
    """Turn (heads, d, columns) into (heads, d, count, size), each part `block` after the last: a
    view."""
    strides = (*X.strides[:2], block * X.strides[2], X.strides[2])
    return numpy.ndarray((*X.shape[:2], count, size), X.dtype, buffer=X, strides=strides)


def _attend(Q: Any, K: Any, V: Any, bias: Floats3d, mixed: Any) -> None:
    """Attend. Q: (heads, d, G, Nq). K: (heads, d, G, Nk). V: (heads, d + 1, G, Nk), the last row 1,
    all rows 0 where a key does not count. bias: (heads, Nk, Nq). mixed: like Q, written."""
    sums = _sums(Q, K, V, bias, highest=False)
    # Subtracting the maximum costs time and is needed only where a sum, or its product with values,
    # may overflow or vanish.
    totals = sums[:, :, -1]
    if not (totals.max() < 1e30 and totals.min() > 1e-30):
        sums = _sums(Q, K, V, bias, highest=True)
    numpy.divide(sums[:, :, :-1], sums[:, :, -1:], out=_by_block(mixed))


def _sums(Q: Any, K: Any, V: Any, bias: Floats3d, *, highest: bool) -> Any:
    """Return (G, heads, d + 1, Nq), of all keys, exp of the score times the value; its last row has
    the sums of exp alone."""
    heads, _, count, n_queries = Q.shape
    weights = numpy.empty((heads, K.shape[3], count, n_queries), dtype=Q.dtype)
    numpy.matmul(K.transpose(2, 0, 3, 1), _by_block(Q), out=_by_block(weights))
    weights += bias[:, :, None]
    if highest:
        hidden = V[0, -1].T == 0
        weights[:, hidden] = -numpy.inf
        weights -= weights.max(axis=1, keepdims=True)
    with numpy.errstate(over="ignore", invalid="ignore"):
        numpy.exp(weights, out=weights)
        return numpy.matmul(_by_block(V), weights.transpose(2, 0, 1, 3))


def _by_block(X: Any) -> Any:
    """Turn (heads, rows, G, columns) into (G, heads, rows, columns)."""
    return X.transpose(2, 0, 1, 3)
