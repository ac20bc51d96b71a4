"""From what the teacher believes to the student's target.

    convert(teacher, student) = E[ student's indicators of y ],
                                y ~ teacher given that y is in the student's support

A table keyed by the families of both. *Lift*: the teacher's scores are the student's, so infer with
the student's structure, and conditioning comes for free. *Project*: infer with the teacher's
structure, of which the student's is a coarser view.
"""

from dataclasses import dataclass
from typing import Callable, Dict, Optional, Tuple, Type, Union

import numpy
from thinc.api import get_array_module
from thinc.types import Floats1d, Floats3d

from ..codecs.bioes import Legality, TagMatch
from ..codecs.labels import LabelMatch
from ..errors import check_positive
from ..structures import (
    IndependentLabels,
    LinearChain,
    Parts,
    Structure,
    is_tied,
    tie,
    to_numpy,
)
from ..structures.numerics import POSSIBLE_ABOVE
from .arcs import ARC_STRUCTURES, convert_arcs

Match = Optional[Union[LabelMatch, TagMatch]]


@dataclass(frozen=True, eq=False)
class Posterior:
    """What a teacher believes of a batch of units.

    structure (Structure): the teacher's own.
    scores (Parts): in nats, over the teacher's labels.
    """

    structure: Structure
    scores: Parts


@dataclass(frozen=True, eq=False)
class Target:
    """marginals (Parts): of the student's parts. lost (Floats1d): (B,) the probability, under the
    teacher, that a unit's structure is one that the student cannot express.
    empty (Optional[ndarray]): (B,) bool, on the CPU, the units of which the student can express
    nothing that the teacher holds possible; their marginals mean nothing. None if there is none."""

    marginals: Parts
    lost: Floats1d
    empty: Optional["numpy.ndarray"] = None


def convert(
    posterior: Posterior,
    structure: Structure,
    *,
    match: Match = None,
    rules: Optional[Legality] = None,
    temperature: float = 1.0,
) -> Target:
    """The student's target.

    posterior (Posterior): the teacher's.
    structure (Structure): the student's.
    match (Match): labels by name, for families that carry labels in their parts: of two sets of
        independent labels a `LabelMatch`, of tags of spans a `TagMatch`.
    rules (Optional[Legality]): which sequences of its tags a student has in its support.
    temperature (float): divides the teacher's scores before inference, so that the target stays
        consistent (method: "global" temperature).
    RAISES (ValueError): if the pair cannot be converted, or the temperature is not positive.
    """
    check_positive("temperature", temperature)
    pair = (type(posterior.structure), type(structure))
    if pair not in CONVERSIONS:
        known = sorted(f"{a.__name__} -> {b.__name__}" for a, b in CONVERSIONS)
        raise ValueError(
            f"no conversion from a {pair[0].__name__} teacher to a {pair[1].__name__} student; "
            f"there are: {', '.join(known)}"
        )
    tempered = Posterior(posterior.structure, posterior.scores * (1.0 / temperature))
    return CONVERSIONS[pair](tempered, structure, match, rules)


def _tokens(
    posterior: Posterior, structure: Structure, match: Match, rules: Optional[Legality]
) -> Target:
    """Labels that the student lacks are masked in the scores; independent, so this conditions."""
    if isinstance(match, TagMatch) or rules is not None:
        return _chain(posterior, structure, match, rules)
    scores = posterior.scores
    if match is None:
        return _infer(structure, scores)
    unary = match.gather(scores.arrays["unary"])
    gathered = Parts({"unary": unary}, scores.lengths)
    if not match.only_teacher:
        return _infer(structure, gathered)
    gathered, empty = _without_support(gathered)
    log_z_all, _ = structure.infer(scores)
    log_z, marginals = structure.infer(gathered)
    return Target(marginals, _lost(log_z, of=log_z_all, empty=empty), empty)


def _chain(
    posterior: Posterior, structure: Structure, match: Match, rules: Optional[Legality]
) -> Target:
    """Tags of spans. A teacher whose tags are as coarse as the student's or coarser is lifted: each
    student tag, and each pair, takes its teacher tag's score, and the student's rules make one
    sequence of each. A finer teacher (BIOES to BIO) is projected: its marginals are added up, or,
    of independent tags, its probabilities."""
    if isinstance(match, LabelMatch):
        raise ValueError("expected a TagMatch between tags of spans, got a LabelMatch")
    scores = posterior.scores
    log_z_all, _ = posterior.structure.infer(scores)
    is_chain = isinstance(posterior.structure, LinearChain)
    if is_chain and match is not None and match.finer:
        masked, empty = _without_support(_masked(scores, match))
        log_z, marginals = posterior.structure.infer(masked)
        lost = _lost(log_z, of=log_z_all, empty=empty)
        return Target(_as_student(match.add_up(marginals), structure), lost, empty)
    unary, transition = scores.arrays["unary"], scores.arrays.get("transition")
    if match is not None:
        unary = match.log_sum(unary) if match.finer else match.gather(unary)
        transition = None if transition is None else _gather_pairs(transition, match)
    if transition is None:
        table = scores.xp.zeros((unary.shape[2], unary.shape[2]), dtype=unary.dtype)
        transition = tie(table, len(unary))
    lifted, empty = _without_support(
        Parts({"unary": unary, "transition": transition}, scores.lengths)
    )
    if rules is not None:
        lifted = rules.add_to(lifted)
    log_z, marginals = LinearChain().infer(lifted)
    lost = _lost(log_z, of=log_z_all, empty=empty)
    return Target(_as_student(marginals, structure), lost, empty)


def _without_support(scores: Parts) -> Tuple[Parts, Optional["numpy.ndarray"]]:
    """RETURNS: the scores, of 0 in each unit of which some token has no possible label left (a
    teacher that is certain of a label that the student lacks); which units these are."""
    xp, unary = scores.xp, scores.arrays["unary"]
    if not unary.size:
        return scores, None
    none = ((unary.max(axis=-1) <= POSSIBLE_ABOVE) & scores.mask).any(axis=1)
    if not none.any():
        return scores, None
    blank = xp.where(none[:, None, None], xp.asarray(0, dtype=unary.dtype), unary)
    return Parts({**scores.arrays, "unary": blank}, scores.lengths), to_numpy(none)


def _masked(scores: Parts, match: TagMatch) -> Parts:
    arrays = {**scores.arrays, "unary": match.mask(scores.arrays["unary"])}
    return Parts(arrays, scores.lengths)


def _gather_pairs(transition: Floats3d, match: TagMatch) -> Floats3d:
    if is_tied(transition) or len(transition) == 1:
        return tie(match.gather_pairs(transition[0]), len(transition))
    xp = get_array_module(transition)
    return xp.stack([match.gather_pairs(table) for table in transition])


def _as_student(marginals: Parts, structure: Structure) -> Parts:
    """Without the pairs, for a student of independent labels."""
    if isinstance(structure, LinearChain):
        return marginals
    return Parts({"unary": marginals.arrays["unary"]}, marginals.lengths)


def _lost(log_z: Floats1d, *, of: Floats1d, empty: Optional["numpy.ndarray"]) -> Floats1d:
    xp = get_array_module(log_z)
    lost = 1.0 - xp.exp(xp.minimum(log_z - of, 0.0))
    return lost if empty is None else xp.where(xp.asarray(empty), 1.0, lost)


def _arcs(
    posterior: Posterior, structure: Structure, match: Match, rules: Optional[Legality]
) -> Target:
    """See arcs.py: a lift to a narrower structure, a projection to a wider one."""
    return Target(*convert_arcs(posterior.structure, posterior.scores, structure))


def _infer(structure: Structure, scores: Parts) -> Target:
    log_z, marginals = structure.infer(scores)
    return Target(marginals, scores.xp.zeros_like(log_z))


_Conversion = Callable[[Posterior, Structure, Match, Optional[Legality]], Target]
CONVERSIONS: Dict[Tuple[Type[Structure], Type[Structure]], _Conversion] = {
    (IndependentLabels, IndependentLabels): _tokens,
    (IndependentLabels, LinearChain): _chain,
    (LinearChain, IndependentLabels): _chain,
    (LinearChain, LinearChain): _chain,
    **{(teacher, student): _arcs for teacher in ARC_STRUCTURES for student in ARC_STRUCTURES},
}
