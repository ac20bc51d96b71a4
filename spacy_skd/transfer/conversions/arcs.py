"""From a teacher's arcs to a student's: both are sets of heads, one narrower than the other.

A student learns the teacher given that its heads are in the student's support. So the teacher's
scores are inferred with the structure of what both allow: the student's own, if that is narrower
(a lift: head selection to trees, trees to projective trees); the teacher's, if the student allows
more (a projection: its marginals lie in the student's polytope as they are).
"""

import numpy

from ...arrays import Array, Floats1d
from ...codecs.bioes import Legality
from ...structures import HeadSelection, Parts, ProjectiveTrees, SpanningTrees, Structure
from ...structures.numerics import clean_scores
from ..posterior import Match, Posterior, Target, lost_mass

# From wide to narrow.
ARC_STRUCTURES: tuple[type[Structure], ...] = (HeadSelection, SpanningTrees, ProjectiveTrees)


def in_common(a: Structure, b: Structure) -> Structure:
    """The structure of the heads that both allow. RAISES (ValueError): for one of no arcs."""
    narrow = max(ARC_STRUCTURES.index(type(a)), ARC_STRUCTURES.index(type(b)))
    if ARC_STRUCTURES[narrow] is HeadSelection:
        return HeadSelection()
    single_root = any(getattr(structure, "single_root", False) for structure in (a, b))
    return ARC_STRUCTURES[narrow](single_root=single_root)  # type: ignore[call-arg]


def arcs_to_arcs(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """By the structure of what both allow."""
    shared = in_common(posterior.structure, structure)
    log_z, marginals, empty = infer_possible(shared, posterior.scores)
    readings = _readings(posterior.structure, shared)
    if shared == readings:
        return Target(marginals, lost_mass(log_z, of=log_z, empty=empty), empty)
    log_z_all, _, _ = infer_possible(readings, posterior.scores)
    return Target(marginals, lost_mass(log_z, of=log_z_all, empty=empty), empty)


def _readings(teacher: Structure, shared: Structure) -> Structure:
    """The structure of what a teacher can mean. One that selects heads means trees, where a student
    learns trees of it: heads that form none are no reading of a sentence, so that nothing is lost
    with them, while a tree that the student excludes is lost."""
    if teacher != HeadSelection() or shared == teacher:
        return teacher
    return SpanningTrees(single_root=getattr(shared, "single_root", False))


def infer_possible(structure: Structure, scores: Parts) -> tuple[Floats1d, Parts, Array | None]:
    """As `Structure.infer`, where some units may have no possible structure.

    RETURNS: log Z, marginals, which mean nothing for the units without; which these are, (B,) bool
        on the CPU, None if there are none.
    RAISES (ValueError): if a score is NaN or +inf.
    """
    scores = Parts({"arc": clean_scores(scores.arrays["arc"], what="arcs")}, scores.lengths)
    try:
        return (*structure.infer(scores), None)
    except ValueError:  # of finite scores: the one error that is left
        empty = numpy.asarray(
            [not _is_possible(structure, scores, u) for u in range(scores.n_units)]
        )
    # Arcs that score 0 have a structure, whatever it is.
    arc, xp = scores.arrays["arc"], scores.xp
    blank = xp.where(xp.asarray(empty)[:, None, None], xp.asarray(0, dtype=arc.dtype), arc)
    return (*structure.infer(Parts({"arc": blank}, scores.lengths)), empty)


def _is_possible(structure: Structure, scores: Parts, unit: int) -> bool:
    try:
        structure.infer(scores[unit : unit + 1])
    except ValueError:
        return False
    return True
