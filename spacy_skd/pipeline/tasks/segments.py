"""Spans as segments: each span up to a width has a score of its own."""

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Any, ClassVar

import numpy
from spacy.tokens import Doc

from ...arrays import Bools, Floats1d, Floats3d
from ...codecs.absence import Window, segments_without
from ...codecs.bioes import Legality, TypedSpan, legality, span_tags
from ...codecs.spans import SegmentGold, decode_segments, encode_segments
from ...codecs.trees import Gold
from ...layers.span_layer import SpanLayer
from ...structures import IMPOSSIBLE, Parts, SpanStructure, Structure, to_numpy
from ...transfer.beliefs import Belief, SegmentBelief
from ...transfer.students import SegmentStudent
from .activations import as_activations, span_rows
from .predictions import HALF, Activations
from .scored_spans import ScoredSpans
from .spans import SpanTask, logger


class SegmentTask(SpanTask):
    """Spans that do not overlap, of up to `max_width` words (a setting of the model), with a score
    for each, relative to "not a span". The model's outputs are the labels.

    drop_wide (bool): see `SpanMatch`.
    wide (int): annotated spans so far that were wider; their tokens count as not annotated.

    Activations: "marginals" (tokens, max_width, labels), the probability of each span of so many
    words, 0 for whitespace; "spans" (S, 3), start and end token and label of those that were found,
    and "confidences" (S,), their probabilities.
    """

    structure: SpanStructure
    rows_name = "span"
    takes: ClassVar[tuple[str, ...]] = ("drop_wide", "decode")
    scheme = "BIOES"  # in which gold is read
    rules = None
    wide_are = "their tokens are taken as not annotated"

    def __init__(
        self,
        layer: SpanLayer,
        structure: SpanStructure,
        *,
        drop_wide: bool = False,
        **settings: Any,
    ):
        super().__init__(layer, structure, **settings)
        self.drop_wide = drop_wide
        self.wide = 0
        self._gold_rules: tuple[tuple[str, ...], Legality] | None = None

    @property
    def max_width(self) -> int:
        """RETURNS (int): words of the widest span that can be found."""
        return self.structure.max_width

    def span_student(self) -> SegmentStudent:
        settings = vars(self.student())
        return SegmentStudent(**settings, scheme=self.scheme, drop_wide=self.drop_wide)

    # Prediction

    def best_spans(self, parts: Parts) -> Sequence[list[TypedSpan]]:
        return decode_segments(self.structure.argmax(parts), self.pipe.labels)

    def likely_spans(self, parts: Parts) -> Sequence[list[TypedSpan]]:
        marginals = self.structure.infer(parts)[1].arrays["span"]
        likely = (marginals > HALF).astype(marginals.dtype)
        return decode_segments(Parts({"span": likely}, parts.lengths), self.pipe.labels)

    def k_best_spans(self, parts: Parts, *, k: int) -> tuple[Floats1d, list[list[TypedSpan]]]:
        totals, found = self.structure.k_best(parts, k=k)
        exists = numpy.isfinite(to_numpy(totals[0]))
        sets = (decode_segments(each, self.pipe.labels)[0] for each in found)
        return to_numpy(totals[0])[exists], list(compress(sets, exists))

    def chances_of(self, parts: Parts, spans: Sequence[Sequence[TypedSpan]]) -> Floats1d:
        index = {label: i for i, label in enumerate(self.pipe.labels)}
        units = numpy.flatnonzero([bool(of_doc) for of_doc in spans])
        cells = [
            (place, start, end - start - 1, index[label])
            for place, unit in enumerate(units.tolist())
            for start, end, label in spans[unit]
        ]
        if not cells:
            return numpy.zeros(0)
        marginals = self.structure.infer(parts[units])[1].arrays["span"]
        found: Floats1d = to_numpy(marginals[tuple(zip(*cells))]).astype("float64")
        return found

    def unit_activations(self, parts: Parts, spans: Sequence[ScoredSpans]) -> Iterable[Activations]:
        marginals = to_numpy(self.structure.infer(parts)[1].arrays["span"])
        rows = zip(marginals, parts.lengths.tolist(), spans)
        return [self._row(row[:n].copy(), of_doc) for row, n, of_doc in rows]

    def no_activations(self) -> Activations:
        shape = (0, self.max_width, len(self.pipe.labels))
        return self._row(numpy.zeros(shape, "float32"), [])

    def _row(self, marginals: Floats3d, spans: Sequence[TypedSpan]) -> Activations:
        """marginals: (words of the doc, W, L)."""
        rows = span_rows(spans, self.pipe.labels)
        start, end, label = rows.T
        chances = marginals[start, end - start - 1, label].astype("float64")
        return as_activations(marginals, rows, chances)

    def block(self, parts: Parts, blocked: Bools) -> Parts:
        span = parts.arrays["span"].copy()
        ahead = parts.xp.zeros_like(blocked)  # a blocked token within the span's width from here on
        for width in range(min(span.shape[1:3])):
            ahead[:, : len(ahead[0]) - width] |= blocked[:, width:]
            span[:, :, width][ahead] = IMPOSSIBLE
        return Parts({"span": span}, parts.lengths)

    def read_as(self, parts: Parts) -> tuple[Structure, Parts]:
        return self.structure, parts

    # As a teacher

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        none = numpy.zeros((0, self.max_width, len(self.pipe.labels)), dtype="float32")
        rows: list[Floats3d] = [none for _ in docs]
        for bucket, parts in self.scored(docs)[0]:
            span = to_numpy(self.calibrated(parts).arrays["span"])
            for unit, n, row in zip(bucket.units.tolist(), bucket.lengths.tolist(), span):
                rows[unit] = row[:n].copy()
        return [SegmentBelief(self.structure, self.pipe.labels, row) for row in rows]

    # Training

    def without(self, scores: Parts, unit: int, span: TypedSpan) -> list[Window]:
        start, end, label = span
        if end - start > self.max_width:
            return []
        label_id = self.pipe.labels.index(label)
        return segments_without(scores, start=start, width=end - start, label=label_id)

    def gold(self, known: Sequence[Any]) -> Gold:
        inventory = span_tags(self.pipe.labels, scheme=self.scheme)
        if self._gold_rules is None or self._gold_rules[0] != inventory:
            self._gold_rules = (inventory, legality(inventory))
        rules = self._gold_rules[1]
        gold, unfit = encode_segments(known, inventory, rules, max_width=self.max_width)
        self.note_illegal(unfit.illegal)
        self.note_wide(unfit.wide)
        return SegmentGold(gold.indicators.on_device(self.ops), gold.known, gold.tags)

    def note_wide(self, n: int) -> None:
        if n and not self.wide:
            logger.warning(
                "%s: %d annotated spans of a batch are wider than max_width = %d; %s (counted in "
                "`task.wide`). Raise max_width to learn them",
                self.pipe.name,
                n,
                self.max_width,
                self.wide_are,
            )
        self.wide += n
