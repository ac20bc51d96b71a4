"""Cross-entropy between token marginals: the "Pos." baseline of Wang et al. (2021), section 4.

With P_j the student's marginals of token j and m_j the teacher's,

    L = - sum_j sum_c m_j(c) log P_j(c)

On a chain this is another loss than that over sequences. The derivative of log Z at the scores is
P, that of P is the covariance of indicators, so the gradient of L at a part u is minus the
derivative of P_u in the direction m / P:

    dL / ds_u = sum_j (P_u - Q_j(u)),        Q_j(u) = sum_c m_j(c) P(u | y_j = c)

Q_j is what the marginals were if token j had the teacher's; so all that is added up is a
probability, and nothing is divided by a small P. Where labels (or heads) are independent, Q_j(u) is
m_j(u) and L is the structural loss.
"""

import numpy

from ..arrays import Floats1d
from ..structures import HeadSelection, IndependentLabels, LinearChain, Parts, Structure
from ..structures.base import no_structure
from ..structures.chain import REASON, WHAT, sorted_chains
from .loss import structural_loss
from .position_passes import log_positions, scaled_positions

HAS_POSITION = (IndependentLabels, HeadSelection, LinearChain)


def position_loss(
    structure: Structure,
    scores: Parts,
    target: Parts,
    *,
    temperature: float = 1.0,
    weights: Floats1d | None = None,
) -> tuple[float, Parts]:
    """T^2 times the cross-entropy between the target and P(s / T), of every token, summed over the
    units of a batch. Arguments, errors and gradient as of `structural_loss`; of the target of a
    chain, the unary marginals alone are read.

    RAISES (ValueError): also for a structure whose marginals have no derivative here (trees).
    """
    if not isinstance(structure, HAS_POSITION):
        known = ", ".join(cls.__name__ for cls in HAS_POSITION)
        raise ValueError(f"position loss: expected one of {known}, got {type(structure).__name__}")
    if not isinstance(structure, LinearChain):
        return structural_loss(structure, scores, target, temperature=temperature, weights=weights)
    if not temperature > 0:
        raise ValueError(f"temperature: expected a number > 0, got {temperature}")
    losses, gradient = chain_positions(scores * (1.0 / temperature), target)
    losses, gradient = losses * temperature**2, gradient * temperature
    if weights is not None:
        losses, gradient = losses * weights, gradient * weights
    return float(losses.sum()), gradient


def chain_positions(scores: Parts, target: Parts) -> tuple[Floats1d, Parts]:
    """The loss of each unit of a chain, and its gradient: minus the derivative of the marginals in
    the direction m / P.

    In probability space, where a step is one product for the whole batch; in log space for the
    units where that lost what the target asks for.

    scores (Parts): of a `LinearChain`, nats. target (Parts): its unary (B, N, C), m.
    RETURNS (tuple[Floats1d, Parts]): (B,) nats, float64; gradient, in the dtype of the scores.
    """
    xp = scores.xp
    chains = sorted_chains(scores)
    wanted = xp.where(scores.mask[..., None], target.arrays["unary"], 0)[chains.order]
    wanted = xp.ascontiguousarray(wanted.astype("float64").transpose(1, 0, 2))
    with numpy.errstate(all="ignore"):  # what overflows or underflows is found
        losses, unary, transition, good = scaled_positions(xp, chains, wanted)
        units = xp.nonzero(~good)[0]
        if len(units):
            found = log_positions(xp, chains.some(units), wanted[:, units])
            losses[units], unary[:, units], transition[units] = found
    impossible = xp.isnan(losses)
    if impossible.any():
        raise no_structure(WHAT, int(chains.order[impossible].min()), REASON)
    back = xp.argsort(chains.order)
    gradient = {"unary": unary.transpose(1, 0, 2)[back], "transition": transition[back]}
    arrays = {name: array.astype(scores.arrays[name].dtype) for name, array in gradient.items()}
    return losses[back], Parts(arrays, scores.lengths)
