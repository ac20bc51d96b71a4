"""Where the static vectors of a batch's tokens stand."""

from itertools import repeat
from typing import Any, List

import numpy
from spacy.attrs import ORTH
from spacy.tokens import Doc
from thinc.types import Ints1d


def vector_rows(docs: List[Doc]) -> Ints1d:
    """RETURNS (Ints1d): (tokens of the batch,) int64 row in the vocab's vectors, -1 for none.
    Faster than `Vectors.find`."""
    vectors: Any = docs[0].vocab.vectors
    attr = getattr(vectors, "attr", ORTH)
    keys = numpy.concatenate([doc.to_array(attr) for doc in docs])
    found = map(vectors.key2row.get, keys.tolist(), repeat(-1))
    return numpy.fromiter(found, dtype="int64", count=len(keys))
