"""Labelled spans of docs as they are annotated: the best ones, their probabilities."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy
from spacy.tokens import Doc

from ...arrays import Bools, Floats1d, Floats2d
from ...codecs.bioes import TypedSpan
from ...codecs.units import Bucket, doc_rows, make_buckets
from ...codecs.words import Words
from ...errors import check_one_of, named
from ...layers.confidences import Record
from ...layers.span_layer import SpanLayer
from ...models.words import words_of
from ...structures import Parts, Structure, tie, to_numpy
from ...structures.parts import check_scores
from ...transfer.beliefs import Belief
from .activations import spans_on_tokens
from .analyses import Analysis, count_up_to, of_spans
from .base import LessonT, Task
from .predictions import BEST, DECODINGS, MARGINAL, Activations, Predictions
from .scored_spans import LeastConfidence, ScoredSpans

LEAST = ("min_confidence", "min_confidence_per_label")  # settings
Scored = Iterable[tuple[Bucket, Parts]]  # buckets of docs, and the scores of their parts


class SpanPrediction(Task[LessonT, list[Doc], Any, Any, list[TypedSpan]]):
    """The spans of docs, one unit a doc, and their probabilities.

    overlaps (bool): whether spans may nest and cross.
    decode (str): "best", or "marginal": the spans of the least expected number of wrong and missed
        ones, which are those of a probability above 1/2: no two of these overlap where no spans do.
        It is the decision of Goodman, "Parsing Algorithms and Metrics" (ACL 1996), section 3, with
        the probabilities of Culotta & McCallum, "Confidence Estimation for Information
        Extraction" (HLT-NAACL 2004).
    min_confidence, min_confidence_per_label: see `LeastConfidence`.
    """

    layer: SpanLayer
    rows_name: str  # of that array among `Parts`
    overlaps: ClassVar[bool] = False
    changeable: ClassVar[tuple[str, ...]] = ("overwrite", "decoding", *LEAST)
    least_confidence: LeastConfidence

    def __init__(
        self,
        layer: SpanLayer,
        structure: Structure,
        *,
        overwrite: bool = False,
        decode: str = BEST,
        min_confidence: float = 0.0,
        min_confidence_per_label: Mapping[str, float] | None = None,
    ):
        self.layer = layer
        self.structure = structure
        self.overwrite = overwrite
        self.decoding = check_one_of("decode", decode, DECODINGS)
        self.least_confidence = LeastConfidence(min_confidence, min_confidence_per_label)

    @property
    def min_confidence(self) -> float:
        return self.least_confidence.least

    @min_confidence.setter
    def min_confidence(self, least: float) -> None:
        self.least_confidence = LeastConfidence(least, self.least_confidence.by_label)

    @property
    def min_confidence_per_label(self) -> Mapping[str, float]:
        return MappingProxyType(self.least_confidence.by_label)

    @min_confidence_per_label.setter
    def min_confidence_per_label(self, by_label: Mapping[str, float]) -> None:
        least = LeastConfidence(self.least_confidence.least, by_label)
        if self.pipe.labels:
            least.check(self.pipe.labels)
        self.least_confidence = least

    def check_settings(self, labels: Sequence[str]) -> None:
        with named(self.pipe.name):
            self.least_confidence.check(labels)

    # What the classes define

    @abstractmethod
    def best_spans(self, parts: Parts) -> Sequence[list[TypedSpan]]:
        """Return the best spans of each unit. parts: as `read_as` gives them."""

    @abstractmethod
    def likely_spans(self, parts: Parts) -> Sequence[list[TypedSpan]]:
        """Return the spans of each unit whose probability is above 1/2, those of the least expected
        number of spans that are wrong or missed. parts:
        as `read_as` gives them."""

    @abstractmethod
    def chances_of(self, parts: Parts, spans: Sequence[Sequence[TypedSpan]]) -> Floats1d:
        """Return the probabilities of the spans of each unit, in one row. parts: as `read_as` gives
        them."""

    @abstractmethod
    def k_best_spans(self, parts: Parts, *, k: int) -> tuple[Floats1d, list[list[TypedSpan]]]:
        """Return the scores of at most k sets of spans of the one unit, in nats, and the sets,
        highest first. parts: as `read_as` gives them."""

    @abstractmethod
    def unit_activations(self, parts: Parts, spans: Sequence[ScoredSpans]) -> Iterable[Activations]:
        """Return the activations of each unit, of words. parts: as `read_as` gives them."""

    @abstractmethod
    def no_activations(self) -> Activations:
        """Return the activations of a doc without words."""

    @abstractmethod
    def block(self, parts: Parts, blocked: Bools) -> Parts:
        """Scores in which no span has a blocked token. blocked: (B, N)."""

    @abstractmethod
    def read_as(self, parts: Parts) -> tuple[Structure, Parts]:
        """Return the distribution that spans are read from."""

    # Prediction

    def predict(self, docs: list[Doc]) -> Predictions:
        return self._decoded(docs, *self.scored(docs))

    def _decoded(self, docs: Sequence[Doc], scored: Scored, words: Sequence[Words]) -> Predictions:
        blocked = self.layer.blocked_words(docs, words)
        return self.best_of(self._without_blocked(scored, blocked), words=words)

    def best_of(self, scored: Scored, *, words: Sequence[Words]) -> Predictions:
        """Return the spans of each doc. words (Sequence[Words]): of each doc."""
        none = numpy.zeros(0) if self.asks_chances else None
        best = [ScoredSpans(chances=none) for _ in words]
        activations: dict[int, Activations] = {}
        for bucket, parts in scored:
            units = bucket.units.tolist()
            spans, calibrated = self._of_bucket(parts)
            for unit, of_doc in zip(units, spans):
                best[unit] = of_doc
            if self.pipe.save_activations:
                activations.update(zip(units, self.unit_activations(calibrated, spans)))
        confidences = [each.chances for each in best] if self.pipe.confidences else None
        if not self.pipe.save_activations:
            return Predictions(best, None, confidences)
        of_words = [activations.get(unit) or self.no_activations() for unit in range(len(words))]
        on_tokens = [spans_on_tokens(*pair) for pair in zip(of_words, words)]
        return Predictions(best, on_tokens, confidences)

    def _of_bucket(self, parts: Parts) -> tuple[list[ScoredSpans], Parts]:
        """Return the spans of each unit; the scores that probabilities are of."""
        _, read = self.read_as(parts)
        found = self.likely_spans(read) if self.decoding == MARGINAL else self.best_spans(read)
        if not self.asks_chances and not self.pipe.save_activations:
            return [ScoredSpans(spans) for spans in found], read
        calibrated = self.calibrated(parts)
        if calibrated is not parts:
            _, read = self.read_as(calibrated)
        chances = to_numpy(self.chances_of(read, found))
        cuts = numpy.cumsum([0, *map(len, found)]).tolist()
        pairs = [ScoredSpans(s, chances=chances[a:b]) for s, a, b in zip(found, cuts, cuts[1:])]
        return [self.least_confidence.of(each) for each in pairs], read

    @property
    def asks_chances(self) -> bool:
        """Whether the probabilities of spans are asked for where they are annotated."""
        return self.pipe.confidences or bool(self.least_confidence)

    def _without_blocked(self, scored: Scored, blocked: Sequence[Bools]) -> Iterator[Any]:
        """Return the scores, in which no span has a token that is blocked. blocked: per doc,
        (N,)."""
        for bucket, parts in scored:
            rows = [blocked[unit] for unit in bucket.units.tolist()]
            if any(row.any() for row in rows):
                padded = numpy.zeros((len(rows), parts.n_tokens), dtype=bool)
                for i, row in enumerate(rows):
                    padded[i, : len(row)] = row
                parts = self.block(parts, parts.xp.asarray(padded))
            yield bucket, parts

    def write(self, docs: Sequence[Doc], best: Sequence[list[TypedSpan]]) -> None:
        for doc, spans in zip(docs, best):
            self.layer.write(doc, spans, overwrite=self.overwrite)
            chances = getattr(spans, "chances", None)
            if chances is not None:
                self.layer.write_scores(doc, chances)

    def records(self, docs: Sequence[Doc], predictions: Predictions) -> list[Record]:
        rows = (self.layer.rows(*pair) for pair in zip(docs, predictions.best))
        triples = zip(docs, rows, predictions.confidences or ())
        return [self.layer.record(len(doc), each, chances) for doc, each, chances in triples]

    def analyses(self, doc: Doc, *, k: int) -> list[Analysis]:
        """See `Task.analyses`. A doc without words has one, of no spans."""
        scored, words = self.scored([doc])
        if not scored:
            return [Analysis(0, len(doc), 1.0, [])]
        ((_, parts),) = self._without_blocked(scored, self.layer.blocked_words([doc], words))
        structure, read = self.read_as(self.calibrated(parts))
        totals, sets = self.k_best_spans(read, k=count_up_to(structure, read, k))
        return of_spans(doc, words[0], sets, totals - float(structure.infer(read)[0][0]))

    def scored(self, docs: Sequence[Doc]) -> tuple[list[tuple[Bucket, Parts]], list[Words]]:
        """Return buckets of docs, and the scores of their parts; the words of each doc."""
        if not any(len(doc) for doc in docs):
            return [], words_of(docs)
        output = self.pipe.model.predict(list(docs))
        rows, _ = self._arrays(output)
        check_scores(rows, name=self.pipe.name)
        words = words_of(docs, n_words=len(rows))
        rows_of_docs = doc_rows([len(each) for each in words])
        buckets = make_buckets(rows_of_docs, growth=self.structure.growth)
        return [(bucket, self._parts_of(output, bucket)) for bucket in buckets], words

    @property
    def is_chain(self) -> bool:
        """Whether pairs of neighbouring tags are scored, too."""
        return "transition" in self.structure.parts

    def _arrays(self, output: Any) -> tuple[Floats2d, Floats2d | None]:
        """Return the rows, and the transitions, of what the model returned."""
        return output if self.is_chain else (output, None)

    def _parts_of(self, output: Any, bucket: Bucket) -> Parts:
        """Return the model's scores of a bucket's docs."""
        rows, transition = self._arrays(output)
        arrays = {self.rows_name: rows[bucket.index(padding=0)]}
        if transition is not None:
            arrays["transition"] = tie(transition, len(bucket.units))
        return Parts(arrays, self.ops.xp.asarray(bucket.lengths))

    # As a teacher

    def decode(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> Predictions:
        buckets = make_buckets(doc_rows([belief.n_tokens for belief in beliefs]))
        scored = []
        for bucket in buckets:
            of_docs = [beliefs[unit] for unit in bucket.units.tolist()]
            scores = type(of_docs[0]).span_posterior(of_docs, self.ops).scores
            scored.append((bucket, self.uncalibrated(scores)))
        return self._decoded(docs, scored, words_of(docs))
