"""Settings of the config as attributes of a trained component: those that can change at any time,
and those that cannot, which say so."""

from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, Protocol, TypeVar

from ..errors import check_between, check_one_of, named
from ..transfer.annealing import WeightSchedule, as_schedule
from .tasks.base import Task
from .tasks.lemma_predictions import check_backoff
from .tasks.predictions import DECODINGS

# What weights were learnt by, or for.
FIXED = (
    "scheme", "spans_key", "drop_wide", "incorrect_spans_key", "max_positive", "min_tree_freq",
    "min_count", "max_offset", "target", "k", "temperature", "temperature_kind", "exclusive",
    "positive_label",
)  # fmt: skip
PipeClass = TypeVar("PipeClass", bound=type)


class _Pipe(Protocol):
    name: str
    task: Task[Any, Any, Any, Any, Any]


class Changeable:
    """A setting that can be assigned. It is held by the component's task, or by the layer of that.

    held_as (str): the name there, that of the setting by default. check: returns the value that is
        held, of the name of the setting and what is assigned; RAISES (ValueError): if that is none.
    """

    def __init__(self, check: Callable[[str, Any], Any], *, held_as: str = ""):
        self.check, self.held_as = check, held_as

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self.held_as = name, self.held_as or name

    def __get__(self, pipe: _Pipe | None, owner: type) -> Any:
        return self if pipe is None else getattr(self._holder(pipe), self.held_as)

    def __set__(self, pipe: _Pipe, value: Any) -> None:
        holder = self._holder(pipe)
        with named(pipe.name):
            setattr(holder, self.held_as, self.check(self.name, value))

    def _holder(self, pipe: _Pipe) -> Any:
        task = pipe.task
        for holder in (task, task.layer):
            if self.held_as in holder.changeable:
                return holder
        what = f"layer {task.layer.name!r} with structure {task.structure.name!r}"
        raise AttributeError(f"{pipe.name}: {self.name} does not apply to {what}")


class Scheduled:
    """A share of the loss: what is assigned is a schedule, or a number, which is a constant one."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __set__(self, pipe: Any, share: float | WeightSchedule) -> None:
        with named(pipe.name):
            vars(pipe)[self.name] = as_schedule(share)


class Kept:
    """Whether docs keep what a component knows beside what it annotates. (Of categories, all is in
    `doc.cats` already.)"""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __set__(self, pipe: Any, value: bool) -> None:
        with named(pipe.name):
            vars(pipe)[self.name] = _yes_or_no(self.name, value)


class Fixed:
    """A setting that cannot be assigned."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, pipe: _Pipe | None, owner: type) -> Any:
        if pipe is None:
            return self
        raise AttributeError(f"{pipe.name}: {self.name} is a setting of the config alone")

    def __set__(self, pipe: _Pipe, value: Any) -> None:
        raise AttributeError(
            f"{pipe.name}: {self.name} is a setting of the config, and assigned to the component "
            f"it would change nothing. Give it when the pipeline is made or loaded: "
            f'spacy.load(..., config={{"components": {{"{pipe.name}": {{"{self.name}": ...}}}}}})'
        )


def with_settings(component: PipeClass) -> PipeClass:
    """Give a class of components the settings of the config as attributes, see
    `make_distilling_tagger` and the like. What is assigned holds as long as the component is not
    loaded anew, and is not saved.

    RAISES, of an attribute: (ValueError) for a value out of range; (AttributeError) for a setting
        that does not apply to the component, or cannot change any more.
    """
    settings: dict[str, Changeable | Kept | Fixed] = {
        "threshold": Changeable(_share),
        "min_confidence": Changeable(_share),
        "min_confidence_per_label": Changeable(_as_it_is),
        "decode": Changeable(partial(_one_of, known=DECODINGS), held_as="decoding"),
        "label_floor": Changeable(_share),
        "max_length": Changeable(_count),
        "top_k": Changeable(_count),
        "backoff": Changeable(lambda _, value: check_backoff(value)),
        "overwrite": Changeable(_yes_or_no),
        "save_activations": Kept(),
        "confidences": Kept(),
        **{name: Fixed() for name in FIXED},
    }
    for name, setting in settings.items():
        setting.__set_name__(component, name)
        setattr(component, name, setting)
    return component


def _as_it_is(name: str, value: Any) -> Any:
    """Return what its holder checks."""
    return value


def _share(name: str, value: Any) -> float:
    if type(value) is bool or not isinstance(value, Real):
        raise ValueError(f"{name}: expected a number from 0 to 1, got {value!r}")
    return check_between(name, float(value), low=0, high=1)


def _count(name: str, value: Any) -> int:
    if type(value) is bool or not isinstance(value, Integral):
        raise ValueError(f"{name}: expected a whole number from 0 on, got {value!r}")
    return int(check_between(name, int(value), low=0, high=10**6))


def _yes_or_no(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name}: expected True or False, got {value!r}")
    return value


def _one_of(name: str, value: Any, *, known: Sequence[str]) -> str:
    return check_one_of(name, value, known)
