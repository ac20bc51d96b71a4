"""The loss of a batch of labelled trees, and its gradient at the scores.

Cross-entropy of labelled trees = that of the arcs + the mean, over arcs drawn from the target, of
that of their deprels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from thinc.api import Ops

from ..arrays import Array, Floats2d, Ints1d
from ..codecs.trees import Gold
from ..codecs.units import Bucket
from ..models.biaffine import ParserOutput
from ..structures import ArcStructure, IndependentLabels, Parts
from ..transfer.conversions.table import Posterior, Target, convert
from ..transfer.loss import mixed_loss, mixed_shares, structural_loss
from ..transfer.mixing import mix, mixing_shares
from ..transfer.target import Objective
from ..transfer.tree_teachers import TreeTeacher
from .lost_mass import HEADS, LostMass, supported
from .tree_gold import GoldTrees
from .tree_plan import TreePlan, pair_masses


@dataclass(frozen=True)
class TreeLoss:
    """objective, weight: what is learnt of the teacher, and its share where there is gold.
    ops (Ops): of the student's model. lost_mass (LostMass): where lost mass is reported.
    gold_trees (GoldTrees): reads gold."""

    structure: ArcStructure
    objective: Objective
    weight: float
    ops: Ops
    lost_mass: LostMass
    gold_trees: GoldTrees

    def __call__(
        self, plan: TreePlan, scores: ParserOutput
    ) -> tuple[float, tuple[list[Parts], Floats2d]]:
        """RETURNS: loss in nats, summed over tokens; the gradients of the arc scores of each
        bucket and of the deprel scores (P, deprels)."""
        buckets, arcs, _, label_scores = scores
        masses = numpy.zeros((1 + len(plan.teachers), len(plan.pairs)))
        total = 0.0
        d_arcs: list[Parts] = []
        for bucket, parts in zip(buckets, arcs):
            gold = self._gold(plan, bucket)
            targets = self._targets(plan, bucket)
            target = self._mixed(targets, plan.weights)
            silent = None if target is None else target.empty
            loss, d_parts = mixed_loss(
                self.structure,
                parts,
                gold=gold,
                teacher=None if target is None else target.marginals,
                silent=silent,
                weight=self.weight,
                temperature=self.objective.loss_temperature,
                teacher_loss=self.objective.loss,
            )
            total += loss
            d_arcs.append(d_parts)
            weight = 0.0 if target is None else self.weight
            shares = mixed_shares(gold, weight=weight, silent=silent)
            self._add_masses(masses, plan, bucket, gold, targets, shares)
        loss, d_labels = self._labels(plan, label_scores, masses)
        return total + loss, (d_arcs, d_labels)

    def _gold(self, plan: TreePlan, bucket: Bucket) -> Gold:
        gold = self.gold_trees(plan.heads, bucket, structure=self.structure)
        arcs = self.ops.asarray(gold.indicators.arrays["arc"])
        return Gold(Parts({"arc": arcs}, self.ops.asarray(gold.indicators.lengths)), gold.known)

    def _targets(self, plan: TreePlan, bucket: Bucket) -> list[Target]:
        """Of each teacher."""
        return [
            teacher.arcs(bucket, self.structure, self.objective, ops=self.ops)
            for teacher in plan.teachers
        ]

    def _mixed(self, targets: Sequence[Target], weights: Sequence[float]) -> Target | None:
        if not targets:
            return None
        target = mix(targets, weights)
        self.lost_mass.add(target, reason=HEADS)
        return self.objective.temper(target)

    def _add_masses(
        self,
        masses: Array,
        plan: TreePlan,
        bucket: Bucket,
        gold: Gold,
        targets: Sequence[Target],
        shares: tuple[Array, Array],
    ) -> None:
        """How much the deprel of each pair of a bucket counts, under gold and each teacher.

        masses: (1 + teachers, P), filled in. shares: (B,) of gold and of the teachers.
        """
        found = [gold.indicators, *(target.marginals for target in targets)]
        counts = [shares[0]]
        if targets:
            parts = mixing_shares(targets, plan.weights)
            counts += [shares[1] * self.ops.to_numpy(part) for part in parts]
        for row, marginals, count in zip(masses, found, counts):
            index, unit, mass = pair_masses(
                plan.pairs,
                rows=bucket.rows,
                lengths=bucket.lengths,
                marginals=self.ops.to_numpy(marginals.arrays["arc"]),
            )
            row[index] = count[unit] * mass

    def _labels(self, plan: TreePlan, scores: Floats2d, masses: Array) -> tuple[float, Floats2d]:
        """Each pair is a unit of one token, weighted by the probability of its arc."""
        if not len(plan.pairs):
            return 0.0, scores
        loss, d_parts = structural_loss(
            IndependentLabels(),
            self._as_units(scores),
            self._as_units(self.ops.asarray(plan.gold_indicators(scores.shape[1]))),
            weights=self.ops.asarray(masses[0] * (plan.gold_labels >= 0)),
        )
        d_scores = d_parts.arrays["unary"][:, 0]
        for teacher, mass in zip(plan.teachers, masses[1:]):
            where = teacher.rows_of(plan.pairs)
            rows = numpy.nonzero((where >= 0) & (mass > 0))[0]
            more, d_more = self._taught_labels(teacher, where[rows], scores[rows], mass[rows])
            loss += more
            d_scores[rows] += d_more
        return loss, d_scores

    def _taught_labels(
        self, teacher: TreeTeacher, where: Ints1d, scores: Floats2d, mass: Array
    ) -> tuple[float, Floats2d]:
        """where (Ints1d): (R,) which of the teacher's pairs. scores: (R, deprels), mass: (R,)."""
        temperature = self.objective.inference_temperature
        believed = self.ops.asarray(teacher.label_scores(self.structure, temperature)[where])
        target = convert(
            Posterior(IndependentLabels(), self._as_units(believed)),
            IndependentLabels(),
            match=teacher.match,
        )
        self.lost_mass.add(target, weights=self.ops.asarray(mass))
        loss, d_parts = structural_loss(
            IndependentLabels(),
            self._as_units(scores),
            self.objective.temper(target).marginals,
            temperature=self.objective.loss_temperature,
            weights=self.ops.asarray(mass * supported(target, n=len(scores))),
        )
        return loss, d_parts.arrays["unary"][:, 0]

    def _as_units(self, rows: Floats2d) -> Parts:
        return Parts({"unary": rows[:, None]}, self.ops.xp.ones(len(rows), dtype="int64"))
