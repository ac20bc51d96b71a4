"""Who drives the trajectories of training: which action is taken at each state."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy

from ...arrays import Floats2d, Ints1d
from ...errors import check_between, check_one_of
from .oracle import Advice, log_policy, teachers_of

MIXED = "mixed"
DRIVERS = ("teacher", "student", MIXED)


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

    def choose(self, scores: Floats2d, advice: Sequence[Advice]) -> Ints1d:
        """Return (states,) an action for each, of those that are valid.

        scores (Floats2d): (states, actions) the student's.
        """
        log_p = log_policy(scores, advice)
        if not self.share:
            return self._pick(log_p)
        taught = numpy.asarray([each.is_taught for each in advice])
        rows = numpy.flatnonzero(taught & (self.rng.random(len(advice)) < self.share))
        if len(rows):
            said = teachers_of([advice[row] for row in rows.tolist()], log_p[rows])[0]
            log_p[rows] = numpy.where(said > 0, numpy.log(numpy.maximum(said, 1e-300)), -numpy.inf)
        return self._pick(log_p)

    def _pick(self, log_p: Floats2d) -> Ints1d:
        """Return the best of each row, or one that is drawn: the best with Gumbel noise."""
        if self.sampled:
            log_p = log_p + self.rng.gumbel(size=log_p.shape)
        picked: Ints1d = log_p.argmax(axis=1)
        return picked
