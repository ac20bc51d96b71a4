"""The target of several teachers: that of the mixture of their distributions, each given that it is
one that the student can express.

    m = sum_j w_j m_j / sum_j w_j            over the teachers j of which the student can express
                                             anything, m_j the target by each alone
"""

from collections.abc import Callable, Sequence

import numpy

from ..arrays import Floats1d
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


def columns_of(mixtures: Sequence[Mixture]) -> list[Sequence[Belief]]:
    """The beliefs of each teacher, of all docs."""
    return [list(column) for column in zip(*(mixture.beliefs for mixture in mixtures))]


def mix(targets: Sequence[Target], weights: Sequence[float]) -> Target:
    """weights (Sequence[float]): of the teachers, above 0.

    RETURNS (Target): its lost mass is the mean of theirs; empty are the units that are empty for
        all.
    """
    shares = mixing_shares(targets, weights)
    total = sum(weights)
    marginals, lost = targets[0].marginals * shares[0], targets[0].lost * (weights[0] / total)
    for target, share, weight in zip(targets[1:], shares[1:], weights[1:]):
        marginals = marginals + target.marginals * share
        lost = lost + target.lost * (weight / total)
    empty = to_numpy(sum(shares[1:], shares[0])) == 0
    return Target(marginals, lost, empty if numpy.any(empty) else None)


def mixing_shares(targets: Sequence[Target], weights: Sequence[float]) -> list[Floats1d]:
    """RETURNS: for each teacher (B,) its share of each unit, 0 where all are empty."""
    xp = targets[0].marginals.xp
    mine = [_where_possible(target, weight) for target, weight in zip(targets, weights)]
    total = sum(mine[1:], mine[0])
    return [xp.asarray(share / numpy.where(total > 0, total, 1.0)) for share in mine]


def _where_possible(target: Target, weight: float) -> Floats1d:
    """(B,) the weight, 0 where the target is empty."""
    weights = numpy.full(len(target.lost), float(weight))
    if target.empty is not None:
        weights[target.empty] = 0.0
    return weights
