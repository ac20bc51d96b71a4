"""Gold and a teacher's trees as tags of heads, a batch at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from ..arrays import Floats2d, Ints1d, Ints2d
from ..codecs.head_labels import HeadLabels
from ..codecs.trees import ROOT_HEAD
from ..codecs.units import make_buckets
from ..layers.sentences import batch_spans
from ..structures import HeadSelection, Parts
from ..transfer.belief import TreeBelief
from ..transfer.conversions.head_tags import LabelledArcs, TagTarget, arcs_to_tags
from ..transfer.posterior import Posterior, Target
from ..transfer.target import Objective
from .tree_plan import locate_pairs
from .tree_teachers import in_batch


def gold_tags(
    arcs: Sequence[tuple[Ints1d, Ints1d]], units: Sequence[Ints2d], tags: HeadLabels
) -> tuple[Ints1d, int]:
    """arcs: per doc, see `TreeLayer.gold`, of `tags.deprels`. units (Sequence[Ints2d]): per doc
        (U, 2).
    RETURNS (tuple[Ints1d, int]): (tokens of the batch,) tag, -1 unknown; how many arcs have no tag.
        A head outside the unit is unknown.
    """
    found: list[Ints1d] = [numpy.zeros(0, dtype="int64")]
    untagged = 0
    for (heads, deprels), mine in zip(arcs, units):
        tokens = numpy.arange(len(heads))
        start, end = numpy.repeat(mine, mine[:, 1] - mine[:, 0], axis=0).T
        known = (heads == ROOT_HEAD) | ((heads >= start) & (heads < end))
        tag = tags.encode(numpy.where(heads == ROOT_HEAD, 0, heads - tokens), deprels)
        untagged += int((known & (tag < 0)).sum())
        found.append(numpy.where(known, tag, -1))
    return numpy.concatenate(found), untagged


@dataclass(frozen=True)
class TreeTags:
    """tags (HeadLabels): the student's. objective (Objective): what is learnt of the trees."""

    tags: HeadLabels
    objective: Objective

    def __call__(self, beliefs: Sequence[TreeBelief]) -> Target:
        """RETURNS (Target): of the batch's tokens, each a unit: unary (T, 1, tags), NumPy arrays;
        the lost mass is that of a token's sentence."""
        lengths = [int(b.units[-1, 1]) if len(b.units) else 0 for b in beliefs]
        arcs = [arc for belief in beliefs for arc in belief.arcs]
        offsets = numpy.cumsum([0, *lengths])
        pairs = numpy.concatenate([in_batch(b.pairs, o) for b, o in zip(beliefs, offsets)])
        scores = numpy.concatenate([belief.label_scores for belief in beliefs])
        n = sum(lengths)
        marginals = numpy.zeros((n, 1, len(self.tags.tags)), dtype="float32")
        lost, silent = numpy.zeros(n), numpy.zeros(n, dtype=bool)
        spans = batch_spans([b.units.astype("int64") for b in beliefs], lengths)
        for bucket in make_buckets(spans):
            index, where = locate_pairs(pairs, rows=bucket.rows, lengths=bucket.lengths)
            labelled = LabelledArcs(where, beliefs[0].labels, scores[index])
            found = self._convert([arcs[u] for u in bucket.units.tolist()], beliefs[0], labelled)
            inside = bucket.inside
            rows = bucket.index(padding=0)[inside]
            marginals[rows, 0], silent[rows] = found.marginals[inside], found.silent[inside]
            lost[rows] = numpy.broadcast_to(found.lost[:, None], inside.shape)[inside]
        parts = Parts({"unary": marginals}, numpy.ones(n, dtype="int64"))
        return Target(parts, lost, silent if silent.any() else None)

    def _convert(
        self, arcs: Sequence[Floats2d], belief: TreeBelief, labelled: LabelledArcs
    ) -> TagTarget:
        units = [Parts({"arc": arc[None]}, numpy.asarray([len(arc)])) for arc in arcs]
        structure = HeadSelection() if self.objective.target == "token" else belief.structure
        posterior = Posterior(structure, Parts.concat(units))
        temperature = self.objective.inference_temperature
        return arcs_to_tags(posterior, labelled, tags=self.tags, temperature=temperature)
