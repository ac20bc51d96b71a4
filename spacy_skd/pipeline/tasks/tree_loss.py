"""A training step of labelled trees: which units, gold and teachers, and the loss at the scores.

Cross-entropy of labelled trees = that of the arcs + the mean, over arcs drawn from the target, of
that of their deprels.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy

from ...arrays import Bools, Floats1d, Floats2d, Ints1d, Ints2d
from ...codecs.heads import UNKNOWN_HEAD, joined
from ...codecs.trees import Gold, encode_trees
from ...codecs.units import Bucket, as_units
from ...models.biaffine import ParserGradient, ParserScores
from ...structures import ArcStructure, IndependentLabels, Parts, to_numpy
from ...transfer.beliefs import ParseBelief
from ...transfer.conversions.table import convert
from ...transfer.loss import mixed_shares, structural_loss
from ...transfer.posterior import Posterior, Target, mix, mixing_shares
from ...transfer.students import Student
from ...transfer.tree_teachers import TreeTeacher
from ..lost_mass import HEADS, supported

if TYPE_CHECKING:
    from .parsing import Arcs
    from .trees import TreeTask

logger = logging.getLogger("spacy.skd")


@dataclass(frozen=True, eq=False)
class TreeLesson:
    """What one batch is trained on; all rows are rows of the batch's concatenated words.

    spans (Ints2d): (U, 2) rows of the units.
    heads (Ints1d): (T,) gold head row, `ROOT_HEAD` or `UNKNOWN_HEAD`.
    pairs (Ints2d): (P, 2) dependent and head row of the arcs whose deprel is scored.
    gold_labels (Ints1d): (P,) gold deprel of a pair, -1 where it is not the gold arc.
    teachers (list[TreeTeacher]): with their weights; none for training on gold alone.
    """

    spans: Ints2d
    heads: Ints1d
    pairs: Ints2d
    gold_labels: Ints1d
    teachers: list[TreeTeacher]
    weights: tuple[float, ...]


def make_lesson(
    gold: Sequence["Arcs"],
    *,
    units: Sequence[Ints2d],
    parses: Sequence[Sequence[ParseBelief]] = (),
    student: Student | None = None,
    weights: tuple[float, ...] = (),
) -> TreeLesson:
    """Everything of a batch but the student's scores.

    gold (Sequence[Arcs]): per doc, see `TreeLayer.gold`.
    units (Sequence[Ints2d]): per doc (U, 2) start and end word of its units.
    parses (Sequence[Sequence[ParseBelief]]): of each teacher its beliefs, with the same units, and
        who learns from them; weights: of each teacher.
    """
    offsets = numpy.cumsum([0, *(len(heads) for heads, _ in gold)])
    heads = joined([heads for heads, _ in gold], offsets)
    deps = numpy.concatenate([deps for _, deps in gold])
    spans = numpy.concatenate([u + o for u, o in zip(units, offsets)])
    rows = numpy.nonzero((heads != UNKNOWN_HEAD) & (deps >= 0))[0]
    teachers = [
        type(beliefs[0]).tree_teacher(beliefs, offsets, student)
        for beliefs in parses
        if student is not None
    ]
    gold_pairs = numpy.stack([rows, heads[rows]], axis=1)
    pairs = numpy.unique(numpy.concatenate([gold_pairs, *(t.pairs for t in teachers)]), axis=0)
    is_gold = (heads[pairs[:, 0]] == pairs[:, 1]) & (deps[pairs[:, 0]] >= 0)
    gold_labels = numpy.where(is_gold, deps[pairs[:, 0]], -1)
    return TreeLesson(spans, heads, pairs, gold_labels, teachers, weights)


class GoldTrees:
    """Reads gold for one component.

    refused (int): units so far whose annotation is part of no tree of the student's structure,
        which takes them as unknown.
    """

    def __init__(self) -> None:
        self.refused = 0

    def __call__(
        self, heads: Ints1d, bucket: Bucket, *, structure: ArcStructure, name: str
    ) -> Gold:
        """heads (Ints1d): (T,) of the batch, see `encode_trees`. name (str): of the component.
        RETURNS (Gold): of the bucket's units, NumPy arrays."""
        gold = encode_trees(heads, rows=bucket.rows, lengths=bucket.lengths)
        chosen = gold.indicators.arrays["arc"].argmax(axis=-1)
        local = numpy.where(gold.known, chosen, UNKNOWN_HEAD)
        refused: Bools = ~(gold.empty | structure.agrees(local, bucket.lengths))
        if not refused.any():
            return gold
        if not self.refused:
            logger.warning(
                "%s: the annotation of %d units of a batch is no %s; the student has no other "
                "trees, so such units are taken as without annotation (counted in "
                "`task.gold_trees.refused`)",
                name,
                int(refused.sum()),
                structure.name.replace("_", " "),
            )
        self.refused += int(refused.sum())
        arc = numpy.where(refused[:, None, None], 0, gold.indicators.arrays["arc"])
        return Gold(Parts({"arc": arc}, gold.indicators.lengths), gold.known & ~refused[:, None])


class TreeLoss:
    """Of one batch.

    masses (Floats2d): (1 + teachers, P), how much the deprel of each pair counts, under gold and
        each teacher: the probability of its arc, times the share of who says so.
    """

    def __init__(self, task: "TreeTask", lesson: TreeLesson):
        self.task = task
        self.lesson = lesson
        self.ops = task.ops
        self.masses: Floats2d = numpy.zeros((1 + len(lesson.teachers), len(lesson.pairs)))

    def __call__(self, scores: ParserScores) -> tuple[float, ParserGradient]:
        """Return the loss in nats, summed over tokens; the gradients of the arc scores of each
        bucket and of the deprel scores (P, deprels)."""
        total = 0.0
        d_arcs: list[Parts] = []
        for bucket, parts in zip(scores.buckets, scores.arcs):
            loss, d_parts = self._arcs(bucket, parts)
            total += loss
            d_arcs.append(d_parts)
        loss, d_labels = self._deprels(scores.deprels(self.lesson.pairs))
        return total + loss, (d_arcs, d_labels)

    def _arcs(self, bucket: Bucket, parts: Parts) -> tuple[float, Parts]:
        task, lesson = self.task, self.lesson
        structure, pipe = task.structure, task.pipe
        gold = task.gold_trees(lesson.heads, bucket, structure=structure, name=pipe.name)
        gold = Gold(task.on_device(gold.indicators), gold.known)
        targets = [
            teacher.arcs(bucket, structure, pipe.objective, ops=self.ops)
            for teacher in lesson.teachers
        ]
        target = None
        if targets:
            target = task.tempered(mix(targets, lesson.weights), reason=HEADS)
        self._add_masses(bucket, gold, targets, target)
        return task.mixed_loss(parts, gold=gold, target=target)

    def _add_masses(
        self, bucket: Bucket, gold: Gold, targets: Sequence[Target], mixed: Target | None
    ) -> None:
        weight = 0.0 if mixed is None else self.task.pipe.weight
        of_gold, of_teachers = mixed_shares(
            gold, weight=weight, silent=None if mixed is None else mixed.empty
        )
        said = [(of_gold, gold.indicators)]
        if targets:
            shares = mixing_shares(targets, self.lesson.weights)
            said += [
                (of_teachers * to_numpy(share), target.marginals)
                for share, target in zip(shares, targets)
            ]
        index, where = bucket.locate(self.lesson.pairs)
        unit, token, head = where.T
        for row, (share, marginals) in zip(self.masses, said):
            arc = to_numpy(marginals.arrays["arc"])
            row[index] = share[unit] * arc[unit, token, head]

    def _deprels(self, scores: Floats2d) -> tuple[float, Floats2d]:
        """Each pair is a unit of one token, weighted by the mass of its arc."""
        lesson = self.lesson
        if not len(lesson.pairs):
            return 0.0, scores
        known = numpy.nonzero(lesson.gold_labels >= 0)[0]
        indicators = numpy.zeros(scores.shape, dtype="float32")
        indicators[known, lesson.gold_labels[known]] = 1.0
        loss, d_parts = structural_loss(
            IndependentLabels(),
            as_units(scores),
            as_units(self.ops.asarray(indicators)),
            weights=self.ops.asarray(self.masses[0] * (lesson.gold_labels >= 0)),
        )
        d_scores: Floats2d = d_parts.arrays["unary"][:, 0]
        for teacher, mass in zip(lesson.teachers, self.masses[1:]):
            which = teacher.rows_of(lesson.pairs)
            rows = numpy.nonzero((which >= 0) & (mass > 0))[0]
            more, d_more = self._taught(teacher, which[rows], scores[rows], mass[rows])
            loss += more
            d_scores[rows] += d_more
        return loss, d_scores

    def _taught(
        self, teacher: TreeTeacher, which: Ints1d, scores: Floats2d, mass: Floats1d
    ) -> tuple[float, Floats2d]:
        """which (Ints1d): (R,) of the teacher's pairs. scores: (R, deprels), mass: (R,)."""
        pipe = self.task.pipe
        objective = pipe.objective
        believed = teacher.label_scores(self.task.structure, objective.inference_temperature)
        target = convert(
            Posterior(IndependentLabels(), as_units(self.ops.asarray(believed[which]))),
            IndependentLabels(),
            match=teacher.match,
        )
        pipe.lost_mass.add(target, weights=self.ops.asarray(mass))
        loss, d_parts = structural_loss(
            IndependentLabels(),
            as_units(scores),
            objective.temper(target).marginals,
            temperature=objective.loss_temperature,
            weights=self.ops.asarray(mass * supported(target, n=len(scores))),
        )
        d_scores: Floats2d = d_parts.arrays["unary"][:, 0]
        return loss, d_scores
