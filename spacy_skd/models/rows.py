"""Vectors of the docs of a batch as rows of one array, and back."""

from collections.abc import Sequence, Sized

import numpy
from thinc.api import Ops

from ..arrays import Floats2d


def concatenate_rows(ops: Ops, vectors: Sequence[Floats2d]) -> Floats2d:
    """One array a doc to (tokens of the batch, width), not to be changed: a view if they are rows
    of one array that follow each other, as `split_rows` makes them."""
    if not len(vectors):
        return ops.alloc2f(0, 0)
    whole = _whole(vectors)
    return ops.xp.concatenate(list(vectors)) if whole is None else whole


def split_rows(rows: Floats2d, like: Sequence[Sized]) -> list[Floats2d]:
    """(tokens of the batch, width) to one array a doc, of the lengths of `like`."""
    split: list[Floats2d] = []
    start = 0
    for vectors in like:
        split.append(rows[start : start + len(vectors)])
        start += len(vectors)
    return split


def _whole(vectors: Sequence[Floats2d]) -> Floats2d | None:
    """What the arrays are consecutive rows of; None if nothing."""
    arrays = [array for array in vectors if len(array)]
    base = arrays[0].base if arrays else None
    if not isinstance(base, numpy.ndarray) or base.ndim != 2 or not base.flags.c_contiguous:
        return None
    first = following = _address(arrays[0])
    for array in arrays:
        same = array.base is base and array.dtype == base.dtype and array.flags.c_contiguous
        if not same or array.shape[1:] != base.shape[1:] or _address(array) != following:
            return None
        following += array.nbytes
    size = max(1, base.shape[1] * base.itemsize)
    start, rest = divmod(first - _address(base), size)
    return None if rest else base[start : start + (following - first) // size]


def _address(array: Floats2d) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
