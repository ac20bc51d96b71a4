"""Where the static vectors of words stand."""

from itertools import repeat
from typing import Any

import numpy
from spacy.attrs import ORTH
from spacy.tokens import Doc

from ...arrays import Ints1d


def key_attr(vectors: Any) -> int:
    """Return the attribute whose values are keys of the vectors."""
    return int(getattr(vectors, "attr", ORTH))


def vector_rows(docs: list[Doc], vectors: Any) -> Ints1d:
    """Return (tokens of the batch,) int64 row in the vectors, -1 for none."""
    attr = key_attr(vectors)
    return rows_of(vectors, numpy.concatenate([doc.to_array(attr) for doc in docs]))


def rows_of(vectors: Any, keys: Ints1d) -> Ints1d:
    """Return (W,) int64 row of each of `keys`, (W,), -1 for none. Faster than `Vectors.find`."""
    rows = map(vectors.key2row.get, keys.tolist(), repeat(-1))
    return numpy.fromiter(rows, dtype="int64", count=len(keys))
