"""How far a long command is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """done, total: of any unit, bytes of the input or words; a total of 0 is not known. words:
    tokens since the report before. is_new: worked on in this run, and not in one before."""

    done: int
    total: int
    words: int
    is_new: bool = True


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Tell nobody."""
