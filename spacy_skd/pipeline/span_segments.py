"""The distilling tagger of spans as segments: each span up to a width has a score of its own."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy
from spacy.tokens import Doc

from ..arrays import Floats3d
from ..codecs.absence import Window, segments_without
from ..codecs.bioes import Legality, TypedSpan, legality, span_tags
from ..codecs.spans import SegmentGold, SpanMatch, decode_segments, encode_segments
from ..codecs.units import Bucket
from ..codecs.words import Words
from ..structures import IMPOSSIBLE, Parts
from ..transfer.belief import Belief, SegmentBelief
from ..transfer.candidates import LabelCandidates, expect_segments
from ..transfer.posterior import Match, Target
from .activations import Activations, Predictions
from .distilling import logger
from .span_activations import as_activations, on_tokens, span_rows
from .span_parts import SpanBelief, labels_of
from .spans import DistillingSpans


class DistillingSegments(DistillingSpans):
    """Spans that do not overlap, of up to `max_width` words (a setting of the model), with a score
    for each, relative to "not a span". The model's outputs are the labels.

    Activations: "marginals" (tokens, max_width, labels), the probability of each span of so many
    words, 0 for whitespace; "spans" (S, 3), start and end token and label of those that were found,
    and "confidences" (S,), their probabilities.

    wide (int): annotated spans so far that were wider; their tokens count as not annotated.
    """

    rows_name = "span"
    scheme = "BIOES"  # in which gold is read
    rules = None

    def __init__(self, *args: Any, drop_wide: bool = False, **settings: Any):
        """drop_wide (bool): see `SpanMatch`. For the rest, see `DistillingSpans`."""
        super().__init__(*args, structure="segments", **settings)
        self.drop_wide = drop_wide
        self.wide = 0
        self._gold_rules: tuple[tuple[str, ...], Legality] | None = None

    @property
    def max_width(self) -> int:
        """RETURNS (int): words of the widest span that can be found."""
        return int(self.model.get_dim("nW"))

    def _decode(
        self, scored: Iterable[tuple[Bucket, Parts]], *, words: Sequence[Words]
    ) -> Predictions:
        best: list[list[TypedSpan]] = [[] for _ in words]
        found: dict[int, Activations] = {}
        for bucket, scores in scored:
            units = bucket.units.tolist()
            spans = decode_segments(self.structure.argmax(scores), self.labels)
            for unit, mine in zip(units, spans):
                best[unit] = mine
            if self.save_activations:
                found.update(zip(units, self._activations(scores, spans)))
        if not self.save_activations:
            return Predictions(best)
        none = self._row(numpy.zeros((0, self.max_width, len(self.labels)), "float32"), [])
        of_words = [found.get(unit, none) for unit in range(len(words))]
        return Predictions(best, [on_tokens(*pair) for pair in zip(of_words, words)])

    def _activations(
        self, scores: Parts, spans: Sequence[Sequence[TypedSpan]]
    ) -> Iterable[Activations]:
        marginals = self.model.ops.to_numpy(self.structure.infer(scores)[1].arrays["span"])
        rows = zip(marginals, scores.lengths.tolist(), spans)
        return [self._row(row[:n].copy(), found) for row, n, found in rows]

    def _row(self, marginals: Floats3d, spans: Sequence[TypedSpan]) -> Activations:
        """marginals: (words of the doc, W, L)."""
        rows = span_rows(spans, self.labels)
        start, end, label = rows.T
        chances = marginals[start, end - start - 1, label].astype("float64")
        return as_activations(marginals, rows, chances)

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """As a teacher: the scores of every doc's spans. Does not change the docs."""
        ops, docs = self.model.ops, list(docs)
        none = numpy.zeros((0, self.max_width, len(self.labels)), dtype="float32")
        rows: list[Floats3d] = [none for _ in docs]
        for bucket, parts in self._scored(docs)[0]:
            span = ops.to_numpy(parts.arrays["span"])
            for unit, n, row in zip(bucket.units.tolist(), bucket.lengths.tolist(), span):
                rows[unit] = row[:n].copy()
        return [SegmentBelief(self.structure, self.labels, row) for row in rows]

    def _block(self, parts: Parts, blocked: Any) -> Parts:
        span = parts.arrays["span"].copy()
        ahead = parts.xp.zeros_like(blocked)  # a blocked token within the span's width from here on
        for width in range(min(span.shape[1:3])):
            ahead[:, : len(ahead[0]) - width] |= blocked[:, width:]
            span[:, :, width][ahead] = IMPOSSIBLE
        return Parts({"span": span}, parts.lengths)

    def _without(self, scores: Parts, unit: int, span: TypedSpan) -> list[Window]:
        start, end, label = span
        if end - start > self.max_width:
            return []
        label_id = self.labels.index(label)
        return segments_without(scores, start=start, width=end - start, label=label_id)

    def _gold(self, tags: Sequence[Sequence[str | None]]) -> SegmentGold:
        inventory = span_tags(self.labels, scheme=self.scheme)
        if self._gold_rules is None or self._gold_rules[0] != inventory:
            self._gold_rules = (inventory, legality(inventory))
        rules = self._gold_rules[1]
        gold, unfit = encode_segments(tags, inventory, rules, max_width=self.max_width)
        self._note_illegal(unfit.illegal)
        self._note_wide(unfit.wide)
        return SegmentGold(self._parts(gold.indicators), gold.known, gold.tags)

    def _note_wide(self, n: int) -> None:
        if n and not self.wide:
            logger.warning(
                "%s: %d annotated spans of a batch are wider than max_width = %d; their tokens are "
                "taken as not annotated (counted in `wide`). Raise max_width to learn them",
                self.name,
                n,
                self.max_width,
            )
        self.wide += n

    def _new_match(self, belief: SpanBelief) -> Match:
        labels = self._label_match(labels_of(belief))
        if isinstance(belief, SegmentBelief):
            return labels
        return SpanMatch(labels, self.labels, belief.labels, drop_wide=self.drop_wide)

    def _expect(self, beliefs: Sequence[LabelCandidates], *, temperature: float) -> Target:
        return expect_segments(
            beliefs, self.labels, max_width=self.max_width, temperature=temperature
        )
