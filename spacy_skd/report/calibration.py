"""Temperatures with which the probabilities that a pipeline tells are true, fitted on gold.

One T a component divides all its scores (Guo et al., "On Calibration of Modern Neural Networks",
ICML 2017, section 4.2), so that marginals stay consistent. It is that of the least mean square
distance between what is told and what is true (`square_distance`). The likelihood would give the
few decisions that are wrong although nearly certain more say than all others.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..arrays import Array
from ..layers.known import layers_of
from ..models.words import word_lengths
from ..pipeline.distilling import DistillingPipe
from ..training.check import TOKENS, same_tokens
from .deciding import Decisions, decisions_of
from .reliability import (
    LEAST,
    Bin,
    Reliability,
    diagram,
    measure,
    square_distance,
    square_error,
)
from .temperature import Temperature, fit_temperature
from .thresholds import (
    ALL,
    Threshold,
    check_keys,
    check_precision,
    choose_thresholds,
    set_thresholds,
)

NEAR = 0.3  # of log T, between what is of the least distance and of the least Brier score
ROUGH = 0.1  # error of log T from which on it is
FEW = 30  # spans on which a threshold is rough


@dataclass(frozen=True)
class Told:
    """What is told of decisions at one temperature. measures (Reliability): of that. bins
    (list[Bin]): its diagram."""

    measures: Reliability
    bins: list[Bin]

    def to_json(self) -> dict[str, Any]:
        """Return the numbers."""
        return {**self.measures.to_json(), "diagram": [bar._asdict() for bar in self.bins]}


@dataclass(frozen=True)
class Calibrated:
    """One component.

    layer (str): full name. before, after (Told): at T = 1, and at the temperature. thresholds
        (dict[str, Threshold]): by label, `ALL` for all; none if none were asked for.
    """

    layer: str
    temperature: Temperature
    before: Told
    after: Told
    thresholds: dict[str, Threshold] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers."""
        return {
            "layer": self.layer,
            "temperature": self.temperature.value,
            "temperature_error": self.temperature.error,
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "thresholds": {label: each.to_json() for label, each in self.thresholds.items()},
        }


@dataclass
class Calibration:
    """Of a pipeline.

    n_docs, n_words (int): of the corpus. components (dict[str, Calibrated]): by name.
    skipped (dict[str, str]): what else there was to calibrate, and why it was not.
    doubts (list[str]): what to mind.
    """

    n_docs: int
    n_words: int
    components: dict[str, Calibrated] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers."""
        return {
            "n_docs": self.n_docs,
            "n_words": self.n_words,
            "components": {name: each.to_json() for name, each in self.components.items()},
            "skipped": self.skipped,
            "doubts": self.doubts,
        }


def calibrate(
    nlp: Language,
    references: Sequence[Doc],
    *,
    components: Collection[str] = (),
    precision: float | None = None,
    per_label: bool = False,
) -> Calibration:
    """Fit and set `calibration` of a pipeline's components, each on the docs as the components
    before it have annotated them. What was set before does not count.

    references (Sequence[Doc]): with gold; of their tokens.
    components (Collection[str]): by name; without any, all of this package.
    precision (float | None): that entities and spans are to have: sets `min_confidence`, or, with
        per_label (bool), `min_confidence_per_label`.
    RAISES (ValueError): if there is no such component, none of this package, or no gold of any; if
        the precision is out of range, or no component has spans.
    """
    pipes = _chosen(nlp, components)
    if precision is not None:
        check_precision(precision)
        _check_spans(pipes)
        if per_label:
            of_spans = (p for p in pipes.values() if p.task.least_confidence is not None)
            check_keys(label for pipe in of_spans for label in pipe.labels)
    outcome = Calibration(len(references), sum(word_lengths(references)))
    outcome.skipped = {} if components else _stock(nlp)
    outcome.doubts = list(_doubtful_tokens(nlp, references))
    for name, pipe in pipes.items():
        if not any(map(pipe.layer.is_annotated, references)):
            outcome.skipped[name] = f"no doc of the corpus has gold of {pipe.layer.full_name}"
    having = [name for name in pipes if name not in outcome.skipped]
    for name, decisions in decisions_of(nlp, references, having):
        pipe = pipes[name]
        if not len(decisions.right):
            outcome.skipped[name] = "it decides nothing of which the corpus has gold"
            continue
        fitted = _fit(pipe, decisions)
        if precision is not None and pipe.task.least_confidence is not None:
            confidences = decisions.confidences(pipe.calibration)
            labels = pipe.labels if per_label else (ALL,)
            chosen = choose_thresholds(decisions, confidences, precision=precision, labels=labels)
            set_thresholds(nlp, name, chosen)
            fitted = replace(fitted, thresholds=chosen)
        outcome.components[name] = fitted
        outcome.doubts += [*_doubts(pipe, fitted, precision), *_untold_starts(nlp, pipe)]
    if not outcome.components:
        reasons = "; ".join(f"{name}: {why}" for name, why in outcome.skipped.items())
        raise ValueError(f"expected gold of what a component annotates, found none: {reasons}")
    return outcome


def _chosen(nlp: Language, names: Collection[str]) -> dict[str, DistillingPipe]:
    """Return the components to calibrate. RAISES (ValueError): see `calibrate`."""
    own = {name: pipe for name, pipe in nlp.pipeline if isinstance(pipe, DistillingPipe)}
    if not own:
        raise ValueError(
            f"expected a component of this package, found none among "
            f"{', '.join(nlp.pipe_names) or 'no components'}; spaCy's own have no temperature"
        )
    unknown = [name for name in names if name not in own]
    if unknown:
        raise ValueError(
            f"components: expected some of {', '.join(own)}, got {', '.join(unknown)}, which "
            f"{'are' if len(unknown) > 1 else 'is'} no enabled component of this package"
        )
    return {name: pipe for name, pipe in own.items() if not names or name in names}


def _check_spans(pipes: Mapping[str, DistillingPipe]) -> None:
    if all(pipe.task.least_confidence is None for pipe in pipes.values()):
        raise ValueError(
            f"precision: expected a component of entities or spans, which alone leave out what is "
            f"not sure enough, got {', '.join(pipes)}"
        )


def _stock(nlp: Language) -> dict[str, str]:
    """Return what of others annotates a layer, and why it is left as it is."""
    return {
        name: "spaCy's own components have no temperature"
        for name, pipe in nlp.pipeline
        if not isinstance(pipe, DistillingPipe) and layers_of(nlp.get_pipe_config(name))
    }


def _doubtful_tokens(nlp: Language, references: Sequence[Doc]) -> Iterator[str]:
    share = same_tokens(nlp, references)
    if share < TOKENS[0]:
        yield (
            f"the pipeline's tokenizer makes {100 * share:.1f} % of the corpus's tokens; what is "
            f"fitted holds for tokens such as the corpus has"
        )


def _doubts(pipe: DistillingPipe, fitted: Calibrated, precision: float | None) -> Iterator[str]:
    measures, error = fitted.after.measures, fitted.temperature.error
    if error > ROUGH:
        wrong = measures.n - round(measures.n * measures.accuracy)
        yield (
            f"{pipe.name}: a rough estimate, T times or over {math.exp(error):.2f}, of "
            f"{measures.n} decisions of which {wrong} are wrong; a larger corpus says more"
        )
    least = pipe.task.least_confidence
    if precision is None and least:
        yield (
            f"{pipe.name}: min_confidence was chosen for other probabilities, and leaves out other "
            f"spans now; choose it anew, by --precision or `spacy find-threshold`"
        )
    for label, each in fitted.thresholds.items():
        if each.least is None:
            yield f"{pipe.name}: {_no_threshold(label, each, precision)}"
        elif each.n_kept < FEW:
            of = f" of {label}" if label != ALL else ""
            yield f"{pipe.name}: the threshold{of} rests on {each.n_kept} spans, and is rough"


def _untold_starts(nlp: Language, pipe: DistillingPipe) -> Iterator[str]:
    """Yield what to mind where probabilities of trees are told, and those of starts are not."""
    before = [each for _, each in nlp.pipeline[: nlp.pipe_names.index(pipe.name)]]
    own = [each for each in before if isinstance(each, DistillingPipe)]
    silent = [each.name for each in own if each.layer.sets_sentences and not each.confidences]
    if silent and pipe.layer.needs_sentences and (pipe.confidences or pipe.save_activations):
        yield (
            f"{pipe.name}: T is that of probabilities which count those of its sentences, and it "
            f"tells others as long as the confidences of {', '.join(silent)} are off; turn them on"
        )


def _no_threshold(label: str, threshold: Threshold, precision: float | None) -> str:
    of = f" of {label}" if label != ALL else ""
    kept = "what was set stays"
    if not threshold.n_gold:
        return f"the corpus has no spans{of}, and no threshold is chosen; {kept}"
    if not threshold.n:
        return f"no spans{of} are found in the corpus, and no threshold is chosen; {kept}"
    return f"no threshold{of} has a precision of {precision:g}; {kept}"


def _fit(pipe: DistillingPipe, decisions: Decisions) -> Calibrated:
    """Set the temperature. RETURNS (Calibrated): without thresholds."""
    right = decisions.right

    def fit(distance: Callable[[Array, Array], float], start: float) -> Temperature:
        """Fit a distance as a log likelihood: of errors that are normal, of one variance."""
        chances = decisions.confidences(start)
        variance = max(float(numpy.mean(chances * (1 - chances))), LEAST)
        return fit_temperature(
            lambda t: distance(decisions.confidences(t), right) / (2 * variance), start=start
        )

    # That of bins has a second minimum where all is certain: it is looked for beside the other's.
    first = fit(square_error, 1.0)
    temperature = fit(square_distance, first.value)
    if abs(math.log(temperature.value / first.value)) > NEAR:
        temperature = fit(square_error, first.value)
    pipe.calibration = temperature.value
    before, after = (told(decisions, at=t) for t in (1.0, temperature.value))
    return Calibrated(pipe.layer.full_name, temperature, before, after)


def told(decisions: Decisions, *, at: float) -> Told:
    """Return what is told at a temperature."""
    confidences, right = decisions.confidences(at), decisions.right
    return Told(measure(confidences, right), diagram(confidences, right))
