"""Units of similar length in one padded batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from ..arrays import Array, Ints1d, Ints2d

# Elements of a padded arc array: beyond this, temporary arrays cost more than batching gains.
MAX_ELEMENTS = 2_000_000


@dataclass(frozen=True, eq=False)
class Bucket:
    """Some units of a batch, padded to the longest.

    units (Ints1d): (B,) which of the batch's units. rows (Ints1d): (B,) first row of each in the
    batch's concatenated tokens. lengths (Ints1d): (B,) tokens of each.
    """

    units: Ints1d
    rows: Ints1d
    lengths: Ints1d

    @property
    def n_tokens(self) -> int:
        """Tokens of the longest unit."""
        return int(self.lengths.max(initial=0))

    @property
    def inside(self) -> Array:
        """(B, N) bool, False in the padding."""
        return numpy.arange(self.n_tokens)[None] < self.lengths[:, None]

    def index(self, *, padding: int) -> Ints2d:
        """Return (B, N) row of each token, `padding` in the padding."""
        rows = self.rows[:, None] + numpy.arange(self.n_tokens)[None]
        return numpy.where(self.inside, rows, padding)


def make_buckets(spans: Ints2d) -> list[Bucket]:
    """Units of similar length together: at most a quarter and 2 tokens longer than the shortest.

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
    """Units of the docs of a batch as rows of its concatenated words.

    units (Sequence[Ints2d]): per doc (U, 2). lengths (Sequence[int]): words of each doc.
    RETURNS (Ints2d): (all units, 2) start and end row.
    """
    offsets = numpy.cumsum([0, *lengths])[:-1]
    spans = [u + offset for u, offset in zip(units, offsets)]
    return numpy.concatenate(spans) if spans else numpy.zeros((0, 2), dtype="int64")
