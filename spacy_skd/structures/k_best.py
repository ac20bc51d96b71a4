"""The k highest of many sums, without forming them all."""

from typing import Any, Tuple

import numpy
from thinc.types import Floats2d, Ints1d, Ints2d


def top(xp: Any, values: Floats2d, k: int) -> Ints2d:
    """Indices of the k highest of the last axis, highest first; of equal ones the first."""
    if k == 1:
        return values.argmax(axis=-1)[..., None]
    return xp.argsort(-values, axis=-1, kind="stable")[..., :k]


def likely_pairs(xp: Any, rows: int, columns: int, k: int) -> Tuple[Ints1d, Ints1d]:
    """Of two lists, highest first, all pairs of ranks that the k highest sums can be made of: (i, j)
    has (i + 1)(j + 1) - 1 others at or above it."""
    i, j = numpy.nonzero(numpy.outer(1 + numpy.arange(rows), 1 + numpy.arange(columns)) <= k)
    return xp.asarray(i), xp.asarray(j)
