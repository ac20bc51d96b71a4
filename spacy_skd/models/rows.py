"""Vectors of the docs of a batch as rows of one array, and back."""

from typing import List, Sequence

from thinc.api import Ops
from thinc.types import Floats2d


def concatenate_rows(ops: Ops, vectors: Sequence[Floats2d]) -> Floats2d:
    """One array a doc to (tokens of the batch, width)."""
    return ops.xp.concatenate(list(vectors)) if len(vectors) else ops.alloc2f(0, 0)


def split_rows(rows: Floats2d, like: Sequence[Floats2d]) -> List[Floats2d]:
    """(tokens of the batch, width) to one array a doc, of the lengths of `like`."""
    split: List[Floats2d] = []
    start = 0
    for vectors in like:
        split.append(rows[start : start + len(vectors)])
        start += len(vectors)
    return split
