"""What the tasks of spans share: entities or a span group, one unit a doc, and how they learn."""

import logging
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ...codecs.absence import Window
from ...codecs.bioes import Legality, TypedSpan
from ...codecs.trees import Gold
from ...codecs.units import Bucket, doc_rows, make_buckets
from ...layers.span_layer import SpanLayer
from ...models.words import words_of
from ...structures import Parts, Structure
from ...transfer.beliefs import Belief
from ...transfer.negative import gold_shares
from ...transfer.posterior import Target
from ...transfer.students import SpanStudent
from ..negative_spans import NegativeSpans, loss_of_negatives
from .predictions import Pipe
from .span_prediction import SpanPrediction

logger = logging.getLogger("spacy.skd")


class SpanLesson(NamedTuple):
    """known: per doc, see `SpanTask.known`. beliefs: one a doc. negatives: per doc, what is no span
    of its words; of none, if empty."""

    known: list[Any]
    beliefs: Sequence[Belief] | None
    negatives: Sequence[Sequence[TypedSpan]] = ()


class SpanTask(SpanPrediction[SpanLesson]):
    """Labelled spans of each doc. `labels` are their labels; what the model scores, tags of tokens
    or spans, is the matter of the classes that derive from this one.

    The model's output is an array whose rows are the words of the batch; of a linear chain, also
    one of transitions. Best: the spans of words of the best structure of each doc.

    illegal (int): docs whose annotation no legal sequence agrees with, so far.
    """

    scheme: str  # of the tags that gold is read as

    def __init__(
        self,
        layer: SpanLayer,
        structure: Structure,
        *,
        incorrect_spans_key: str | None = None,
        **settings: Any,
    ):
        super().__init__(layer, structure, **settings)
        self.negatives = NegativeSpans(incorrect_spans_key, layer=layer)
        self.illegal = 0

    def belong_to(self, pipe: Pipe) -> None:
        super().belong_to(pipe)
        self.layer.belong_to(pipe.name)

    # What the classes define

    @property
    @abstractmethod
    def rules(self) -> Legality | None:
        """Which sequences of tags are legal; None where there are no tags."""

    @abstractmethod
    def span_student(self) -> SpanStudent:
        """Return what a belief must know to teach this task."""

    @abstractmethod
    def without(self, scores: Parts, unit: int, span: TypedSpan) -> list[Window]:
        """Return the structures of a unit that lack a span. scores: as `read_as` gives them."""

    @abstractmethod
    def gold(self, known: Sequence[Any]) -> Gold:
        """known: of the docs of a bucket."""

    # Labels

    def labels_in(self, examples: Iterable[Example]) -> list[str]:
        return sorted({label for eg in examples for label in self.layer.labels(eg.reference)})

    def initialize(self, model: Model[list[Doc], Any], docs: list[Doc]) -> None:
        model.initialize(X=docs, Y=model.ops.alloc2f(1, self.n_outputs(self.pipe.labels)))

    # Training

    # What is known of a doc: here, a tag of each word, None or "" where it is not known. Its length
    # is the number of words.

    def known(self, eg: Example) -> Any:
        """Return the gold of a doc."""
        (words,) = words_of([eg.predicted])
        return words.tags_of_tokens(self.layer.gold(eg, scheme=self.scheme))

    def unknown(self, n_words: int) -> Any:
        """Return what is known of a doc without gold."""
        return [None] * n_words

    def labels_of(self, known: Any) -> Iterable[str]:
        """Return labels that gold has."""
        return (tag[2:] for tag in known if tag)

    def has_gold(self, eg: Example) -> bool:
        return all(self.known(eg))

    def lesson(self, examples: Sequence[Example], beliefs: Sequence[Belief] | None) -> SpanLesson:
        known = [self.known(eg) for eg in examples]
        name, labels = self.pipe.name, self.pipe.labels
        names = (label for of_doc in known for label in self.labels_of(of_doc))
        self.pipe.unknown_labels.add(names, set(labels))
        negatives = [self.negatives(eg, labels=labels, name=name) for eg in examples]
        return SpanLesson(known, self.learnt(beliefs), negatives if any(negatives) else ())

    def lesson_without_gold(self, beliefs: Sequence[Belief]) -> SpanLesson:
        known = [self.unknown(belief.n_tokens) for belief in beliefs]
        return SpanLesson(known, self.learnt(beliefs))

    def learnt(self, beliefs: Sequence[Belief] | None) -> Sequence[Belief] | None:
        """See `Task.learnt`. Without overlaps, the best are those that have none."""
        if beliefs is not None and self.pipe.objective.n_best and not self.overlaps:
            beliefs = [belief.without_overlap() for belief in beliefs]
        return super().learnt(beliefs)

    def inputs(self, docs: list[Doc], lesson: SpanLesson) -> list[Doc]:
        return docs

    def loss(self, lesson: SpanLesson, scores: Any) -> tuple[float, Any]:
        """See `Task.loss`. scores: what the model returned."""
        xp = self.ops.xp
        rows, transition = self._arrays(scores)
        d_rows = xp.zeros_like(rows)
        d_transition = None if transition is None else xp.zeros_like(transition)
        total, student = 0.0, self.span_student()
        for bucket in make_buckets(doc_rows([len(known) for known in lesson.known])):
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
        beliefs = [lesson.beliefs[unit] for unit in units] if lesson.beliefs is not None else []
        if any(belief.is_known for belief in beliefs):
            target = self._target(beliefs, student)
        gold = self.gold([lesson.known[unit] for unit in units])
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
