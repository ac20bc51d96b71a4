"""Who drives the trajectories of training: which action is taken at each state."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy

from ...arrays import Floats2d, Ints1d
from ...errors import check_between, check_one_of
from .oracle import Advice, Step

DRIVERS = ("teacher", "student", "mixed")


@dataclass
class Driver:
    """Who drives decides which states are learnt, and so what is optimised (Czarnecki et al. 2019).

    who (str): "teacher", whose trajectories are its own analyses; "student", whose are those of
        prediction; or "mixed", at each state the teacher with a chance of `share`, else the
        student.
    share (float): of "mixed" alone, 0 to 1.
    sampled (bool): whether an action is drawn from who drives, so that a whole analysis is drawn
        from its distribution; else its best is taken.
    Where the teacher says nothing the student drives.
    RAISES (ValueError): if a setting is none of these.
    """

    who: str = "student"
    share: float = 0.5
    sampled: bool = False

    def __post_init__(self) -> None:
        check_one_of("driver", self.who, DRIVERS)
        check_between("driver_share", self.share, low=0, high=1)
        self.share = {"teacher": 1.0, "student": 0.0}.get(self.who, self.share)

    @cached_property
    def rng(self) -> numpy.random.Generator:
        """Of spaCy's seed, if training is what asks for it."""
        return numpy.random.default_rng(numpy.random.randint(2**31))

    def choose(self, step: Step, advice: Sequence[Advice]) -> Ints1d:
        """Return (states,) an action for each, of those that are valid."""
        taught = numpy.asarray([each.is_taught for each in advice])
        by_teacher = taught & (self.rng.random(len(advice)) < self.share)
        return self._pick(numpy.where(by_teacher[:, None], step.teacher, step.policy))

    def _pick(self, chances: Floats2d) -> Ints1d:
        best: Ints1d = chances.argmax(axis=1)
        if not self.sampled:
            return best
        total = chances.cumsum(axis=1)
        numbers = self.rng.random(len(chances))[:, None] * total[:, -1:]
        drawn = (numbers >= total).sum(axis=1).clip(max=chances.shape[1] - 1)
        possible = chances[numpy.arange(len(chances)), drawn] > 0
        chosen: Ints1d = numpy.where(possible, drawn, best)
        return chosen
