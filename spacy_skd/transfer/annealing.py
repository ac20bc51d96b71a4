"""The teacher's weight over training: settings, and a step that the component counts and saves.

thinc's schedules are generators, which restart when training resumes; these are functions of a
step number.
"""

from dataclasses import dataclass
from typing import Any

from thinc.api import Optimizer

from ..errors import check_between
from ..registry import misc


@dataclass(frozen=True)
class WeightSchedule:
    """From `start` at step 0 in a straight line to `end` at step `steps`, then `end`; the same at
    every step, if both are.

    Wang et al. (2021), section 4, anneal the teacher's weight from 1 towards 0 over training.
    """

    start: float
    end: float
    steps: int = 1

    def __call__(self, step: int) -> float:
        share = min(max(step, 0) / self.steps, 1.0)
        return self.start + (self.end - self.start) * share

    @property
    def highest(self) -> float:
        return max(self.start, self.end)


def finish_step(pipe: Any, sgd: Optimizer) -> None:
    """As `finish_update` of a component: apply the gradient, of one batch or, with
    `training.accumulate_gradient`, of several. If one is that of `update` (`has_gradient`), its
    `cfg` counts a "step"."""
    pipe.model.finish_update(sgd)
    if vars(pipe).pop("has_gradient", False):
        pipe.cfg["step"] = pipe.cfg.get("step", 0) + 1


@misc("spacy-skd.ConstantWeight.v1")
def make_constant_weight(weight: float) -> WeightSchedule:
    """Keep `weight`, the teacher's share of the loss, 0 to 1. RAISES (ValueError): otherwise."""
    share = check_between("weight", weight, low=0, high=1)
    return WeightSchedule(share, share)


@misc("spacy-skd.LinearWeight.v1")
def make_linear_weight(start: float = 1.0, end: float = 0.0, steps: int = 5000) -> WeightSchedule:
    """Change the weight by equal steps.

    start, end (float): the teacher's share of the loss, 0 to 1. steps (int): of the optimizer, from
    start to end, at least 1. RAISES (ValueError): otherwise.
    """
    if steps < 1:
        raise ValueError(f"steps: expected at least 1, got {steps}")
    return WeightSchedule(
        start=check_between("start", start, low=0, high=1),
        end=check_between("end", end, low=0, high=1),
        steps=steps,
    )


def as_schedule(setting: float | WeightSchedule) -> WeightSchedule:
    """Return a schedule, of a number a constant one. RAISES (ValueError): if it is out of range,
    or no schedule."""
    if isinstance(setting, (int, float)):
        return make_constant_weight(float(setting))
    if not callable(setting):
        raise ValueError(f"distill_weight: expected a number or a schedule, got {setting!r}")
    return setting
