"""To and from spans that are chosen on their own.

They teach what cannot overlap *given that no two do*: a set of flat spans then weighs what it does
among all sets, so their scores are those of flat segments. What cannot overlap teaches them by the
probability of each span: the cross-entropy of independent choices asks for no more.
"""

from dataclasses import replace

from ...codecs.bioes import Legality
from ...structures import FlatSegments, IndependentSpans, Structure
from ..posterior import Convert, Match, Posterior, Target, in_double, lost_mass
from .lift import segments_to_segments


def given_flat(convert: Convert) -> Convert:
    """Return the conversion of independent spans, given that no two overlap, by that of flat
    segments."""

    def convert_flat(
        posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
    ) -> Target:
        scores = in_double(posterior.scores)
        flat = FlatSegments(IndependentSpans.of(posterior.structure).max_width)
        log_z_all, log_z = posterior.structure.infer(scores)[0], flat.infer(scores)[0]
        target = convert(Posterior(flat, posterior.scores), structure, match, rules)
        overlap = lost_mass(log_z, of=log_z_all, empty=None)
        lost = 1.0 - (1.0 - target.lost) * (1.0 - overlap)
        return Target(target.marginals, lost, target.empty)

    return convert_flat


def as_flat(convert: Convert) -> Convert:
    """Return the conversion to independent spans, by that to flat segments of the same width: the
    probability of each span."""

    def convert_spans(
        posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
    ) -> Target:
        flat = FlatSegments(IndependentSpans.of(structure).max_width)
        return convert(posterior, flat, match, rules)

    return convert_spans


def independent_to_independent(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Mask labels and widths that the student lacks. Where a span of the teacher's or of the
    student's has at most one label, infer given that."""
    teacher, student = (IndependentSpans.of(each) for each in (posterior.structure, structure))
    both = replace(student, one_label=teacher.one_label or student.one_label)
    return segments_to_segments(posterior, both, match, rules)
