"""What a teacher believes of a batch of units, what the student is to learn of it, and what is lost
between the two."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy
from thinc.api import Ops

from ..arrays import Array, Floats1d, Ints1d, array_module
from ..codecs.bioes import Legality, TagMatch
from ..codecs.labels import LabelMatch
from ..codecs.spans import SpanMatch
from ..structures import Parts, Structure, to_numpy
from ..structures.parts import POSSIBLE_ABOVE

Match = LabelMatch | TagMatch | SpanMatch | None


@dataclass(frozen=True, eq=False)
class Posterior:
    """What a teacher believes of a batch of units.

    structure (Structure): the teacher's own.
    scores (Parts): in nats, over the teacher's labels.
    """

    structure: Structure
    scores: Parts


class Inferred(NamedTuple):
    """Scores, in nats, with their log Z, (B,), and marginals."""

    log_z: Floats1d
    marginals: Parts
    scores: Parts

    def entropy(self) -> Floats1d:
        """Return (B,) nats of each unit's distribution, log Z - m . s."""
        return self.log_z - self.marginals.dot(self.scores)


@dataclass(frozen=True, eq=False)
class Target:
    """marginals (Parts): of the student's parts. lost (Floats1d): (B,) the probability, under the
    teacher, that a unit's structure is one that the student cannot express; under one that selects
    heads, given that they form a tree if the student's do.
    empty (ndarray | None): (B,) bool, on the CPU, the units of which the student can express
    nothing that the teacher holds possible; their marginals mean nothing. None if there is none.
    inferred (Inferred | None): each unit's distribution; None where only its marginals are known.
    counts (ndarray | None): (B,) on the CPU, how much what is said of a unit counts in the loss, 0
    where nothing is said: such a unit is unknown. None for 1."""

    marginals: Parts
    lost: Floats1d
    empty: Array | None = None
    inferred: Inferred | None = None
    counts: Array | None = None

    @property
    def silent(self) -> Array | None:
        """RETURNS (ndarray | None): (B,) bool, on the CPU, the units of which nothing is learnt:
        empty or unknown. None if there is none."""
        if self.counts is None:
            return self.empty
        unknown: Array = self.counts == 0
        return unknown if self.empty is None else unknown | self.empty

    def placed(self, units: Ints1d, lengths: Ints1d, *, counts: float) -> "Target":
        """Return the same as units of a larger batch, whose others are unknown. Arguments as of
        `Parts.placed`. counts (float): how much each of these counts."""
        xp, size = self.marginals.xp, len(lengths)
        lost = xp.zeros(size, dtype=self.lost.dtype)
        lost[xp.asarray(units)] = self.lost
        counting = numpy.zeros(size)
        counting[units] = counts
        empty = None
        if self.empty is not None:
            empty = numpy.zeros(size, dtype=bool)
            empty[units] = self.empty
        return Target(self.marginals.placed(units, lengths), lost, empty, counts=counting)

    def to(self, ops: Ops) -> "Target":
        """Return a target that was made on the CPU, on a model's device."""
        marginals = self.marginals.on_device(ops)
        return Target(marginals, ops.asarray(self.lost), self.empty, self.inferred, self.counts)


Convert = Callable[[Posterior, Structure, Match, Legality | None], Target]


def lost_mass(log_z: Floats1d, *, of: Floats1d, empty: Array | None) -> Floats1d:
    """Return (B,) the share that is gone of a teacher's mass. log_z: of what is left; of: of
    all."""
    xp = array_module(log_z)
    lost = 1.0 - xp.exp(xp.minimum(log_z - of, 0.0))
    return lost if empty is None else xp.where(xp.asarray(empty), 1.0, lost)


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
        all that know them. A unit counts as much as for the one for which it counts most.
    """
    shares = mixing_shares(targets, weights)
    means = _shares_of_lost(targets, weights)
    marginals, lost = targets[0].marginals * shares[0], targets[0].lost * means[0]
    for target, share, mean in zip(targets[1:], shares[1:], means[1:]):
        marginals = marginals + target.marginals * share
        lost = lost + target.lost * mean
    empty = to_numpy(sum(shares[1:], shares[0])) == 0
    counts = None
    if any(target.counts is not None for target in targets):
        counts = numpy.max([_counts(target) for target in targets], axis=0)
        empty = empty & (counts > 0)
    return Target(marginals, lost, empty if numpy.any(empty) else None, counts=counts)


def _shares_of_lost(targets: Sequence[Target], weights: Sequence[float]) -> list[Any]:
    """Return of each teacher its share of what is lost: of each unit, if some are unknown."""
    if all(target.counts is None for target in targets):
        return [weight / sum(weights) for weight in weights]
    knows = [weight * (_counts(target) > 0) for target, weight in zip(targets, weights)]
    total = numpy.sum(knows, axis=0)
    xp = targets[0].marginals.xp
    return [xp.asarray(weight / numpy.where(total > 0, total, 1.0)) for weight in knows]


def _counts(target: Target) -> Array:
    return numpy.ones(len(target.lost)) if target.counts is None else target.counts


def mixing_shares(targets: Sequence[Target], weights: Sequence[float]) -> list[Floats1d]:
    """Return of each teacher (B,) its share of each unit, 0 where all are empty."""
    xp = targets[0].marginals.xp
    possible = [_where_possible(target, weight) for target, weight in zip(targets, weights)]
    total = sum(possible[1:], possible[0])
    return [xp.asarray(share / numpy.where(total > 0, total, 1.0)) for share in possible]


def _where_possible(target: Target, weight: float) -> Floats1d:
    """(B,) the weight, 0 where the target is empty or unknown."""
    weights = numpy.full(len(target.lost), float(weight))
    if target.silent is not None:
        weights[target.silent] = 0.0
    return weights
