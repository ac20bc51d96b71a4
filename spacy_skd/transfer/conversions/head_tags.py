"""Between trees and tags that name a token's head and deprel (parsing as sequence labelling).

*Arcs to tags.* The student's support is the trees each of whose arcs has a tag. So the teacher's
score of an arc gets log P(a deprel that has a tag with this arc's offset | arc), an arc without
one is impossible, and with the teacher's own structure

    m(token, tag) = P(arc of the tag) P(deprel of the tag | arc, some deprel that has a tag)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from ...arrays import Array, Floats1d, Floats2d, Floats3d, Ints2d
from ...codecs.head_labels import HeadLabels
from ...codecs.units import make_buckets
from ...errors import check_temperature
from ...structures import IMPOSSIBLE, ArcStructure, HeadSelection, Parts, Structure
from ...structures.parts import POSSIBLE_ABOVE, softmax
from ..posterior import Posterior, Target, lost_mass


@dataclass(frozen=True, eq=False)
class LabelledArcs:
    """The arcs of a batch whose deprels a teacher scored.

    where (Ints2d): (P, 3) unit, token and head (0 = ROOT, i + 1 = token i of the unit).
    labels (tuple[str, ...]): the teacher's deprels. scores (Floats2d): (P, deprels), nats, given
        the arc.
    """

    where: Ints2d
    labels: tuple[str, ...]
    scores: Floats2d


@dataclass(frozen=True, eq=False)
class ScoredArcs:
    """The arcs of a batch that a teacher scored.

    structure (Structure): the teacher's. spans (Ints2d): (U, 2) rows of the units in the batch.
    arcs (Sequence[Floats2d]): of each unit (n, n + 1) scores of heads, nats.
    pairs (Ints2d): (P, 2) dependent and head row of those with deprels. labels (tuple[str, ...]):
        the deprels. label_scores (Floats2d): (P, deprels), nats, given the arc.
    """

    structure: Structure
    spans: Ints2d
    arcs: Sequence[Floats2d]
    pairs: Ints2d
    labels: tuple[str, ...]
    label_scores: Floats2d


@dataclass(frozen=True, eq=False)
class TagTarget:
    """marginals (Floats3d): (B, N, tags). lost (Floats1d): (B,) the teacher's probability that some
    arc of the unit has no tag, or no scored deprels; of head selection the mean over tokens that
    this arc has none. silent (ndarray): (B, N) bool, tokens whose marginals mean nothing: the
    student can express none of what the teacher holds possible."""

    marginals: Floats3d
    lost: Floats1d
    silent: Array


def batch_to_tags(
    scored: ScoredArcs, *, n_rows: int, tags: HeadLabels, temperature: float
) -> Target:
    """Return `arcs_to_tags` of all units of a batch.

    n_rows (int): words of the batch.
    RETURNS (Target): of the words, each a unit: unary (T, 1, tags), NumPy arrays; the lost mass is
        that of a word's unit.
    """
    marginals = numpy.zeros((n_rows, 1, len(tags.tags)), dtype="float32")
    lost, silent = numpy.zeros(n_rows), numpy.zeros(n_rows, dtype=bool)
    for bucket in make_buckets(scored.spans):
        index, where = bucket.locate(scored.pairs)
        labelled = LabelledArcs(where, scored.labels, scored.label_scores[index])
        arcs = Parts.of_arcs([scored.arcs[u] for u in bucket.units.tolist()])
        posterior = Posterior(scored.structure, arcs)
        target = arcs_to_tags(posterior, labelled, tags=tags, temperature=temperature)
        inside = bucket.inside
        rows = bucket.index(padding=0)[inside]
        marginals[rows, 0], silent[rows] = target.marginals[inside], target.silent[inside]
        lost[rows] = numpy.broadcast_to(target.lost[:, None], inside.shape)[inside]
    parts = Parts({"unary": marginals}, numpy.ones(n_rows, dtype="int64"))
    return Target(parts, lost, silent if silent.any() else None)


def arcs_to_tags(
    posterior: Posterior,
    labelled: LabelledArcs,
    *,
    tags: HeadLabels,
    temperature: float = 1.0,
) -> TagTarget:
    """Return the target of a student of tags. NumPy arrays.

    posterior (Posterior): the teacher's structure and arc scores (B, N, N + 1).
    labelled (LabelledArcs): deprels of the likely arcs; the others are taken as impossible, since
        what deprel they have is unknown.
    temperature (float): divides the scores of arcs, and of deprels given the arc.
    """
    factor = 1.0 / check_temperature(temperature)
    scores, structure = posterior.scores * factor, posterior.structure
    arc = scores.arrays["arc"]
    ids = _tag_ids(labelled, tags)
    log_mass, given_arc = _given_tagged(labelled.scores * factor, ids >= 0)
    unit, token, head = labelled.where.T
    masked = numpy.full(arc.shape, IMPOSSIBLE, dtype=arc.dtype)
    masked[unit, token, head] = numpy.maximum(arc[unit, token, head] + log_mass, IMPOSSIBLE)
    arc_marginals, lost, silent = _infer(structure, scores, Parts({"arc": masked}, scores.lengths))
    joint = arc_marginals[unit, token, head][:, None] * given_arc
    marginals = numpy.zeros((*arc.shape[:2], len(tags.tags)), dtype=arc.dtype)
    pair, deprel = numpy.nonzero(ids >= 0)
    # A tag names its arc, so no two pairs share a cell.
    marginals[unit[pair], token[pair], ids[pair, deprel]] = joint[pair, deprel]
    return TagTarget(marginals, lost, silent)


def _tag_ids(labelled: LabelledArcs, tags: HeadLabels) -> Ints2d:
    """Return (P, teacher's deprels) the tag of the arc with this deprel, -1 for none; by name."""
    _, token, head = labelled.where.T
    offsets = numpy.where(head == 0, 0, head - 1 - token)
    columns = tags.deprel_columns(labelled.labels)
    ids = tags.table[tags.rows_of(offsets)][:, numpy.maximum(columns, 0)]
    return numpy.where(columns >= 0, ids, -1)


def _given_tagged(scores: Floats2d, allowed: Array) -> tuple[Floats1d, Floats2d]:
    """Return (P,) log P(an allowed deprel | arc), `IMPOSSIBLE` for none; (P, deprels) the
    probabilities given that it is one."""
    if not scores.size:
        return numpy.zeros(len(scores)), scores
    masked = numpy.where(allowed, scores, IMPOSSIBLE)
    log_allowed, probabilities = softmax(masked)
    log_mass = log_allowed - softmax(scores)[0]
    tagged = masked.max(axis=1) > POSSIBLE_ABOVE
    return numpy.where(tagged, log_mass, IMPOSSIBLE), probabilities * (allowed & tagged[:, None])


def _infer(structure: Structure, scores: Parts, masked: Parts) -> tuple[Floats3d, Floats1d, Array]:
    """Return marginals of the masked arcs; lost mass of each unit; (B, N) which tokens are
    silent."""
    if structure.independent:
        return _select(scores, masked)
    arcs = ArcStructure.of(structure)
    log_z_all, _, _ = arcs.infer_possible(scores)
    log_z, marginals, empty = arcs.infer_possible(masked)
    lost = lost_mass(log_z, of=log_z_all, empty=empty)
    silent = numpy.zeros(scores.mask.shape, dtype=bool)
    if empty is not None:
        silent |= empty[:, None] & scores.mask
    return marginals.arrays["arc"], lost, silent


def _select(scores: Parts, masked: Parts) -> tuple[Floats3d, Floats1d, Array]:
    """Let tokens choose on their own, so that one whose arcs have no tag leaves the others
    alone."""
    arc, mask = masked.arrays["arc"], scores.mask
    silent = (arc.max(axis=-1, initial=IMPOSSIBLE) <= POSSIBLE_ABOVE) & mask
    _, of_all = HeadSelection().infer(scores)
    possible = arc > POSSIBLE_ABOVE
    kept = numpy.exp(numpy.where(possible, arc - scores.arrays["arc"], -numpy.inf))
    lost = numpy.where(mask, 1.0 - (of_all.arrays["arc"] * kept).sum(axis=-1), 0.0)
    filled = numpy.where(silent[..., None], scores.arrays["arc"], arc)
    _, marginals = HeadSelection().infer(Parts({"arc": filled}, scores.lengths))
    n = numpy.maximum(mask.sum(axis=1), 1)
    return marginals.arrays["arc"], numpy.clip(lost, 0.0, 1.0).sum(axis=1) / n, silent
