"""What gold and a teacher say of the next action, at the states that a student visits."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from ...arrays import Bools, Floats1d, Floats2d

INVALID = 9000  # spaCy's cost of an action that cannot be taken


@dataclass(frozen=True, eq=False)
class Advice:
    """Of one state.

    valid (Bools): (actions,) which can be taken.
    teacher (Floats1d | None): (actions,) the teacher's distribution over these, which sums to 1;
        None where it says nothing.
    sets (Bools | None): (sets, actions) in its place: sets of actions of which each is as good,
        with their `shares`, (sets,), which sum to 1.
    gold (Bools | None): (actions,) which cost gold least; None where there is none.
    lost (float): the teacher's probability of actions that cannot be taken.
    """

    valid: Bools
    teacher: Floats1d | None = None
    sets: Bools | None = None
    shares: Floats1d | None = None
    gold: Bools | None = None
    lost: float = 0.0

    @property
    def is_taught(self) -> bool:
        return self.teacher is not None or self.sets is not None


class Oracle(ABC):
    """Of one doc, along one trajectory.

    counts (float): how much what the teacher says counts, 0 where it knows nothing. gold (Any):
        spaCy's, None where there is none.
    gold_share, teacher_share (float): of the loss, see `share`.
    lost (float): the teacher's probability of what the student has no labels for.
    unreachable (int): states so far at which no action keeps all of gold.
    """

    counts: float = 1.0
    lost: float = 0.0
    gold: Any = None
    gold_share: float = 0.0
    teacher_share: float = 0.0
    unreachable: int = 0

    def share(self, *, weight: float) -> None:
        """Share the loss between gold and the teacher. weight (float): the teacher's part of it
        where there is gold, too."""
        has_both = self.gold is not None and self.counts > 0
        self.gold_share = (1.0 - weight if has_both else 1.0) if self.gold is not None else 0.0
        self.teacher_share = self.counts * (weight if has_both else 1.0)

    @property
    def says_something(self) -> bool:
        return self.gold_share > 0 or self.teacher_share > 0

    @abstractmethod
    def at(self, state: Any) -> Advice:
        """Return what is said of a state (spaCy's `StateClass`), which is not final."""

    @abstractmethod
    def took(self, action: int) -> None:
        """Note the action that is taken there."""

    def cheapest(self, costs: Floats1d) -> Bools | None:
        """Return (actions,) which cost least. costs: `INVALID` of what cannot be taken."""
        least = costs.min(initial=INVALID)
        if least >= INVALID:
            return None
        self.unreachable += int(least > 0)
        cheapest: Bools = costs <= least
        return cheapest


@dataclass(frozen=True, eq=False)
class Step:
    """The loss at some states, each of its own doc.

    d_scores (Floats2d): (states, actions) its gradient at the scores.
    policy, teacher (Floats2d): (states, actions) the student's distribution over the actions that
        are valid, and the teacher's; of a state of which the teacher says nothing, 0.
    gold, taught (Floats1d): (states,) nats, each by its share. entropy (Floats1d): (states,) of the
        teacher's distribution, where it is one over actions.
    """

    d_scores: Floats2d
    policy: Floats2d
    teacher: Floats2d
    gold: Floats1d
    taught: Floats1d
    entropy: Floats1d


def step_loss(
    scores: Floats2d,
    advice: Sequence[Advice],
    *,
    gold_shares: Floats1d,
    teacher_shares: Floats1d,
) -> Step:
    """Return the cross-entropy between what is said of states and the student's policy P, a softmax
    over the valid actions,

    loss = - w_t sum_a T(a) log P(a) - w_g log sum over the actions of gold of P(a)
    d_scores = w_t (P - T) + w_g (P - P given that the action is one of gold)

    where the teacher's T is given, or of sets of actions S_k that are as good the mean of P given
    S_k, by their shares, in place of which its loss is - sum_k share_k log P(S_k).

    scores (Floats2d): (states, actions). gold_shares, teacher_shares (Floats1d): (states,)
        w_g and w_t.
    """
    valid = numpy.stack([each.valid for each in advice])
    rows = numpy.where(valid, scores.astype("float64"), -numpy.inf)
    rows -= numpy.where(valid.any(axis=1), rows.max(axis=1), 0.0)[:, None]
    log_p = rows - numpy.log(numpy.exp(rows).sum(axis=1, keepdims=True).clip(1e-300))
    policy = numpy.exp(log_p)
    teacher, taught, entropy = _taught(advice, log_p, policy)
    has_teacher = numpy.asarray([each.is_taught for each in advice])
    w_t = numpy.where(has_teacher, teacher_shares, 0.0)
    gold, nats = numpy.zeros_like(policy), numpy.zeros(len(advice))
    for i, each in enumerate(advice):
        if each.gold is not None:
            (gold[i],), (nats[i],) = _given_each(each.gold[None], log_p[i])
    has_gold = numpy.asarray([each.gold is not None for each in advice])
    w_g = numpy.where(has_gold, gold_shares, 0.0)
    d_scores = (w_t + w_g)[:, None] * policy - w_t[:, None] * teacher - w_g[:, None] * gold
    return Step(d_scores, policy, teacher, w_g * nats, w_t * taught, w_t * entropy)


def _taught(
    advice: Sequence[Advice], log_p: Floats2d, policy: Floats2d
) -> tuple[Floats2d, Floats1d, Floats1d]:
    """Return (states, actions) T, (states,) its cross-entropy with the policy, and its entropy."""
    target, nats, entropy = (
        numpy.zeros_like(policy),
        numpy.zeros(len(policy)),
        numpy.zeros(len(policy)),
    )
    for i, each in enumerate(advice):
        if each.sets is not None and each.shares is not None:
            rows, nats_of = _given_each(each.sets, log_p[i])
            target[i], nats[i] = each.shares @ rows, each.shares @ nats_of
        elif each.teacher is not None:
            target[i] = each.teacher
            (some,) = each.teacher.nonzero()
            chances = each.teacher[some]
            nats[i] = -(chances @ log_p[i, some])
            entropy[i] = -(chances @ numpy.log(chances))
    return target, nats, entropy


def _given_each(sets: Bools, log_p: Floats1d) -> tuple[Floats2d, Floats1d]:
    """Return (sets, actions) the policy given each set, and (sets,) -log of the set's probability;
    in log space, as a set may be all but impossible to the student. log_p (Floats1d): (actions,)"""
    rows = numpy.where(sets, log_p, -numpy.inf)
    highest = rows.max(axis=1, keepdims=True)
    odds = numpy.exp(rows - highest)
    total = odds.sum(axis=1, keepdims=True)
    nats: Floats1d = -(highest + numpy.log(total))[:, 0]
    return odds / total, nats
