"""From what the teacher believes to the student's target.

    convert(teacher, student) = E[ student's indicators of y ],
                                y ~ teacher given that y is in the student's support

A table keyed by the families of both. *Lift*: the teacher's scores are the student's, so infer with
the student's structure, and conditioning comes for free. *Project*: infer with the teacher's
structure, of which the student's is a coarser view.
"""

from dataclasses import dataclass
from typing import Callable, Dict, Optional, Tuple, Type

from thinc.types import Floats1d

from ..codecs.labels import LabelMatch
from ..errors import check_positive
from ..structures import (
    HeadSelection,
    IndependentLabels,
    Parts,
    SpanningTrees,
    Structure,
)


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
    """marginals (Parts): of the student's parts. lost (Floats1d): (B,) the teacher's probability
    mass of each unit on what the student cannot express (mean over its tokens)."""

    marginals: Parts
    lost: Floats1d


def convert(
    posterior: Posterior,
    structure: Structure,
    *,
    match: Optional[LabelMatch] = None,
    temperature: float = 1.0,
) -> Target:
    """The student's target.

    posterior (Posterior): the teacher's.
    structure (Structure): the student's.
    match (Optional[LabelMatch]): labels by name, for families that carry labels in their parts.
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
    return CONVERSIONS[pair](posterior, structure, match, temperature)


def _tokens(
    posterior: Posterior, structure: Structure, match: Optional[LabelMatch], temperature: float
) -> Target:
    """Labels that the student lacks are masked in the scores; independent, so this conditions."""
    scores = posterior.scores * (1.0 / temperature)
    if match is None:
        return _infer(structure, scores)
    unary = match.gather(scores.arrays["unary"])
    gathered = Parts({"unary": unary}, scores.lengths)
    if not match.only_teacher:
        return _infer(structure, gathered)
    log_z_all, _ = structure.infer(scores)
    log_z, marginals = structure.infer(gathered)
    xp = scores.xp
    return Target(marginals, 1.0 - xp.exp(xp.minimum(log_z - log_z_all, 0.0)))


def _lift(
    posterior: Posterior, structure: Structure, match: Optional[LabelMatch], temperature: float
) -> Target:
    return _infer(structure, posterior.scores * (1.0 / temperature))


def _project(
    posterior: Posterior, structure: Structure, match: Optional[LabelMatch], temperature: float
) -> Target:
    return _infer(posterior.structure, posterior.scores * (1.0 / temperature))


def _infer(structure: Structure, scores: Parts) -> Target:
    log_z, marginals = structure.infer(scores)
    return Target(marginals, scores.xp.zeros_like(log_z))


_Conversion = Callable[[Posterior, Structure, Optional[LabelMatch], float], Target]
CONVERSIONS: Dict[Tuple[Type[Structure], Type[Structure]], _Conversion] = {
    (IndependentLabels, IndependentLabels): _tokens,
    (HeadSelection, HeadSelection): _lift,
    (HeadSelection, SpanningTrees): _lift,
    (SpanningTrees, SpanningTrees): _lift,
    (SpanningTrees, HeadSelection): _project,
}
