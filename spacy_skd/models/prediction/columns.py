"""Docs of similar length side by side, features first: the encoder's layout in prediction.

A token is a column, so that every element-wise step and every sum over features runs along
contiguous memory, a window of tokens is a shifted copy, and a head's queries need no copy at all.
A chunk of docs goes through all layers at once while it is in the processor's cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy

from ...arrays import Array, Floats1d, Floats2d, Ints1d

# Tokens of a chunk, and pairs of tokens that see each other: what keeps its arrays in the cache.
MAX_COLUMNS = 1024
MAX_PAIRS = 48_000
# Columns of padding that cost less than another chunk.
MAX_PADDING = 64


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some docs of a batch, G of them, each padded to the longest, N tokens, and `pad` columns.

    starts (Ints1d): (G,) first row of each in the batch's rows. lengths (Ints1d): (G,) tokens of
    each. pad (int): zeros before, between and after them.
    """

    starts: Ints1d
    lengths: Ints1d
    pad: int

    @cached_property
    def n_tokens(self) -> int:
        """Tokens of the longest doc."""
        return int(self.lengths.max())

    @cached_property
    def is_full(self) -> bool:
        """Whether there is no padding: all docs are of one length."""
        return len(self.lengths) == 1 or bool((self.lengths == self.n_tokens).all())

    @cached_property
    def inside(self) -> Array:
        """(G, N) bool, False in the padding."""
        return numpy.arange(self.n_tokens)[None] < self.lengths[:, None]

    @property
    def n_columns(self) -> int:
        """Of all docs, with the padding."""
        return self.pad + len(self.starts) * (self.n_tokens + self.pad)

    def read(self, rows: Floats2d, columns: Floats2d) -> None:
        """Read `rows`, (T, width), into `columns`, (width, n_columns), zeros."""
        period = self.n_tokens + self.pad
        for i, (start, n) in enumerate(zip(self.starts.tolist(), self.lengths.tolist())):
            first = self.pad + i * period
            columns[:, first : first + n] = rows[start : start + n].T

    def tokens(self, columns: Floats2d) -> Floats2d:
        """Leave out the columns between docs. RETURNS (Floats2d): (width, G * N), a copy."""
        period = self.n_tokens + self.pad
        by_doc = columns[:, self.pad :].reshape((len(columns), -1, period))
        return by_doc[:, :, : self.n_tokens].reshape((len(columns), -1))

    def write(self, tokens: Floats2d, rows: Floats2d) -> None:
        """Write `tokens`, (width, G * N), to `rows`, (T, width), in place."""
        period = self.n_tokens
        for i, (start, n) in enumerate(zip(self.starts.tolist(), self.lengths.tolist())):
            first = i * period
            rows[start : start + n] = tokens[:, first : first + n].T


def plan_chunks(lengths: Sequence[int], *, pad: int, whole: int) -> list[Chunk]:
    """Plan chunks that cover every doc that is not empty once.

    lengths (Sequence[int]): tokens of each doc, whose rows follow each other.
    whole (int): docs of more tokens are not in a chunk with others of at most so many.
    """
    sizes = numpy.asarray(lengths, dtype="int64")
    starts = numpy.cumsum(sizes) - sizes
    order = numpy.argsort(sizes, kind="stable")
    order = order[sizes[order] > 0]
    return [
        Chunk(starts[order[first:end]], sizes[order[first:end]], pad)
        for first, end in _slices(sizes[order].tolist(), pad, whole)
    ]


def _slices(ascending: Sequence[int], pad: int, whole: int) -> list[tuple[int, int]]:
    """Cut slices with neither too many columns nor too much padding."""
    slices: list[tuple[int, int]] = []
    first = tokens = 0
    for i, size in enumerate(ascending):
        count = i + 1 - first
        padding = count * size - tokens - size
        too_wide = padding > max(MAX_PADDING, tokens // 8)
        too_many = count * (size + pad) > min(MAX_COLUMNS, MAX_PAIRS // size)
        if count > 1 and (too_wide or too_many or ascending[first] <= whole < size):
            slices.append((first, i))
            first, tokens = i, 0
        tokens += size
    return [*slices, (first, len(ascending))] if ascending else []


def normalise(X: Floats2d, scale: Floats1d, shift: Floats1d | None, *, epsilon: float) -> Floats2d:
    """Make each column (X - mean) / deviation * scale + shift, in place. X: (width, columns)."""
    scaled(centre(X), epsilon=epsilon, out=X)
    X *= scale[:, None]
    if shift is not None:
        X += shift[:, None]
    return X


def centre(X: Floats2d) -> Floats2d:
    """Subtract the mean of each column, in place. X: (width, columns)."""
    mean = numpy.add.reduce(X, axis=0)
    mean /= len(X)
    X -= mean
    return X


def scaled(X: Floats2d, *, epsilon: float, out: Floats2d) -> None:
    """Write X / deviation of each column to `out`. X: (width, columns), of mean 0."""
    factor = numpy.einsum("ij,ij->j", X, X)
    factor /= len(X)
    factor += epsilon
    numpy.sqrt(factor, out=factor)
    numpy.reciprocal(factor, out=factor)
    numpy.multiply(X, factor, out=out)
