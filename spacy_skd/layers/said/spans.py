"""Labelled spans: weighted sets of them, or each on its own with its probability."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy
from spacy.tokens import Doc

from ...arrays import Floats1d
from ...codecs.bioes import TypedSpan
from ...structures import IMPOSSIBLE, IndependentSpans
from ...transfer.beliefs import Belief, SegmentBelief, SpanCandidates
from .annotation import SCORE, Annotation, ScoredSpan
from .reader import LayerReader

if TYPE_CHECKING:
    from ..base import Block
    from ..span_layer import SpanLayer

# A score of 1 is taken for one so near to it: log odds are finite.
_LOWEST_DOUBT = 2.0**-24
_CHOSEN = 0.5  # the probability above which a span is part of the best guess


class SpanReader(LayerReader[list[ScoredSpan]]):
    """Spans, under `keys` of the annotation: one key, or two that lead to a group.

    A span that is not listed is none: where all have scores, its probability is 0. Spans with
    scores are independent of each other, each label a yes or no (`IndependentSpans`).
    """

    def __init__(self, of: "SpanLayer", *keys: str, has_scores: bool | None):
        super().__init__(of, has_scores=has_scores)
        self.span_layer = of
        self.keys = keys
        self.top_keys = keys[:1]
        self.overlaps = False
        self.widest = 1

    @property
    def student(self) -> "Block":
        independent = bool(self.has_scores) or self.overlaps
        return self.span_layer.settings_of_said(self.widest) if independent else {}

    def read(self, annotation: Annotation) -> list[ScoredSpan] | None:
        items: Any = annotation.data
        for key in self.keys:
            items = items.get(key, []) if isinstance(items, dict) else items
        what = ".".join(self.keys)
        spans = list(dict.fromkeys(annotation.spans(items, what=what)))
        scored = {span.score is not None for span in spans}
        if len(scored) > 1 or (annotation.is_listed and True in scored):
            raise ValueError(
                f'{what}: expected either a "{SCORE}" of each span of a line, or weighted analyses '
                f"whose spans have none, got some of both"
            )
        overlaps = _overlap(spans)
        if overlaps and not (self.span_layer.may_overlap or True in scored):
            raise ValueError(
                f"{what}: expected entities that do not overlap, got {overlaps}. Write them as a "
                f'group: {{"spans": {{"sc": [...]}}}}'
            )
        self.overlaps |= bool(overlaps)
        self.widest = max([self.widest, *(span.end - span.start for span in spans)])
        return spans

    def labels_of(self, analysis: list[ScoredSpan], forms: Sequence[str]) -> Iterable[str]:
        return (span.label for span in analysis)

    def belief(
        self, forms: Sequence[str], analyses: Sequence[list[ScoredSpan]], weights: Floats1d
    ) -> Belief:
        if self.has_scores:
            return scored_spans(analyses[0], self.labels, n_words=len(forms))
        sets = [[span[:3] for span in spans] for spans in analyses]
        return replace(SpanCandidates.of_sets(self.labels, len(forms), sets), weights=weights)

    def write(self, doc: Doc, analysis: list[ScoredSpan]) -> None:
        likely = [s for s in analysis if s.score is None or s.score > _CHOSEN]
        if not self.span_layer.may_overlap:
            likely = _apart(likely)
        spans: list[TypedSpan] = [span[:3] for span in sorted(likely)]
        self.span_layer.write(doc, spans, overwrite=True)


def scored_spans(
    spans: Sequence[ScoredSpan], labels: Sequence[str], *, n_words: int
) -> SegmentBelief:
    """Return the belief that has each span with its probability p, log p - log (1 - p), and no
    other."""
    index = {label: i for i, label in enumerate(labels)}
    widest = max([1, *(span.end - span.start for span in spans)])
    scores = numpy.full((n_words, widest, len(labels)), IMPOSSIBLE, dtype="float32")
    for start, end, label, score in spans:
        if score:
            p = min(score, 1 - _LOWEST_DOUBT)
            odds = numpy.log(p) - numpy.log1p(-p)
            cell = (start, end - start - 1, index[label])
            scores[cell] = max(scores[cell], odds)
    return SegmentBelief(IndependentSpans(widest, one_label=False), tuple(labels), scores)


def _overlap(spans: Sequence[ScoredSpan]) -> str:
    """Return two spans that share a word; "" if there are none."""
    for a, b in pairwise(sorted(spans)):
        if b.start < a.end:
            return f"words {a[:3]} and {b[:3]}"
    return ""


def _apart(spans: Sequence[ScoredSpan]) -> list[ScoredSpan]:
    """Return the likeliest spans that do not overlap likelier ones."""
    kept: list[ScoredSpan] = []
    for span in sorted(spans, key=lambda span: -(span.score or 0.0)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return kept
