"""Beliefs of docs in memory, up to a number of bytes."""

from collections import OrderedDict

from ...transfer.beliefs import Belief

Beliefs = dict[str, Belief]


class BeliefCache:
    """By the doc's key; the least recently used go first.

    most (int): bytes of beliefs and keys. A single doc is kept even if it has more.
    """

    def __init__(self, most: int):
        self.most = most
        self.bytes = 0
        self._found: OrderedDict[bytes, tuple[int, Beliefs]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: bytes) -> Beliefs | None:
        if key not in self._found:
            return None
        self._found.move_to_end(key)
        return self._found[key][1]

    def put(self, key: bytes, beliefs: Beliefs) -> bool:
        """Return whether others had to go."""
        if key in self._found:
            self.bytes -= self._found.pop(key)[0]
        size = sum(belief.nbytes for belief in beliefs.values()) + len(key)
        self._found[key] = (size, beliefs)
        self.bytes += size
        full = self.bytes > self.most and len(self._found) > 1
        while self.bytes > self.most and len(self._found) > 1:
            self.bytes -= self._found.popitem(last=False)[1][0]
        return full
