"""The distilling tagger of spans as tags of tokens: independent ones, or a linear chain."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model

from ..arrays import Floats2d, Ints2d
from ..codecs.absence import Window, chains_without
from ..codecs.bioes import (
    Legality,
    TypedSpan,
    decode_spans,
    encode_chains,
    legality,
    span_tags,
)
from ..codecs.trees import Gold
from ..codecs.units import Bucket
from ..codecs.words import Words
from ..structures import IMPOSSIBLE, LinearChain, Parts
from ..transfer.annealing import WeightSchedule
from ..transfer.beliefs import Belief, ChainBelief, TokenBelief
from ..transfer.students import TagStudent
from ..transfer.target import STRUCTURAL, Objective
from .activations import Activations, Predictions
from .span_activations import no_activations, on_tokens, run_of, span_activations
from .span_layers import SpanLayer
from .span_parts import as_chain
from .spans import DistillingSpans


class DistillingSpanTagger(DistillingSpans):
    """Spans as a sequence of tags for each doc: the model's outputs are the tags of the labels.

    Activations, of the distribution over legal sequences: "marginals" (tokens, tags) and
    "label_ids" (tokens,), of the tags, of whitespace 0 and -1; "spans" (S, 3), start and end token
    and label of those that were found, and "confidences" (S,), the probability of each whole span.
    """

    rows_name = "unary"

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], Any],
        name: str = "distilling_tagger",
        *,
        layer: SpanLayer,
        structure: str = "linear_chain",
        scheme: str = "BIOES",
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
            layer=layer,
            structure=structure,
            distill_weight=distill_weight,
            objective=objective,
            overwrite=overwrite,
            scorer=scorer,
            save_activations=save_activations,
            incorrect_spans_key=incorrect_spans_key,
        )
        span_tags((), scheme=scheme)
        self.scheme = scheme
        self._rules: tuple[tuple[str, ...], Legality] | None = None

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of tokens, in the order of the model's output."""
        return span_tags(self.labels, scheme=self.scheme)

    @property
    def rules(self) -> Legality:
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

    def _decode(
        self, scored: Iterable[tuple[Bucket, Parts]], *, words: Sequence[Words]
    ) -> Predictions:
        names = numpy.asarray(self.tags)
        best: list[list[TypedSpan]] = [[] for _ in words]
        found: dict[int, Activations] = {}
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
        of_words = [found.get(unit, none) for unit in range(len(words))]
        return Predictions(best, [on_tokens(*pair) for pair in zip(of_words, words)])

    def _activations(
        self, scores: Parts, ids: Ints2d, spans: Sequence[list[TypedSpan]]
    ) -> list[Activations]:
        return span_activations(scores, ids, spans, tags=self.tags, labels=self.labels)

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """As a teacher: the scores of every doc's tags, in which illegal sequences are impossible.
        Does not change the docs."""
        ops, docs = self.model.ops, list(docs)
        none = numpy.zeros((0, len(self.tags)), dtype="float32")
        rows: list[Floats2d] = [none for _ in docs]
        transition = none
        for bucket, parts in self._scored(docs)[0]:
            parts = self.rules.add_to(parts) if self._is_chain else parts
            unary = ops.to_numpy(parts.arrays["unary"])
            if self._is_chain:
                transition = ops.to_numpy(parts.arrays["transition"][0])
            for unit, n, row in zip(bucket.units.tolist(), bucket.lengths.tolist(), unary):
                rows[unit] = row[:n].copy()
        if not self._is_chain:
            return [TokenBelief(self.structure, self.tags, row) for row in rows]
        return [ChainBelief(self.structure, self.tags, row, transition) for row in rows]

    def _block(self, parts: Parts, blocked: Any) -> Parts:
        unary = parts.arrays["unary"].copy()
        unary[blocked, 1:] = IMPOSSIBLE  # all tags but O
        return Parts({**parts.arrays, "unary": unary}, parts.lengths)

    def _without(self, scores: Parts, unit: int, span: TypedSpan) -> list[Window]:
        return chains_without(scores, run_of(unit, span, self.tags))

    def _gold(self, tags: Sequence[Sequence[str | None]]) -> Gold:
        gold, illegal = encode_chains(tags, self.tags, self.rules)
        self._note_illegal(illegal)
        indicators = gold.indicators
        if not self._is_chain:
            indicators = Parts({"unary": indicators.arrays["unary"]}, indicators.lengths)
        return Gold(self._parts(indicators), gold.known)

    @property
    def _student(self) -> TagStudent:
        return TagStudent(**self._as_student(), scheme=self.scheme)
