"""Units: of similar length in one padded batch, of a word each, and docs of a batch. And the heads
of their words, in each of the ways to write them down.

*Rows*, which `Heads` holds: the row of the head among the words of a doc or batch, `ROOT_HEAD` or
`UNKNOWN_HEAD`. *Offsets*: the row of the head less one's own, 0 for ROOT. *Local*, as `Parts` have
them: (B, N) within units, 0 = ROOT, j + 1 = word j of the unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, TypeVar

import numpy

from ..arrays import Array, FloatsXd, Ints1d, Ints2d, IntsXd, array_module
from ..structures import Parts
from ..structures.parts import GROWTH

_A = TypeVar("_A", bound=Array)

# Elements of a padded arc array: beyond this, temporary arrays cost more than batching gains.
MAX_ELEMENTS = 2_000_000
ROOT_HEAD = -1
UNKNOWN_HEAD = -2


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


def make_buckets(spans: Ints2d, *, growth: float = GROWTH) -> list[Bucket]:
    """Put units of similar length together.

    spans (Ints2d): (U, 2) start and end row of each unit; empty units are left out.
    growth (float): a unit has at most so many times as many tokens as the shortest, and 2 more.
    """
    lengths = spans[:, 1] - spans[:, 0]
    order = numpy.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    buckets: list[Bucket] = []
    start = 0
    sizes = lengths[order].tolist()
    for i in range(1, len(sizes) + 1):
        full = i == len(sizes) or sizes[i] > sizes[start] * growth + 2
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


def doc_rows(lengths: Sequence[int]) -> Ints2d:
    """Return (docs, 2) first and end row of each doc in the batch's concatenated words: each doc a
    unit."""
    return batch_spans([numpy.asarray([[0, n]]) for n in lengths], lengths)


@dataclass(frozen=True, eq=False)
class Heads:
    """The head of each word of a doc or of a batch.

    rows (IntsXd): (..., T), of several trees of the same words one after the other.
    """

    rows: IntsXd

    @staticmethod
    def of_offsets(offsets: IntsXd) -> "Heads":
        """Read offsets (..., T), 0 for ROOT."""
        own = numpy.arange(offsets.shape[-1])
        return Heads(numpy.where(offsets == 0, ROOT_HEAD, own + offsets))

    @staticmethod
    def of_local(local: Ints2d, units: Ints2d, *, n_words: int) -> "Heads":
        """Read heads of units that follow each other.

        local (Ints2d): (U, N) 0 = ROOT, j + 1 = word j of the unit; any value in the padding.
        units (Ints2d): (U, 2) start and end word. n_words (int): of the doc.
        """
        rows = numpy.full(n_words, ROOT_HEAD, dtype="int32")
        for (start, end), row in zip(units.tolist(), local):
            head = row[: end - start]
            rows[start:end] = numpy.where(head == 0, ROOT_HEAD, start + head - 1)
        return Heads(rows)

    def to_offsets(self) -> IntsXd:
        """Return (..., T) offsets, 0 also where no head is known."""
        own = numpy.arange(self.rows.shape[-1])
        return numpy.where(self.rows < 0, 0, self.rows - own)

    def to_rows(self, first: int) -> IntsXd:
        """Return (..., T) rows in a batch, of a doc whose first word is in row `first`."""
        return numpy.where(self.rows >= 0, self.rows + first, self.rows)

    def to_local(self, *, rows: Ints1d, lengths: Ints1d) -> Ints2d:
        """Return (B, N) heads within the units of a bucket: `UNKNOWN_HEAD` where none is known,
        where it is outside the unit, and in the padding.

        rows, lengths (Ints1d): (B,) first row and words of each unit.
        """
        offsets = numpy.arange(int(lengths.max(initial=0)))
        inside = offsets[None] < lengths[:, None]
        index = numpy.where(inside, rows[:, None] + offsets[None], 0)
        head = numpy.where(inside, self.rows[index] if len(self.rows) else 0, UNKNOWN_HEAD)
        local = head - rows[:, None] + 1
        local[(local < 1) | (local > lengths[:, None])] = UNKNOWN_HEAD
        local[head == ROOT_HEAD] = 0
        return local


def head_rows(heads: Ints2d, *, rows: Ints1d, lengths: Ints1d) -> Ints2d:
    """Return `decode_trees` of heads.

    heads (Ints2d): (B, N) 0 = ROOT, j + 1 = token j of the unit; any value in the padding.
    rows, lengths (Ints1d): (B,) first row and tokens of each unit.
    """
    inside = numpy.arange(heads.shape[1])[None] < lengths[:, None]
    unit, token = numpy.nonzero(inside)
    head, first = heads[unit, token], rows[unit]
    head_row = numpy.where(head == 0, ROOT_HEAD, first + head - 1)
    return numpy.stack([first + token, head_row], axis=1)


def as_units(rows: FloatsXd) -> Parts:
    """Make each of the scores of tokens, (T, C), a unit of its own."""
    return Parts({"unary": rows[:, None]}, array_module(rows).ones(len(rows), dtype="int64"))


def split_by_lengths(flat: _A, lengths: Sequence[int]) -> list[_A]:
    """Split rows of a batch by its docs: (sum of lengths, ...) to one array a doc."""
    if len(lengths) == 1:
        return [flat]
    pieces: list[Any] = [flat[end - n : end] for end, n in zip(accumulate(lengths), lengths)]
    return pieces
