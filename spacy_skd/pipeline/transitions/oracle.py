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
class Loss:
    """The loss at some states.

    d_scores (Floats2d): (states, actions) its gradient at the scores.
    log_p, teacher (Floats2d): (states, actions) the student's log-probabilities of the actions that
        are valid, and the teacher's probabilities; of a state of which the teacher says nothing, 0.
    gold, taught (Floats1d): (states,) nats, each by its share. entropy (Floats1d): (states,) of the
        teacher's distribution, where it is one over actions, by its share.
    """

    d_scores: Floats2d
    log_p: Floats2d
    teacher: Floats2d
    gold: Floats1d
    taught: Floats1d
    entropy: Floats1d


def loss_of(
    scores: Floats2d,
    advice: Sequence[Advice],
    *,
    gold_shares: Floats1d,
    teacher_shares: Floats1d,
) -> Loss:
    """Return the cross-entropy between what is said of states and the student's policy P, a softmax
    over the valid actions,

    loss = - w_t sum_a T(a) log P(a) - w_g log sum over the actions of gold of P(a)
    d_scores = w_t (P - T) + w_g (P - P given that the action is one of gold)

    where the teacher's T is given, or of sets of actions S_k that are as good the mean of P given
    S_k, by their shares, in place of which its loss is - sum_k share_k log P(S_k).

    scores (Floats2d): (states, actions). gold_shares, teacher_shares (Floats1d): (states,) w_g and
        w_t.
    """
    log_p = log_policy(scores, advice)
    policy = numpy.exp(log_p)
    teacher, taught, entropy = teachers_of(advice, log_p)
    w_t = numpy.where([each.is_taught for each in advice], teacher_shares, 0.0)
    w_g = numpy.where([each.gold is not None for each in advice], gold_shares, 0.0)
    gold, nats = numpy.zeros_like(policy), numpy.zeros(len(advice))
    rows = numpy.flatnonzero(w_g)
    if len(rows):
        sets = [advice[row].gold for row in rows.tolist()]
        gold[rows], nats[rows] = _given(numpy.asarray(sets), log_p[rows])
    d_scores = (w_t + w_g)[:, None] * policy - w_t[:, None] * teacher - w_g[:, None] * gold
    return Loss(d_scores, log_p, teacher, w_g * nats, w_t * taught, w_t * entropy)


def log_policy(scores: Floats2d, advice: Sequence[Advice]) -> Floats2d:
    """Return (states, actions) log-probabilities, -inf of what is not valid. scores: likewise."""
    if not len(advice):
        return numpy.zeros((0, scores.shape[1]))
    valid = numpy.stack([each.valid for each in advice])
    rows = numpy.where(valid, scores.astype("float64"), -numpy.inf)
    rows -= numpy.where(valid.any(axis=1), rows.max(axis=1), 0.0)[:, None]
    total = numpy.maximum(numpy.exp(rows).sum(axis=1, keepdims=True), 1e-300)
    log_p: Floats2d = rows - numpy.log(total)
    return log_p


def teachers_of(advice: Sequence[Advice], log_p: Floats2d) -> tuple[Floats2d, Floats1d, Floats1d]:
    """Return (states, actions) T, (states,) nats of its cross-entropy with the policy, and of its
    entropy. log_p (Floats2d): (states, actions) the student's."""
    target, nats = numpy.zeros_like(log_p), numpy.zeros(len(log_p))
    entropy = numpy.zeros(len(log_p))
    for i, each in enumerate(advice):
        if each.sets is not None and each.shares is not None:
            rows, nats_of = _given(each.sets, log_p[i][None])
            target[i], nats[i] = each.shares @ rows, each.shares @ nats_of
        elif each.teacher is not None:
            target[i] = each.teacher
            (some,) = each.teacher.nonzero()
            chances = each.teacher[some]
            nats[i] = -(chances @ log_p[i, some])
            entropy[i] = -(chances @ numpy.log(chances))
    return target, nats, entropy


def _given(sets: Bools, log_p: Floats2d) -> tuple[Floats2d, Floats1d]:
    """Return (sets, actions) the policy given each set, and (sets,) -log of the set's probability;
    in log space, as a set may be all but impossible to the student. log_p (Floats2d): (sets or 1,
    actions)."""
    rows = numpy.where(sets, log_p, -numpy.inf)
    highest = rows.max(axis=1, keepdims=True)
    odds = numpy.exp(rows - highest)
    total = odds.sum(axis=1, keepdims=True)
    nats: Floats1d = -(highest + numpy.log(total))[:, 0]
    return odds / total, nats
