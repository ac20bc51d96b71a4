"""Candidates as plain bytes and back. Weights are float32, of the heaviest 1."""

import numpy

from ..arrays import Array, FloatsXd
from .candidates import LabelCandidates, TreeCandidates
from .packing import (
    Packed,
    PackedArray,
    pack_array,
    pack_units,
    smallest,
    unpack_array,
    unpack_units,
)


def pack_labels(belief: LabelCandidates) -> Packed:
    """See `unpack_labels`."""
    return {
        "rows": pack_array(smallest(belief.rows)),
        "weights": _pack_weights(belief.weights[None]),
    }


def unpack_labels(packed: Packed, labels: tuple[str, ...]) -> LabelCandidates:
    """RAISES (ValueError): if a label is not one of `labels`, or a weight is missing."""
    rows = unpack_array(packed["rows"]).astype("int32")
    (weights,) = _unpack_weights(packed["weights"])
    _check(rows, low=0, high=len(labels), n_candidates=len(weights))
    return LabelCandidates(labels, rows, weights)


def pack_listed_trees(belief: TreeCandidates) -> Packed:
    """A head by its distance, 0 for ROOT."""
    tokens = numpy.arange(belief.n_tokens)
    distances = numpy.where(belief.heads < 0, 0, belief.heads - tokens)
    return {
        **pack_units(belief.units),
        "distances": pack_array(smallest(distances)),
        "deprels": pack_array(smallest(belief.deprels)),
        "weights": _pack_weights(belief.weights),
    }


def unpack_listed_trees(packed: Packed, labels: tuple[str, ...]) -> TreeCandidates:
    """RAISES (ValueError): if a deprel is not one of `labels`, or a weight is missing."""
    distances = unpack_array(packed["distances"]).astype("int32")
    heads = numpy.where(distances == 0, -1, distances + numpy.arange(distances.shape[1]))
    deprels = unpack_array(packed["deprels"]).astype("int32")
    weights = _unpack_weights(packed["weights"])
    _check(deprels, low=-1, high=len(labels), n_candidates=weights.shape[1])
    units = unpack_units(packed)
    return TreeCandidates(labels, units, heads.astype("int32"), deprels, weights)


def _check(rows: Array, *, low: int, high: int, n_candidates: int) -> None:
    if len(rows) != n_candidates or (rows.size and not low <= rows.min() <= rows.max() < high):
        raise ValueError(f"expected {n_candidates} rows of labels {low} to {high - 1}")


def _pack_weights(weights: FloatsXd) -> PackedArray:
    highest = weights.max(axis=1, keepdims=True, initial=0.0)
    return pack_array((weights / numpy.where(highest > 0, highest, 1.0)).astype("float32"))


def _unpack_weights(array: PackedArray) -> FloatsXd:
    return unpack_array(array).astype("float64")
