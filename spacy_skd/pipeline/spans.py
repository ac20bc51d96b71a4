"""What the distilling taggers of spans share: entities or a span group, one unit a doc."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model

from ..codecs.absence import Window
from ..codecs.bioes import Legality, TypedSpan
from ..codecs.trees import Gold
from ..codecs.units import Bucket, make_buckets
from ..codecs.words import Words
from ..models.words import words_of
from ..structures import Parts, tie
from ..structures.numerics import check_scores
from ..transfer.annealing import WeightSchedule
from ..transfer.beliefs import Belief
from ..transfer.negative import gold_shares
from ..transfer.posterior import Target
from ..transfer.students import SpanStudent
from ..transfer.target import STRUCTURAL, Objective
from .activations import Predictions
from .distilling import DistillingPipe, logger
from .negative_spans import NegativeSpans, loss_of_negatives
from .span_layers import SpanLayer
from .span_parts import doc_rows, read_as, structure_of, without_blocked


class SpanLesson(NamedTuple):
    """tags: per doc, of each word, None or "" where there is no gold. beliefs: one a doc.
    negatives: per doc, what is no span of its words; of none, if empty."""

    tags: list[list[str | None]]
    beliefs: Sequence[Belief] | None
    negatives: Sequence[Sequence[TypedSpan]] = ()


class DistillingSpans(DistillingPipe):
    """Spans that do not overlap, in each doc. `labels` are their labels; what the model scores,
    tags of tokens or spans, is the matter of the two classes that derive from this one.

    The model's output is an array whose rows are the words of the batch; of a linear chain, also
    one of transitions.
    """

    rows_name: str  # of that array among `Parts`
    scheme: str  # of the tags that gold is read as

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], Any],
        name: str = "distilling_tagger",
        *,
        layer: SpanLayer,
        structure: str = "linear_chain",
        distill_weight: float | WeightSchedule = 0.0,
        objective: Objective = STRUCTURAL,
        overwrite: bool = False,
        scorer: Callable | None = None,
        save_activations: bool = False,
        incorrect_spans_key: str | None = None,
    ):
        super().__init__(
            vocab,
            model,
            name,
            structure=structure_of(structure, model),
            distill_weight=distill_weight,
            objective=objective,
            scorer=scorer or layer.score,
            save_activations=save_activations,
        )
        self.layer = layer
        self.overwrite = overwrite
        self.negatives = NegativeSpans(incorrect_spans_key, layer=layer, name=name)
        self.illegal = 0  # docs whose annotation no legal sequence agrees with, so far

    # What the two classes define

    @property
    def rules(self) -> Legality | None:
        """Which sequences of tags are legal; None where there are no tags."""
        raise NotImplementedError

    def _decode(
        self, scored: Iterable[tuple[Bucket, Parts]], *, words: Sequence[Words]
    ) -> Predictions:
        """The best spans of each doc. scored: buckets of docs, and the scores of their parts.
        words (Sequence[Words]): of each doc."""
        raise NotImplementedError

    def _block(self, parts: Parts, blocked: Any) -> Parts:
        """Scores in which no span has a blocked token. blocked: (B, N) bool."""
        raise NotImplementedError

    def _without(self, scores: Parts, unit: int, span: TypedSpan) -> list[Window]:
        """The structures of a unit that lack a span. scores: as `read_as` gives them."""
        raise NotImplementedError

    def _gold(self, tags: Sequence[Sequence[str | None]]) -> Gold:
        """tags: of the docs of a bucket."""
        raise NotImplementedError

    @property
    def _student(self) -> SpanStudent:
        raise NotImplementedError

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        """Set the labels (given, else all of those of `add_label`, of the teacher and of the
        examples) and the sizes.

        RAISES (ValueError): if there are no labels, or none that the teacher has.
        """
        self._set_labels(self._initial_labels(get_examples, labels), nlp=nlp)
        docs = [eg.predicted for eg in islice(get_examples(), 10)]
        self.model.initialize(X=docs, Y=self.model.ops.alloc2f(1, self._n_outputs(self.labels)))

    # Prediction

    def predict(self, docs: Iterable[Doc]) -> Predictions:
        """See `DistillingPipe.predict`. Best: the spans of words of the best segmentation of each
        doc. What the activations are is said with the class.
        """
        return self._decoded(docs := list(docs), *self._scored(docs))

    def _decoded(
        self, docs: Sequence[Doc], scored: list[tuple[Bucket, Parts]], words: Sequence[Words]
    ) -> Predictions:
        blocked = self.layer.blocked_words(docs, words)
        return self._decode(without_blocked(scored, blocked, block=self._block), words=words)

    def _write(self, docs: Sequence[Doc], best: Sequence[list[TypedSpan]]) -> None:
        for doc, spans in zip(docs, best):
            self.layer.write(doc, spans, overwrite=self.overwrite)

    def write_beliefs(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """See `LearningPipe.write_beliefs`."""
        scored: list[tuple[Bucket, Parts]] = []
        for bucket in make_buckets(doc_rows([belief.n_tokens for belief in beliefs])):
            of_bucket = [beliefs[u] for u in bucket.units.tolist()]
            posterior = type(of_bucket[0]).span_posterior(of_bucket, self.model.ops)
            scored.append((bucket, posterior.scores))
        self.set_annotations(docs, self._decoded(docs, scored, words_of(docs)))

    @property
    def _is_chain(self) -> bool:
        return "transition" in self.structure.parts

    def _scored(self, docs: Sequence[Doc]) -> tuple[list[tuple[Bucket, Parts]], list[Words]]:
        """RETURNS: buckets of docs, and the scores of their parts; the words of each doc."""
        if not any(len(doc) for doc in docs):
            return [], words_of(docs)
        output = self.model.predict(docs)
        rows = output[0] if self._is_chain else output
        check_scores(rows, name=self.name)
        words = words_of(docs, n_words=len(rows))
        buckets = make_buckets(doc_rows([len(each) for each in words]))
        return [(bucket, self._parts_of(output, bucket)) for bucket in buckets], words

    def _parts_of(self, output: Any, bucket: Bucket) -> Parts:
        """The model's scores of a bucket's docs."""
        xp = self.model.ops.xp
        rows = output[0] if self._is_chain else output
        arrays = {self.rows_name: rows[bucket.index(padding=0)]}
        if self._is_chain:
            arrays["transition"] = tie(output[1], len(bucket.units))
        return Parts(arrays, xp.asarray(bucket.lengths))

    # Training

    def _lesson(self, examples: Sequence[Example], beliefs: Sequence[Belief] | None) -> SpanLesson:
        tags = [self._tags(eg) for eg in examples]
        named = (tag[2:] for unit in tags for tag in unit if tag)
        self.unknown_labels.add(named, set(self.labels))
        negatives = [self.negatives(eg, labels=self.labels) for eg in examples]
        return SpanLesson(tags, self._read(beliefs), negatives if any(negatives) else ())

    def _tags(self, eg: Example) -> list[str | None]:
        """Gold of each predicted word."""
        (words,) = words_of([eg.predicted])
        return words.tags_of_tokens(self.layer.gold(eg, scheme=self.scheme))

    def _lesson_without_gold(self, beliefs: Sequence[Belief]) -> SpanLesson:
        tags: list[list[str | None]] = [[None] * belief.n_tokens for belief in beliefs]
        return SpanLesson(tags, self._read(beliefs))

    def _loss(self, lesson: SpanLesson, scores: Any) -> tuple[float, Any]:
        """scores: what the model returned."""
        rows = scores[0] if self._is_chain else scores
        d_rows = self.model.ops.xp.zeros_like(rows)
        d_transition = self.model.ops.xp.zeros_like(scores[1]) if self._is_chain else None
        total = 0.0
        for bucket in make_buckets(doc_rows([len(tags) for tags in lesson.tags])):
            parts = self._parts_of(scores, bucket)
            target = self._target(lesson.beliefs, bucket)
            loss, d_parts = self._mixed_loss(
                self.rules.add_to(parts) if self.rules and self._is_chain else parts,
                gold=self._gold([lesson.tags[u] for u in bucket.units.tolist()]),
                target=target,
            )
            if lesson.negatives:
                negative, d_negative = loss_of_negatives(
                    *read_as(self.structure, parts, rules=self.rules),
                    [lesson.negatives[u] for u in bucket.units.tolist()],
                    without=self._without,
                    weights=gold_shares(len(bucket.units), weight=self.weight, target=target),
                )
                arrays = {name: d_negative.arrays[name] for name in parts.arrays}
                loss, d_parts = loss + negative, d_parts + Parts(arrays, parts.lengths)
            total += loss
            d_part = d_parts.arrays[self.rows_name]
            d_rows[bucket.index(padding=0)[bucket.inside]] = d_part[bucket.inside]
            if self._is_chain:
                d_transition += d_parts.arrays["transition"].sum(axis=0)
        return total, (d_rows, d_transition) if self._is_chain else d_rows

    def _target(self, beliefs: Sequence[Belief] | None, bucket: Bucket) -> Target | None:
        if beliefs is None:
            return None
        of_bucket = [beliefs[u] for u in bucket.units.tolist()]
        target = type(of_bucket[0]).target_of_spans(of_bucket, self._student)
        self.lost_mass.add(target)
        return self.objective.temper(target)

    def _note_illegal(self, n: int) -> None:
        """n: docs of a batch whose annotation no segmentation agrees with."""
        if n and not self.illegal:
            logger.warning(
                "%s: the annotation of %d docs of a batch is no legal sequence of tags; such docs "
                "are taken as without annotation (counted in `illegal`)",
                self.name,
                n,
            )
        self.illegal += n

    def _has_gold(self, eg: Example) -> bool:
        return all(self._tags(eg))

    def _labels_in(self, examples: Iterable[Example]) -> list[str]:
        return sorted({label for eg in examples for label in self.layer.labels(eg.reference)})
