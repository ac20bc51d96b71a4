"""Conversions between labels of docs: one of them, or a set. Units are docs, (B, 1, L) and
(B, L, 2)."""

import numpy

from ...arrays import Array, Floats1d, Floats2d, array_module
from ...codecs.bioes import Legality
from ...codecs.labels import LabelMatch
from ...structures import IndependentLabels, Parts, Structure
from ...structures.parts import IMPOSSIBLE
from ..posterior import Match, Posterior, Target, in_double, in_dtype, lost_mass, without_support


def one_to_sets(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Project one label to sets, in which it holds with its probability: P(l in y) = P(l)."""
    _, marginals = posterior.structure.infer(posterior.scores)
    return _of_each(marginals.arrays["unary"][:, 0], structure, match)


def sets_to_sets(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Take labels by name. They are independent, so what the student lacks changes nothing."""
    _, marginals = posterior.structure.infer(posterior.scores)
    return _of_each(marginals.arrays["unary"][..., 1], structure, match)


def sets_to_one(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Condition sets on exactly one label, of those that the student has:

    P({l}) = P(l in y) prod over k != l of P(k not in y)
    """
    unary = in_double(posterior.scores).arrays["unary"]
    xp = array_module(unary)
    highest = unary.max(axis=-1, keepdims=True)
    log_p = unary - highest - xp.log(xp.exp(unary - highest).sum(axis=-1, keepdims=True))
    no, yes = log_p[..., 0], log_p[..., 1]
    alone = xp.maximum(yes + no.sum(axis=1, keepdims=True) - no, IMPOSSIBLE)
    labels = _labels_of(match)
    alone = alone if labels is None else labels.gather(alone)
    ones = numpy.ones(len(alone), dtype="int64")
    scores, empty = without_support(Parts({"unary": alone[:, None]}, ones))
    log_z, marginals = structure.infer(scores)
    lost = lost_mass(log_z, of=xp.zeros_like(log_z), empty=empty)
    return Target(in_dtype(marginals, posterior.scores.arrays["unary"].dtype), lost, empty)


def _of_each(chances: Floats2d, structure: Structure, match: Match) -> Target:
    """chances (Floats2d): (B, teacher's labels), the probability that each holds."""
    labels = _labels_of(match)
    lacking = numpy.zeros(chances.shape[1], dtype=bool)
    if labels is not None:
        lacking = labels.columns < 0
        chances = array_module(chances).maximum(labels.gather(chances), 0)
    lost = numpy.zeros(len(chances))
    return doc_target(IndependentLabels.of(structure), chances, lacking=lacking, lost=lost)


def doc_target(
    structure: IndependentLabels,
    chances: Floats2d,
    *,
    lacking: Array,
    lost: Floats1d,
    empty: Array | None = None,
) -> Target:
    """Return the target of docs. Of sets each label of the student is a unit of its own, which is
    empty where the teacher lacks the label: it says nothing of it.

    structure (IndependentLabels): the student's. chances (Floats2d): (B, student's labels), the
        probability of each. lacking (ndarray): (student's labels,) bool, that the teacher lacks.
    lost, empty: see `Target`, of docs.
    RETURNS (Target): unary (B, 1, labels), or of sets (B * labels, 1, 2).
    """
    xp = array_module(chances)
    rows = structure.of_label_chances(chances).arrays["unary"]
    rows = rows.reshape((-1, 1, rows.shape[2]))
    silent = structure.silent_units(lacking)
    silent_of_docs = numpy.tile(silent, len(chances))
    if empty is not None:
        silent_of_docs |= numpy.repeat(empty, len(silent))
    return Target(
        Parts({"unary": rows}, numpy.ones(len(rows), dtype="int64")),
        xp.asarray(numpy.repeat(lost, len(silent))),
        silent_of_docs if silent_of_docs.any() else None,
    )


def _labels_of(match: Match) -> LabelMatch | None:
    if match is None or isinstance(match, LabelMatch):
        return match
    raise ValueError(f"expected a LabelMatch between labels, got a {type(match).__name__}")
