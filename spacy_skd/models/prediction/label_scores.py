"""Deprel scores of chosen arcs in prediction: what a head does is computed once for all of its
dependents, in half the time."""

from collections.abc import Iterator
from typing import Any

import numpy
from thinc.api import get_array_module

from ...arrays import Floats2d, Ints1d, Ints2d

# Heads at a time, so that what is between the products is cached.
_CHUNK = 64


def label_scores(
    left: Floats2d, right: Floats2d, W: Floats2d, *, dependents: Ints1d, heads: Ints1d
) -> Floats2d:
    """(left[dependent] (x) right[head]) W of each pair.

    left (Floats2d): (T, a). right (Floats2d): (R, b). W (Floats2d): (a * b, deprels).
    dependents, heads (Ints1d): (P,) rows of left and right; on the CPU.
    RETURNS (Floats2d): (P, deprels).
    """
    xp = get_array_module(left)
    n_left, n_right, n_labels = left.shape[1], right.shape[1], W.shape[1]
    by_right = W.reshape((n_left, n_right, n_labels)).transpose(1, 0, 2).reshape((n_right, -1))
    scores: Any = xp.empty((len(heads), n_labels), dtype=left.dtype)
    memory = xp.empty((_CHUNK, n_left * n_labels), dtype=xp.result_type(right, W))
    for head, pairs in _by_head(heads):
        given_head = xp.matmul(right[xp.asarray(head)], by_right, out=memory[: len(head)])
        given_head = given_head.reshape((-1, n_left, n_labels))
        scores[xp.asarray(pairs)] = left[xp.asarray(dependents[pairs])] @ given_head
    return scores


def _by_head(heads: Ints1d) -> Iterator[tuple[Ints1d, Ints2d]]:
    """Some heads, (H,), and of each the pairs that it is in, (H, C), the same number of all."""
    order = numpy.argsort(heads, kind="stable")
    found, first, counts = numpy.unique(heads[order], return_index=True, return_counts=True)
    for count in numpy.unique(counts).tolist():
        some = numpy.nonzero(counts == count)[0]
        for i in range(0, len(some), _CHUNK):
            part = some[i : i + _CHUNK]
            yield found[part], order[first[part, None] + numpy.arange(count)]
