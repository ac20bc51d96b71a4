"""The distilling tagger of spans: entities or a span group, as tags of tokens."""

from itertools import islice
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d, Ints2d

from ..codecs.bioes import (
    Legality,
    TagMatch,
    TypedSpan,
    decode_spans,
    encode_chains,
    labels_of_tags,
    legality,
    match_tags,
    span_tags,
)
from ..codecs.trees import Gold
from ..models.units import Bucket, make_buckets
from ..structures import LinearChain, Parts, tie
from ..transfer.annealing import WeightSchedule
from ..transfer.belief import Belief, ChainBelief, TokenBelief
from ..transfer.convert import Target, convert
from ..transfer.loss import mixed_loss
from .activations import Activations, Predictions
from .distilling import DistillingPipe, logger
from .lessons import belief_tokens
from .span_activations import no_activations, span_activations
from .span_layers import SpanLayer
from .span_parts import as_chain, doc_rows, posterior_of, structure_of


class SpanLesson(NamedTuple):
    """tags: per doc, of each token, None or "" where there is no gold. beliefs: one a doc."""

    tags: List[List[Optional[str]]]
    beliefs: Optional[Sequence[Belief]]


class DistillingSpanTagger(DistillingPipe):
    """Spans that do not overlap, as a sequence of tags for each doc.

    `labels` are the labels of the spans; the model's outputs are the tags made of them.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], Any],
        name: str = "distilling_tagger",
        *,
        layer: SpanLayer,
        structure: str = "linear_chain",
        scheme: str = "BIOES",
        distill_weight: Union[float, WeightSchedule] = 0.0,
        temperature: float = 1.0,
        overwrite: bool = False,
        scorer: Optional[Callable] = None,
        save_activations: bool = False,
    ):
        super().__init__(
            vocab,
            model,
            name,
            structure=structure_of(structure, model),
            distill_weight=distill_weight,
            temperature=temperature,
            scorer=scorer or layer.score,
            save_activations=save_activations,
        )
        span_tags((), scheme=scheme)
        self.layer = layer
        self.scheme = scheme
        self.overwrite = overwrite
        self.repaired = 0  # docs whose annotation no legal sequence agrees with, so far
        self._rules: Optional[Tuple[Tuple[str, ...], Legality]] = None
        self._tag_match: Optional[Tuple[Tuple[str, ...], TagMatch]] = None

    @property
    def tags(self) -> Tuple[str, ...]:
        """The tags of tokens, in the order of the model's output."""
        return span_tags(self.labels, scheme=self.scheme)

    @property
    def rules(self) -> Legality:
        """Which sequences of tags are legal."""
        tags = self.tags
        if self._rules is None or self._rules[0] != tags:
            self._rules = (tags, legality(tags))
        return self._rules[1]

    def _n_outputs(self, labels: Sequence[str]) -> int:
        return len(span_tags(labels, scheme=self.scheme))

    def _copies(self, label: str) -> Ints2d:
        index = {tag: i for i, tag in enumerate(self.tags)}
        tags = span_tags([*self.labels, label], scheme=self.scheme)
        new = f"-{label}"
        return numpy.asarray(
            [[index[t[0] + f"-{old}" if t[1:] == new else t] for t in tags] for old in self.labels]
        )

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Iterable[str]] = None,
    ) -> None:
        """Set the labels (given, else all of those of `add_label`, of the teacher and of the
        examples) and the sizes.

        RAISES (ValueError): if there are no labels, or none that the teacher has.
        """
        self._set_labels(self._initial_labels(get_examples, labels), nlp=nlp)
        docs = [eg.predicted for eg in islice(get_examples(), 10)]
        self.model.initialize(X=docs, Y=self.model.ops.alloc2f(1, len(self.tags)))

    # Prediction

    def predict(self, docs: Iterable[Doc]) -> Predictions:
        """See `DistillingPipe.predict`. Best: the spans of the best legal tag sequence of each doc.

        Activations, of the distribution over legal sequences: "marginals" (tokens, tags) and
        "label_ids" (tokens,), of the tags; "spans" (S, 3), start and end token and label of those
        that were found, and "confidences" (S,), the probability of each whole span.
        """
        docs = list(docs)
        return self._decode(self._scored(docs), n_docs=len(docs))

    def _decode(self, scored: Iterable[Tuple[Bucket, Parts]], *, n_docs: int) -> Predictions:
        names = numpy.asarray(self.tags)
        best: List[List[TypedSpan]] = [[] for _ in range(n_docs)]
        found: Dict[int, Activations] = {}
        for bucket, parts in scored:
            scores = self.rules.add_to(as_chain(parts))
            indicators = LinearChain().argmax(scores)
            ids = self.model.ops.to_numpy(indicators.arrays["unary"]).argmax(axis=-1)
            units = bucket.units.tolist()
            for unit, n, row in zip(units, bucket.lengths.tolist(), ids):
                if row[:n].any():
                    best[unit] = decode_spans(names[row[:n]].tolist())
            if self.save_activations:
                found.update(zip(units, self._activations(scores, ids, [best[u] for u in units])))
        if not self.save_activations:
            return Predictions(best)
        none = no_activations(len(names))
        return Predictions(best, [found.get(unit, none) for unit in range(n_docs)])

    def _activations(
        self, scores: Parts, ids: Ints2d, spans: Sequence[List[TypedSpan]]
    ) -> List[Activations]:
        return span_activations(scores, ids, spans, tags=self.tags, labels=self.labels)

    def _write(self, docs: Sequence[Doc], best: Sequence[List[TypedSpan]]) -> None:
        for doc, spans in zip(docs, best):
            self.layer.write(doc, spans, overwrite=self.overwrite)

    def believe(self, docs: Sequence[Doc]) -> List[Belief]:
        """As a teacher: the scores of every doc's tags, in which illegal sequences are impossible.
        Does not change the docs."""
        ops, docs = self.model.ops, list(docs)
        none = numpy.zeros((0, len(self.tags)), dtype="float32")
        rows: List[Floats2d] = [none for _ in docs]
        transition = none
        for bucket, parts in self._scored(docs):
            parts = self.rules.add_to(parts) if self._is_chain else parts
            unary = ops.to_numpy(parts.arrays["unary"])
            if self._is_chain:
                transition = ops.to_numpy(parts.arrays["transition"][0])
            for unit, n, row in zip(bucket.units.tolist(), bucket.lengths.tolist(), unary):
                rows[unit] = row[:n].copy()
        if not self._is_chain:
            return [TokenBelief(self.structure, self.tags, row) for row in rows]
        return [ChainBelief(self.structure, self.tags, row, transition) for row in rows]

    def write_beliefs(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """See `LearningPipe.write_beliefs`."""
        spans = [self._span_belief(belief) for belief in beliefs]
        buckets = make_buckets(doc_rows([len(doc) for doc in docs]))
        ops = self.model.ops
        scored = [(b, posterior_of([spans[u] for u in b.units], ops).scores) for b in buckets]
        self.set_annotations(docs, self._decode(scored, n_docs=len(spans)))

    @property
    def _is_chain(self) -> bool:
        return isinstance(self.structure, LinearChain)

    def _scored(self, docs: Sequence[Doc]) -> List[Tuple[Bucket, Parts]]:
        if not any(len(doc) for doc in docs):
            return []
        output = self.model.predict(docs)
        rows = output[0] if self._is_chain else output
        if self.model.ops.xp.isnan(rows).any():
            raise ValueError(f"{self.name}: the model's scores are NaN; its weights are damaged")
        buckets = make_buckets(doc_rows([len(doc) for doc in docs]))
        return [(bucket, self._parts_of(output, bucket)) for bucket in buckets]

    def _parts_of(self, output: Any, bucket: Bucket) -> Parts:
        """The model's scores of a bucket's docs."""
        xp = self.model.ops.xp
        rows = output[0] if self._is_chain else output
        unary = rows[bucket.index(padding=0)]
        arrays = {"unary": unary}
        if self._is_chain:
            arrays["transition"] = tie(output[1], len(unary))
        return Parts(arrays, xp.asarray(bucket.lengths))

    # Training

    def _lesson(
        self, examples: Sequence[Example], beliefs: Optional[Sequence[Belief]]
    ) -> SpanLesson:
        tags = [self.layer.gold(eg, scheme=self.scheme) for eg in examples]
        return SpanLesson(tags, beliefs)

    def _lesson_without_gold(self, beliefs: Sequence[Belief]) -> SpanLesson:
        return SpanLesson([[None] * belief_tokens(belief) for belief in beliefs], beliefs)

    def _loss(self, lesson: SpanLesson, scores: Any) -> Tuple[float, Any]:
        """scores: (tokens of the batch, tags); of a linear chain, also the (tags, tags)
        transitions."""
        rows = scores[0] if self._is_chain else scores
        d_rows = self.model.ops.xp.zeros_like(rows)
        d_transition = self.model.ops.alloc2f(len(self.tags), len(self.tags))
        total = 0.0
        for bucket in make_buckets(doc_rows([len(tags) for tags in lesson.tags])):
            parts = self._parts_of(scores, bucket)
            target = self._target(lesson.beliefs, bucket)
            loss, d_parts = mixed_loss(
                self.structure,
                self.rules.add_to(parts) if self._is_chain else parts,
                gold=self._gold([lesson.tags[u] for u in bucket.units.tolist()]),
                teacher=None if target is None else target.marginals,
                silent=None if target is None else target.empty,
                weight=self.weight,
                temperature=self.temperature,
            )
            total += loss
            d_rows[bucket.index(padding=0)[bucket.inside]] = d_parts.arrays["unary"][bucket.inside]
            if self._is_chain:
                d_transition += d_parts.arrays["transition"].sum(axis=0)
        return total, (d_rows, d_transition) if self._is_chain else d_rows

    def _gold(self, tags: Sequence[Sequence[Optional[str]]]) -> Gold:
        gold, illegal = encode_chains(tags, self.tags, self.rules)
        if illegal and not self.repaired:
            logger.warning(
                "%s: the annotation of %d docs of a batch is no legal sequence of tags; such docs "
                "are taken as without annotation (counted in `repaired`)",
                self.name,
                illegal,
            )
        self.repaired += illegal
        indicators = gold.indicators
        if not self._is_chain:
            indicators = Parts({"unary": indicators.arrays["unary"]}, indicators.lengths)
        return Gold(self._parts(indicators), gold.known)

    def _target(self, beliefs: Optional[Sequence[Belief]], bucket: Bucket) -> Optional[Target]:
        if beliefs is None:
            return None
        chosen = [self._span_belief(beliefs[u]) for u in bucket.units.tolist()]
        target = convert(
            posterior_of(chosen, self.model.ops),
            self.structure,
            match=self._match_of(chosen[0].labels),
            rules=self.rules,
            temperature=self.temperature,
        )
        self.lost_mass.add(target)
        return target

    def _match_of(self, teacher_tags: Tuple[str, ...]) -> TagMatch:
        if self._tag_match is None or self._tag_match[0] != (*teacher_tags, *self.tags):
            self._label_match(labels_of_tags(teacher_tags))
            match = match_tags(teacher=teacher_tags, student=self.tags)
            self._tag_match = ((*teacher_tags, *self.tags), match)
        return self._tag_match[1]

    def _span_belief(self, belief: Belief) -> Union[TokenBelief, ChainBelief]:
        if isinstance(belief, (TokenBelief, ChainBelief)) and "O" in belief.labels:
            return belief
        raise ValueError(
            f"{self.name}: expected a teacher of spans (tags O, B-..., ...), but its component "
            f"{self._teacher_pipe_name()!r} annotates something else; set student_to_teacher"
        )

    def _has_gold(self, eg: Example) -> bool:
        return all(self.layer.gold(eg, scheme=self.scheme))

    def _labels_in(self, examples: Iterable[Example]) -> List[str]:
        return sorted({label for eg in examples for label in self.layer.labels(eg.reference)})
