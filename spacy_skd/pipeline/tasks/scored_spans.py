"""Spans with their probabilities, and which of them are sure enough to be annotated."""

from collections.abc import Iterable, Mapping, Sequence

import numpy

from ...arrays import Floats1d
from ...codecs.bioes import TypedSpan
from ...errors import check_between


class ScoredSpans(list[TypedSpan]):
    """Spans of words of a doc. chances (Floats1d | None): (S,) their probabilities; None where
    these were not asked for."""

    def __init__(self, spans: Iterable[TypedSpan] = (), *, chances: Floats1d | None = None):
        super().__init__(spans)
        self.chances = chances


class LeastConfidence:
    """The probability below which a span is not annotated.

    least (float): of all labels, 0 to 1. by_label (Mapping[str, float]): of some, in its place.
    RAISES (ValueError): if one is out of range.
    """

    def __init__(self, least: float = 0.0, by_label: Mapping[str, float] | None = None):
        self.least = check_between("min_confidence", least, low=0, high=1)
        self.by_label = {
            label: check_between(f"min_confidence_per_label of {label!r}", value, low=0, high=1)
            for label, value in (by_label or {}).items()
        }

    def __bool__(self) -> bool:
        """Whether it leaves anything out."""
        return self.least > 0 or any(self.by_label.values())

    def check(self, labels: Sequence[str]) -> None:
        """Check a component's labels. RAISES (ValueError): if it has not one that is named."""
        unknown = sorted(set(self.by_label) - set(labels))
        if unknown:
            raise ValueError(
                f"min_confidence_per_label: expected labels of the component "
                f"({', '.join(labels)}), got {', '.join(unknown)}; remove or correct them"
            )

    def of(self, spans: ScoredSpans) -> ScoredSpans:
        """Return those that are sure enough; all of what has no probabilities."""
        if not self or spans.chances is None or not spans:
            return spans
        least = [self.by_label.get(label, self.least) for _, _, label in spans]
        kept = numpy.flatnonzero(spans.chances >= least)
        return ScoredSpans([spans[i] for i in kept.tolist()], chances=spans.chances[kept])
