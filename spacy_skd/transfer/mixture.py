"""The target of several teachers: that of the mixture of their distributions.

Of a mixture sum_j w_j P_j, conditioned on what the student can express, the marginals are

    m = sum_j w_j k_j m_j / sum_j w_j k_j            k_j = 1 - lost_j, what P_j has left of its mass

with m_j the target by each alone: a teacher that holds little possible that the student can express
says little.
"""

from typing import Callable, List, Sequence, Tuple

import numpy
from thinc.types import Floats1d

from ..structures import to_numpy
from .belief import Belief, Mixture
from .posterior import Target


def mixed_target(
    beliefs: Sequence[Belief], target_of: Callable[[Sequence[Belief]], Target]
) -> Target:
    """The target of a batch's beliefs.

    beliefs (Sequence[Belief]): of its docs, all by the same teachers.
    target_of (Callable[[Sequence[Belief]], Target]): that of one teacher.
    """
    if not isinstance(beliefs[0], Mixture):
        return target_of(beliefs)
    columns = columns_of([belief for belief in beliefs if isinstance(belief, Mixture)])
    return mix([mixed_target(column, target_of) for column in columns], beliefs[0].weights)


def columns_of(mixtures: Sequence[Mixture]) -> List[Sequence[Belief]]:
    """The beliefs of each teacher, of all docs."""
    return [list(column) for column in zip(*(mixture.beliefs for mixture in mixtures))]


def mix(targets: Sequence[Target], weights: Sequence[float]) -> Target:
    """weights (Sequence[float]): of the teachers, above 0.

    RETURNS (Target): its lost mass is the mean of theirs; empty are the units that are empty for
        all.
    """
    shares, kept = mixing_shares(targets, weights)
    marginals = targets[0].marginals * shares[0]
    for target, share in zip(targets[1:], shares[1:]):
        marginals = marginals + target.marginals * share
    empty = to_numpy(kept) <= 0
    return Target(marginals, 1.0 - kept, empty if numpy.any(empty) else None)


def mixing_shares(
    targets: Sequence[Target], weights: Sequence[float]
) -> Tuple[List[Floats1d], Floats1d]:
    """RETURNS: for each teacher (B,) its share of the target of each unit; (B,) the mass that is
    kept, 0 where the shares are 0."""
    total = sum(weights)
    xp = targets[0].marginals.xp
    mine = [(weight / total) * (1.0 - target.lost) for weight, target in zip(weights, targets)]
    kept = sum(mine[1:], mine[0])
    return [mass / xp.where(kept > 0, kept, 1.0) for mass in mine], kept
