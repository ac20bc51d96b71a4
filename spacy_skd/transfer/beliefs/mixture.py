"""The beliefs of several teachers, and the target of them all: that of the mixture of their
distributions, each given that it is one that the student can express.

    m = sum_j w_j m_j / sum_j w_j            over the teachers j of which the student can express
                                             anything, m_j the target by each alone
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

import numpy

from ...arrays import Ints1d, Ints2d
from ...codecs.bioes import TypedSpan
from ...codecs.words import Words
from ..draws import DrawnTrees
from ..next_tags import MixedTags, NextTags
from ..posterior import Target, mix
from ..students import HeadTagStudent, LemmaStudent, SpanStudent, Student, TagStudent
from .base import Belief
from .form import Form, Packed
from .tree_teacher import TreeTeacher

if TYPE_CHECKING:
    from typing_extensions import Self


class OfSeveral(Belief):
    """What several teachers believe of one doc, `members`, all in one. It is not stored."""

    @property
    def labels(self) -> tuple[str, ...]:  # type: ignore[override]
        """All that one of them has."""
        return tuple(dict.fromkeys(label for each in self.members for label in each.labels))

    @property
    def nbytes(self) -> int:
        return sum(belief.nbytes for belief in self.members)

    @property
    def form(self) -> Form:
        """RAISES (ValueError): always: a store holds the beliefs of one teacher."""
        refuse()

    def pack(self, *, least: float) -> Packed:
        """Refuse, see `form`. RAISES (ValueError): always."""
        refuse()

    @classmethod
    def unpack(cls, packed: Packed, form: Form) -> "OfSeveral":
        """Refuse, see `form`. RAISES (ValueError): always."""
        refuse()


@dataclass(frozen=True, eq=False)
class Mixture(OfSeveral):
    """What several teachers believe of one doc.

    beliefs (tuple[Belief, ...]): of each, of any family that the student can be taught by.
    weights (tuple[float, ...]): of each, above 0. The mixture of their distributions is believed.
    """

    beliefs: tuple[Belief, ...]
    weights: tuple[float, ...]

    @property
    def n_tokens(self) -> int:
        return self.beliefs[0].n_tokens

    def spelled(self) -> tuple[str, ...]:
        return self.beliefs[0].spelled()

    @property
    def members(self) -> tuple[Belief, ...]:
        return self.beliefs

    def sentences(self) -> Ints2d | None:
        """Return those of the first. Whether they agree matters for heads alone that lead out of a
        sentence, which are unknown gold."""
        return self.beliefs[0].sentences()

    def of_words(self, words: Words) -> "Mixture":
        return replace(self, beliefs=tuple(belief.of_words(words) for belief in self.beliefs))

    def without_overlap(self) -> "Mixture":
        return replace(self, beliefs=tuple(belief.without_overlap() for belief in self.beliefs))

    def best(self, *, k: int) -> "Mixture":
        """Return the k best of each, by the teachers' weights."""
        return replace(self, beliefs=tuple(belief.best(k=k) for belief in self.beliefs))

    def draw_labels(
        self,
        *,
        rng: numpy.random.Generator,
        temperature: float = 1.0,
        known: Container[str] | None = None,
    ) -> list[str]:
        return self._one(rng).draw_labels(rng=rng, temperature=temperature, known=known)

    def draw_spans(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0
    ) -> list[TypedSpan]:
        return self._one(rng).draw_spans(rng=rng, temperature=temperature)

    def draw_trees(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0, projective: bool = False
    ) -> DrawnTrees:
        member = self._one(rng)
        return member.draw_trees(rng=rng, temperature=temperature, projective=projective)

    def draw_categories(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0
    ) -> dict[str, float]:
        return self._one(rng).draw_categories(rng=rng, temperature=temperature)

    def _one(self, rng: numpy.random.Generator) -> Belief:
        """Draw one of them, by weight."""
        weights = numpy.asarray(self.weights)
        return self.beliefs[rng.choice(len(weights), p=weights / weights.sum())]

    @classmethod
    def target_of_tokens(cls, beliefs: Sequence["Self"], student: Student) -> Target:
        return mixed_target(beliefs, lambda kind, column: kind.target_of_tokens(column, student))

    @classmethod
    def target_of_lemmas(cls, beliefs: Sequence["Self"], student: LemmaStudent) -> Target:
        return mixed_target(beliefs, lambda kind, column: kind.target_of_lemmas(column, student))

    @classmethod
    def target_of_spans(cls, beliefs: Sequence["Self"], student: SpanStudent) -> Target:
        return mixed_target(beliefs, lambda kind, column: kind.target_of_spans(column, student))

    @classmethod
    def next_tags(cls, beliefs: Sequence["Self"], student: TagStudent) -> list[NextTags]:
        columns = [type(c[0]).next_tags(c, student) for c in columns_of(beliefs)]
        weights = beliefs[0].weights
        return [MixedTags(student.tags, members, weights) for members in zip(*columns)]

    @classmethod
    def target_of_head_tags(cls, beliefs: Sequence["Self"], student: HeadTagStudent) -> Target:
        return mixed_target(beliefs, lambda kind, column: kind.target_of_head_tags(column, student))

    @classmethod
    def target_of_docs(cls, beliefs: Sequence["Self"], student: Student) -> Target:
        return mixed_target(beliefs, lambda kind, column: kind.target_of_docs(column, student))

    @classmethod
    def tree_teachers(
        cls, beliefs: Sequence["Self"], offsets: Ints1d, student: Student
    ) -> list[TreeTeacher]:
        return [
            replace(teacher, weight=weight)
            for column, weight in zip(columns_of(beliefs), beliefs[0].weights)
            for teacher in type(column[0]).tree_teachers(column, offsets, student)
        ]


def columns_of(mixtures: Sequence[Mixture]) -> list[list[Belief]]:
    """Return the beliefs of each teacher, of all docs."""
    return [list(column) for column in zip(*(mixture.beliefs for mixture in mixtures))]


def mixed_target(
    mixtures: Sequence[Mixture],
    target_of: Callable[[type[Belief], Sequence[Belief]], Target],
) -> Target:
    """Return the target of a batch's mixtures.

    mixtures (Sequence[Mixture]): of its docs, all of the same teachers.
    target_of (Callable[[type[Belief], Sequence[Belief]], Target]): that of one teacher, given the
        kind of its beliefs, and these.
    """
    targets = [target_of(type(column[0]), column) for column in columns_of(mixtures)]
    return mix(targets, mixtures[0].weights)


def refuse() -> NoReturn:
    """Refuse to store. RAISES (ValueError): always."""
    raise ValueError("expected the belief of one teacher, got those of several")
