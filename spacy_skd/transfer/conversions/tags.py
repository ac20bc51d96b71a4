"""Conversions between tags of spans: independent ones, and chains."""

from ...arrays import Array, Floats3d, array_module
from ...codecs.bioes import Legality, TagMatch
from ...structures import LinearChain, Parts, Structure, is_tied, tie
from ..posterior import Inferred, Match, Posterior, Target, lost_mass, without_support


def tags_to_tags(
    posterior: Posterior, structure: Structure, match: Match, rules: Legality | None
) -> Target:
    """Convert tags of spans. A teacher whose tags are as coarse as the student's or coarser is
    lifted: each student tag, and each pair, takes its teacher tag's score, and the student's rules
    make one sequence of each. A finer teacher (BIOES to BIO) is projected: its marginals are added
    up, or, of independent tags, its probabilities."""
    match = tag_match(match)
    scores = posterior.scores
    log_z_all, _ = posterior.structure.infer(scores)
    is_chain = "transition" in scores.arrays
    if is_chain and match is not None and match.finer:
        masked, empty = without_support(_masked(scores, match))
        log_z, marginals = posterior.structure.infer(masked)
        lost = lost_mass(log_z, of=log_z_all, empty=empty)
        return Target(_as_student(match.add_up(marginals), structure), lost, empty)
    lifted, empty = lift_tags(scores, match, rules)
    log_z, marginals = LinearChain().infer(lifted)
    lost = lost_mass(log_z, of=log_z_all, empty=empty)
    inferred = Inferred(log_z, marginals, lifted)
    return Target(_as_student(marginals, structure), lost, empty, inferred)


def lift_tags(
    scores: Parts, match: TagMatch | None, rules: Legality | None
) -> tuple[Parts, Array | None]:
    """Return a teacher's scores as those of a chain of the student's tags, of which its rules alone
    are possible; which units have a token of which no label is left.

    scores (Parts): of independent tags, or of a chain; of tags that tell apart what the student's
        do not, of independent ones alone.
    """
    unary, transition = scores.arrays["unary"], scores.arrays.get("transition")
    if match is not None:
        unary = match.log_sum(unary) if match.finer else match.gather(unary)
        transition = None if transition is None else _gather_pairs(transition, match)
    if transition is None:
        table = scores.xp.zeros((unary.shape[2], unary.shape[2]), dtype=unary.dtype)
        transition = tie(table, len(unary))
    lifted, empty = without_support(
        Parts({"unary": unary, "transition": transition}, scores.lengths)
    )
    return (lifted if rules is None else rules.add_to(lifted)), empty


def tag_match(match: Match) -> TagMatch | None:
    """Raise ValueError if it is no `TagMatch`."""
    if match is None or isinstance(match, TagMatch):
        return match
    raise ValueError(f"expected a TagMatch between tags of spans, got a {type(match).__name__}")


def _masked(scores: Parts, match: TagMatch) -> Parts:
    arrays = {**scores.arrays, "unary": match.mask(scores.arrays["unary"])}
    return Parts(arrays, scores.lengths)


def _gather_pairs(transition: Floats3d, match: TagMatch) -> Floats3d:
    if is_tied(transition) or len(transition) == 1:
        return tie(match.gather_pairs(transition[0]), len(transition))
    xp = array_module(transition)
    return xp.stack([match.gather_pairs(table) for table in transition])


def _as_student(marginals: Parts, structure: Structure) -> Parts:
    """Leave out the pairs, for a student of independent labels."""
    arrays = {name: marginals.arrays[name] for name in structure.parts}
    return Parts(arrays, marginals.lengths)
