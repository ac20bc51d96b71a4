"""What one teacher says of a batch of sentences: scores of trees, or trees with weights."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy
from thinc.api import Ops

from ..arrays import Floats2d, Ints1d, Ints2d
from ..codecs.labels import LabelMatch
from ..codecs.units import Bucket
from ..structures import IMPOSSIBLE, ArcStructure, HeadSelection, Parts
from .conversions.table import convert
from .expect import expect_trees, has_heads, tempered_weights
from .posterior import Posterior, Target
from .target import Objective


@dataclass(frozen=True, eq=False)
class TreeTeacher(ABC):
    """All rows are rows of the batch's concatenated words.

    match (LabelMatch): of its deprels to the student's.
    pairs (Ints2d): (P, 2) dependent and head row of the arcs of which it says a deprel.
    """

    match: LabelMatch
    pairs: Ints2d

    @abstractmethod
    def arcs(
        self, bucket: Bucket, structure: ArcStructure, objective: Objective, *, ops: Ops
    ) -> Target:
        """Return the target of the arcs of a bucket's units. structure (ArcStructure): the
        student's."""

    @abstractmethod
    def label_scores(self, structure: ArcStructure, temperature: float) -> Floats2d:
        """Return (P, its deprels) nats at a temperature, given the arc. structure: the
        student's."""

    def rows_of(self, pairs: Ints2d) -> Ints1d:
        """Return which of its own pairs each of some is, -1 for none."""
        base = int(max(self.pairs.max(initial=0), pairs.max(initial=0))) + 2
        own, wanted = (p[:, 0].astype("int64") * base + p[:, 1] + 1 for p in (self.pairs, pairs))
        if not len(own):
            return numpy.full(len(wanted), -1)
        order = numpy.argsort(own)
        where = numpy.searchsorted(own, wanted, sorter=order)
        where = order[numpy.minimum(where, len(own) - 1)]
        return numpy.where(own[where] == wanted, where, -1)


@dataclass(frozen=True, eq=False)
class ScoredTrees(TreeTeacher):
    """unit_arcs (list[Floats2d]): of each unit of the batch, (n, n + 1). scores: (P, deprels)."""

    structure: ArcStructure
    unit_arcs: list[Floats2d]
    scores: Floats2d

    def arcs(
        self, bucket: Bucket, structure: ArcStructure, objective: Objective, *, ops: Ops
    ) -> Target:
        scores = Parts.of_arcs([self.unit_arcs[u] for u in bucket.units.tolist()])
        scores = Parts({"arc": ops.asarray(scores.arrays["arc"])}, ops.asarray(scores.lengths))
        teacher, student = self.structure, structure
        if objective.target == "token":
            teacher = student = HeadSelection()
        temperature = objective.inference_temperature
        return convert(Posterior(teacher, scores), student, temperature=temperature)

    def label_scores(self, structure: ArcStructure, temperature: float) -> Floats2d:
        return self.scores * (1.0 / temperature)


@dataclass(frozen=True, eq=False)
class ListedTrees(TreeTeacher):
    """heads, deprels (Ints2d): (K, T) of each candidate, head rows and indices of deprels. weights
    (Floats2d): (U, K) of the batch's units. unit_of (Ints1d): (T,)."""

    heads: Ints2d
    deprels: Ints2d
    weights: Floats2d
    unit_of: Ints1d
    n_labels: int

    def arcs(
        self, bucket: Bucket, structure: ArcStructure, objective: Objective, *, ops: Ops
    ) -> Target:
        return expect_trees(
            structure,
            self.heads,
            self.weights[bucket.units],
            rows=bucket.rows,
            lengths=bucket.lengths,
            temperature=objective.inference_temperature,
        ).to(ops)

    def label_scores(self, structure: ArcStructure, temperature: float) -> Floats2d:
        """Return log of the weight of the candidates that have the arc with the deprel, of those
        that the student can express."""
        lengths = numpy.bincount(self.unit_of, minlength=len(self.weights))
        units = {"rows": numpy.cumsum(lengths) - lengths, "lengths": lengths}
        fits = numpy.stack([has_heads(structure, heads, **units) for heads in self.heads], axis=1)
        weights = tempered_weights(self.weights, temperature=temperature) * fits
        weights = weights[self.unit_of].T
        total = numpy.zeros((len(self.pairs), self.n_labels))
        for head, deprel, weight in zip(self.heads, self.deprels, weights):
            known = numpy.nonzero(deprel >= 0)[0]
            where = self.rows_of(numpy.stack([known, head[known]], axis=1))
            total[where, deprel[known]] += weight[known]
        scores = numpy.full(total.shape, IMPOSSIBLE)
        numpy.log(total, out=scores, where=total > 0)
        return scores.astype("float32")
