"""What was found out before, of a bounded number of keys."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from ..errors import check_between

V = TypeVar("V")


class Memo(Generic[V]):
    """Values of the `size` keys that were asked for last, or fewer.

    Keys and values have no time: each value is a function of its key. So threads may share a memo,
    of which they lose an entry at worst. Copies and pickles of it are empty.

    RAISES (ValueError): if the size is below 2.
    """

    def __init__(self, size: int):
        self.size = int(check_between("memo", size, low=2, high=10**9))
        self.clear()

    def clear(self) -> None:
        self._young: dict[Any, V] = {}
        self._old: dict[Any, V] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def __deepcopy__(self, copied: Any) -> "Memo[V]":
        return Memo(self.size)

    def __reduce__(self) -> tuple[Any, ...]:
        return Memo, (self.size,)

    def get(self, key: Any) -> V | None:
        return self.find([key])[0]

    def find(self, keys: Sequence[Any]) -> list[V | None]:
        """Return the value of each key, None where it is not known."""
        values = list(map(self._young.get, keys))
        for i, value in enumerate(values):
            if value is None:
                old = values[i] = self._old.get(keys[i])
                if old is not None:
                    self[keys[i]] = old
        return values

    def __setitem__(self, key: Any, value: V) -> None:
        if len(self._young) >= self.size // 2:
            self._young, self._old = {}, self._young
        self._young[key] = value
