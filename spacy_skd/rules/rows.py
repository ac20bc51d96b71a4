"""Attributes of a batch's tokens as rows, and which of them are the same."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

import numpy
from numpy.typing import NDArray
from spacy.tokens import Doc

from ..arrays import Ints1d

Ids1d: TypeAlias = NDArray[numpy.uint64]
Ids2d: TypeAlias = NDArray[numpy.uint64]

MAX_TOKENS = 8192  # of a batch: arrays of it stay in the cache
_MIXER = 0x9E3779B97F4A7C15


def batches(stream: Iterable[Doc], *, docs: int, tokens: int = MAX_TOKENS) -> Iterator[list[Doc]]:
    """Yield docs in batches, each of them once in a batch.

    docs (int): how many a batch has at most. tokens (int): at how many it ends.
    """
    batch: dict[int, Doc] = {}
    length = 0
    for doc in stream:
        if batch and (len(batch) >= docs or length >= tokens or id(doc) in batch):
            yield list(batch.values())
            batch, length = {}, 0
        batch[id(doc)] = doc
        length += len(doc)
    if batch:
        yield list(batch.values())


@dataclass(frozen=True)
class Rows:
    """docs (Sequence[Doc]): D of them. values (Ids2d): (N, A), of all their tokens the attributes.
    starts (Ints1d): (D + 1,), the first row of each doc, and N."""

    docs: Sequence[Doc]
    values: Ids2d
    starts: list[int]

    @classmethod
    def read(cls, docs: Sequence[Doc], attrs: Sequence[int]) -> "Rows":
        """attrs (Sequence[int]): spaCy's ids of attributes, one at least."""
        values = [doc.to_array(list(attrs)).reshape(len(doc), len(attrs)) for doc in docs]
        return cls(docs, numpy.concatenate(values), [0, *accumulate(map(len, docs))])

    def find(self, row: int) -> tuple[Doc, int]:
        """Return a row's doc and the place of its token there."""
        doc = bisect_right(self.starts, row) - 1
        return self.docs[doc], row - self.starts[doc]

    def parts(self) -> Iterator[tuple[Doc, slice]]:
        """Yield each doc with its rows."""
        for doc, start, end in zip(self.docs, self.starts, self.starts[1:]):
            yield doc, slice(start, end)


def distinct(rows: Ids2d) -> tuple[Ints1d, Ints1d]:
    """Find the distinct ones of rows (N, A).

    RETURNS (tuple[Ints1d, Ints1d]): (U,) the first of each, and (N,) which of the U a row is.
    """
    # One number a row is sorted faster than rows. Where two rows have the same, all is done anew.
    mixers = numpy.full(rows.shape[1], _MIXER, dtype=numpy.uint64).cumprod()
    _, first, inverse = numpy.unique(rows @ mixers, return_index=True, return_inverse=True)
    if not numpy.array_equal(rows[first[inverse]], rows):
        _, first, inverse = numpy.unique(rows, axis=0, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)


def keys(rows: Ids2d) -> list[bytes]:
    """Return each row as a key of a dict."""
    data, width = rows.tobytes(), rows.shape[1] * rows.itemsize
    return [data[i : i + width] for i in range(0, len(data), width)]
