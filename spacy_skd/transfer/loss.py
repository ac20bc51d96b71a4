"""The loss: cross-entropy between teacher and student over whole structures.

Wang et al., "Structural Knowledge Distillation" (ACL-IJCNLP 2021), eq. 3: with m the marginals of
the target and s the student's scores,

    L = - sum_y P_t(y) log P_s(y) = log Z(s) - m . s            dL / ds = P_s - m

so no autograd is needed, and gold data is the same object: a 0/1 target.
"""

from collections.abc import Callable
from typing import Protocol

import numpy

from ..arrays import Array, Floats1d, array_module
from ..codecs.trees import Gold
from ..structures import Parts, Structure
from .posterior import Target


class Nats(Protocol):
    """Is told of losses, each weighted by the shares that count, and of how many words they are."""

    def add_gold(self, loss: float, *, words: float) -> None:
        """Add the loss of gold. loss (float): nats. words (float): by their shares."""

    def add_teacher(self, loss: float, *, words: float, entropy: float | None) -> None:
        """Add the loss of what a teacher believes, likewise. entropy (float | None): nats of that,
        summed by the same shares; None if it is not known."""


# As `structural_loss`: of a structure, the student's scores and the teacher's target.
TeacherLoss = Callable[..., tuple[float, Parts]]


def structural_loss(
    structure: Structure,
    scores: Parts,
    target: Parts,
    *,
    temperature: float = 1.0,
    weights: Floats1d | None = None,
) -> tuple[float, Parts]:
    """Return T^2 (log Z(s / T) - m . s / T), summed over the units of a batch.

    structure (Structure): what the scores are scores of.
    scores (Parts): the student's scores, in nats.
    target (Parts): marginals that lie in the student's marginal polytope (any other target makes
        the loss unbounded below); made from the teacher's scores at the same temperature.
    temperature (float): T > 0, acts on both sides; 1 leaves the distributions alone.
    weights (Floats1d | None): (B,) weight of each unit, 1 if not given.
    RETURNS (tuple[float, Parts]): loss in nats; gradient at the scores, weights * T (P(s / T) - m).
    RAISES (ValueError): if the temperature is not positive, or a score is NaN.
    """
    if not temperature > 0:
        raise ValueError(f"temperature: expected a number > 0, got {temperature}")
    tempered = scores * (1.0 / temperature)
    log_z, marginals = structure.infer(tempered)
    losses = (log_z - target.dot(tempered)) * temperature**2
    d_scores = (marginals - target) * temperature
    if weights is not None:
        losses, d_scores = losses * weights, d_scores * weights
    return float(losses.sum()), d_scores


def emissions(parts: Parts) -> Parts:
    """Return parts without what is of pairs."""
    return Parts({k: v for k, v in parts.arrays.items() if k != "transition"}, parts.lengths)


def token_loss(
    structure: Structure,
    scores: Parts,
    target: Parts,
    *,
    temperature: float = 1.0,
    weights: Floats1d | None = None,
) -> tuple[float, Parts]:
    """Return `structural_loss` of the emissions alone, as if tokens were independent; that of
    structures whose tokens are. The gradient of transitions is 0."""
    loss, d_emissions = structural_loss(
        structure.emissions,
        emissions(scores),
        emissions(target),
        temperature=temperature,
        weights=weights,
    )
    arrays = {k: scores.xp.zeros(v.shape, v.dtype) for k, v in scores.arrays.items()}
    return loss, Parts({**arrays, **d_emissions.arrays}, scores.lengths)


def position_loss(
    structure: Structure,
    scores: Parts,
    target: Parts,
    *,
    temperature: float = 1.0,
    weights: Floats1d | None = None,
) -> tuple[float, Parts]:
    """Return T^2 times the cross-entropy between the target and P(s / T), of every token, summed
    over the units of a batch, see `Structure.positions`. Arguments, errors and gradient as of
    `structural_loss`; of the target of a chain, the unary marginals alone are read.

    RAISES (ValueError): also for a structure whose marginals have no derivative here (trees).
    """
    if not temperature > 0:
        raise ValueError(f"temperature: expected a number > 0, got {temperature}")
    losses, gradient = structure.positions(scores * (1.0 / temperature), target)
    losses, gradient = losses * temperature**2, gradient * temperature
    if weights is not None:
        losses, gradient = losses * weights, gradient * weights
    return float(losses.sum()), gradient


def mixed_loss(
    structure: Structure,
    scores: Parts,
    *,
    gold: Gold,
    target: Target | None,
    weight: float,
    temperature: float = 1.0,
    teacher_loss: TeacherLoss = structural_loss,
    nats: Nats | None = None,
    units: Floats1d | None = None,
) -> tuple[float, Parts]:
    """Return (1 - w) gold loss + w teacher loss, summed over the units of a batch.

    A unit without gold has teacher weight 1 whatever `weight` is, one of which the teacher says
    nothing has gold alone, and one without either has no loss. Partial gold is
    log Z - log Z restricted to the structures that agree with what is known.

    gold (Gold): the annotation, possibly of none of the units.
    target (Target | None): the teacher's; None trains on gold alone. By what it `counts`, the
        teacher's loss of each unit is multiplied.
    weight (float): w in [0, 1], for units that have gold.
    teacher_loss (TeacherLoss): of the teacher's target; the loss of gold is always structural.
    nats (Nats | None): is told the two losses apart.
    units (Floats1d | None): (B,) how much each unit counts, 1 if not given.
    RETURNS (tuple[float, Parts]): loss in nats, gradient at the scores.
    """
    xp = scores.xp
    gold_shares, shares = map(xp.asarray, mixed_shares(gold, target, weight=weight))
    if units is not None:
        gold_shares, shares = gold_shares * xp.asarray(units), shares * xp.asarray(units)
    annotated, of_partial = gold_target(structure, scores, gold)
    constant = float((gold_shares * of_partial).sum())
    if target is None:
        loss, d_scores = structural_loss(structure, scores, annotated, weights=gold_shares)
        if nats is not None:
            nats.add_gold(loss - constant, words=_words(scores, gold_shares))
        return loss - constant, d_scores
    if temperature == 1.0 and teacher_loss is structural_loss:
        mixture = annotated * gold_shares + target.marginals * shares
        total = gold_shares + shares
        is_weighted = target.counts is not None or units is not None
        if is_weighted:
            mixture = mixture * (1.0 / xp.where(total > 0, total, 1.0))
        # L = log Z(s) - m . s            dL / ds = P_s - m
        log_z, marginals = structure.infer(scores)
        losses, d_scores = log_z - mixture.dot(scores), marginals - mixture
        if is_weighted or target.empty is not None:
            losses, d_scores = losses * total, d_scores * total
        loss = float(losses.sum())
        if nats is not None:
            gold_loss = float((gold_shares * (log_z - annotated.dot(scores))).sum())
            nats.add_gold(gold_loss - constant, words=_words(scores, gold_shares))
            nats.add_teacher(
                loss - gold_loss,
                words=_words(scores, shares),
                entropy=_entropy(structure, target, shares),
            )
        return loss - constant, d_scores
    loss, d_scores = teacher_loss(
        structure, scores, target.marginals, temperature=temperature, weights=shares
    )
    if nats is not None:
        nats.add_teacher(loss, words=_words(scores, shares), entropy=None)
    if float(gold_shares.sum()) > 0:
        gold_loss, d_gold = structural_loss(structure, scores, annotated, weights=gold_shares)
        loss, d_scores = loss + gold_loss - constant, d_scores + d_gold
        if nats is not None:
            nats.add_gold(gold_loss - constant, words=_words(scores, gold_shares))
    return loss, d_scores


def _entropy(structure: Structure, target: Target, shares: Floats1d) -> float | None:
    """Return nats of a target, summed by shares; None if it is not known. Where the parts of tokens
    are independent their marginals say it."""
    if target.inferred is not None:
        return weighted_sum(target.inferred.entropy(), shares)
    if not structure.independent:
        return None
    xp, array = target.marginals.xp, target.marginals.arrays[structure.parts[0]]
    surprises = array * xp.log(xp.where(array > 0, array, 1.0))
    return weighted_sum(-surprises.sum(axis=(1, 2), dtype="float64"), shares)


def weighted_sum(values: Floats1d, shares: Floats1d) -> float:
    """Return the sum of values of units, by their shares; one of share 0 may have any."""
    xp = array_module(values)
    return float(xp.where(shares > 0, values * shares, 0.0).sum())


def _words(scores: Parts, shares: Floats1d) -> float:
    """Return the words of a batch, those of each unit by its share."""
    return float((scores.xp.asarray(scores.lengths) * shares).sum())


def mixed_shares(gold: Gold, target: Target | None, *, weight: float) -> tuple[Array, Array]:
    """See `mixed_loss`. RETURNS: (B,) weights of gold and of the teacher, float64."""
    blank, counts = gold.empty, None if target is None else target.counts
    shares = numpy.where(blank, 1.0, 0.0 if target is None else float(weight))
    if target is not None and target.empty is not None:
        shares = numpy.where(target.empty, 0.0, shares)
    if counts is not None:
        shares = numpy.where(counts == 0, 0.0, shares)
    of_gold = numpy.where(blank, 0.0, 1.0 - shares)
    return of_gold, shares if counts is None else shares * counts


def gold_target(structure: Structure, scores: Parts, gold: Gold) -> tuple[Parts, Floats1d]:
    """Return marginals of the student's own distribution restricted to what the annotation allows.

    For a complete unit these are the indicators. With log Z restricted = P_r . s + H(P_r), partial
    gold is this target and the constant H(P_r).

    RETURNS (tuple[Parts, Floats1d]): target; (B,) entropy in nats of each unit's target, 0 for
        complete and for blank units.
    """
    xp = scores.xp
    partial = ~gold.complete & ~gold.empty
    if not partial.any():
        return gold.indicators, xp.zeros(len(partial), dtype="float64")
    places = partial.nonzero()[0]
    units = xp.asarray(places)
    restricted = gold.restrict(scores[units], places)
    log_z, marginals = structure.infer(restricted)
    entropy = xp.zeros(len(partial), dtype="float64")
    entropy[units] = log_z - marginals.dot(restricted)
    marginals = gold.settle(marginals, places)
    arrays = {k: v.astype(scores.arrays[k].dtype) for k, v in gold.indicators.arrays.items()}
    for key, array in marginals.arrays.items():
        arrays[key][units] = array
    return Parts(arrays, gold.indicators.lengths), entropy
