"""Weighted sets of spans: a teacher's k best."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy

from ...arrays import Floats1d, Ints2d
from ...codecs.bioes import TypedSpan
from ...codecs.span_sets import KnownSpans, flat_tags
from ...codecs.words import Words
from ..draws import choose
from ..expect import equal_weights, expect, heaviest, padded_weights, tempered_weights
from ..next_tags import NextTags, candidates_of
from ..posterior import Target
from ..students import SpanStudent, TagStudent
from .base import Belief
from .entropy import entropy_of_listed
from .form import (
    Form,
    Packed,
    check_labels,
    pack_array,
    pack_weights,
    smallest,
    unpack_array,
    unpack_weights,
)
from .merging import shared_weights
from .tokens import ChainBelief

if TYPE_CHECKING:
    from typing_extensions import Self

    from .mixture import Mixture


@dataclass(frozen=True, eq=False)
class SpanCandidates(Belief):
    """Weighted sets of labelled spans of a doc, which may overlap.

    labels (tuple[str, ...]): the teacher's inventory. n_words (int): of the doc.
    cells (Ints2d): (spans of all sets, 4) set, first word, end and label of each.
    weights (Floats1d): (K,) of the sets, in proportion to their probabilities, at least 0.
    """

    labels: tuple[str, ...]
    n_words: int
    cells: Ints2d
    weights: Floats1d
    kind: ClassVar[str] = "listed spans"
    annotates: ClassVar[str] = ChainBelief.annotates
    of_spans: ClassVar[bool] = True

    @classmethod
    def of_sets(
        cls, labels: Sequence[str], n_words: int, sets: Sequence[Sequence[TypedSpan]]
    ) -> "Self":
        """Make candidates of the same weight."""
        index = {label: i for i, label in enumerate(labels)}
        rows = [(k, a, b, index[label]) for k, spans in enumerate(sets) for a, b, label in spans]
        cells = numpy.asarray(rows, dtype="int32").reshape(-1, 4)
        return cls(tuple(labels), n_words, cells, numpy.ones(len(sets)))

    @property
    def nbytes(self) -> int:
        return int(self.cells.nbytes + self.weights.nbytes)

    @property
    def n_tokens(self) -> int:
        return self.n_words

    def of_words(self, words: Words) -> "SpanCandidates":
        if words.whole:
            return self
        sets = [words.spans_of_tokens(self.spans_of(k)) for k in range(len(self.weights))]
        moved = SpanCandidates.of_sets(self.labels, len(words), sets)
        return replace(moved, weights=self.weights)

    @property
    def form(self) -> Form:
        return Form(self.kind, None, self.labels)

    def pack(self, *, least: float) -> Packed:
        return {
            "n_words": pack_array(smallest(numpy.asarray([self.n_words]))),
            "cells": pack_array(smallest(self.cells)),
            "weights": pack_weights(self.weights[None]),
        }

    @classmethod
    def unpack(cls, packed: Packed, form: Form) -> "SpanCandidates":
        (n_words,) = unpack_array(packed["n_words"]).tolist()
        cells = unpack_array(packed["cells"]).astype("int32")
        (weights,) = unpack_weights(packed["weights"])
        check_labels(cells[:, 3], low=0, high=len(form.labels), n_candidates=len(cells))
        return cls(form.labels, n_words, cells, weights)

    @classmethod
    def merged(cls, mixtures: "Sequence[Mixture]") -> list[Belief]:
        """See `Belief.merged`. All candidates, exactly."""
        return [cls._all(mixture) for mixture in mixtures]

    @classmethod
    def _all(cls, mixture: "Mixture") -> "SpanCandidates":
        own = [cls.of(belief) for belief in mixture.beliefs]
        sets = [each.spans_of(k) for each in own for k in range(len(each.weights))]
        weights = shared_weights([each.weights[None] for each in own], mixture.weights)
        return replace(cls.of_sets(mixture.labels, own[0].n_words, sets), weights=weights[0])

    def entropy(self) -> float:
        sets = [frozenset(self.spans_of(k)) for k in range(len(self.weights))]
        return entropy_of_listed(sets, self.weights)

    def best(self, *, k: int) -> "SpanCandidates":
        order = heaviest(self.weights[None], k)[0]
        sets = [self.spans_of(int(candidate)) for candidate in order]
        best = SpanCandidates.of_sets(self.labels, self.n_words, sets)
        return replace(best, weights=equal_weights(self.weights[order]))

    def draw_spans(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0
    ) -> list[TypedSpan]:
        (chosen,) = choose(self.weights[None], rng=rng, temperature=temperature)
        return self.spans_of(int(chosen))

    @classmethod
    def next_tags(cls, beliefs: Sequence["Self"], student: TagStudent) -> list[NextTags]:
        """See `Belief.next_tags`. Candidates whose spans overlap are left out."""
        student.match(beliefs[0].labels)
        return [
            candidates_of(
                student.tags,
                [flat_tags(each.known(k), scheme=student.scheme) for k in range(len(each.weights))],
                tempered_weights(each.weights[None], temperature=student.temperature)[0],
            )
            for each in beliefs
        ]

    def spans_of(self, candidate: int) -> list[TypedSpan]:
        """Return the spans of a candidate."""
        rows = self.cells[self.cells[:, 0] == candidate, 1:].tolist()
        return [(start, end, self.labels[label]) for start, end, label in rows]

    def known(self, candidate: int) -> KnownSpans:
        """Return the spans of a candidate; nothing is known of them if there are fewer."""
        exists = candidate < len(self.weights)
        return KnownSpans(self.n_words, self.spans_of(candidate) if exists else None)

    @classmethod
    def target_of_spans(cls, beliefs: Sequence["Self"], student: SpanStudent) -> Target:
        """Return the mean of the candidates, each as far as the student can express it."""
        student.match(beliefs[0].labels)  # what only one side has is told
        most = max(len(belief.weights) for belief in beliefs)
        encoded = [student.encode_sets([each.known(k) for each in beliefs]) for k in range(most)]
        weights = padded_weights([belief.weights[None] for belief in beliefs])
        target = expect([gold for gold, _ in encoded], weights, temperature=student.temperature)
        shares = tempered_weights(weights, temperature=student.temperature)
        fits = (shares * numpy.stack([fit for _, fit in encoded], axis=1)).sum(axis=1)
        return replace(target, lost=numpy.maximum(target.lost, 1.0 - fits)).to(student.ops)
