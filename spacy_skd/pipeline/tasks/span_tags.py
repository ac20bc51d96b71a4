"""Spans as tags of tokens: independent ones, or a linear chain."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy
from spacy.tokens import Doc

from ...arrays import Bools, Floats1d, Floats2d, Ints2d
from ...codecs.absence import Window, chains_without
from ...codecs.bioes import Legality, TypedSpan, decode_spans, encode_chains, legality, span_tags
from ...codecs.trees import Gold
from ...layers.span_layer import SpanLayer
from ...structures import (
    IMPOSSIBLE,
    LinearChain,
    Parts,
    Structure,
    run_probabilities,
    tie,
    to_numpy,
)
from ...transfer.beliefs import Belief, ChainBelief, TokenBelief
from ...transfer.students import TagStudent
from .activations import no_activations, run_of, span_activations
from .predictions import HALF, Activations
from .scored_spans import ScoredSpans
from .spans import SpanTask


class SpanTagTask(SpanTask):
    """Spans as a sequence of tags for each doc: the model's outputs are the tags of the labels.

    scheme (str): of the tags, "BIOES" or "BIO".

    Activations, of the distribution over legal sequences: "marginals" (tokens, tags) and
    "label_ids" (tokens,), of the tags, of whitespace 0 and -1; "spans" (S, 3), start and end token
    and label of those that were found, and "confidences" (S,), the probability of each whole span.
    """

    rows_name = "unary"
    takes: ClassVar[tuple[str, ...]] = ("scheme", "decode")

    def __init__(
        self,
        layer: SpanLayer,
        structure: Structure,
        *,
        scheme: str = "BIOES",
        **settings: Any,
    ):
        super().__init__(layer, structure, **settings)
        span_tags((), scheme=scheme)
        self.scheme = scheme
        self._rules: tuple[tuple[str, ...], Legality] | None = None

    # Labels

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of tokens, in the order of the model's output."""
        return span_tags(self.pipe.labels, scheme=self.scheme)

    @property
    def rules(self) -> Legality:
        tags = self.tags
        if self._rules is None or self._rules[0] != tags:
            self._rules = (tags, legality(tags))
        return self._rules[1]

    def n_outputs(self, labels: Sequence[str]) -> int:
        return len(span_tags(labels, scheme=self.scheme))

    def copies(self, label: str) -> Ints2d:
        index = {tag: i for i, tag in enumerate(self.tags)}
        tags = span_tags([*self.pipe.labels, label], scheme=self.scheme)
        new = f"-{label}"
        return numpy.asarray(
            [
                [index[t[0] + f"-{old}" if t[1:] == new else t] for t in tags]
                for old in self.pipe.labels
            ]
        )

    def span_student(self) -> TagStudent:
        return TagStudent(**vars(self.student()), scheme=self.scheme)

    # Prediction

    def best_spans(self, parts: Parts) -> list[list[TypedSpan]]:
        _, labels = LinearChain().best(parts, k=1)
        return self._spans_of(to_numpy(labels[:, 0]), parts)

    def likely_spans(self, parts: Parts) -> list[list[TypedSpan]]:
        """See `SpanTask.likely_spans`. Each tag of such a span has a probability above 1/2, too, so
        that these tags name all that may be one."""
        marginals = to_numpy(LinearChain().infer(parts)[1].arrays["unary"])
        ids = marginals.argmax(axis=-1)
        highest = numpy.take_along_axis(marginals, ids[..., None], axis=-1)[..., 0]
        found = self._spans_of(numpy.where(highest > HALF, ids, 0), parts)
        chances = iter(to_numpy(self.chances_of(parts, found)).tolist())
        return [[span for span in of_doc if next(chances) > HALF] for of_doc in found]

    def _spans_of(self, ids: Ints2d, parts: Parts) -> list[list[TypedSpan]]:
        """ids: (B, N) tags."""
        names, spans = numpy.asarray(self.tags), list[list[TypedSpan]]()
        for row, n in zip(ids, parts.lengths.tolist()):
            spans.append(decode_spans(names[row[:n]].tolist()) if row[:n].any() else [])
        return spans

    def k_best_spans(self, parts: Parts, *, k: int) -> tuple[Floats1d, list[list[TypedSpan]]]:
        totals, labels = LinearChain().best(parts, k=k)
        exists = numpy.isfinite(to_numpy(totals[0]))
        ids, n = to_numpy(labels[0])[exists], int(parts.lengths[0])
        names = numpy.asarray(self.tags)
        return to_numpy(totals[0])[exists], [decode_spans(names[row[:n]].tolist()) for row in ids]

    def chances_of(self, parts: Parts, spans: Sequence[Sequence[TypedSpan]]) -> Floats1d:
        index = {tag: i for i, tag in enumerate(self.tags)}
        runs = [run_of(unit, span, index) for unit, of_doc in enumerate(spans) for span in of_doc]
        return run_probabilities(parts, runs)

    def unit_activations(self, parts: Parts, spans: Sequence[ScoredSpans]) -> Iterable[Activations]:
        return span_activations(parts, spans, tags=self.tags, labels=self.pipe.labels)

    def no_activations(self) -> Activations:
        return no_activations(len(self.tags))

    def block(self, parts: Parts, blocked: Bools) -> Parts:
        unary = parts.arrays["unary"].copy()
        unary[blocked, 1:] = IMPOSSIBLE  # all tags but O
        return Parts({**parts.arrays, "unary": unary}, parts.lengths)

    def read_as(self, parts: Parts) -> tuple[Structure, Parts]:
        """Return that over legal sequences; of independent tags, those of a chain whose pairs are
        free."""
        unary = parts.arrays["unary"]
        if "transition" not in parts.arrays:
            pairs = parts.xp.zeros((unary.shape[2], unary.shape[2]), dtype=unary.dtype)
            parts = Parts({"unary": unary, "transition": tie(pairs, len(unary))}, parts.lengths)
        return LinearChain(), self.rules.add_to(parts)

    # As a teacher

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """See `Task.believe`; illegal sequences are impossible."""
        none = numpy.zeros((0, len(self.tags)), dtype="float32")
        rows: list[Floats2d] = [none for _ in docs]
        transition = none
        for bucket, scores in self.scored(docs)[0]:
            parts = self.calibrated(scores)
            parts = self.rules.add_to(parts) if self.is_chain else parts
            unary = to_numpy(parts.arrays["unary"])
            if self.is_chain:
                transition = to_numpy(parts.arrays["transition"][0])
            for unit, n, row in zip(bucket.units.tolist(), bucket.lengths.tolist(), unary):
                rows[unit] = row[:n].copy()
        if not self.is_chain:
            return [TokenBelief(self.structure, self.tags, row) for row in rows]
        return [ChainBelief(self.structure, self.tags, row, transition) for row in rows]

    # Training

    def without(self, scores: Parts, unit: int, span: TypedSpan) -> list[Window]:
        return chains_without(
            scores, run_of(unit, span, {tag: i for i, tag in enumerate(self.tags)})
        )

    def gold(self, known: Sequence[Any]) -> Gold:
        gold, illegal = encode_chains(known, self.tags, self.rules)
        self.note_illegal(illegal)
        arrays: dict[str, Any] = {
            name: gold.indicators.arrays[name] for name in self.structure.parts
        }
        return Gold(Parts(arrays, gold.indicators.lengths).on_device(self.ops), gold.known)
