"""Units: of similar length in one padded batch, of a word each, and docs of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy

from ..arrays import Array, FloatsXd, Ints1d, Ints2d, array_module
from ..structures import Parts

_A = TypeVar("_A", bound=Array)

# Elements of a padded arc array: beyond this, temporary arrays cost more than batching gains.
MAX_ELEMENTS = 2_000_000


@dataclass(frozen=True, eq=False)
class Bucket:
    """Some units of a batch, padded to the longest.

    units (Ints1d): (B,) which of the batch's units. rows (Ints1d): (B,) first row of each in the
    batch's concatenated tokens. lengths (Ints1d): (B,) tokens of each.
    n_tokens (int): of the longest unit, N. inside (ndarray): (B, N) bool, False in the padding.
    """

    units: Ints1d
    rows: Ints1d
    lengths: Ints1d
    n_tokens: int = field(init=False)
    inside: Array = field(init=False)

    def __post_init__(self) -> None:
        n = int(self.lengths.max(initial=0))
        vars(self).update(n_tokens=n, inside=numpy.arange(n)[None] < self.lengths[:, None])

    def index(self, *, padding: int) -> Ints2d:
        """Return (B, N) row of each token, `padding` in the padding."""
        rows = self.rows[:, None] + numpy.arange(self.n_tokens)[None]
        return numpy.where(self.inside, rows, padding)

    def locate(self, pairs: Ints2d) -> tuple[Ints1d, Ints2d]:
        """Find the arcs that lie in the bucket.

        pairs (Ints2d): (P, 2) dependent and head row in the batch, below 0 for ROOT.
        RETURNS: which of the pairs they are; (K, 3) the unit, token and head (0 = ROOT) of each.
        """
        order = numpy.argsort(self.rows)
        unit = numpy.searchsorted(self.rows[order], pairs[:, 0], side="right") - 1
        unit = order[numpy.maximum(unit, 0)]
        first, length = self.rows[unit], self.lengths[unit]
        token = pairs[:, 0] - first
        head = numpy.where(pairs[:, 1] < 0, 0, pairs[:, 1] - first + 1)
        inside = (token >= 0) & (token < length) & (head >= 0) & (head <= length)
        index = numpy.nonzero(inside)[0]
        return index, numpy.stack([unit, token, head], axis=1)[index]

    def heads(self, root_row: int) -> Ints2d:
        """Return (B, N + 1) row of each head, `root_row` of ROOT and padding."""
        root = numpy.full((len(self.lengths), 1), root_row)
        return numpy.concatenate([root, self.index(padding=root_row)], axis=1)


def make_buckets(spans: Ints2d) -> list[Bucket]:
    """Put units of similar length together: at most a quarter and 2 tokens longer than the
    shortest.

    spans (Ints2d): (U, 2) start and end row of each unit; empty units are left out.
    """
    lengths = spans[:, 1] - spans[:, 0]
    order = numpy.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    buckets: list[Bucket] = []
    start = 0
    sizes = lengths[order].tolist()
    for i in range(1, len(sizes) + 1):
        full = i == len(sizes) or sizes[i] > sizes[start] * 1.25 + 2
        if full or (i + 1 - start) * sizes[i] * (sizes[i] + 1) > MAX_ELEMENTS:
            units = order[start:i]
            buckets.append(Bucket(units, spans[units, 0], lengths[units]))
            start = i
    return buckets


def batch_spans(units: Sequence[Ints2d], lengths: Sequence[int]) -> Ints2d:
    """Return units of the docs of a batch as rows of its concatenated words.

    units (Sequence[Ints2d]): per doc (U, 2). lengths (Sequence[int]): words of each doc.
    RETURNS (Ints2d): (all units, 2) start and end row.
    """
    offsets = numpy.cumsum([0, *lengths])[:-1]
    spans = [u + offset for u, offset in zip(units, offsets)]
    return numpy.concatenate(spans) if spans else numpy.zeros((0, 2), dtype="int64")


def as_units(rows: FloatsXd) -> Parts:
    """Make each of the scores of tokens, (T, C), a unit of its own."""
    return Parts({"unary": rows[:, None]}, array_module(rows).ones(len(rows), dtype="int64"))


def split_by_lengths(flat: _A, lengths: Sequence[int]) -> list[_A]:
    """Split rows of a batch by its docs: (sum of lengths, ...) to one array a doc."""
    ends = numpy.cumsum(lengths, dtype="int64").tolist()
    pieces: list[Any] = [flat[end - n : end] for end, n in zip(ends, lengths)]
    return pieces
