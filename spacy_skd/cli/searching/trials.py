"""The trials of a search, and which of them go on (successive halving, Jamieson and Talwalkar
2016)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

RUNGS, KEPT = 3, 3  # trainings of a candidate that comes to the end; of so many one goes on


@dataclass
class Trial:
    """A size that was tried.

    choice: see `SPACE`, as the student has it. width: None if none meets the budget.
    estimate: words per second before it was trained, of its width or, where there is none, of the
    smallest; words_per_second, megabytes: as they were measured after the first training.
    scores: after each training, 0 to 1, on dev. seconds: that all its trainings took.
    failed: how a training diverged, "" if none did; such a trial goes no further.
    """

    number: int
    choice: dict[str, int]
    width: int | None = None
    estimate: float | None = None
    words_per_second: float | None = None
    megabytes: float | None = None
    scores: list[float] = field(default_factory=list)
    seconds: float = 0.0
    failed: str = ""

    def meets(self, words: float, size: float | None) -> bool:
        """Whether it is as fast as asked, words per second, and as small, megabytes, as far as was
        measured when it had been trained."""
        if self.words_per_second is None or self.megabytes is None:
            return False
        return self.words_per_second >= words and (size is None or self.megabytes <= size)

    @property
    def score(self) -> float | None:
        """Of the longest training, None before any."""
        return self.scores[-1] if self.scores else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def shares() -> list[float]:
    """Return which share of the words of a whole training each of its trainings sees: they sum to
    1, and each reaches three times as far as the one before."""
    ends = [KEPT ** (rung + 1 - RUNGS) for rung in range(RUNGS)]
    return [end - before for end, before in zip(ends, [0.0, *ends])]


def survivors(trials: Sequence[Trial], rung: int, *, always: Sequence[int]) -> list[Trial]:
    """Return which trials go on after a training, the best third.

    trials (Sequence[Trial]): those that meet the budget. rung (int): of the training, from 0.
    always (Sequence[int]): numbers of trials that go on whatever they score.
    """
    trained = [trial for trial in trials if len(trial.scores) > rung]
    best = sorted(trained, key=lambda trial: (-trial.scores[rung], trial.number))
    chosen = best[: -(-len(trained) // KEPT)]
    more = [trial for trial in trained if trial.number in always and trial not in chosen]
    return sorted([*chosen, *more], key=lambda trial: trial.number)


def trainings(n: int) -> float:
    """Return how many whole trainings a search of so many trials costs, at most."""
    total, left = 0.0, n
    for share in shares():
        total += share * left
        left = -(-left // KEPT) + 1  # the preset goes on whatever it scores
    return total
