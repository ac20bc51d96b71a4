"""What a parser believes as a teacher: scores of arcs, and of the deprels of likely arcs."""

from collections.abc import Sequence

import numpy

from ..arrays import Floats2d, Ints2d
from ..codecs.heads import ROOT_HEAD
from ..codecs.units import Bucket
from ..structures import ArcStructure, Parts
from ..transfer.beliefs import Belief, TreeBelief

# Below this marginal an arc's deprel is not part of the target: its share of the loss is at most
# this, and the scores of deprels are most of a belief's bytes. The default of `label_floor`.
LABEL_FLOOR = 0.1


def likely_pairs(bucket: Bucket, *, best: Parts, marginals: Parts, floor: float) -> Ints2d:
    """The arcs whose deprels are scored: in the best tree, or of a marginal of at least
    `floor`.

    best, marginals (Parts): arc (B, N, N + 1), NumPy arrays; 0/1, and probabilities.
    RETURNS (Ints2d): (P, 2) dependent and head row, `ROOT_HEAD` for ROOT; the best tree's is the
        first of a dependent.
    """
    is_best = best.arrays["arc"] > 0
    p = marginals.arrays["arc"]
    unit, token, head = numpy.nonzero(is_best | ((p >= floor) & (p > 0)))
    order = numpy.lexsort((~is_best[unit, token, head], token, unit))
    unit, token, head = unit[order], token[order], head[order]
    first = bucket.rows[unit]
    head_rows = numpy.where(head == 0, ROOT_HEAD, first + head - 1)
    return numpy.stack([first + token, head_rows], axis=1)


def arcs_by_row(buckets: Sequence[Bucket], arcs: Sequence[Parts]) -> dict[int, Floats2d]:
    """Each unit's own (n, n + 1) array, by its first row.

    arcs (Sequence[Parts]): per bucket, arc (B, N, N + 1), NumPy arrays.
    """
    found: dict[int, Floats2d] = {}
    for bucket, parts in zip(buckets, arcs):
        array = parts.arrays["arc"]
        for i, (row, n) in enumerate(zip(bucket.rows.tolist(), bucket.lengths.tolist())):
            found[row] = array[i, :n, : n + 1].copy()
    return found


def tree_beliefs(
    units: Sequence[Ints2d],
    lengths: Sequence[int],
    *,
    structure: ArcStructure,
    labels: tuple[str, ...],
    arcs: dict[int, Floats2d],
    pairs: Ints2d,
    label_scores: Floats2d,
) -> list[Belief]:
    """The scores of a batch as one belief a doc.

    units (Sequence[Ints2d]): per doc (U, 2) start and end word. lengths: words of each doc.
    arcs (dict[int, Floats2d]): see `arcs_by_row`.
    pairs (Ints2d): (P, 2) see `likely_pairs`. label_scores: (P, deprels).
    """
    beliefs: list[Belief] = []
    offset = 0
    for mine, length in zip(units, lengths):
        here = (pairs[:, 0] >= offset) & (pairs[:, 0] < offset + length)
        local = numpy.where(pairs[here] >= 0, pairs[here] - offset, ROOT_HEAD)
        _, best = numpy.unique(local[:, 0], return_index=True)
        beliefs.append(
            TreeBelief(
                structure=structure,
                labels=labels,
                units=mine.astype("int32"),
                arcs=tuple(arcs[int(start) + offset] for start in mine[:, 0]),
                pairs=local.astype("int32"),
                label_scores=label_scores[here],
                heads=local[best, 1],
            )
        )
        offset += length
    return beliefs


def no_belief(structure: ArcStructure, labels: tuple[str, ...]) -> TreeBelief:
    """Of a doc without tokens."""
    none = numpy.zeros((0, 2), dtype="int32")
    return TreeBelief(structure, labels, none, (), none, numpy.zeros((0, len(labels)), "float32"))
