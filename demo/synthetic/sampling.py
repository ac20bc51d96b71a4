"""Draws by rank and by weight that use nothing but `Random.random`.

`random()` is the only method whose sequence Python promises to keep, so a corpus stays the same
from version to version and from platform to platform. The weights need only division.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Rand = Callable[[], float]


class Weighted(Generic[Item]):
    """Draws items in proportion to their weights.

    Raises ValueError if there are no items, or not one weight for each.
    """

    def __init__(self, items: Sequence[Item], weights: Sequence[float]) -> None:
        if not items or len(items) != len(weights):
            raise ValueError(
                f"Expected as many weights as items, at least one; "
                f"got {len(items)} items and {len(weights)} weights."
            )
        self.items = items
        total, cumulative = 0.0, []
        for weight in weights:
            total += weight
            cumulative.append(total)
        self._cumulative = cumulative
        self._total = total
        self._last = len(items) - 1

    def draw(self, rand: Rand) -> Item:
        """One item; `rand` gives numbers in [0, 1)."""
        i = bisect_right(self._cumulative, rand() * self._total)
        return self.items[i if i <= self._last else self._last]


def zipf(items: Sequence[Item], *, offset: float = 4.0) -> Weighted[Item]:
    """Items in order of frequency: the weight of rank r (from 0) is 1 / (r + offset)."""
    return Weighted(items, [1.0 / (rank + offset) for rank in range(len(items))])


def pick(rand: Rand, items: Sequence[Item]) -> Item:
    """One item, all equally likely."""
    return items[int(rand() * len(items))]


def between(rand: Rand, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return low + int(rand() * (high - low + 1))
