"""Scores of labelled spans, flat or independent ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, cast

import numpy
from thinc.api import NumpyOps, Ops

from ...arrays import Floats2d, Floats3d
from ...codecs.bioes import TypedSpan
from ...codecs.spans import decode_segments
from ...codecs.words import Words
from ...structures import IMPOSSIBLE, FlatSegments, Parts, SpanStructure
from ...structures.parts import POSSIBLE_ABOVE
from ..next_tags import NextTags, SegmentTags
from ..posterior import Posterior, Target
from ..students import SpanStudent, TagStudent
from .base import Belief, k_best
from .each_word import words_of_spans
from .entropy import entropy_of_unit
from .form import (
    LOWEST,
    Form,
    Packed,
    pack_array,
    pack_halves,
    smallest,
    unpack_array,
    unpack_scores,
)
from .listed_spans import SpanCandidates
from .merging import merge_segments

if TYPE_CHECKING:
    from typing_extensions import Self

    from .mixture import Mixture


@dataclass(frozen=True, eq=False)
class SegmentBelief(Belief):
    """Scores of the labelled spans of a whole doc, relative to "not a span".

    structure (SpanStructure): its `max_width` is that of the scores. labels (tuple[str, ...]): of
        the spans.
    scores (Floats3d): (words of the doc, max_width, labels), nats: of the w + 1 words from word i
        on. What reaches past the doc's end means nothing.
    """

    structure: SpanStructure
    labels: tuple[str, ...]
    scores: Floats3d
    kind: ClassVar[str] = "segments"
    scored: ClassVar[type] = SpanStructure
    annotates: ClassVar[str] = "labelled spans"
    of_spans: ClassVar[bool] = True

    @property
    def nbytes(self) -> int:
        return int(self.scores.nbytes)

    @property
    def n_tokens(self) -> int:
        return len(self.scores)

    def of_words(self, words: Words) -> "SegmentBelief":
        """Keep spans that begin and end with a word, by their width in words."""
        if words.whole:
            return replace(self, structure=self.structure.of_width(self.scores.shape[1]))
        n_tokens, widest, n_labels = self.scores.shape
        rows = numpy.full((len(words), widest, n_labels), IMPOSSIBLE, dtype=self.scores.dtype)
        for width in range(min(widest, len(words))):
            first, last = words.tokens[: len(words) - width], words.tokens[width:]
            fits = numpy.flatnonzero(last - first < widest)
            rows[fits, width] = self.scores[first[fits], (last - first)[fits]]
        return replace(self, structure=self.structure.of_width(widest), scores=rows)

    def without_overlap(self) -> "SegmentBelief":
        return replace(self, structure=FlatSegments(self.structure.max_width))

    @property
    def form(self) -> Form:
        return Form(self.kind, self.structure, self.labels)

    def pack(self, *, least: float) -> Packed:
        """Pack by first word, width and label: a bit for each span, a half for each that is kept.

        P(span) is at most the odds exp(score), so those of a score below log(least) may be left
        out; what is kept is float16 below the best span from the same word, or below 0 where that
        is higher, and this best is float32.
        """
        n, widths, n_labels = self.scores.shape
        ends = numpy.arange(n)[:, None] + numpy.arange(widths)
        rows = numpy.where((ends < n)[..., None], self.scores, IMPOSSIBLE)
        rows = rows.reshape(n, widths * n_labels)
        best = numpy.maximum(rows.max(axis=1, initial=0.0), 0.0).astype("float32")
        kept = rows > (numpy.log(least) if least > 0 else POSSIBLE_ABOVE)
        below = numpy.maximum(rows - best[:, None], LOWEST)
        return {
            "width": pack_array(smallest(numpy.asarray([widths]))),
            "best": pack_array(best),
            "span_kept": pack_array(numpy.packbits(kept, axis=1)),
            "spans": pack_halves(below[kept]),
        }

    @classmethod
    def merged(cls, mixtures: "Sequence[Mixture]") -> list[Belief]:
        """See `Belief.merged`. Each span has the probability of the mixture: exactly, where spans
        are independent; else to `fit`'s tolerance."""
        scored = [cls.of(belief) for mixture in mixtures for belief in mixture.beliefs]
        width = max(belief.scores.shape[1] for belief in scored)
        structure, labels = scored[0].structure.of_width(width), mixtures[0].labels
        rows = merge_segments(mixtures, structure)
        return [cls(structure, labels, each) for each in rows]

    @classmethod
    def unpack(cls, packed: Packed, form: Form) -> "SegmentBelief":
        """Read a belief. Docs of one teacher may have spans of other widths, which a suggester
        decides."""
        structure = cast(SpanStructure, form.structure)
        width = int(unpack_array(packed["width"])[0])
        best, bits = unpack_array(packed["best"]), unpack_array(packed["span_kept"])
        n_columns = width * len(form.labels)
        kept = numpy.unpackbits(bits, axis=1, count=n_columns).astype(bool)
        rows = unpack_scores(kept, packed["spans"])
        rows = numpy.where(kept, rows + best[:, None], rows)
        scores = rows.reshape(len(best), width, len(form.labels))
        return cls(structure.of_width(width), form.labels, scores)

    def entropy(self) -> float:
        return entropy_of_unit(self.structure, self._scores()) if len(self.scores) else 0.0

    def of_each_word(self) -> Floats2d:
        return words_of_spans(self.structure, self.scores)

    def best(self, *, k: int) -> SpanCandidates:
        n = len(self.scores)
        if not n:
            return SpanCandidates.of_sets(self.labels, n, [[]])
        totals, found = k_best(self.structure, self._scores(), k)
        sets = [
            decode_segments(parts, self.labels)[0]
            for parts, total in zip(found, totals[0])
            if numpy.isfinite(total)
        ]
        return SpanCandidates.of_sets(self.labels, n, sets)

    def draw_spans(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0
    ) -> list[TypedSpan]:
        if not len(self.scores):
            return []
        scores = self._scores() * (1.0 / temperature)
        drawn = self.structure.sample(scores, rng=rng).arrays["span"][0]
        cells = numpy.argwhere(drawn).tolist()
        return [(i, i + w + 1, self.labels[label]) for i, w, label in cells]

    def _scores(self) -> Parts:
        """Return scores of the doc, as one unit."""
        return Parts({"span": self.scores[None]}, numpy.asarray([len(self.scores)]))

    @classmethod
    def target_of_spans(cls, beliefs: Sequence["Self"], student: SpanStudent) -> Target:
        return student.objective.convert_spans(
            cls.span_posterior(beliefs, student.ops),
            student.structure,
            match=student.match_of_spans(beliefs[0].labels),
            rules=student.rules,
            temperature=student.temperature,
        )

    @classmethod
    def next_tags(cls, beliefs: Sequence["Self"], student: TagStudent) -> list[NextTags]:
        """See `Belief.next_tags`. Of independent spans, given that no two overlap."""
        match = student.match(beliefs[0].labels)
        scores = cls.span_posterior(beliefs, NumpyOps()).scores * (1.0 / student.temperature)
        log_z, _ = beliefs[0].structure.infer(scores)
        spans = [row[:n] for row, n in zip(scores.arrays["span"], scores.lengths.tolist())]
        return [
            SegmentTags(student.tags, match.gather(span), log_z=float(each))
            for span, each in zip(spans, log_z)
        ]

    @classmethod
    def span_posterior(cls, beliefs: Sequence["Self"], ops: Ops) -> Posterior:
        """Return (B, N, W, L) of docs whose spans may be of other widths."""
        lengths = numpy.asarray([belief.n_tokens for belief in beliefs])
        widest = max(belief.scores.shape[1] for belief in beliefs)
        shape = (len(beliefs), int(lengths.max()), widest, len(beliefs[0].labels))
        span = numpy.full(shape, IMPOSSIBLE, dtype="float32")
        for row, belief in zip(span, beliefs):
            n, width = belief.scores.shape[:2]
            row[:n, :width] = belief.scores
        scores = Parts({"span": ops.asarray(span)}, ops.xp.asarray(lengths))
        return Posterior(beliefs[0].structure.of_width(widest), scores)
