"""The loss of a batch of labelled trees, and its gradient at the scores.

Cross-entropy of labelled trees = that of the arcs + the mean, over arcs drawn from the target, of
that of their deprels.
"""

from dataclasses import dataclass
from typing import List, Optional, Tuple

import numpy
from thinc.api import Ops
from thinc.types import Floats1d, Floats2d

from ..codecs.trees import Gold
from ..models.biaffine import ParserOutput
from ..models.units import Bucket
from ..structures import IndependentLabels, Parts, Structure
from ..transfer.convert import Posterior, Target, convert
from ..transfer.loss import mixed_loss, mixed_shares, structural_loss
from .lost_mass import LostMass, supported
from .tree_gold import GoldTrees
from .tree_plan import TreePlan, pair_masses


@dataclass(frozen=True)
class TreeLoss:
    """weight, temperature (float): the teacher's share where there is gold; T > 0.
    ops (Ops): of the student's model. lost_mass, lost_arcs (LostMass): where lost deprels and arcs
    are reported. gold_trees (GoldTrees): reads gold."""

    structure: Structure
    weight: float
    temperature: float
    ops: Ops
    lost_mass: LostMass
    lost_arcs: LostMass
    gold_trees: GoldTrees

    def __call__(
        self, plan: TreePlan, scores: ParserOutput
    ) -> Tuple[float, Tuple[List[Parts], Floats2d]]:
        """RETURNS: loss in nats, summed over tokens; the gradients of the arc scores of each
        bucket and of the deprel scores (P, deprels)."""
        buckets, arcs, _, label_scores = scores
        gold_weights = numpy.zeros(len(plan.pairs))
        teacher_weights = numpy.zeros(len(plan.pairs))
        total = 0.0
        d_arcs: List[Parts] = []
        for bucket, parts in zip(buckets, arcs):
            gold = self._gold(plan, bucket)
            target = self._target(plan, bucket)
            teacher = None if target is None else target.marginals
            silent = None if target is None else target.empty
            loss, d_parts = mixed_loss(
                self.structure,
                parts,
                gold=gold,
                teacher=teacher,
                weight=self.weight,
                temperature=self.temperature,
                silent=silent,
            )
            total += loss
            d_arcs.append(d_parts)
            index, unit, mass = self._masses(plan, bucket, gold, teacher)
            weight = 0.0 if teacher is None else self.weight
            of_gold, of_teacher = mixed_shares(gold, weight=weight, silent=silent)
            gold_weights[index] = of_gold[unit]
            teacher_weights[index] = of_teacher[unit] * mass
        loss, d_labels = self._labels(plan, label_scores, gold_weights, teacher_weights)
        return total + loss, (d_arcs, d_labels)

    def _gold(self, plan: TreePlan, bucket: Bucket) -> Gold:
        gold = self.gold_trees(plan.heads, bucket, structure=self.structure)
        return Gold(self._parts(gold.indicators), gold.known)

    def _target(self, plan: TreePlan, bucket: Bucket) -> Optional[Target]:
        scores = plan.teacher_scores(bucket.units)
        if scores is None or plan.teacher is None:
            return None
        posterior = Posterior(plan.teacher, self._parts(scores))
        target = convert(posterior, self.structure, temperature=self.temperature)
        self.lost_arcs.add(target)
        return target

    def _masses(
        self, plan: TreePlan, bucket: Bucket, gold: Gold, teacher: Optional[Parts]
    ) -> Tuple["numpy.ndarray", "numpy.ndarray", Floats1d]:
        """See `pair_masses`: under the teacher, under gold where there is none."""
        marginals = teacher if teacher is not None else gold.indicators
        return pair_masses(
            plan.pairs,
            rows=bucket.rows,
            lengths=bucket.lengths,
            marginals=self.ops.to_numpy(marginals.arrays["arc"]),
        )

    def _labels(
        self,
        plan: TreePlan,
        scores: Floats2d,
        gold_weights: "numpy.ndarray",
        teacher_weights: "numpy.ndarray",
    ) -> Tuple[float, Floats2d]:
        """Each pair is a unit of one token, weighted by the probability of its arc."""
        if not len(plan.pairs):
            return 0.0, scores
        parts = self._as_units(scores)
        loss, d_parts = structural_loss(
            IndependentLabels(),
            parts,
            self._as_units(self.ops.asarray(plan.gold_indicators(scores.shape[1]))),
            weights=self.ops.asarray(gold_weights * (plan.gold_labels >= 0)),
        )
        if plan.teacher_labels is not None:
            believed = self._as_units(self.ops.asarray(plan.teacher_labels))
            target = convert(
                Posterior(IndependentLabels(), believed),
                IndependentLabels(),
                match=plan.match,
                temperature=self.temperature,
            )
            teacher_weights = teacher_weights * plan.has_teacher_labels
            self.lost_mass.add(target, weights=self.ops.asarray(teacher_weights))
            more, d_more = structural_loss(
                IndependentLabels(),
                parts,
                target.marginals,
                temperature=self.temperature,
                weights=self.ops.asarray(teacher_weights * supported(target, n=len(scores))),
            )
            loss, d_parts = loss + more, d_parts + d_more
        return loss, d_parts.arrays["unary"][:, 0]

    def _as_units(self, rows: Floats2d) -> Parts:
        return Parts({"unary": rows[:, None]}, self.ops.xp.ones(len(rows), dtype="int64"))

    def _parts(self, parts: Parts) -> Parts:
        arrays = {key: self.ops.asarray(value) for key, value in parts.arrays.items()}
        return Parts(arrays, self.ops.asarray(parts.lengths))
