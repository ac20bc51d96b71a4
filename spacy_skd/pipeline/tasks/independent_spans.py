"""Spans that may nest and cross: each of up to a width is chosen on its own."""

import logging
import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ...arrays import Floats1d
from ...codecs.bioes import TypedSpan
from ...codecs.span_sets import KnownSpans, SpanSetGold, encode_span_sets, likely_spans
from ...errors import check_between
from ...layers.base import Block
from ...layers.span_layer import SpanLayer, independent_spans
from ...models.words import words_of
from ...structures import IndependentSpans, Parts
from ...transfer.students import SpanSetStudent
from .scored_spans import ScoredSpans
from .segments import SegmentTask

logger = logging.getLogger("spacy.skd")

# At first a span of some label and width starts at one word in so many: that mostly there is none
# takes long to learn from scores of 0.
_WORDS_PER_SPAN = 4


class IndependentSpanTask(SegmentTask):
    """Spans of up to `max_width` words (a setting of the model), one of the labels for each, or
    none; or each label a yes or no, with another `max_positive` than 1.

    threshold (float): the probability from which on a span is annotated with a label.
    max_positive (int | None): the most labels of a span, the likeliest.
    wide (int): annotated spans so far that were wider; they are not learnt.
    doubled (int): annotated spans so far with several labels, where a span has one; unknown.

    Annotates `doc.spans[...].attrs["scores"]`, too, whether `confidences` is on or not, as spaCy's
    `spancat` does: the probabilities of the spans. Activations: see `SegmentTask`.
    """

    structure: IndependentSpans
    takes = ("threshold", "max_positive")
    overlaps: ClassVar[bool] = True
    wide_are = "they are left out"

    def __init__(
        self,
        layer: SpanLayer,
        structure: IndependentSpans,
        *,
        threshold: float = 0.5,
        max_positive: int | None = 1,
        **settings: Any,
    ):
        super().__init__(layer, structure, **settings)
        self.threshold = check_between("threshold", threshold, low=0, high=1)
        self.max_positive = _checked_most(max_positive)
        self.doubled = 0

    def settings_of_student(self) -> Block:
        return independent_spans(
            self.max_width, max_positive=self.max_positive, threshold=self.threshold
        )

    def span_student(self) -> SpanSetStudent:
        return SpanSetStudent(**vars(self.student()), scheme=self.scheme, drop_wide=True)

    def initialize(self, model: Model[list[Doc], Any], docs: list[Doc]) -> None:
        super().initialize(model, docs)
        output = model.get_ref("output_layer")
        width = output.get_param("width")
        output.set_param("width", width - math.log(_WORDS_PER_SPAN * width.size))

    # Prediction

    def best_spans(self, scores: Parts) -> Sequence[list[TypedSpan]]:
        likely = likely_spans(
            scores,
            threshold=self.threshold,
            one_label=self.structure.one_label,
            most=self.max_positive,
        )
        labels, n_units = self.pipe.labels, scores.n_units
        ends = numpy.searchsorted(likely.cells[:, 0], numpy.arange(n_units + 1)).tolist()
        rows = [(a, a + w + 1, labels[label]) for _, a, w, label in likely.cells.tolist()]
        cuts = zip(ends, ends[1:])
        return [ScoredSpans(rows[a:b], chances=likely.chances[a:b]) for a, b in cuts]

    def chances_of(self, parts: Parts, spans: Sequence[Sequence[TypedSpan]]) -> Floats1d:
        """See `SpanTask.chances_of`. They are known already, but for a temperature."""
        known = [s.chances for s in spans if isinstance(s, ScoredSpans) and s.chances is not None]
        if self.pipe.calibration == 1 and len(known) == len(spans):
            return numpy.concatenate([numpy.zeros(0), *known])
        return super().chances_of(parts, spans)

    @property
    def asks_chances(self) -> bool:
        return True

    # Training

    def known(self, eg: Example) -> KnownSpans:
        (words,) = words_of([eg.predicted])
        known = self.layer.gold_spans(eg)
        spans = None if known.spans is None else words.spans_of_tokens(known.spans)
        return KnownSpans(len(words), spans, words.spans_of_tokens(known.unclear))

    def unknown(self, n_words: int) -> KnownSpans:
        return KnownSpans(n_words)

    def labels_of(self, known: Any) -> Iterable[str]:
        return (label for _, _, label in known.spans or ())

    def has_gold(self, eg: Example) -> bool:
        return self.known(eg).complete

    def gold(self, known: Sequence[Any]) -> SpanSetGold:
        gold, left_out = encode_span_sets(
            known,
            self.pipe.labels,
            max_width=self.max_width,
            one_label=self.structure.one_label,
        )
        self.note_wide(left_out.wide)
        self._note_doubled(left_out.doubled)
        return SpanSetGold(self.on_device(gold.indicators), gold.known, gold.unknown)

    def _note_doubled(self, n: int) -> None:
        if n and not self.doubled:
            logger.warning(
                "%s: %d annotated spans of a batch have several labels, of which they are taken to "
                "have an unknown one (counted in `task.doubled`). With max_positive = null each "
                "label is learnt on its own",
                self.pipe.name,
                n,
            )
        self.doubled += n


def _checked_most(max_positive: int | None) -> int | None:
    """Return the setting. RAISES (ValueError): if it is none."""
    if max_positive is None or (type(max_positive) is int and max_positive >= 1):
        return max_positive
    raise ValueError(
        f"max_positive: expected a whole number of at least 1, or null, got {max_positive!r}"
    )
