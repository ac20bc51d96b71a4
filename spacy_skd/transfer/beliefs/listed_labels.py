"""Weighted labellings: a beam, or a teacher's k best."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy

from ...arrays import Array, Floats1d, Ints1d, Ints2d
from ...codecs.bioes import (
    OUTSIDE,
    Legality,
    are_span_tags,
    decode_spans,
    encode_spans,
    labels_of_tags,
    legality,
    scheme_of,
)
from ...codecs.tags import encode_tags
from ...codecs.trees import Gold, gold_tokens
from ...codecs.words import Words
from ...structures import Parts
from ...structures.parts import POSSIBLE_ABOVE
from ..draws import choose
from ..expect import equal_weights, expect, heaviest, padded_weights, tempered_weights
from ..next_tags import NextTags, candidates_of
from ..posterior import Target
from ..students import LemmaStudent, SpanStudent, Student, TagStudent
from .base import SPANS, Belief
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
from .merging import places_of, shared_weights

if TYPE_CHECKING:
    from typing_extensions import Self

    from .mixture import Mixture


@dataclass(frozen=True, eq=False)
class LabelCandidates(Belief):
    """Weighted labellings of a doc's words.

    labels (tuple[str, ...]): the teacher's inventory, of labels of tokens or of tags of spans.
    rows (Ints2d): (K, words of the doc) indices of labels, -1 for one that is not known (of tokens
        alone): of that word the candidate says nothing.
    weights (Floats1d): (K,) in proportion to their probabilities, at least 0.
    """

    labels: tuple[str, ...]
    rows: Ints2d
    weights: Floats1d
    kind: ClassVar[str] = "listed labels"

    @property
    def nbytes(self) -> int:
        return int(self.rows.nbytes + self.weights.nbytes)

    @property
    def n_tokens(self) -> int:
        return int(self.rows.shape[1])

    def of_words(self, words: Words) -> "LabelCandidates":
        """Read a span as that of its words."""
        rows = words.of_tokens(self.rows.T).T
        if are_span_tags(self.labels) and not words.whole:
            index = {tag: i for i, tag in enumerate(self.labels)}
            named = [[self.labels[i] for i in row] for row in self.rows.tolist()]
            moved = [[index[tag] for tag in words.tags_of_tokens(row) if tag] for row in named]
            rows = numpy.asarray(moved, dtype=rows.dtype).reshape(rows.shape)
        return replace(self, rows=rows)

    @property
    def form(self) -> Form:
        return Form(self.kind, None, self.labels)

    def pack(self, *, least: float) -> Packed:
        return {
            "rows": pack_array(smallest(self.rows)),
            "weights": pack_weights(self.weights[None]),
        }

    @classmethod
    def unpack(cls, packed: Packed, form: Form) -> "LabelCandidates":
        rows = unpack_array(packed["rows"]).astype("int32")
        (weights,) = unpack_weights(packed["weights"])
        check_labels(rows, low=-1, high=len(form.labels), n_candidates=len(weights))
        return cls(form.labels, rows, weights)

    @classmethod
    def merged(cls, mixtures: "Sequence[Mixture]") -> list[Belief]:
        """See `Belief.merged`. All candidates, exactly."""
        return [cls._all(mixture) for mixture in mixtures]

    @classmethod
    def _all(cls, mixture: "Mixture") -> "LabelCandidates":
        own, labels = [cls.of(belief) for belief in mixture.beliefs], mixture.labels
        rows = [places_of(each.labels, among=labels)[each.rows] for each in own]
        weights = shared_weights([each.weights[None] for each in own], mixture.weights)
        return cls(labels, numpy.concatenate(rows).astype("int32"), weights[0])

    def entropy(self) -> float:
        return entropy_of_listed([row.tobytes() for row in self.rows], self.weights)

    def best(self, *, k: int) -> "LabelCandidates":
        order = heaviest(self.weights[None], k)[0]
        return replace(self, rows=self.rows[order], weights=equal_weights(self.weights[order]))

    def draw_labels(
        self,
        *,
        rng: numpy.random.Generator,
        temperature: float = 1.0,
        known: Container[str] | None = None,
    ) -> list[str]:
        (chosen,) = choose(self.weights[None], rng=rng, temperature=temperature)
        return ["" if i < 0 else self.labels[i] for i in self.rows[chosen].tolist()]

    @classmethod
    def target_of_tokens(cls, beliefs: Sequence["Self"], student: Student) -> Target:
        student.match(beliefs[0].labels)  # what only one side has is told
        encode = partial(encode_tags, labels=student.labels)
        target = expect_tokens(beliefs, encode, temperature=student.temperature)
        return target.to(student.ops)

    @classmethod
    def target_of_lemmas(cls, beliefs: Sequence["Self"], student: LemmaStudent) -> Target:
        """See `Belief.target_of_lemmas`. The labels are lemmas."""
        target = expect_tokens(beliefs, student.options.encode, temperature=student.temperature)
        return target.to(student.ops)

    @classmethod
    def target_of_spans(cls, beliefs: Sequence["Self"], student: SpanStudent) -> Target:
        tags = beliefs[0].labels
        if OUTSIDE not in tags:
            raise student.refusal(SPANS, annotates="something else")
        student.match(labels_of_tags(tags))
        candidates = [
            [belief.tags_of(k, scheme=student.scheme) for belief in beliefs]
            for k in range(max(len(belief.rows) for belief in beliefs))
        ]
        weights = padded_weights([belief.weights[None] for belief in beliefs])
        return student.expect(candidates, weights).to(student.ops)

    @classmethod
    def next_tags(cls, beliefs: Sequence["Self"], student: TagStudent) -> list[NextTags]:
        if OUTSIDE not in beliefs[0].labels:
            raise student.refusal(SPANS, annotates="something else")
        student.match(labels_of_tags(beliefs[0].labels))
        return [
            candidates_of(
                student.tags,
                [each.tags_of(k, scheme=student.scheme) for k in range(len(each.rows))],
                tempered_weights(each.weights[None], temperature=student.temperature)[0],
            )
            for each in beliefs
        ]

    def named(self, candidate: int) -> Sequence[str | None]:
        """Return the labels of a candidate, None for what is not known: each word, if there are
        fewer."""
        if candidate >= len(self.rows):
            return [None] * self.n_tokens
        return [None if i < 0 else self.labels[i] for i in self.rows[candidate].tolist()]

    def tags_of(self, candidate: int, *, scheme: str) -> Sequence[str | None]:
        """Return the same as `named`, of tags of spans, in a scheme; None for each word if they are
        illegal."""
        tags = self.named(candidate)
        if scheme == scheme_of(self.labels) or not tags or tags[0] is None:
            return tags
        if not _is_legal(self.rows[candidate], legality(self.labels)):
            return [None] * len(tags)
        spans = decode_spans([tag for tag in tags if tag is not None])
        return encode_spans(spans, n=len(tags), scheme=scheme)


def expect_tokens(
    beliefs: Sequence[LabelCandidates],
    encode: Callable[[Sequence[str | None]], tuple[Parts, Array]],
    *,
    temperature: float = 1.0,
) -> Target:
    """Expect labels of words, each a unit of its own: unary (T, 1, C).

    beliefs (Sequence[LabelCandidates]): of the docs of a batch. encode: see `encode_tags`.
    """
    golds: list[Gold] = []
    for k in range(max(len(belief.rows) for belief in beliefs)):
        tags = [tag for belief in beliefs for tag in belief.named(k)]
        golds.append(gold_tokens(*encode(tags)))
    lengths = [belief.n_tokens for belief in beliefs]
    weights = padded_weights([belief.weights[None] for belief in beliefs])
    return expect(golds, numpy.repeat(weights, lengths, axis=0), temperature=temperature)


def _is_legal(row: Ints1d, rules: Legality) -> bool:
    total = rules.start[row[0]] + rules.end[row[-1]] + rules.transition[row[:-1], row[1:]].sum()
    return bool(total > POSSIBLE_ABOVE)
