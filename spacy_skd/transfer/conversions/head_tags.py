"""Between trees and tags that name a token's head and deprel (parsing as sequence labelling).

*Arcs to tags.* The student's support is the trees each of whose arcs has a tag. So the teacher's
score of an arc gets log P(a deprel that has a tag with this arc's offset | arc), an arc without
one is impossible, and with the teacher's own structure

    m(token, tag) = P(arc of the tag) P(deprel of the tag | arc, some deprel that has a tag)

*Tags to arcs.* The score of an arc is the log of the summed exp of its tags' scores, which makes a
teacher of tags one that selects heads, given that they lie in the sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy

from ...arrays import Array, Floats1d, Floats2d, Floats3d, Ints1d, Ints2d
from ...codecs.head_labels import HeadLabels
from ...codecs.trees import gold_tokens
from ...errors import check_temperature
from ...structures import IMPOSSIBLE, ArcStructure, HeadSelection, Parts, Structure
from ...structures.numerics import POSSIBLE_ABOVE, softmax
from ..belief import HeadLabelBelief, TreeBelief
from ..candidates import TreeCandidates, expect
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
class TagTarget:
    """marginals (Floats3d): (B, N, tags). lost (Floats1d): (B,) the teacher's probability that some
    arc of the unit has no tag, or no scored deprels; of head selection the mean over tokens that
    this arc has none. silent (ndarray): (B, N) bool, tokens whose marginals mean nothing: the
    student can express none of what the teacher holds possible."""

    marginals: Floats3d
    lost: Floats1d
    silent: Array


def arcs_to_tags(
    posterior: Posterior,
    labelled: LabelledArcs,
    *,
    tags: HeadLabels,
    temperature: float = 1.0,
) -> TagTarget:
    """The target of a student of tags. NumPy arrays.

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
    found, lost, silent = _infer(structure, scores, Parts({"arc": masked}, scores.lengths))
    joint = found[unit, token, head][:, None] * given_arc
    marginals = numpy.zeros((*arc.shape[:2], len(tags.tags)), dtype=arc.dtype)
    pair, deprel = numpy.nonzero(ids >= 0)
    # A tag names its arc, so no two pairs share a cell.
    marginals[unit[pair], token[pair], ids[pair, deprel]] = joint[pair, deprel]
    return TagTarget(marginals, lost, silent)


def _tag_ids(labelled: LabelledArcs, tags: HeadLabels) -> Ints2d:
    """(P, teacher's deprels) the tag of the arc with this deprel, -1 for none; by name."""
    _, token, head = labelled.where.T
    offsets = numpy.where(head == 0, 0, head - 1 - token)
    columns = _columns(labelled.labels, tags)
    ids = tags.table[tags.rows_of(offsets)][:, numpy.maximum(columns, 0)]
    return numpy.where(columns >= 0, ids, -1)


def _columns(deprels: Sequence[str], tags: HeadLabels) -> Ints1d:
    """(deprels,) the index of each in `tags.deprels`, -1 for none."""
    index = {deprel: i for i, deprel in enumerate(tags.deprels)}
    return numpy.asarray([index.get(deprel, -1) for deprel in deprels], dtype="int64")


def expect_head_labels(
    beliefs: Sequence[TreeCandidates], tags: HeadLabels, *, temperature: float = 1.0
) -> Target:
    """Of weighted trees for a student of tags, each token a unit: unary (T, 1, C). An arc without a
    tag, or without a known deprel, cannot be expressed.

    beliefs (Sequence[TreeCandidates]): of the docs of a batch, of one teacher.
    """
    most = max(len(belief.heads) for belief in beliefs)
    ids = numpy.concatenate([_tags_of(belief, tags, most) for belief in beliefs], axis=1)
    golds = []
    for row in ids:
        indicators = numpy.zeros((len(row), 1, len(tags.tags)), dtype="float32")
        known = numpy.nonzero(row >= 0)[0]
        indicators[known, 0, row[known]] = 1.0
        golds.append(
            gold_tokens(Parts({"unary": indicators}, numpy.ones(len(row), "int64")), row >= 0)
        )
    weights = [
        numpy.repeat(
            numpy.pad(belief.weights, ((0, 0), (0, most - belief.weights.shape[1]))),
            belief.units[:, 1] - belief.units[:, 0],
            axis=0,
        )
        for belief in beliefs
    ]
    return expect(golds, numpy.concatenate(weights), temperature=temperature)


def _tags_of(belief: TreeCandidates, tags: HeadLabels, most: int) -> Ints2d:
    """(most, tokens) the tag of each candidate's arcs, -1 for none."""
    offsets = numpy.where(belief.heads < 0, 0, belief.heads - numpy.arange(belief.n_tokens))
    columns = _columns((*belief.labels, ""), tags)  # the last of deprels that are not known
    rows = [tags.encode(o, columns[d]) for o, d in zip(offsets, belief.deprels)]
    rows += [numpy.full(belief.n_tokens, -1)] * (most - len(rows))
    return numpy.stack(rows)


def _given_tagged(scores: Floats2d, allowed: Array) -> tuple[Floats1d, Floats2d]:
    """RETURNS: (P,) log P(an allowed deprel | arc), `IMPOSSIBLE` for none; (P, deprels) the
    probabilities given that it is one."""
    if not scores.size:
        return numpy.zeros(len(scores)), scores
    masked = numpy.where(allowed, scores, IMPOSSIBLE)
    log_allowed, probabilities = softmax(masked)
    log_mass = log_allowed - softmax(scores)[0]
    some = masked.max(axis=1) > POSSIBLE_ABOVE
    return numpy.where(some, log_mass, IMPOSSIBLE), probabilities * (allowed & some[:, None])


def _infer(structure: Structure, scores: Parts, masked: Parts) -> tuple[Floats3d, Floats1d, Array]:
    """Marginals of the masked arcs; lost mass of each unit; (B, N) which tokens are silent."""
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
    """Tokens choose on their own, so that one whose arcs have no tag leaves the others alone."""
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


@lru_cache(maxsize=16)
def head_labels(tags: tuple[str, ...]) -> HeadLabels:
    """The inventory of a belief's tags, made once."""
    return HeadLabels(tags)


def tags_to_arcs(
    belief: HeadLabelBelief, *, floor: float, temperature: float = 1.0
) -> tuple[TreeBelief, Floats1d]:
    """A teacher of tags as one of heads and deprels.

    floor (float): the marginal that an arc must have for its deprels to be kept; the best of each
        token always is.
    temperature (float): the T that the result will be used at: its scores divided by T are those
        of tags whose scores are divided by T.
    RETURNS (tuple[TreeBelief, Floats1d]): of head selection; (tokens,) the probability of tags
        whose head is outside the sentence, which no tree has.
    """
    tags = head_labels(belief.labels)
    tempered = belief.scores * (1.0 / check_temperature(temperature))
    found = [_unit_arcs(tempered, tags, *unit, floor=floor) for unit in belief.units.tolist()]
    pairs = _concatenated([pairs for _, pairs, _ in found], width=2)
    ids = tags.table[tags.rows_of(_offsets(pairs))]
    scores = numpy.take_along_axis(belief.scores[pairs[:, 0]], numpy.maximum(ids, 0), axis=1)
    known = (ids >= 0).any(axis=1, keepdims=True)
    scores = numpy.where(ids >= 0, scores, numpy.where(known, IMPOSSIBLE, 0.0))
    lost = [lost for _, _, lost in found]
    return TreeBelief(
        structure=HeadSelection(),
        labels=tags.deprels,
        units=belief.units,
        arcs=tuple(_times(arc, temperature) for arc, _, _ in found),
        pairs=pairs.astype("int32"),
        label_scores=scores.astype("float32"),
    ), numpy.concatenate(lost) if lost else numpy.zeros(0)


def _unit_arcs(
    scores: Floats2d, tags: HeadLabels, start: int, end: int, *, floor: float
) -> tuple[Floats2d, Ints2d, Floats1d]:
    """One sentence: (n, n + 1) arc scores; (P, 2) dependent and head in the doc of likely arcs;
    (n,) mass of tags that lead out of it."""
    n, scores = end - start, scores[start:end]
    arc = tags.summed_arcs(scores, numpy.arange(n)[None], numpy.asarray([n]))[0]
    log_inside, marginals = softmax(arc)
    likely = (marginals >= floor) & (arc > POSSIBLE_ABOVE)
    likely[numpy.arange(n), arc.argmax(axis=1)] = True
    token, head = numpy.nonzero(likely)
    heads = numpy.where(head == 0, -1, start + head - 1)
    lost = 1.0 - numpy.exp(numpy.minimum(log_inside - softmax(scores)[0], 0.0))
    return arc, numpy.stack([start + token, heads], axis=1), lost


def _times(arc: Floats2d, factor: float) -> Floats2d:
    """What is impossible stays so, at any factor."""
    scaled = numpy.where(arc > POSSIBLE_ABOVE, arc * factor, IMPOSSIBLE)
    result: Floats2d = scaled.astype(arc.dtype)
    return result


def _offsets(pairs: Ints2d) -> Array:
    return numpy.where(pairs[:, 1] < 0, 0, pairs[:, 1] - pairs[:, 0])


def _concatenated(arrays: Sequence[Ints2d], *, width: int) -> Ints2d:
    none = numpy.zeros((0, width), dtype="int64")
    return numpy.concatenate([none, *arrays])
