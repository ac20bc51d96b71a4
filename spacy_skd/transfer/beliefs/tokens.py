"""Scores of the labels of words: independent ones, or those of a chain."""

from abc import abstractmethod
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, cast

import numpy
from thinc.api import Ops

from ...arrays import Floats2d
from ...codecs.bioes import OUTSIDE, are_span_tags, labels_of_tags, legality, scheme_of
from ...codecs.units import as_units
from ...codecs.words import Words
from ...structures import IMPOSSIBLE, IndependentLabels, LinearChain, Parts, Structure, tie
from ..conversions.table import convert
from ..conversions.tags import lift_tags, tag_match
from ..draws import draw_independent
from ..next_tags import NextTags, chains_of
from ..posterior import Posterior, Target
from ..students import SpanStudent, Student, TagStudent
from .base import SPANS, Belief, k_best
from .entropy import entropy_of_unit
from .form import Form, Packed, pack_rows, unpack_rows
from .listed_labels import LabelCandidates
from .merging import merge_tags, merge_tokens

if TYPE_CHECKING:
    from typing_extensions import Self

    from .mixture import Mixture


class ScoredLabels(Belief):
    """Beliefs that have a score of each word's labels."""

    structure: Structure
    scores: Floats2d

    @property
    def nbytes(self) -> int:
        return int(self.scores.nbytes)

    @property
    def n_tokens(self) -> int:
        return len(self.scores)

    @abstractmethod
    def distribution(self, *, temperature: float = 1.0) -> tuple[Structure, Parts]:
        """Return that over the labellings of the doc, as one unit; of tags of spans, over the
        legal ones."""

    def entropy(self) -> float:
        return entropy_of_unit(*self.distribution()) if self.n_tokens else 0.0

    def of_each_word(self) -> Floats2d:
        if not self.n_tokens:
            return numpy.zeros((0, len(self.labels)), dtype="float32")
        structure, scores = self.distribution()
        rows: Floats2d = structure.infer(scores)[1].arrays["unary"][0].astype("float32")
        return rows

    def best(self, *, k: int) -> LabelCandidates:
        if not self.n_tokens:
            return LabelCandidates(self.labels, numpy.zeros((1, 0), "int32"), numpy.ones(1))
        totals, labellings = k_best(*self.distribution(), k)
        exists = numpy.isfinite(totals[0])
        rows = numpy.stack([parts.arrays["unary"][0].argmax(axis=-1) for parts in labellings])
        weights = numpy.ones(exists.sum())
        return LabelCandidates(self.labels, rows[exists].astype("int32"), weights)

    def draw_labels(
        self,
        *,
        rng: numpy.random.Generator,
        temperature: float = 1.0,
        known: Container[str] | None = None,
    ) -> list[str]:
        if not self.n_tokens:
            return []
        structure, parts = self.distribution(temperature=temperature)
        drawn = structure.sample(parts, rng=rng).arrays["unary"][0].argmax(axis=1)
        return [self.labels[i] for i in drawn.tolist()]

    @classmethod
    def target_of_spans(cls, beliefs: Sequence["Self"], student: SpanStudent) -> Target:
        """Return the target of tags of spans."""
        tags = beliefs[0].labels
        if OUTSIDE not in tags:
            raise student.refusal(SPANS, annotates="something else")
        return student.objective.convert_spans(
            cls.span_posterior(beliefs, student.ops),
            student.structure,
            match=student.match_of_tags(tags, labels_of_tags(tags)),
            rules=student.rules,
            temperature=student.temperature,
        )

    @classmethod
    def next_tags(cls, beliefs: Sequence["Self"], student: TagStudent) -> list[NextTags]:
        """See `Belief.next_tags`: those of the chain that the teacher's scores are lifted to."""
        tags = beliefs[0].labels
        if OUTSIDE not in tags:
            raise student.refusal(SPANS, annotates="something else")
        match = tag_match(student.match_of_tags(tags, labels_of_tags(tags)))
        scores = cls.span_posterior(beliefs, student.ops).scores * (1.0 / student.temperature)
        lifted, empty = lift_tags(scores, match, student.rules)
        log_z, _ = beliefs[0].structure.infer(scores)
        return chains_of(lifted, student.tags, log_z=log_z, silent=empty)

    @classmethod
    def span_posterior(cls, beliefs: Sequence["Self"], ops: Ops) -> Posterior:
        lengths = numpy.asarray([belief.n_tokens for belief in beliefs])
        shape = (len(beliefs), int(lengths.max()), len(beliefs[0].labels))
        unary = numpy.zeros(shape, "float32")
        for row, belief in zip(unary, beliefs):
            row[: belief.n_tokens] = belief.scores
        scores = Parts({"unary": ops.asarray(unary)}, ops.xp.asarray(lengths))
        return Posterior(beliefs[0].structure, scores)


@dataclass(frozen=True, eq=False)
class TokenBelief(ScoredLabels):
    """Scores of independent labels.

    labels (tuple[str, ...]): the teacher's inventory.
    scores (Floats2d): (words of the doc, labels), nats.
    """

    structure: Structure
    labels: tuple[str, ...]
    scores: Floats2d
    kind: ClassVar[str] = "tokens"
    scored: ClassVar[type] = Structure

    def of_words(self, words: Words) -> "TokenBelief":
        return replace(self, scores=words.of_tokens(self.scores))

    @property
    def form(self) -> Form:
        return Form(self.kind, self.structure, self.labels)

    def pack(self, *, least: float) -> Packed:
        least = 0.0 if are_span_tags(self.labels) else least
        return pack_rows("score", self.scores, least=least)

    @classmethod
    def merged(cls, mixtures: "Sequence[Mixture]") -> list[Belief]:
        """See `Belief.merged`. The mean of probabilities, exactly; of tags of spans, each token's
        by the mixture of legal sequences, to `fit`'s tolerance."""
        labels = mixtures[0].labels
        if are_span_tags(labels):
            labels, rows = merge_tags(mixtures, scheme_of(cls.of(mixtures[0].beliefs[0]).labels))[
                :2
            ]
        else:
            rows = merge_tokens(mixtures)
        return [cls(IndependentLabels(), labels, each) for each in rows]

    @classmethod
    def unpack(cls, packed: Packed, form: Form) -> "TokenBelief":
        scores = unpack_rows("score", packed, n_columns=len(form.labels))
        return cls(cast(Structure, form.structure), form.labels, scores)

    def distribution(self, *, temperature: float = 1.0) -> tuple[Structure, Parts]:
        scores = Parts({"unary": self.scores[None]}, numpy.asarray([len(self.scores)]))
        scores = scores * (1.0 / temperature)
        if not are_span_tags(self.labels):
            return self.structure, scores
        # Each token's best tag on its own may make no sequence.
        free = numpy.zeros((1, len(self.labels), len(self.labels)), self.scores.dtype)
        chains = Parts({**scores.arrays, "transition": free}, scores.lengths)
        return LinearChain(), legality(self.labels).add_to(chains)

    def draw_labels(
        self,
        *,
        rng: numpy.random.Generator,
        temperature: float = 1.0,
        known: Container[str] | None = None,
    ) -> list[str]:
        if are_span_tags(self.labels) or not self.n_tokens:
            return super().draw_labels(rng=rng, temperature=temperature)
        columns = range(len(self.labels))
        kept = [i for i in columns if known is None or self.labels[i] in known]
        scores = self.scores * (1.0 / temperature)
        return draw_independent(scores[:, kept], [self.labels[i] for i in kept], rng)

    @classmethod
    def target_of_tokens(cls, beliefs: Sequence["Self"], student: Student) -> Target:
        scores = student.ops.asarray(numpy.concatenate([belief.scores for belief in beliefs]))
        return convert(
            Posterior(beliefs[0].structure, as_units(scores)),
            student.structure,
            match=student.match(beliefs[0].labels),
            temperature=student.temperature,
        )


@dataclass(frozen=True, eq=False)
class ChainBelief(ScoredLabels):
    """Scores of the tag sequences of a whole doc.

    labels (tuple[str, ...]): the teacher's tags ("O", "B-PER", ...).
    scores (Floats2d): (words of the doc, tags), nats, with those of the first and the last tag.
    transition (Floats2d): (tags, tags), nats; the same array for all docs.
    Illegal sequences are `IMPOSSIBLE` by these scores.
    """

    structure: Structure
    labels: tuple[str, ...]
    scores: Floats2d
    transition: Floats2d
    kind: ClassVar[str] = "chain"
    scored: ClassVar[type] = Structure
    annotates: ClassVar[str] = "labelled spans"
    of_spans: ClassVar[bool] = True

    def of_words(self, words: Words) -> "ChainBelief":
        """Keep the words' scores. Where the first or last token is whitespace, a sequence must
        still begin and end as a legal one does."""
        rows = words.of_tokens(self.scores)
        if not words.whole and len(words):
            rules = legality(self.labels)
            rows[0] = numpy.where(rules.start < 0, IMPOSSIBLE, rows[0])
            rows[-1] = numpy.where(rules.end < 0, IMPOSSIBLE, rows[-1])
        return replace(self, scores=rows)

    @property
    def form(self) -> Form:
        return Form(self.kind, self.structure, self.labels, self.transition)

    def pack(self, *, least: float) -> Packed:
        """Keep all tags."""
        return pack_rows("score", self.scores, least=0.0)

    @classmethod
    def merged(cls, mixtures: "Sequence[Mixture]") -> list[Belief]:
        """See `Belief.merged`. The tags of each token are those of the mixture, to `fit`'s
        tolerance; scores of pairs are the mean of the teachers', so that how often a tag follows
        another is near it."""
        own = [cls.of(mixture.beliefs[0]) for mixture in mixtures]
        tags, rows, transition = merge_tags(mixtures, scheme_of(own[0].labels), pairs=True)
        return [cls(own[0].structure, tags, each, transition) for each in rows]

    @classmethod
    def unpack(cls, packed: Packed, form: Form) -> "ChainBelief":
        scores = unpack_rows("score", packed, n_columns=len(form.labels))
        none = numpy.zeros((0, 0), dtype="float32")
        transition = none if form.transition is None else form.transition
        return cls(cast(Structure, form.structure), form.labels, scores, transition)

    def distribution(self, *, temperature: float = 1.0) -> tuple[Structure, Parts]:
        arrays = {"unary": self.scores[None], "transition": self.transition[None]}
        scores = Parts(arrays, numpy.asarray([len(self.scores)])) * (1.0 / temperature)
        return self.structure, scores

    @classmethod
    def span_posterior(cls, beliefs: Sequence["Self"], ops: Ops) -> Posterior:
        posterior = super().span_posterior(beliefs, ops)
        transition = tie(ops.asarray(beliefs[0].transition), len(beliefs))
        arrays = {**posterior.scores.arrays, "transition": transition}
        return Posterior(posterior.structure, Parts(arrays, posterior.scores.lengths))
