"""What was found out before, of a bounded number of keys."""

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
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self[key] = value
        return value

    def __setitem__(self, key: Any, value: V) -> None:
        if len(self._young) >= self.size // 2:
            self._young, self._old = {}, self._young
        self._young[key] = value
