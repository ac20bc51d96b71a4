"""The attention layers in prediction, on columns (see `attention`)."""

import math
from typing import Any, Tuple

import numpy
from numpy.lib.stride_tricks import as_strided
from thinc.api import Model
from thinc.types import Floats2d, Floats3d

from .attention import EPSILON
from .columns import MAX_PAIRS, Chunk, normalise


def attend(layer: Model, X: Floats2d, chunk: Chunk, *, block: int, halo: int) -> None:
    """Run an attention layer, in place.

    layer (Model): see `attention_layer`. X (Floats2d): (width, G * N), the tokens of a chunk.
    block, halo (int): see `blocks`.
    """
    param = layer.get_param
    mixed = _mix(layer, _normed(layer, "norm1", X), chunk, block=block, halo=halo)
    X += param("O_W") @ mixed
    X += param("O_b")[:, None]
    hidden = param("F1_W") @ _normed(layer, "norm2", X)
    hidden += param("F1_b")[:, None]
    numpy.maximum(hidden, 0.0, out=hidden)
    X += param("F2_W") @ hidden
    X += param("F2_b")[:, None]


def _normed(layer: Model, name: str, X: Floats2d) -> Floats2d:
    scale, shift = layer.get_param(f"{name}_G"), layer.get_param(f"{name}_b")
    return normalise(X.copy(), scale, shift, epsilon=EPSILON)


def _mix(layer: Model, X: Floats2d, chunk: Chunk, *, block: int, halo: int) -> Floats2d:
    """X: (width, G * N), normalised. RETURNS: (width, G * N)."""
    heads, width = layer.get_dim("nH"), len(X)
    qkv = layer.get_param("QKV_W") @ X
    qkv += layer.get_param("QKV_b")[:, None]
    qkv[:width] *= 1.0 / math.sqrt(width // heads)
    n = chunk.n_tokens
    if n <= block + 2 * halo:
        Q, K, V = qkv.reshape((3, heads, width // heads, -1, n))
        mixed = numpy.empty_like(Q)
        _attend(Q, K, V, _bias(layer, n, n, 0), ~chunk.inside, mixed)
        return mixed.reshape((width, -1))
    by_doc = qkv.reshape((3, heads, width // heads, -1, n))
    mixed = numpy.zeros_like(by_doc[0])
    for i, size in enumerate(chunk.lengths.tolist()):
        found = _attend_blocks(layer, by_doc[:, :, :, i, :size], block=block, halo=halo)
        mixed[:, :, i, :size] = found
    return mixed.reshape((width, -1))


def _attend_blocks(layer: Model, qkv: Any, *, block: int, halo: int) -> Floats3d:
    """One doc that is cut into blocks. qkv: (3, heads, d, N). RETURNS: (heads, d, N)."""
    n = qkv.shape[3]
    count, n_keys = -(-n // block), block + 2 * halo
    padded = numpy.zeros((*qkv.shape[:3], count * block + 2 * halo), dtype=qkv.dtype)
    padded[..., halo : halo + n] = qkv
    queries = padded[0][..., halo : halo + count * block]
    queries = queries.reshape((*queries.shape[:2], count, block))
    keys, values = (_overlapping(part, count, block, n_keys) for part in padded[1:])
    position = numpy.arange(count)[:, None] * block + numpy.arange(-halo, block + halo)[None]
    hidden = (position < 0) | (position >= n)
    bias = _bias(layer, block, n_keys, -halo)
    mixed = numpy.empty_like(queries)
    step = max(1, MAX_PAIRS // (block * n_keys))
    for i in range(0, count, step):
        some = slice(i, i + step)
        Q, K, V = (part[:, :, some] for part in (queries, keys, values))
        _attend(Q, K, V, bias, hidden[some], mixed[:, :, some])
    return mixed.reshape((*mixed.shape[:2], -1))[..., :n]


def _overlapping(X: Floats3d, count: int, block: int, size: int) -> Any:
    """(heads, d, columns) to (heads, d, count, size), each part `block` after the last: a view."""
    strides = (*X.strides[:2], block * X.strides[2], X.strides[2])
    return as_strided(X, (*X.shape[:2], count, size), strides, writeable=False)


def _attend(Q: Any, K: Any, V: Any, bias: Floats3d, hidden: Any, mixed: Any) -> None:
    """Q: (heads, d, G, Nq). K, V: (heads, d, G, Nk). bias: (heads, Nk, Nq). hidden: (G, Nk) bool,
    keys that do not count. mixed: like Q, written."""
    weights, total = _weights(Q, K, bias, hidden, highest=False)
    # Subtracting the maximum costs time and is needed only where a sum, or its product with values,
    # may overflow or vanish.
    if not ((total < 1e30) & (total > 1e-30)).all():
        weights, total = _weights(Q, K, bias, hidden, highest=True)
    numpy.matmul(V.transpose(2, 0, 1, 3), weights.transpose(2, 0, 1, 3), out=_by_block(mixed))
    mixed /= total[:, None]


def _weights(Q: Any, K: Any, bias: Floats3d, hidden: Any, *, highest: bool) -> Tuple[Any, Any]:
    """RETURNS: (heads, Nk, G, Nq), exp of the scores; (heads, G, Nq), their sums."""
    heads, _, count, n_queries = Q.shape
    weights = numpy.empty((heads, K.shape[3], count, n_queries), dtype=Q.dtype)
    numpy.matmul(K.transpose(2, 0, 3, 1), _by_block(Q), out=_by_block(weights))
    weights += bias[:, :, None]
    if highest:
        weights -= numpy.where(hidden.T[None, :, :, None], -numpy.inf, weights).max(axis=1)[:, None]
    with numpy.errstate(over="ignore"):
        numpy.exp(weights, out=weights)
        for i in numpy.nonzero(hidden.any(axis=1))[0].tolist():
            weights[:, hidden[i], i] = 0.0
        return weights, weights.sum(axis=1)


def _by_block(X: Any) -> Any:
    """(heads, rows, G, columns) to (G, heads, rows, columns)."""
    return X.transpose(2, 0, 1, 3)


def _bias(layer: Model, n_queries: int, n_keys: int, offset: int) -> Floats3d:
    """(heads, Nk, Nq), a view. offset (int): position of the first key minus that of the first
    query."""
    limit, bias = layer.get_dim("nD"), layer.get_param("bias")
    distances = numpy.arange(n_keys - 1 + offset, offset - n_queries, -1)
    by_distance = bias[:, numpy.clip(distances, -limit, limit) + limit]
    row, column = by_distance.strides
    return as_strided(
        by_distance[:, n_keys - 1 :],
        (len(bias), n_keys, n_queries),
        (row, -column, column),
        writeable=False,
    )
