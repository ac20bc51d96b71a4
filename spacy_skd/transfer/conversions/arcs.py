"""From a teacher's arcs to a student's: both are sets of heads, one narrower than the other.

A student learns the teacher given that its heads are in the student's support. So the teacher's
scores are inferred with the structure of what both allow: the student's own, if that is narrower
(a lift: head selection to trees, trees to projective trees); the teacher's, if the student allows
more (a projection: its marginals lie in the student's polytope as they are).
"""

from ...codecs.bioes import Legality
from ...structures import ArcStructure, Structure
from ..posterior import Match, Posterior, Target, lost_mass


def lift_arcs(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Lift by the student's structure, which is the narrower or the same."""
    teacher, student = ArcStructure.of(posterior.structure), ArcStructure.of(structure)
    return _by(student.given(teacher), posterior)


def project_arcs(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Project by the teacher's structure, which is the narrower."""
    teacher, student = ArcStructure.of(posterior.structure), ArcStructure.of(structure)
    return _by(teacher.given(student), posterior)


def _by(shared: ArcStructure, posterior: Posterior) -> Target:
    """Infer by a structure. shared (ArcStructure): of what both allow."""
    log_z, marginals, empty = shared.infer_possible(posterior.scores)
    readings = ArcStructure.of(posterior.structure).read_by(shared)
    if shared == readings:
        return Target(marginals, lost_mass(log_z, of=log_z, empty=empty), empty)
    log_z_all, _, _ = readings.infer_possible(posterior.scores)
    return Target(marginals, lost_mass(log_z, of=log_z_all, empty=empty), empty)
