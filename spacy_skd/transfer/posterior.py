"""What a teacher believes of a batch of units, what the student is to learn of it, and what is lost
between the two."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from thinc.api import Ops

from ..arrays import Array, Floats1d, array_module
from ..codecs.bioes import Legality, TagMatch
from ..codecs.labels import LabelMatch
from ..codecs.spans import SpanMatch
from ..structures import Parts, Structure, to_numpy
from ..structures.numerics import POSSIBLE_ABOVE

Match = LabelMatch | TagMatch | SpanMatch | None


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
    teacher, that a unit's structure is one that the student cannot express; under one that selects
    heads, given that they form a tree if the student's do.
    empty (ndarray | None): (B,) bool, on the CPU, the units of which the student can express
    nothing that the teacher holds possible; their marginals mean nothing. None if there is none.
    entropy (Entropy | None): of each unit's distribution, (B,) nats, when it is asked for; None
    where only its marginals are known."""

    marginals: Parts
    lost: Floats1d
    empty: Array | None = None
    entropy: "Entropy | None" = None

    def to(self, ops: Ops) -> "Target":
        """Return a target that was made on the CPU, on a model's device."""
        arrays = {name: ops.asarray(array) for name, array in self.marginals.arrays.items()}
        marginals = Parts(arrays, ops.asarray(self.marginals.lengths))
        return Target(marginals, ops.asarray(self.lost), self.empty, self.entropy)


Entropy = Callable[[], Floats1d]
Convert = Callable[[Posterior, Structure, Match, Legality | None], Target]


def lost_mass(log_z: Floats1d, *, of: Floats1d, empty: Array | None) -> Floats1d:
    """Return (B,) the share that is gone of a teacher's mass. log_z: of what is left; of: of
    all."""
    xp = array_module(log_z)
    lost = 1.0 - xp.exp(xp.minimum(log_z - of, 0.0))
    return lost if empty is None else xp.where(xp.asarray(empty), 1.0, lost)


def entropy_of(log_z: Floats1d, marginals: Parts, scores: Parts) -> Entropy:
    """Return what gives the entropy of each unit, log Z - m . s, of what was inferred of scores."""
    return lambda: log_z - marginals.dot(scores)


def without_support(scores: Parts) -> tuple[Parts, Array | None]:
    """Return the scores, of 0 in each unit of which some token has no possible label left (a
    teacher that is certain of a label that the student lacks); which units these are."""
    xp, unary = scores.xp, scores.arrays["unary"]
    if not unary.size:
        return scores, None
    none = ((unary.max(axis=-1) <= POSSIBLE_ABOVE) & scores.mask).any(axis=1)
    if not none.any():
        return scores, None
    blank = xp.where(none[:, None, None], xp.asarray(0, dtype=unary.dtype), unary)
    return Parts({**scores.arrays, "unary": blank}, scores.lengths), to_numpy(none)


def in_double(scores: Parts) -> Parts:
    """Take scores in float64: marginals are added and divided, and their errors with them."""
    arrays = {name: array.astype("float64") for name, array in scores.arrays.items()}
    return Parts(arrays, scores.lengths)


def in_dtype(marginals: Parts, dtype: Any) -> Parts:
    arrays = {name: array.astype(dtype) for name, array in marginals.arrays.items()}
    return Parts(arrays, marginals.lengths)


# Several teachers, see `beliefs/mixture.py`


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
    """(B,) the weight, 0 where the target is empty."""
    weights = numpy.full(len(target.lost), float(weight))
    if target.empty is not None:
        weights[target.empty] = 0.0
    return weights
