"""The layers of `biaffine` in prediction.

The hidden layers of a token as dependent and as head are one product, and ROOT's is computed once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy
from thinc.api import Model

from ...arrays import ArrayModule, Floats1d, Floats2d, Floats3d, Ints1d, Ints2d
from ...codecs.units import Bucket
from ...structures import Parts
from ..scoring import ROWS, SLOPE
from .kept import Snapshot

# Heads at a time, so that what is between the products is cached.
_CHUNK = 64


@dataclass(frozen=True, eq=False)
class Arcs:
    """The layer of arcs. W (Floats2d): (width, 2 * hidden), of dependents and heads. b (Floats1d).
    U (Floats2d): (hidden, hidden + 1 + distances): what a dependent's hidden layer is multiplied by
    for the heads' hidden layers, for ROOT, and for distances. u (Floats1d): its bias."""

    W: Floats2d
    b: Floats1d
    U: Floats2d
    u: Floats1d

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Arcs":
        """Read a layer; on NumPy alone."""
        model = snapshot.nodes[0]
        param, n = model.get_param, model.get_dim("nH")
        W, b = _both(model, "D", "H")
        root = _hidden(numpy, param("root"), W, b)[0, n:]
        U, u = [param("U"), (param("U") @ root)[:, None]], [param("u"), [param("u") @ root]]
        if model.has_param("S"):
            U.append(param("S").T)
            u.append(param("s"))
        return cls(W, b, numpy.concatenate(U, axis=1), numpy.concatenate(u).astype(W.dtype))

    def score(self, rows: Floats2d, buckets: list[Bucket]) -> list[Parts]:
        """Return what the layer does, but for rounding and the padding: a few units at a time,
        whose arrays stay in the cache. rows (Floats2d): (T, width)."""
        scores: list[Parts] = []
        for bucket in buckets:
            n, index = bucket.n_tokens, bucket.index(padding=0)
            dtype = numpy.result_type(rows, self.W)
            arc: Floats3d = numpy.empty((len(index), n, n + 1), dtype=dtype)
            step = max(1, ROWS // n)
            for i in range(0, len(index), step):
                self._score(rows[index[i : i + step]], arc[i : i + step])
            scores.append(Parts({"arc": arc}, bucket.lengths))
        return scores

    def _score(self, vectors: Floats3d, arc: Floats3d) -> None:
        """vectors: (B, N, width). arc: (B, N, N + 1), written."""
        count, n, width = vectors.shape
        size = self.W.shape[1] // 2
        both = _hidden(numpy, vectors.reshape((-1, width)), self.W, self.b)
        left = both[:, :size] @ self.U
        left += self.u
        left = left.reshape((count, n, -1))
        heads = both.reshape((count, n, -1))[:, :, size:]
        arc[:, :, 0] = left[:, :, size]
        numpy.matmul(left[:, :, :size], heads.transpose(0, 2, 1), out=arc[:, :, 1:])
        limit = (left.shape[2] - size - 1) // 2
        if left.shape[2] > size + 1:
            nearest = numpy.arange(1 - n, n).clip(-limit, limit)
            nearest += limit + size + 1
            wide = left.take(nearest, axis=2)
            # As `arcs_of_distances`: each row one to the left of the row above.
            by_unit, by_row, by_distance = wide.strides
            arc[:, :, 1:] += numpy.ndarray(
                (count, n, n),
                wide.dtype,
                buffer=wide,
                offset=(n - 1) * by_distance,
                strides=(by_unit, by_row - by_distance, by_distance),
            )


@dataclass(frozen=True, eq=False)
class Labels:
    """The layer of deprels. W (Floats2d): (width, 2 * hidden), of dependents and heads.
    b (Floats1d): their bias. root (Floats1d): (hidden,) of ROOT.
    by_right (Floats2d): (hidden + 1, (hidden + 1) * deprels), see `label_scores`."""

    xp: ArrayModule
    W: Floats2d
    b: Floats1d
    root: Floats1d
    by_right: Floats2d

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Labels":
        """Read a layer."""
        model = snapshot.nodes[0]
        xp, n = model.ops.xp, model.get_dim("nH")
        W, b = _both(model, "L", "K")
        root = _hidden(xp, model.get_param("root"), W, b)[0, n:]
        return cls(xp, W, b, root, by_right_of(xp, model.get_param("W"), n + 1, n + 1))

    def score(self, rows: Floats2d, pairs: Ints2d) -> Floats2d:
        """Return what the layer does, but for rounding; a head is computed once for all of its
        dependents.

        rows (Floats2d): (T, width). pairs (Ints2d): (P, 2) dependent and head row, -1 for ROOT.
        RETURNS (Floats2d): (P, deprels).
        """
        size = self.W.shape[1] // 2
        both = self.xp.ones((len(rows) + 1, 2, size + 1), dtype=self.W.dtype)
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            hidden = _hidden(self.xp, part, self.W, self.b)
            both[start : start + len(part), :, :-1] = hidden.reshape((-1, 2, size))
        both[-1, 1, :-1] = self.root  # as row -1
        return label_scores(
            self.xp,
            both[:, 0],
            both[:, 1],
            self.by_right,
            dependents=pairs[:, 0],
            heads=pairs[:, 1],
        )


def _both(model: Model[Any, Any], left: str, right: str) -> tuple[Floats2d, Floats1d]:
    """Return the weights of two hidden layers side by side, (width, 2 * hidden), and the bias."""
    xp, param = model.ops.xp, model.get_param
    W = xp.concatenate([param(f"{left}_W"), param(f"{right}_W")])
    return xp.ascontiguousarray(W.T), xp.concatenate([param(f"{left}_b"), param(f"{right}_b")])


def _hidden(xp: ArrayModule, X: Floats2d, W: Floats2d, b: Floats1d) -> Floats2d:
    """See `scoring.hidden`. W: (inputs, outputs)."""
    Y: Floats2d = X @ W
    Y += b
    xp.maximum(Y, SLOPE * Y, out=Y)
    return Y


def by_right_of(xp: ArrayModule, W: Floats2d, n_left: int, n_right: int) -> Floats2d:
    """Turn (left * right, deprels) into (right, left * deprels)."""
    by_right: Any = W.reshape((n_left, n_right, -1)).transpose(1, 0, 2)
    result: Floats2d = xp.ascontiguousarray(by_right).reshape((n_right, -1))
    return result


def label_scores(
    xp: ArrayModule,
    left: Floats2d,
    right: Floats2d,
    by_right: Floats2d,
    *,
    dependents: Ints1d,
    heads: Ints1d,
) -> Floats2d:
    """Return (left[dependent] (x) right[head]) W of each pair. What a head does is computed once
    for all of its dependents, in half the time.

    left (Floats2d): (T, a). right (Floats2d): (R, b). by_right (Floats2d): (b, a * deprels), of W.
    dependents, heads (Ints1d): (P,) rows of left and right; on the CPU.
    RETURNS (Floats2d): (P, deprels).
    """
    n_left, n_labels = left.shape[1], by_right.shape[1] // left.shape[1]
    if len(heads) <= _CHUNK:
        distinct, index = numpy.unique(heads, return_inverse=True)
        each_head = (right[xp.asarray(distinct)] @ by_right).reshape((-1, n_left, n_labels))
        few: Floats2d = left[xp.asarray(dependents)][:, None] @ each_head[xp.asarray(index)]
        return few[:, 0].astype(left.dtype, copy=False)
    scores: Any = xp.empty((len(heads), n_labels), dtype=left.dtype)
    memory = xp.empty((_CHUNK, n_left * n_labels), dtype=xp.result_type(right, by_right))
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
