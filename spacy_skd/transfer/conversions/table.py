"""From what the teacher believes to the student's target.

    convert(teacher, student) = E[ student's indicators of y ],
                                y ~ teacher given that y is in the student's support

A table keyed by the families of both. *Lift*: the teacher's scores are the student's, so infer with
the student's structure, and conditioning comes for free. *Project*: infer with the teacher's
structure, of which the student's is a coarser view.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from ...codecs.bioes import Legality, TagMatch
from ...codecs.labels import LabelMatch
from ...errors import check_temperature
from ...structures import (
    ArcStructure,
    FlatSegments,
    HeadSelection,
    IndependentLabels,
    IndependentSpans,
    LabelSets,
    LinearChain,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
    Structure,
)
from ..posterior import Convert, Inferred, Match, Posterior, Target, lost_mass, without_support
from .chain_to_segments import chain_to_segments
from .documents import one_to_sets, sets_to_one, sets_to_sets
from .independent_spans import as_flat, given_flat, independent_to_independent
from .lift import segments_to_segments, tokens_to_segments
from .project import segments_to_tags
from .tags import tags_to_tags

__all__ = [
    "CONVERSIONS",
    "Conversion",
    "Posterior",
    "Target",
    "arc_rows",
    "convert",
    "in_common",
    "refusal",
]

Pair = tuple[type[Structure], type[Structure]]  # teacher's and student's


@dataclass(frozen=True)
class Conversion:
    """verb (str): "lift", "project", or both where it depends on the labels. note (str): how, and
    what is refused or lost."""

    verb: str
    function: Convert
    note: str


_TAGS = "BIO to BIOES is a lift, BIOES to BIO a projection"


def tokens_to_tokens(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Mask labels that the student lacks in the scores; independent, so this conditions."""
    if isinstance(match, TagMatch) or rules is not None:
        return tags_to_tags(posterior, structure, match, rules)
    scores = gathered = posterior.scores
    if match is not None and not isinstance(match, LabelMatch):
        raise ValueError(f"expected a LabelMatch between labels, got a {type(match).__name__}")
    if match is not None and not match.is_identity:
        gathered = Parts({"unary": match.gather(scores.arrays["unary"])}, scores.lengths)
    if match is None or not match.only_teacher:
        log_z, marginals = structure.infer(gathered)
        inferred = Inferred(log_z, marginals, gathered)
        return Target(marginals, scores.xp.zeros_like(log_z), inferred=inferred)
    gathered, empty = without_support(gathered)
    log_z_all, _ = structure.infer(scores)
    log_z, marginals = structure.infer(gathered)
    lost = lost_mass(log_z, of=log_z_all, empty=empty)
    return Target(marginals, lost, empty, Inferred(log_z, marginals, gathered))


def arcs_to_arcs(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Infer with the structure of the heads that both allow: the student's, if it is the narrower
    (a lift); else the teacher's, whose marginals lie in the student's polytope as they are."""
    teacher, student = cast(tuple[ArcStructure, ArcStructure], (posterior.structure, structure))
    shared, scores = in_common(teacher, student), posterior.scores
    log_z, marginals, empty = shared.infer_possible(scores)
    inferred = Inferred(log_z, marginals, scores)
    readings = shared if shared == teacher else teacher.read_by(shared)
    if readings == shared and empty is None:
        return Target(marginals, scores.xp.zeros_like(log_z), inferred=inferred)
    log_z_all = log_z if readings == shared else readings.infer_possible(scores)[0]
    lost = lost_mass(log_z, of=log_z_all, empty=empty)
    return Target(marginals, lost, empty, inferred)


def arc_rows(
    kind: type[ArcStructure], *, wider: Mapping[type[ArcStructure], str]
) -> dict[Pair, Conversion]:
    """Return the rows of a structure of heads: to and from itself, and each kind that has all its
    heads.

    wider (Mapping[type[ArcStructure], str]): for each such kind, what a teacher of it is
        conditioned on.
    """
    rows: dict[Pair, Conversion] = {(kind, kind): Conversion("lift", arcs_to_arcs, "the same arcs")}
    for other, note in wider.items():
        rows[other, kind] = Conversion("lift", arcs_to_arcs, note)
        rows[kind, other] = Conversion("project", arcs_to_arcs, "the trees' arc marginals")
    return rows


_FLAT = "given that no spans overlap; the rest counts as lost"
_EACH = "the probability of each span; how spans exclude each other is lost"
_TREE = "given that the heads form a tree; the rest does not count as lost"
_NO_CROSSING = "given that the heads form a tree in which no arcs cross"
CONVERSIONS: dict[Pair, Conversion] = {
    (IndependentLabels, IndependentLabels): Conversion(
        "lift", tokens_to_tokens, "labels by name; tags of spans given that they are legal"
    ),
    (IndependentLabels, LinearChain): Conversion(
        "lift", tags_to_tags, "pairs score 0 and must be legal"
    ),
    (IndependentLabels, FlatSegments): Conversion(
        "lift",
        tokens_to_segments,
        "a span scores the sum over its tokens of log p(tag) - log p(O)",
    ),
    (LinearChain, IndependentLabels): Conversion(
        "project", tags_to_tags, f"the chain's marginals; {_TAGS}"
    ),
    (LinearChain, LinearChain): Conversion("lift or project", tags_to_tags, _TAGS),
    (LinearChain, FlatSegments): Conversion(
        "project",
        chain_to_segments,
        "P(all tags of the span, and its end); refused where a unit is longer than max_width, "
        "unless `drop_wide` takes wider spans as outside",
    ),
    (FlatSegments, IndependentLabels): Conversion(
        "project", segments_to_tags, "sums of the spans that give a token its tag"
    ),
    (FlatSegments, LinearChain): Conversion(
        "project",
        segments_to_tags,
        "the same and expected pairs, independent across a boundary of spans",
    ),
    (FlatSegments, FlatSegments): Conversion(
        "lift", segments_to_segments, "labels and widths that the student lacks are masked"
    ),
    (IndependentLabels, LabelSets): Conversion(
        "project", one_to_sets, "the probability of each label of a doc; nothing is lost"
    ),
    (LabelSets, IndependentLabels): Conversion(
        "lift", sets_to_one, "given that one label alone holds, the odds of each; the rest is lost"
    ),
    (LabelSets, LabelSets): Conversion(
        "lift", sets_to_sets, "labels by name, each a unit; those that one side lacks say nothing"
    ),
    (FlatSegments, IndependentSpans): Conversion("project", as_flat(segments_to_segments), _EACH),
    (IndependentLabels, IndependentSpans): Conversion(
        "project", as_flat(tokens_to_segments), _EACH
    ),
    (LinearChain, IndependentSpans): Conversion(
        "project", as_flat(chain_to_segments), f"{_EACH}; wider ones are taken as outside"
    ),
    (IndependentSpans, IndependentLabels): Conversion(
        "project", given_flat(segments_to_tags), f"as segments, {_FLAT}"
    ),
    (IndependentSpans, LinearChain): Conversion(
        "project", given_flat(segments_to_tags), f"as segments, {_FLAT}"
    ),
    (IndependentSpans, FlatSegments): Conversion("lift", segments_to_segments, _FLAT),
    (IndependentSpans, IndependentSpans): Conversion(
        "lift or project",
        independent_to_independent,
        "labels and widths that the student lacks are masked; from yes or no for each label to one "
        "of the labels a lift, given that no span has two, else a projection",
    ),
    **arc_rows(HeadSelection, wider={}),
    **arc_rows(SpanningTrees, wider={HeadSelection: _TREE}),
    **arc_rows(ProjectiveTrees, wider={HeadSelection: _NO_CROSSING, SpanningTrees: _NO_CROSSING}),
}


def in_common(a: ArcStructure, b: ArcStructure) -> ArcStructure:
    """Return the structure of the heads that both allow.

    RAISES (ValueError): if the table does not say which is the narrower.
    """
    row = CONVERSIONS.get((type(a), type(b)))
    if row is None:
        raise ValueError(refusal(type(a), type(b)))
    return b.given(a) if row.verb == "lift" else a.given(b)


def convert(
    posterior: Posterior,
    structure: Structure,
    *,
    match: Match = None,
    rules: Legality | None = None,
    temperature: float = 1.0,
) -> Target:
    """Return the student's target.

    posterior (Posterior): the teacher's.
    structure (Structure): the student's.
    match (Match): labels by name, for families that carry labels in their parts: of two sets of
        independent labels or of spans a `LabelMatch`, of tags of spans a `TagMatch`, between tags
        and spans a `SpanMatch`.
    rules (Legality | None): which sequences of its tags a student has in its support.
    temperature (float): divides the teacher's scores before inference, so that the target stays
        consistent (method: "global" temperature).
    RAISES (ValueError): if the pair cannot be converted, or the temperature is not positive.
    """
    if temperature != 1.0:
        check_temperature(temperature)
    pair = (type(posterior.structure), type(structure))
    if pair not in CONVERSIONS:
        raise ValueError(refusal(*pair))
    scores = posterior.scores if temperature == 1.0 else posterior.scores * (1.0 / temperature)
    tempered = Posterior(posterior.structure, scores)
    return CONVERSIONS[pair].function(tempered, structure, match, rules)


def refusal(teacher: type[Structure], student: type[Structure]) -> str:
    """Say why a pair has no conversion, and which pairs have one."""
    a, b = teacher.annotates, student.annotates
    reason = f" ({a} say nothing of {b})" if a != b else ""
    known = sorted(f"{x.__name__} -> {y.__name__}" for x, y in CONVERSIONS)
    return (
        f"no conversion from a {teacher.__name__} teacher to a {student.__name__} student{reason}; "
        f"there are: {', '.join(known)}"
    )
