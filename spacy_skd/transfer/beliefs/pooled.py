"""The beliefs of those of several teachers that know a doc. What none of them knows is unknown: not
ruled out, but without a say.

Of each teacher the docs that it knows are a batch of their own, whose target is put back into the
whole batch (`Target.placed`); then targets are mixed as those of a mixture are, a unit at a time:

    m_u = sum_j w_j m_ju / sum_j w_j         over the teachers j that know the unit u
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy
from thinc.api import Ops

from ...arrays import Floats2d, Ints1d, Ints2d
from ...codecs.units import ROOT_HEAD, Bucket
from ...codecs.words import Words
from ...structures import ArcStructure, Parts
from ..draws import DrawnTrees
from ..next_tags import MixedTags, NextTags, NoTags
from ..posterior import Target, mix
from ..students import HeadTagStudent, LemmaStudent, SpanStudent, Student, TagStudent
from ..target import Objective
from .base import Belief
from .mixture import OfSeveral
from .tree_teacher import TreeTeacher

if TYPE_CHECKING:
    from typing_extensions import Self

NO_UNITS: Ints2d = numpy.zeros((0, 2), dtype="int64")


@dataclass(frozen=True, eq=False)
class Pooled(OfSeveral):
    """What several teachers believe of one doc, as far as they know it.

    n_words (int): of the doc.
    beliefs (tuple[Belief | None, ...]): of each teacher, the same ones for all docs of a batch;
        None if it knows nothing of this doc.
    weights (tuple[float, ...]): of each, above 0: its share where several know a doc, and by how
        much its loss is multiplied.
    """

    n_words: int
    beliefs: tuple[Belief | None, ...]
    weights: tuple[float, ...]
    is_known: bool = field(init=False)
    importance: float = field(init=False)

    def __post_init__(self) -> None:
        known = [weight for each, weight in zip(self.beliefs, self.weights) if each is not None]
        vars(self).update(is_known=bool(known), importance=max(known, default=0.0))

    @property
    def members(self) -> tuple[Belief, ...]:
        return tuple(belief for belief in self.beliefs if belief is not None)

    @property
    def n_tokens(self) -> int:
        return self.n_words

    def draw_trees(
        self, *, rng: numpy.random.Generator, temperature: float = 1.0, projective: bool = False
    ) -> DrawnTrees:
        """Draw one that knows the doc, by weight, and its trees."""
        known = [(each, w) for each, w in zip(self.beliefs, self.weights) if each is not None]
        shares = numpy.asarray([w for _, w in known])
        member, _ = known[rng.choice(len(known), p=shares / shares.sum())]
        return member.draw_trees(rng=rng, temperature=temperature, projective=projective)

    def sentences(self) -> Ints2d | None:
        """Return those of the first that has some."""
        found = (belief.sentences() for belief in self.members)
        return next((units for units in found if units is not None), None)

    def of_words(self, words: Words) -> "Pooled":
        return replace(self._each(lambda belief: belief.of_words(words)), n_words=len(words))

    def without_overlap(self) -> "Pooled":
        return self._each(lambda belief: belief.without_overlap())

    def best(self, *, k: int) -> "Pooled":
        """Return the k best of each, by the teachers' weights."""
        return self._each(lambda belief: belief.best(k=k))

    def _each(self, change: Callable[[Belief], Belief]) -> "Pooled":
        changed = (None if belief is None else change(belief) for belief in self.beliefs)
        return replace(self, beliefs=tuple(changed))

    # As a teacher, of batches of which something is known

    @classmethod
    def target_of_tokens(cls, beliefs: Sequence["Self"], student: Student) -> Target:
        return _of_words(beliefs, lambda kind, known, rows: kind.target_of_tokens(known, student))

    @classmethod
    def target_of_lemmas(cls, beliefs: Sequence["Self"], student: LemmaStudent) -> Target:
        return _of_words(
            beliefs, lambda kind, known, rows: kind.target_of_lemmas(known, student.among(rows))
        )

    @classmethod
    def target_of_head_tags(cls, beliefs: Sequence["Self"], student: HeadTagStudent) -> Target:
        return _of_words(
            beliefs, lambda kind, known, rows: kind.target_of_head_tags(known, student)
        )

    @classmethod
    def target_of_spans(cls, beliefs: Sequence["Self"], student: SpanStudent) -> Target:
        lengths = numpy.asarray([belief.n_words for belief in beliefs])
        targets = [
            type(known[0]).target_of_spans(known, student).placed(docs, lengths, counts=weight)
            for docs, known, weight in _columns(beliefs)
        ]
        return mix(targets, _weights(beliefs))

    @classmethod
    def next_tags(cls, beliefs: Sequence["Self"], student: TagStudent) -> list[NextTags]:
        members: list[list[NextTags]] = [[] for _ in beliefs]
        weights: list[list[float]] = [[] for _ in beliefs]
        for docs, known, weight in _columns(beliefs):
            for doc, each in zip(docs.tolist(), type(known[0]).next_tags(known, student)):
                members[doc].append(each)
                weights[doc].append(weight)
        return [
            MixedTags(student.tags, each, shares, counts=max(shares))
            if each
            else NoTags(student.tags)
            for each, shares in zip(members, weights)
        ]

    @classmethod
    def target_of_docs(cls, beliefs: Sequence["Self"], student: Student) -> Target:
        targets = []
        for docs, known, weight in _columns(beliefs):
            target = type(known[0]).target_of_docs(known, student)
            each = target.marginals.n_units // len(docs)
            units = (docs[:, None] * each + numpy.arange(each)).ravel()
            lengths = numpy.ones(len(beliefs) * each, dtype="int64")
            targets.append(target.placed(units, lengths, counts=weight))
        return mix(targets, _weights(beliefs))

    @classmethod
    def tree_teachers(
        cls, beliefs: Sequence["Self"], offsets: Ints1d, student: Student
    ) -> list[TreeTeacher]:
        """See `Belief.tree_teachers`. A doc that nobody knows has no units. Of one that teachers
        cut into other sentences, the first that knows it counts alone."""
        sentences = [belief.sentences() for belief in beliefs]
        units = [NO_UNITS if each is None else each for each in sentences]
        return [
            PartOfTrees.of(teacher, docs, units, offsets, weight=weight)
            for docs, known, weight in _columns(beliefs, units=units)
            for teacher in type(known[0]).tree_teachers(
                known, numpy.cumsum([0, *(each.n_tokens for each in known)]), student
            )
        ]


Column = tuple[Ints1d, list[Belief], float]  # which docs a teacher knows, its beliefs, its weight


def _columns(beliefs: Sequence[Pooled], *, units: Sequence[Ints2d] | None = None) -> list[Column]:
    """Return what is known of each teacher that knows any doc of a batch. units: of each doc, that
    its sentences must be."""
    columns: list[Column] = []
    for column, weight in zip(zip(*(pooled.beliefs for pooled in beliefs)), beliefs[0].weights):
        known = {doc: belief for doc, belief in enumerate(column) if belief is not None}
        if units is not None:
            known = {doc: b for doc, b in known.items() if _are_same(b.sentences(), units[doc])}
        if known:
            columns.append((numpy.asarray([*known]), [*known.values()], weight))
    return columns


def _are_same(sentences: Ints2d | None, units: Ints2d) -> bool:
    """Whether they are; of a teacher without sentences, which says nothing of trees, also."""
    return sentences is None or numpy.array_equal(sentences, units)


def _weights(beliefs: Sequence[Pooled]) -> list[float]:
    return [weight for _, _, weight in _columns(beliefs)]


def _of_words(
    beliefs: Sequence[Pooled],
    target_of: Callable[[type[Belief], Sequence[Belief], Ints1d], Target],
) -> Target:
    """Return a target whose units are words. target_of: that of one teacher, given the kind of its
    beliefs, these, and the rows of their words in the batch."""
    lengths = [belief.n_words for belief in beliefs]
    starts, targets = numpy.cumsum([0, *lengths]), []
    ones = numpy.ones(starts[-1], dtype="int64")
    for docs, known, weight in _columns(beliefs):
        rows = _rows(docs, starts)
        target = target_of(type(known[0]), known, rows)
        targets.append(target.placed(rows, ones, counts=weight))
    return mix(targets, _weights(beliefs))


def _rows(docs: Ints1d, starts: Ints1d) -> Ints1d:
    """Return the rows of the words of some docs. starts: first row of each doc, and of the end."""
    rows = [numpy.arange(starts[doc], starts[doc + 1]) for doc in docs.tolist()]
    return numpy.concatenate([numpy.zeros(0, dtype="int64"), *rows])


@dataclass(frozen=True, eq=False, kw_only=True)
class PartOfTrees(TreeTeacher):
    """A teacher that knows some docs of a batch.

    inner (TreeTeacher): of these alone. rows (Ints1d): of their words, in the batch. unit_at
    (Ints1d): (words of the batch,) which unit of `inner` starts there, -1 for none.
    """

    inner: TreeTeacher
    rows: Ints1d
    unit_at: Ints1d

    @classmethod
    def of(
        cls,
        inner: TreeTeacher,
        docs: Ints1d,
        units: Sequence[Ints2d],
        offsets: Ints1d,
        *,
        weight: float,
    ) -> "PartOfTrees":
        """Make one. docs: that it knows. units, offsets: of all docs, see `tree_teachers`."""
        rows, unit_at = _rows(docs, offsets), numpy.full(offsets[-1], -1)
        first = numpy.concatenate([units[doc][:, 0] + offsets[doc] for doc in docs.tolist()])
        unit_at[first[first < len(unit_at)]] = numpy.arange(len(first))[first < len(unit_at)]
        heads = numpy.where(inner.pairs == ROOT_HEAD, ROOT_HEAD, rows[inner.pairs])
        return cls(
            match=inner.match,
            units=units,
            pairs=heads,
            lost=inner.lost,
            weight=weight,
            inner=inner,
            rows=rows,
            unit_at=unit_at,
        )

    def arcs(
        self, bucket: Bucket, structure: ArcStructure, objective: Objective, *, ops: Ops
    ) -> Target:
        own = self.unit_at[bucket.rows]
        known = numpy.flatnonzero(own >= 0)
        if not len(known):
            return _unknown(bucket, ops)
        first = numpy.searchsorted(self.rows, bucket.rows[known])
        part = Bucket(own[known], first, bucket.lengths[known])
        target = self.inner.arcs(part, structure, objective, ops=ops)
        return target.placed(known, bucket.lengths, counts=self.weight)

    def label_scores(self, structure: ArcStructure, temperature: float) -> Floats2d:
        return self.inner.label_scores(structure, temperature)


def _unknown(bucket: Bucket, ops: Ops) -> Target:
    """Return the target of arcs of units of which nothing is known."""
    n, size = bucket.n_tokens, len(bucket.lengths)
    arc = ops.xp.zeros((size, n, n + 1), dtype="float32")
    marginals = Parts({"arc": arc}, ops.asarray(bucket.lengths))
    return Target(marginals, ops.xp.zeros(size), counts=numpy.zeros(size))
