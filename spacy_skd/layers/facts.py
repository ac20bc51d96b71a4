"""What a doc says of a layer, fact by fact, so that two docs of one text can be compared."""

from collections.abc import Hashable
from typing import NamedTuple


class Fact(NamedTuple):
    """One thing that a doc says.

    chars (tuple[int, int]): start and end of the characters of which. claim (Hashable): what. Two
        docs say the same where both are the same (`key`), whatever their tokens are.
    tokens (tuple[int, int]): start and end of the doc's tokens of which.
    label (str): among which label's it counts; "" for none.
    text (str): what a pipeline may have met in training, or not; "" where that says nothing.
    head (int | None): the token to which an arc leads, of a root itself; None of other facts.
    """

    chars: tuple[int, int]
    tokens: tuple[int, int]
    claim: Hashable
    label: str = ""
    text: str = ""
    head: int | None = None

    @property
    def key(self) -> tuple[tuple[int, int], Hashable]:
        """Return what two docs say alike."""
        return self.chars, self.claim

    @property
    def length(self) -> int:
        """Return the tokens of an arc, 0 of a root, or of a span."""
        start, end = self.tokens
        return end - start if self.head is None else abs(self.head - start)
