"""A training step of labelled trees: which units, gold and teachers, and the loss at the scores.

Cross-entropy of labelled trees = that of the arcs + the mean, over arcs drawn from the target, of
that of their deprels.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy

from ...arrays import Floats1d, Floats2d, Ints1d, Ints2d
from ...codecs.trees import Gold, encode_heads, find_pairs
from ...codecs.units import UNKNOWN_HEAD, Bucket, Heads, as_units
from ...structures import (
    IMPOSSIBLE,
    ArcStructure,
    IndependentLabels,
    Parts,
    SpanningTrees,
    to_numpy,
)
from ...structures.parts import POSSIBLE_ABOVE
from ...transfer.beliefs import Belief
from ...transfer.beliefs.pooled import NO_UNITS
from ...transfer.beliefs.tree_teacher import TreeTeacher
from ...transfer.conversions.table import convert
from ...transfer.loss import mixed_shares, structural_loss, weighted_sum
from ...transfer.posterior import Posterior, mix, mixing_shares
from ..lost_mass import HEADS

if TYPE_CHECKING:
    from .parsing import Arcs
    from .trees import TreeTask

logger = logging.getLogger("spacy.skd")
TREES = SpanningTrees(single_root=True)


@dataclass(frozen=True, eq=False)
class TreeLesson:
    """What one batch is trained on; all rows are rows of the batch's concatenated words.

    spans (Ints2d): (U, 2) rows of the units.
    heads (Ints1d): (T,) gold head row, `ROOT_HEAD` or `UNKNOWN_HEAD`.
    pairs (Ints2d): (P, 2) dependent and head row of the arcs whose deprel is scored.
    gold_labels (Ints1d): (P,) gold deprel of a pair, -1 where it is not the gold arc.
    teachers (list[TreeTeacher]): none for training on gold alone.
    """

    spans: Ints2d
    heads: Ints1d
    pairs: Ints2d
    gold_labels: Ints1d
    teachers: Sequence[TreeTeacher]


def make_lesson(
    gold: Sequence["Arcs"],
    *,
    units: Sequence[Ints2d],
    teachers: Sequence[TreeTeacher] = (),
) -> TreeLesson:
    """Everything of a batch but the student's scores.

    gold (Sequence[Arcs]): per doc, see `TreeLayer.gold`.
    units (Sequence[Ints2d]): per doc (U, 2) start and end word of its units.
    teachers (Sequence[TreeTeacher]): of the same units.
    """
    offsets = numpy.cumsum([0, *(len(heads) for heads, _ in gold)])
    heads = numpy.concatenate([heads for heads, _ in gold])
    firsts = numpy.repeat(offsets[:-1], numpy.diff(offsets))
    heads = numpy.where(heads >= 0, heads + firsts, heads)
    deps = numpy.concatenate([deps for _, deps in gold])
    spans = numpy.concatenate([u.astype("int64") + o for u, o in zip(units, offsets)])
    rows = numpy.nonzero((heads != UNKNOWN_HEAD) & (deps >= 0))[0]
    gold_pairs = numpy.stack([rows, heads[rows]], axis=1)
    pairs = numpy.unique(numpy.concatenate([gold_pairs, *(t.pairs for t in teachers)]), axis=0)
    is_gold = (heads[pairs[:, 0]] == pairs[:, 1]) & (deps[pairs[:, 0]] >= 0)
    gold_labels = numpy.where(is_gold, deps[pairs[:, 0]], -1)
    return TreeLesson(spans, heads, pairs, gold_labels, teachers)


def taught_lesson(
    task: "TreeTask",
    gold: Sequence["Arcs"],
    beliefs: Sequence[Belief],
    units_of: Callable[[int], Ints2d] = lambda i: NO_UNITS,
) -> TreeLesson:
    """Return a lesson of gold, see `make_lesson`, and of beliefs. units_of: the units of a doc of
    which they say nothing, and gold does.

    RAISES (ValueError): if teachers have cut a doc into other sentences.
    """
    learnt, student = task.learnt(beliefs), task.student()
    offsets = numpy.cumsum([0, *(len(heads) for heads, _ in gold)])
    teachers = type(learnt[0]).tree_teachers(learnt, offsets, student) if learnt else []
    for lost in (teacher.lost for teacher in teachers if teacher.lost is not None):
        task.pipe.lost_mass.add(lost, reason=HEADS)
    for other in teachers[1:]:
        _check_sentences(other, teachers[0], name=student.name)
    units = list(teachers[0].units) if teachers else [NO_UNITS] * len(gold)
    for i, (heads, _) in enumerate(gold):
        if not beliefs[i].is_known and (heads != UNKNOWN_HEAD).any():
            units[i] = units_of(i)
    return make_lesson(gold, units=units, teachers=teachers)


def _check_sentences(teacher: TreeTeacher, other: TreeTeacher, *, name: str) -> None:
    """Check two of several teachers. name (str): of the component.
    RAISES (ValueError): if they have cut a doc into other sentences."""
    for units, first in zip(teacher.units, other.units):
        if not numpy.array_equal(units, first):
            raise ValueError(
                f"{name}: expected the same sentences of all teachers, got those that start at "
                f"{[first[:, 0].tolist(), units[:, 0].tolist()]}; give their parsers the same "
                f"max_length"
            )


class GoldTrees:
    """Reads gold for one component. Units of which it is no tree are taken as unknown, and told of
    once.

    broken (int): units so far, each time that they were met, whose heads are part of no tree at
        all. refused (int): of none of the student's structure, of the others.
    is_told (bool): whether the broken ones were told of.
    """

    def __init__(self) -> None:
        self.broken = self.refused = 0
        self.is_told = False

    def __call__(
        self, heads: Ints1d, bucket: Bucket, *, structure: ArcStructure, name: str
    ) -> Gold:
        """Return gold of the bucket's units, NumPy arrays. A head outside its unit is taken as
        unknown, and so is a unit whose known heads are part of no tree (a cycle, two roots): a
        target outside the student's marginal polytope has no finite minimum (Wang et al. 2021, eq.
        3).

        heads (Ints1d): (T,) rows in the batch, see `Heads`. name (str): of the component.
        """
        local = Heads(heads).to_local(rows=bucket.rows, lengths=bucket.lengths)
        broken = (local >= 0).any(axis=1) & ~TREES.agrees(local, bucket.lengths)
        if broken.any():
            self._note_broken(int(broken.sum()), name=name)
            local[broken] = UNKNOWN_HEAD
        refused = (local >= 0).any(axis=1) & ~structure.agrees(local, bucket.lengths)
        if refused.any():
            self._note_refused(int(refused.sum()), structure=structure, name=name)
            local[refused] = UNKNOWN_HEAD
        return encode_heads(local, bucket.lengths)

    def _note_broken(self, n: int, *, name: str) -> None:
        if not self.is_told:
            self.is_told = True
            logger.warning(
                "%s: the heads of %d units of a batch form no tree (a cycle, or two roots); such "
                "units are taken as without annotation (counted in `task.gold_trees.broken`)",
                name,
                n,
            )
        self.broken += n

    def _note_refused(self, n: int, *, structure: ArcStructure, name: str) -> None:
        if not self.refused:
            logger.warning(
                "%s: the annotation of %d units of a batch is no %s; the student has no other "
                "trees, so such units are taken as without annotation (counted in "
                "`task.gold_trees.refused`)",
                name,
                n,
                structure.name.replace("_", " "),
            )
        self.refused += n


@dataclass(frozen=True, eq=False)
class TreeLoss:
    """Of one batch, in nats, summed over its words.

    masses (Floats2d): (1 + teachers, P) how much the deprel of each pair counts, under gold and
        each teacher: the probability of its arc, times the share of who says so. `arcs` sets them.
    """

    task: "TreeTask"
    lesson: TreeLesson
    masses: Floats2d

    def arcs(self, bucket: Bucket, parts: Parts) -> tuple[float, Parts]:
        """Return the loss of the arcs of a bucket's units, and its gradient at their scores."""
        task, teachers = self.task, self.lesson.teachers
        structure, pipe = task.structure, task.pipe
        gold = task.gold_trees(self.lesson.heads, bucket, structure=structure, name=pipe.name)
        gold = Gold(gold.indicators.on_device(pipe.model.ops), gold.known)
        targets = [
            teacher.arcs(bucket, structure, pipe.objective, ops=pipe.model.ops)
            for teacher in teachers
        ]
        target, weights = None, [teacher.weight for teacher in teachers]
        if targets:
            target = targets[0] if len(targets) == 1 else mix(targets, weights)
            target = task.tempered(target, reason=HEADS)
        of_gold, of_teachers = mixed_shares(gold, target, weight=pipe.weight)
        shares = mixing_shares(targets, weights) if len(targets) > 1 else [1.0] * len(targets)
        said = [(of_gold, gold.indicators)]
        said += [(of_teachers * to_numpy(s), t.marginals) for s, t in zip(shares, targets)]
        index, where = bucket.locate(self.lesson.pairs)
        unit, token, head = where.T
        for row, (share, marginals) in zip(self.masses, said):
            row[index] = share[unit] * to_numpy(marginals.arrays["arc"])[unit, token, head]
        return task.mixed_loss(parts, gold=gold, target=target)

    def deprels(self, scores: Floats2d) -> tuple[float, Floats2d]:
        """Return the loss of the deprels of the pairs, and its gradient, (P, deprels). Each
        pair is a unit of one token, weighted by the mass of its arc."""
        lesson, masses, ops = self.lesson, self.masses, self.task.pipe.model.ops
        if not len(lesson.pairs):
            return 0.0, scores
        known = numpy.nonzero(lesson.gold_labels >= 0)[0]
        indicators = numpy.zeros(scores.shape, dtype="float32")
        indicators[known, lesson.gold_labels[known]] = 1.0
        loss, d_parts = structural_loss(
            IndependentLabels(),
            as_units(scores),
            as_units(ops.asarray(indicators)),
            weights=ops.asarray(masses[0] * (lesson.gold_labels >= 0)),
        )
        if (meter := self.task.pipe.meter) is not None:
            meter.add_gold(loss, words=0)  # they are counted with the arcs
        d_scores: Floats2d = d_parts.arrays["unary"][:, 0]
        for teacher, mass in zip(lesson.teachers, masses[1:]):
            which = find_pairs(lesson.pairs, among=teacher.pairs)
            rows = numpy.nonzero((which >= 0) & (mass > 0))[0]
            more, d_more = self._taught(teacher, which[rows], scores[rows], mass[rows])
            loss += more
            d_scores[rows] += d_more
        return loss, d_scores

    def _taught(
        self, teacher: TreeTeacher, which: Ints1d, scores: Floats2d, mass: Floats1d
    ) -> tuple[float, Floats2d]:
        """which (Ints1d): (R,) of the teacher's pairs. scores: (R, deprels), mass: (R,)."""
        objective, ops = self.task.pipe.objective, self.task.pipe.model.ops
        believed = teacher.label_scores(self.task.structure, objective.inference_temperature)
        believed = believed[which]
        # Of an arc whose deprel only trees know that the student cannot express, there is none.
        told = believed.max(axis=1, initial=IMPOSSIBLE) > POSSIBLE_ABOVE
        believed, mass = numpy.where(told[:, None], believed, 0), mass * told
        target = convert(
            Posterior(IndependentLabels(), as_units(ops.asarray(believed))),
            IndependentLabels(),
            match=teacher.match,
        )
        target = self.task.tempered(target, weights=ops.asarray(mass))
        if target.empty is not None:
            mass = mass * ~target.empty
        loss, d_parts = structural_loss(
            IndependentLabels(),
            as_units(scores),
            target.marginals,
            temperature=objective.loss_temperature,
            weights=ops.asarray(mass),
        )
        if (meter := self.task.pipe.meter) is not None:
            entropy = None
            if target.inferred is not None and objective.loss_temperature == 1.0:
                entropy = weighted_sum(target.inferred.entropy(), ops.asarray(mass))
            meter.add_teacher(loss, words=0, entropy=entropy)
        d_scores: Floats2d = d_parts.arrays["unary"][:, 0]
        return loss, d_scores
