"""Heads of words: what each of the ways to write them down means, and from one to the other.

*Rows*, which `Heads` holds: the row of the head among the words of a doc or batch, `ROOT_HEAD` or
`UNKNOWN_HEAD`. *Offsets*: the row of the head less one's own, 0 for ROOT. *Local*, as `Parts` have
them: (B, N) within units, 0 = ROOT, j + 1 = word j of the unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from ..arrays import Ints1d, Ints2d, IntsXd

ROOT_HEAD = -1
UNKNOWN_HEAD = -2


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


def joined(heads: Sequence[Ints1d], offsets: Ints1d) -> Ints1d:
    """Return (T,) the heads of a batch's docs as rows of the batch. offsets (Ints1d): first row of
    each."""
    firsts = offsets.tolist()
    return numpy.concatenate([Heads(rows).to_rows(first) for rows, first in zip(heads, firsts)])
