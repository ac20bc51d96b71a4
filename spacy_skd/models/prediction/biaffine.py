"""The layers of `biaffine` in prediction."""

from collections.abc import Iterator
from typing import Any

import numpy
from thinc.api import Model

from ...arrays import ArrayModule, Floats2d, Ints1d, Ints2d
from ...codecs.units import Bucket
from ...structures import Parts
from ..scoring import ROWS, arcs_of_distances, hidden

# Heads at a time, so that what is between the products is cached.
_CHUNK = 64


def predict_arcs(model: Model[Any, Any], rows: Floats2d, buckets: list[Bucket]) -> list[Parts]:
    """Return what the layer of arcs does, but for rounding and the padding, on NumPy alone: a few
    units at a time, whose arrays stay in the cache.

    model (Model): the layer. rows (Floats2d): (T, width).
    """
    U, u = model.get_param("U"), model.get_param("u")
    root = hidden(model, "H", model.get_param("root").astype(rows.dtype), dropout=0.0)[0]
    scores: list[Parts] = []
    for bucket in buckets:
        n, index = bucket.n_tokens, bucket.index(padding=0)
        arc = numpy.empty((len(index), n, n + 1), dtype=numpy.result_type(rows, U))
        step = max(1, ROWS // n)
        for i in range(0, len(index), step):
            vectors = rows[index[i : i + step]]
            count, flat = len(vectors), vectors.reshape((-1, vectors.shape[2]))
            D = hidden(model, "D", flat, dropout=0.0)[0]
            heads = numpy.empty((count, n + 1, len(U)), dtype=arc.dtype)
            heads[:, 0] = root
            heads[:, 1:] = hidden(model, "H", flat, dropout=0.0)[0].reshape((count, n, -1))
            left = D @ U
            left += u
            numpy.matmul(
                left.reshape((count, n, -1)), heads.transpose(0, 2, 1), out=arc[i : i + step]
            )
            if model.has_param("S"):
                by_distance = D @ model.get_param("S").T
                by_distance += model.get_param("s")
                arc[i : i + step, :, 1:] += arcs_of_distances(
                    numpy, by_distance.reshape((count, n, -1))
                )
        scores.append(Parts({"arc": arc}, bucket.lengths))
    return scores


def predict_labels(model: Model[Any, Any], rows: Floats2d, pairs: Ints2d) -> Floats2d:
    """Return what the layer of deprels does, but for rounding; a head is computed once for all of
    its dependents.

    model (Model): the layer. rows (Floats2d): (T, width). pairs (Ints2d): (P, 2) dependent and head
        row, -1 for ROOT. RETURNS (Floats2d): (P, deprels).
    """
    xp = model.ops.xp
    distinct, heads = numpy.unique(pairs[:, 1], return_inverse=True)
    head_rows = rows[xp.asarray(distinct)]  # of ROOT, which is -1 and comes first, the last row
    if len(distinct) and distinct[0] < 0:
        head_rows[0] = model.get_param("root")[0]
    left, right = _hidden_with_one(model, "L", rows), _hidden_with_one(model, "K", head_rows)
    return label_scores(xp, left, right, model.get_param("W"), dependents=pairs[:, 0], heads=heads)


def _hidden_with_one(model: Model[Any, Any], name: str, X: Floats2d) -> Floats2d:
    xp = model.ops.xp
    Y = xp.ones((len(X), model.get_dim("nH") + 1), xp.result_type(X, model.get_param("W")))
    hidden(model, name, X, dropout=0.0, out=Y[:, :-1])
    result: Floats2d = Y
    return result


def label_scores(
    xp: ArrayModule,
    left: Floats2d,
    right: Floats2d,
    W: Floats2d,
    *,
    dependents: Ints1d,
    heads: Ints1d,
) -> Floats2d:
    """Return (left[dependent] (x) right[head]) W of each pair. What a head does is computed once
    for all of its dependents, in half the time.

    left (Floats2d): (T, a). right (Floats2d): (R, b). W (Floats2d): (a * b, deprels).
    dependents, heads (Ints1d): (P,) rows of left and right; on the CPU.
    RETURNS (Floats2d): (P, deprels).
    """
    n_left, n_right, n_labels = left.shape[1], right.shape[1], W.shape[1]
    by_right = W.reshape((n_left, n_right, n_labels)).transpose(1, 0, 2).reshape((n_right, -1))
    scores: Any = xp.empty((len(heads), n_labels), dtype=left.dtype)
    memory = xp.empty((_CHUNK, n_left * n_labels), dtype=xp.result_type(right, W))
    for head, pairs in _by_head(heads):
        given_head = xp.matmul(right[xp.asarray(head)], by_right, out=memory[: len(head)])
        given_head = given_head.reshape((-1, n_left, n_labels))
        scores[xp.asarray(pairs)] = left[xp.asarray(dependents[pairs])] @ given_head
    result: Floats2d = scores
    return result


def _by_head(heads: Ints1d) -> Iterator[tuple[Ints1d, Ints2d]]:
    """Yield heads, (H,), and of each the pairs that it is in, (H, C), the same number of all."""
    order = numpy.argsort(heads, kind="stable")
    distinct, first, counts = numpy.unique(heads[order], return_index=True, return_counts=True)
    for count in numpy.unique(counts).tolist():
        places = numpy.nonzero(counts == count)[0]
        for i in range(0, len(places), _CHUNK):
            part = places[i : i + _CHUNK]
            yield distinct[part], order[first[part, None] + numpy.arange(count)]
