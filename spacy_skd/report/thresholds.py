"""The least confidence of spans for a wanted precision."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy
from spacy.language import Language
from thinc.api import Config

from ..arrays import Array, Bools, Floats1d
from ..errors import check_between
from ..pipeline.tasks.scored_spans import LeastConfidence
from .deciding import Decisions
from .reliability import PrecisionRecall, lowest_threshold, precision_recall

ALL = ""  # in place of a label
LEAST, PER_LABEL = "min_confidence", "min_confidence_per_label"  # settings
DIGITS = range(3, 17)


class Threshold(NamedTuple):
    """Of the spans of a label.

    least (float | None): the lowest that reaches the wanted precision, 0 if all spans do; None if
        none does. kept, everything (PrecisionRecall): of the spans from it on, of all.
    n, n_kept (int): of spans, of those from it on. n_gold (int): of what there was to find.
    """

    least: float | None
    kept: PrecisionRecall
    everything: PrecisionRecall
    n: int
    n_kept: int
    n_gold: int

    def to_json(self) -> dict[str, Any]:
        """Return the numbers, None for NaN."""
        pairs = {"": self.kept, "_of_all": self.everything}
        numbers = {
            f"{name}{of}": None if math.isnan(value) else value
            for of, pair in pairs.items()
            for name, value in pair._asdict().items()
        }
        return {
            LEAST: self.least,
            **numbers,
            "n": self.n,
            "n_kept": self.n_kept,
            "n_gold": self.n_gold,
        }


def check_precision(precision: float) -> float:
    """Return a wanted precision. RAISES (ValueError): if it is none."""
    if not 0 < precision <= 1:
        raise ValueError(
            f"precision: expected a number above 0, at most 1, such as 0.95, got {precision:g}"
        )
    return check_between("precision", precision, low=0, high=1)


def check_keys(labels: Iterable[str]) -> None:
    """Check that a config can have a threshold for each label. RAISES (ValueError): naming one that
    it cannot read as a key."""
    for label in labels:
        block = {"thresholds": {label: 0.5}}
        try:
            kept = Config().from_str(Config(block).to_str(), interpolate=False)
        except ValueError:
            kept = Config()
        if kept != block:
            raise ValueError(
                f"per_label: a config cannot have the label {label!r} as the name of a setting; "
                f"choose one threshold for all (--precision without --per-label)"
            )


def choose_threshold(
    confidences: Array, right: Array, *, precision: float, n_gold: int
) -> Threshold:
    """Return the lowest threshold whose precision is reached: between the probability from which on
    it is and the next lower one, as short a number as there is."""
    lowest = lowest_threshold(confidences, right, precision=precision)
    everything = precision_recall(confidences, right, threshold=0, n_gold=n_gold)
    below = numpy.asarray([]) if lowest is None else confidences[confidences < lowest]
    least = lowest
    if lowest is not None:
        least = _between(float(below.max()), lowest) if len(below) else 0.0
    from_on = 2.0 if least is None else least  # above all probabilities
    kept = precision_recall(confidences, right, threshold=from_on, n_gold=n_gold)
    n_kept = int((confidences >= from_on).sum())
    return Threshold(least, kept, everything, len(right), n_kept, n_gold)


def _between(low: float, high: float) -> float:
    """Return a number above low and at most high."""
    rounded = (round((low + high) / 2, digits) for digits in DIGITS)
    return next((number for number in rounded if low < number <= high), high)


def choose_thresholds(
    decisions: Decisions, confidences: Floats1d, *, precision: float, labels: Sequence[str]
) -> dict[str, Threshold]:
    """Return the threshold of each of some labels, `ALL` for that of all.

    confidences (Floats1d): (n,) as the component is to tell them.
    """
    chosen = {}
    for label in labels:
        rows: Bools = numpy.ones(len(confidences), dtype=bool)
        n_gold = decisions.n_gold.total()
        if label != ALL:
            rows, n_gold = decisions.labels == label, decisions.n_gold[label]
        chosen[label] = choose_threshold(
            confidences[rows], decisions.right[rows], precision=precision, n_gold=n_gold
        )
    return chosen


def set_thresholds(nlp: Language, name: str, chosen: dict[str, Threshold]) -> None:
    """Let a component annotate by thresholds, and its config say so; where none was found, what was
    set stays. One of all labels takes the place of those of each."""
    pipe: Any = nlp.get_pipe(name)
    task = pipe.task
    least = {label: each.least for label, each in chosen.items() if each.least is not None}
    overall, by_label = task.least_confidence.least, task.least_confidence.by_label
    if ALL in least:
        overall, by_label = least.pop(ALL), {}
    by_label = {**by_label, **least}
    task.least_confidence = LeastConfidence(overall, by_label)
    nlp.get_pipe_config(name).update({LEAST: overall, PER_LABEL: by_label})
