"""What the tasks of spans share: entities or a span group, one unit a doc."""

import logging
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ...arrays import Bools, Floats2d, Ints2d
from ...codecs.absence import Window
from ...codecs.bioes import Legality, TypedSpan
from ...codecs.trees import Gold
from ...codecs.units import Bucket, batch_spans, make_buckets
from ...codecs.words import Words
from ...layers.span_layer import SpanLayer
from ...models.words import words_of
from ...structures import Parts, Structure, tie
from ...structures.numerics import check_scores
from ...transfer.beliefs import Belief
from ...transfer.negative import gold_shares
from ...transfer.posterior import Target
from ...transfer.students import SpanStudent
from ..negative_spans import NegativeSpans, loss_of_negatives
from .base import Pipe, Predictions, Task

logger = logging.getLogger("spacy.skd")

Scored = Iterable[tuple[Bucket, Parts]]  # buckets of docs, and the scores of their parts


class SpanLesson(NamedTuple):
    """tags: per doc, of each word, None or "" where there is no gold. beliefs: one a doc.
    negatives: per doc, what is no span of its words; of none, if empty."""

    tags: list[list[str | None]]
    beliefs: Sequence[Belief] | None
    negatives: Sequence[Sequence[TypedSpan]] = ()


class SpanTask(Task[SpanLesson, list[Doc], Any, Any, list[TypedSpan]]):
    """Spans that do not overlap, in each doc. `labels` are their labels; what the model scores,
    tags of tokens or spans, is the matter of the two classes that derive from this one.

    The model's output is an array whose rows are the words of the batch; of a linear chain, also
    one of transitions. Best: the spans of words of the best segmentation of each doc.

    illegal (int): docs whose annotation no legal sequence agrees with, so far.
    """

    layer: SpanLayer
    rows_name: str  # of that array among `Parts`
    scheme: str  # of the tags that gold is read as

    def __init__(
        self,
        layer: SpanLayer,
        structure: Structure,
        *,
        overwrite: bool = False,
        incorrect_spans_key: str | None = None,
    ):
        self.layer = layer
        self.structure = structure
        self.overwrite = overwrite
        self.negatives = NegativeSpans(incorrect_spans_key, layer=layer)
        self.illegal = 0

    def belong_to(self, pipe: Pipe) -> None:
        super().belong_to(pipe)
        self.layer.belong_to(pipe.name)

    # What the two classes define

    @property
    @abstractmethod
    def rules(self) -> Legality | None:
        """Which sequences of tags are legal; None where there are no tags."""

    @abstractmethod
    def span_student(self) -> SpanStudent:
        """Return what a belief must know to teach this task."""

    @abstractmethod
    def best_of(self, scored: Scored, *, words: Sequence[Words]) -> Predictions:
        """Return the best spans of each doc. words (Sequence[Words]): of each doc."""

    @abstractmethod
    def block(self, parts: Parts, blocked: Bools) -> Parts:
        """Scores in which no span has a blocked token. blocked: (B, N)."""

    @abstractmethod
    def read_as(self, parts: Parts) -> tuple[Structure, Parts]:
        """Return the distribution that spans are read from."""

    @abstractmethod
    def without(self, scores: Parts, unit: int, span: TypedSpan) -> list[Window]:
        """Return the structures of a unit that lack a span. scores: as `read_as` gives them."""

    @abstractmethod
    def gold(self, tags: Sequence[Sequence[str | None]]) -> Gold:
        """tags: of the docs of a bucket."""

    # Labels

    def labels_in(self, examples: Iterable[Example]) -> list[str]:
        return sorted({label for eg in examples for label in self.layer.labels(eg.reference)})

    def initialize(self, model: Model[list[Doc], Any], docs: list[Doc]) -> None:
        model.initialize(X=docs, Y=model.ops.alloc2f(1, self.n_outputs(self.pipe.labels)))

    # Prediction

    def predict(self, docs: list[Doc]) -> Predictions:
        return self._decoded(docs, *self.scored(docs))

    def _decoded(self, docs: Sequence[Doc], scored: Scored, words: Sequence[Words]) -> Predictions:
        blocked = self.layer.blocked_words(docs, words)
        return self.best_of(self._without_blocked(scored, blocked), words=words)

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

    def scored(self, docs: Sequence[Doc]) -> tuple[list[tuple[Bucket, Parts]], list[Words]]:
        """Return buckets of docs, and the scores of their parts; the words of each doc."""
        if not any(len(doc) for doc in docs):
            return [], words_of(docs)
        output = self.pipe.model.predict(list(docs))
        rows, _ = self._arrays(output)
        check_scores(rows, name=self.pipe.name)
        words = words_of(docs, n_words=len(rows))
        buckets = make_buckets(doc_rows([len(each) for each in words]))
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
            scored.append((bucket, type(of_docs[0]).span_posterior(of_docs, self.ops).scores))
        return self._decoded(docs, scored, words_of(docs))

    # Training

    def has_gold(self, eg: Example) -> bool:
        return all(self._tags(eg))

    def _tags(self, eg: Example) -> list[str | None]:
        """Gold of each predicted word."""
        (words,) = words_of([eg.predicted])
        return words.tags_of_tokens(self.layer.gold(eg, scheme=self.scheme))

    def lesson(self, examples: Sequence[Example], beliefs: Sequence[Belief] | None) -> SpanLesson:
        tags = [self._tags(eg) for eg in examples]
        names = (tag[2:] for unit in tags for tag in unit if tag)
        self.pipe.unknown_labels.add(names, set(self.pipe.labels))
        name, labels = self.pipe.name, self.pipe.labels
        negatives = [self.negatives(eg, labels=labels, name=name) for eg in examples]
        return SpanLesson(tags, self.learnt(beliefs), negatives if any(negatives) else ())

    def lesson_without_gold(self, beliefs: Sequence[Belief]) -> SpanLesson:
        tags: list[list[str | None]] = [[None] * belief.n_tokens for belief in beliefs]
        return SpanLesson(tags, self.learnt(beliefs))

    def inputs(self, docs: list[Doc], lesson: SpanLesson) -> list[Doc]:
        return docs

    def loss(self, lesson: SpanLesson, scores: Any) -> tuple[float, Any]:
        """See `Task.loss`. scores: what the model returned."""
        xp = self.ops.xp
        rows, transition = self._arrays(scores)
        d_rows = xp.zeros_like(rows)
        d_transition = None if transition is None else xp.zeros_like(transition)
        total, student = 0.0, self.span_student()
        for bucket in make_buckets(doc_rows([len(tags) for tags in lesson.tags])):
            parts = self._parts_of(scores, bucket)
            loss, d_parts = self._bucket_loss(lesson, bucket, parts, student)
            total += loss
            d_part = d_parts.arrays[self.rows_name]
            d_rows[bucket.index(padding=0)[bucket.inside]] = d_part[bucket.inside]
            if d_transition is not None:
                d_transition += d_parts.arrays["transition"].sum(axis=0)
        return total, d_rows if d_transition is None else (d_rows, d_transition)

    def _bucket_loss(
        self, lesson: SpanLesson, bucket: Bucket, parts: Parts, student: SpanStudent
    ) -> tuple[float, Parts]:
        units = bucket.units.tolist()
        target = None
        if lesson.beliefs is not None:
            target = self._target([lesson.beliefs[unit] for unit in units], student)
        gold = self.gold([lesson.tags[unit] for unit in units])
        legal = self.rules.add_to(parts) if self.rules and self.is_chain else parts
        loss, d_parts = self.mixed_loss(legal, gold=gold, target=target)
        if not lesson.negatives:
            return loss, d_parts
        negative, d_negative = loss_of_negatives(
            *self.read_as(parts),
            [lesson.negatives[unit] for unit in units],
            without=self.without,
            weights=gold_shares(len(units), weight=self.pipe.weight, target=target),
        )
        arrays = {name: d_negative.arrays[name] for name in parts.arrays}
        return loss + negative, d_parts + Parts(arrays, parts.lengths)

    def _target(self, beliefs: Sequence[Belief], student: SpanStudent) -> Target:
        return self.tempered(type(beliefs[0]).target_of_spans(beliefs, student))

    def note_illegal(self, n: int) -> None:
        """n: docs of a batch whose annotation no segmentation agrees with."""
        if n and not self.illegal:
            logger.warning(
                "%s: the annotation of %d docs of a batch is no legal sequence of tags; such docs "
                "are taken as without annotation (counted in `task.illegal`)",
                self.pipe.name,
                n,
            )
        self.illegal += n


def doc_rows(lengths: Sequence[int]) -> Ints2d:
    """(docs, 2) first and end row of each doc in the batch's concatenated words."""
    return batch_spans([numpy.asarray([[0, n]]) for n in lengths], lengths)
