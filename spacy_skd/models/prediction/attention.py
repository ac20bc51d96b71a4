"""The attention layers in prediction, on columns (see `attention`).

What does not depend on the text is done once, in the weights: the scale and shift of the norms, the
factor of the scores, and the biases of keys, which cancel in the softmax, and of values, whose
weights sum to 1.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.lib.stride_tricks import as_strided
from thinc.api import Model

from ...arrays import Floats2d, Floats3d
from ..attention import EPSILON
from .columns import MAX_PAIRS, Chunk, standardise


@dataclass(frozen=True, eq=False)
class Attention:
    """An attention layer's weights for prediction. Biases are columns, (rows, 1).

    QKV (Floats2d): ((3 * width) + heads, width); each head's values have one more row, of zeros.
    bias (Floats2d): (heads, 2 * reach + 1), of the distances from `reach` down to -`reach`.
    """

    QKV: Floats2d
    query_bias: Floats2d
    OUT: Floats2d
    OUT_bias: Floats2d
    F1: Floats2d
    F1_bias: Floats2d
    F2: Floats2d
    F2_bias: Floats2d
    bias: Floats2d

    @classmethod
    def of(cls, layer: Model[Any, Any], *, reach: int) -> "Attention":
        """Read a layer. layer (Model): see `attention_layer`. reach (int): tokens that see each
        other are at most so far apart."""
        param, heads, width = layer.get_param, layer.get_dim("nH"), layer.get_dim("nO")
        QKV = param("QKV_W") * param("norm1_G")
        shift = param("QKV_W") @ param("norm1_b") + param("QKV_b")
        factor = 1.0 / math.sqrt(width // heads)
        values = QKV[2 * width :].reshape((heads, -1, width))
        values = numpy.concatenate([values, numpy.zeros_like(values[:, :1])], axis=1)
        limit = layer.get_dim("nD")
        distances = numpy.clip(numpy.arange(reach, -reach - 1, -1), -limit, limit)
        return cls(
            QKV=numpy.concatenate(
                [QKV[:width] * factor, QKV[width : 2 * width], values.reshape((-1, width))]
            ),
            query_bias=shift[:width, None] * factor,
            OUT=param("O_W"),
            OUT_bias=(param("O_W") @ shift[2 * width :] + param("O_b"))[:, None],
            F1=param("F1_W") * param("norm2_G"),
            F1_bias=(param("F1_W") @ param("norm2_b") + param("F1_b"))[:, None],
            F2=param("F2_W"),
            F2_bias=param("F2_b")[:, None],
            bias=param("bias")[:, distances + limit],
        )

    @property
    def heads(self) -> int:
        return len(self.bias)


def attend(layer: Attention, X: Floats2d, chunk: Chunk, *, block: int, halo: int) -> None:
    """Run an attention layer, in place.

    X (Floats2d): (width, G * N), the tokens of a chunk. block, halo (int): see `blocks`.
    """
    mixed = _mix(layer, standardise(X, epsilon=EPSILON), chunk, block=block, halo=halo)
    X += layer.OUT @ mixed
    X += layer.OUT_bias
    hidden = layer.F1 @ standardise(X, epsilon=EPSILON)
    hidden += layer.F1_bias
    numpy.maximum(hidden, 0.0, out=hidden)
    X += layer.F2 @ hidden
    X += layer.F2_bias


def _mix(layer: Attention, X: Floats2d, chunk: Chunk, *, block: int, halo: int) -> Floats2d:
    """Attend. X: (width, G * N), standardised. RETURNS: (width, G * N)."""
    heads, width, n = layer.heads, len(X), chunk.n_tokens
    qkv = layer.QKV @ X
    qkv[:width] += layer.query_bias
    Q, K = qkv[: 2 * width].reshape((2, heads, width // heads, -1, n))
    V = qkv[2 * width :].reshape((heads, width // heads + 1, -1, n))
    V[:, -1] = 1.0
    if n <= block + 2 * halo:
        if not (chunk.lengths == n).all():
            V *= chunk.inside
        mixed = numpy.empty_like(Q)
        _attend(Q, K, V, _bias(layer, n, n, 0), mixed)
        return mixed.reshape((width, -1))
    mixed = numpy.zeros_like(Q)
    for i, size in enumerate(chunk.lengths.tolist()):
        one = (part[:, :, i, :size] for part in (Q, K, V))
        mixed[:, :, i, :size] = _attend_blocks(layer, *one, block=block, halo=halo)
    return mixed.reshape((width, -1))


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
    bias = _bias(layer, block, n_keys, -halo)
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
    return as_strided(X, (*X.shape[:2], count, size), strides, writeable=False)


def _attend(Q: Any, K: Any, V: Any, bias: Floats3d, mixed: Any) -> None:
    """Attend. Q: (heads, d, G, Nq). K: (heads, d, G, Nk). V: (heads, d + 1, G, Nk), the last row 1,
    all rows 0 where a key does not count. bias: (heads, Nk, Nq). mixed: like Q, written."""
    sums = _sums(Q, K, V, bias, highest=False)
    # Subtracting the maximum costs time and is needed only where a sum, or its product with values,
    # may overflow or vanish.
    if not ((sums[:, :, -1] < 1e30) & (sums[:, :, -1] > 1e-30)).all():
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


def _bias(layer: Attention, n_queries: int, n_keys: int, offset: int) -> Floats3d:
    """Return (heads, Nk, Nq), a view. offset (int): position of the first key minus that of the
    first query."""
    bias, reach = layer.bias, layer.bias.shape[1] // 2
    row, column = bias.strides
    return as_strided(
        bias[:, reach - offset :],
        (len(bias), n_keys, n_queries),
        (row, -column, column),
        writeable=False,
    )
