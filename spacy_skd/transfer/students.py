"""What a belief must know of the student that it teaches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy
from thinc.api import Ops

from ..arrays import Bools, Floats2d, Ints1d
from ..codecs.bioes import (
    Legality,
    TagMatch,
    blank_chains,
    encode_chains,
    legality,
    match_tags,
    span_tags,
    tag_ids,
)
from ..codecs.head_labels import HeadLabels
from ..codecs.labels import LabelMatch
from ..codecs.lemma_options import LemmaOptions
from ..codecs.span_sets import KnownSpans, encode_span_sets, flat_tags, spans_of_tags
from ..codecs.spans import SpanMatch, encode_segments
from ..codecs.trees import Gold
from ..structures import FlatSegments, IndependentSpans, Parts, Structure, mean_chains
from .expect import expect, kept_shares
from .posterior import Match, Target
from .target import Objective

Tags = Sequence[Sequence[str | None]]  # per doc, of each word, None where it is not known


@dataclass(frozen=True)
class Student:
    """A component that learns.

    name (str): its own. teacher (Callable[[], str]): that of the component which is asked; errors
        alone need it.
    labels (tuple[str, ...]): of tokens, spans or arcs. match (Callable[[Sequence[str]],
        LabelMatch]): of a teacher's such labels to these. ops (Ops): where its targets are.
    """

    name: str
    teacher: Callable[[], str]
    labels: tuple[str, ...]
    structure: Structure
    objective: Objective
    match: Callable[[Sequence[str]], LabelMatch]
    ops: Ops

    @property
    def temperature(self) -> float:
        """T of the teacher's scores."""
        return self.objective.inference_temperature

    def refusal(self, wanted: str, *, annotates: str) -> ValueError:
        """Return the error of a teacher that says something else than is wanted."""
        return ValueError(
            f"{self.name}: expected a teacher of {wanted}, but its component {self.teacher()!r} "
            f"annotates {annotates}; set student_to_teacher"
        )


@dataclass(frozen=True)
class SpanStudent(Student):
    """One of spans, a doc a unit.

    scheme (str): of the tags that candidates are read as.
    """

    scheme: str

    @property
    def rules(self) -> Legality | None:
        """Which sequences of its tags are legal; None where it has none."""
        return None

    def match_of_tags(self, tags: tuple[str, ...], labels: Sequence[str]) -> Match:
        """Match a teacher's tags. labels: of their spans."""
        raise NotImplementedError

    def match_of_spans(self, labels: Sequence[str]) -> Match:
        """Match the labels of a teacher's spans."""
        raise NotImplementedError

    def encode(self, tags: Tags) -> Gold:
        """Encode tags of docs, of `scheme`, as indicators of its parts."""
        raise NotImplementedError

    def expect(self, candidates: Sequence[Tags], weights: Floats2d) -> Target:
        """Return the mean of K candidates of each doc, see `expect`. weights (Floats2d): (B, K)."""
        golds = [self.encode(tags) for tags in candidates]
        return expect(golds, weights, temperature=self.temperature)

    def encode_sets(self, known: Sequence[KnownSpans]) -> tuple[Gold, Bools]:
        """Encode the spans of docs, which may overlap, as indicators of its parts.

        RETURNS: gold; (B,) bool, the docs of which it can express all."""
        tags = [flat_tags(each, scheme=self.scheme) for each in known]
        gold = self.encode(tags)
        return gold, gold.complete


@dataclass(frozen=True)
class TagStudent(SpanStudent):
    """One of tags of tokens, of `scheme`."""

    @property
    def tags(self) -> tuple[str, ...]:
        return span_tags(self.labels, scheme=self.scheme)

    @property
    def rules(self) -> Legality:
        return _legality(self.tags)

    def match_of_tags(self, tags: tuple[str, ...], labels: Sequence[str]) -> Match:
        self.match(labels)  # what only one side has is told
        return _match_tags(tags, self.tags)

    def match_of_spans(self, labels: Sequence[str]) -> Match:
        return SpanMatch(self.match(labels), self.labels, self.tags)

    def encode(self, tags: Tags) -> Gold:
        gold, _ = encode_chains(tags, self.tags, self.rules)
        arrays = {name: gold.indicators.arrays[name] for name in self.structure.parts}
        return Gold(Parts(arrays, gold.indicators.lengths), gold.known)

    def expect(self, candidates: Sequence[Tags], weights: Floats2d) -> Target:
        """See `SpanStudent.expect`; of hundreds of tags, the pairs of one candidate after another
        would take gigabytes."""
        read = [tag_ids(tags, self.tags, self.rules) for tags in candidates]
        sequences, lengths = [labels for labels, _, _ in read], read[0][1]
        complete = numpy.stack([(ids >= 0).sum(axis=1) == lengths for ids in sequences], axis=1)
        kept, lost, empty = kept_shares(weights, complete, temperature=self.temperature)
        blank = blank_chains(sequences[0], lengths, len(self.tags))
        mean = mean_chains(sequences, kept, like=blank)
        arrays = {name: mean.arrays[name] for name in self.structure.parts}
        return Target(Parts(arrays, lengths), lost, empty)


@dataclass(frozen=True)
class SegmentStudent(SpanStudent):
    """One of segments. drop_wide (bool): see `SpanMatch`."""

    drop_wide: bool

    def match_of_tags(self, tags: tuple[str, ...], labels: Sequence[str]) -> Match:
        return SpanMatch(self.match(labels), self.labels, tags, drop_wide=self.drop_wide)

    def match_of_spans(self, labels: Sequence[str]) -> Match:
        return self.match(labels)

    def encode(self, tags: Tags) -> Gold:
        inventory = span_tags(self.labels, scheme=self.scheme)
        max_width = FlatSegments.of(self.structure).max_width
        return encode_segments(tags, inventory, _legality(inventory), max_width=max_width)[0]


@dataclass(frozen=True)
class SpanSetStudent(SegmentStudent):
    """One of independent spans. Of candidates it leaves out the spans that it cannot express, which
    say nothing of the others."""

    def encode(self, tags: Tags) -> Gold:
        return self.encode_sets([spans_of_tags(row) for row in tags])[0]

    def encode_sets(self, known: Sequence[KnownSpans]) -> tuple[Gold, Bools]:
        own = IndependentSpans.of(self.structure)
        gold, left_out = encode_span_sets(
            known, self.labels, max_width=own.max_width, one_label=own.one_label
        )
        return replace(gold, unknown=numpy.zeros_like(gold.unknown)), left_out.fits


@dataclass(frozen=True)
class HeadTagStudent(Student):
    """One of tags that name heads. tags (HeadLabels): its `labels`, read."""

    tags: HeadLabels


@dataclass(frozen=True)
class LemmaStudent(Student):
    """One of lemmas. options (LemmaOptions): what its labels make of the words of the batch."""

    options: LemmaOptions

    def among(self, rows: Ints1d) -> "LemmaStudent":
        """Return the student of some words of the batch."""
        options = self.options
        some = LemmaOptions(options.forms, options.words[rows], options.n_labels)
        return replace(self, options=some)


@lru_cache(maxsize=16)
def _legality(tags: tuple[str, ...]) -> Legality:
    return legality(tags)


@lru_cache(maxsize=16)
def _match_tags(teacher: tuple[str, ...], student: tuple[str, ...]) -> TagMatch:
    return match_tags(teacher=teacher, student=student)
