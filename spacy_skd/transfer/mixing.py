"""The target of several teachers, see `beliefs/mixture.py`."""

from collections.abc import Sequence

import numpy

from ..arrays import Floats1d
from ..structures import to_numpy
from .posterior import Target


def mix(targets: Sequence[Target], weights: Sequence[float]) -> Target:
    """Mix targets. weights (Sequence[float]): of the teachers, above 0.

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
    """Return of each teacher (B,) its share of each unit, 0 where all are empty."""
    xp = targets[0].marginals.xp
    possible = [_where_possible(target, weight) for target, weight in zip(targets, weights)]
    total = sum(possible[1:], possible[0])
    return [xp.asarray(share / numpy.where(total > 0, total, 1.0)) for share in possible]


def _where_possible(target: Target, weight: float) -> Floats1d:
    """Return (B,) the weight, 0 where the target is empty."""
    weights = numpy.full(len(target.lost), float(weight))
    if target.empty is not None:
        weights[target.empty] = 0.0
    return weights
