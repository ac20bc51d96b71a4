"""The k highest of many sums, without forming them all."""

from typing import Any

import numpy

from ..arrays import ArrayModule, Floats2d, Floats3d, Ints1d, Ints2d, Ints3d
from .parts import POSSIBLE_ABOVE

# From this many columns for each that is wanted on, finding those first is faster than sorting all.
MUCH_LONGER = 4
# Up to as many, looking for the highest of the rest again and again is faster than either.
FEW = 16


def top(xp: ArrayModule, values: Floats2d, k: int) -> Ints2d:
    """Return indices of the k highest of the last axis, highest first; of equal ones the first."""
    if k == 1:
        best: Ints2d = values.argmax(axis=-1)[..., None]
        return best
    n = values.shape[-1]
    if k <= min(FEW, n):
        return _one_by_one(xp, values, k)
    if n <= MUCH_LONGER * k:
        return xp.argsort(-values, axis=-1, kind="stable")[..., :k]
    lowest = xp.partition(values, n - k, axis=-1)[..., n - k, None]
    above, equal = values > lowest, values == lowest
    left = k - above.sum(axis=-1, keepdims=True)
    chosen = above | (equal & (equal.cumsum(axis=-1) <= left))
    found = xp.nonzero(chosen)[-1].reshape(*values.shape[:-1], k)
    order = xp.argsort(-xp.take_along_axis(values, found, axis=-1), axis=-1, kind="stable")
    return xp.take_along_axis(found, order, axis=-1)


def _one_by_one(xp: ArrayModule, values: Floats2d, k: int) -> Ints2d:
    """As `top`, of finite values and -inf; what was found is lower than both."""
    rest = xp.maximum(values, xp.finfo(values.dtype).min)
    found = xp.empty((*values.shape[:-1], k), dtype="int64")
    for rank in range(k):
        highest = rest.argmax(axis=-1)
        found[..., rank] = highest
        xp.put_along_axis(rest, highest[..., None], -xp.inf, axis=-1)
    return found


def likely_pairs(xp: ArrayModule, rows: int, columns: int, k: int) -> tuple[Ints1d, Ints1d]:
    """Of two lists, highest first, the pairs of ranks that the k highest sums can be made of: pair
    (i, j) has (i + 1)(j + 1) - 1 others that are at least as high."""
    i, j = numpy.nonzero(numpy.outer(1 + numpy.arange(rows), 1 + numpy.arange(columns)) <= k)
    return xp.asarray(i), xp.asarray(j)


def padded(xp: ArrayModule, columns: Any, k: int, *, value: float) -> Any:
    """With k entries on the last axis."""
    missing = k - columns.shape[-1]
    if not missing:
        return columns
    more = xp.full((*columns.shape[:-1], missing), value, dtype=columns.dtype)
    return xp.concatenate([columns, more], axis=-1)


def best_rows(xp: ArrayModule, rows: Floats3d, mask: Any, k: int) -> tuple[Floats2d, Ints3d]:
    """Return the k best choices of one column for each token, where tokens are independent.

    rows (Floats3d): (B, N, C) scores in nats. mask: (B, N) bool, False in the padding.
    RETURNS (tuple[Floats2d, Ints3d]): (B, k) totals, highest first, -inf where there are fewer;
        (B, k, N) columns, -1 in the padding and where there are fewer.
    """
    b, n, _ = rows.shape
    rows = xp.where(rows > POSSIBLE_ABOVE, rows.astype("float64"), -xp.inf)
    totals = padded(xp, xp.zeros((b, 1)), k, value=-xp.inf)
    steps: list[tuple[Ints2d, Ints2d]] = []  # rank before, column
    for i in range(n):
        columns = top(xp, rows[:, i], k)
        values = xp.take_along_axis(rows[:, i], columns, axis=1)
        first, second = likely_pairs(xp, k, columns.shape[1], k)
        sums = totals[:, first] + values[:, second]
        where = top(xp, sums, k)
        inside = mask[:, i, None]
        found = padded(xp, xp.take_along_axis(sums, where, axis=1), k, value=-xp.inf)
        totals = xp.where(inside, found, totals)
        column = xp.take_along_axis(columns, second[where], axis=1)
        before = xp.where(inside, padded(xp, first[where], k, value=0), xp.arange(k))
        steps.append((before, xp.where(inside, padded(xp, column, k, value=-1), -1)))
    chosen = xp.full((b, k, n), -1)
    rank = xp.broadcast_to(xp.arange(k), (b, k))
    for i in range(n - 1, -1, -1):
        before, column = steps[i]
        chosen[:, :, i] = xp.take_along_axis(column, rank, axis=1)
        rank = xp.take_along_axis(before, rank, axis=1)
    chosen[~xp.isfinite(totals)] = -1
    return totals, chosen
