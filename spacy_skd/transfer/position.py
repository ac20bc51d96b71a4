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

from typing import Any, Optional, Tuple

import numpy
from thinc.types import Floats1d, Floats3d

from ..structures import HeadSelection, IndependentLabels, LinearChain, Parts, Structure
from ..structures.base import no_structure
from ..structures.chain import REASON, WHAT, sorted_chains
from ..structures.forward_backward import Chains, Messages, log_messages
from .loss import structural_loss

HAS_POSITION = (IndependentLabels, HeadSelection, LinearChain)


def position_loss(
    structure: Structure,
    scores: Parts,
    target: Parts,
    *,
    temperature: float = 1.0,
    weights: Optional[Floats1d] = None,
) -> Tuple[float, Parts]:
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


def chain_positions(scores: Parts, target: Parts) -> Tuple[Floats1d, Parts]:
    """The loss of each unit of a chain, and its gradient: minus the derivative of the marginals in
    the direction m / P.

    scores (Parts): of a `LinearChain`, nats. target (Parts): its unary (B, N, C), m.
    RETURNS (Tuple[Floats1d, Parts]): (B,) nats, float64; gradient, in the dtype of the scores.
    """
    xp = scores.xp
    chains = sorted_chains(scores)
    wanted = xp.where(scores.mask[..., None], target.arrays["unary"], 0)[chains.order]
    wanted = wanted.astype("float64").transpose(1, 0, 2)
    with numpy.errstate(invalid="ignore", divide="ignore"):
        found = log_messages(xp, chains)
        impossible = ~xp.isfinite(found.log_z)
        if impossible.any():
            raise no_structure(WHAT, int(chains.order[impossible].min()), REASON)
        log_p = found.before + found.after - found.log_z[:, None]
        losses = -xp.where(wanted > 0, wanted * log_p, 0.0).sum(axis=(0, 2))
        gradient = _gradient(xp, chains, found, xp.exp(log_p), wanted)
    back = xp.argsort(chains.order)
    arrays = {name: array[back] for name, array in gradient.items()}
    arrays = {name: array.astype(scores.arrays[name].dtype) for name, array in arrays.items()}
    return losses[back], Parts(arrays, scores.lengths)


def _gradient(xp: Any, chains: Chains, found: Messages, p: Floats3d, wanted: Floats3d) -> Any:
    """With M_i[p, c] = P(y_i = c | y_(i-1) = p) and W_i[p, c] = P(y_(i-1) = p | y_i = c),

    r_i = (r_(i-1) + m_(i-1)) M_i                   l_(i-1) = W_i (l_i + m_i)
    sum_j Q_j(y_i) = m_i + r_i + l_i
    sum_j Q_j(y_(i-1), y_i) = (r_(i-1) + m_(i-1)) M_i + W_i (l_i + m_i)    (elementwise)

    p, wanted (Floats3d): (N, B, C), 0 in the padding.
    """
    n, b, c = wanted.shape
    mass = wanted.sum(axis=-1)
    total = mass.sum(axis=0)[:, None, None]
    right, left = xp.zeros((n, b, c)), xp.zeros((n, b, c))
    pairs = xp.zeros((b, c, c))
    for i in range(1, n):
        k = chains.active[i]
        joint, onward = _pairs(xp, chains, found, i)
        moved = (right[i - 1, :k] + wanted[i - 1, :k])[:, :, None] * onward
        right[i, :k] = moved.sum(axis=1)
        pairs[:k] += moved - total[:k] * joint
    for i in range(n - 1, 0, -1):
        k = chains.active[i]
        moved = (left[i, :k] + wanted[i, :k])[:, None] * _backward(xp, chains, found, i)
        left[i - 1, :k] = moved.sum(axis=2)
        pairs[:k] += moved
    unary = total[:, 0] * p - (wanted + right + left)
    return {"unary": unary.transpose(1, 0, 2), "transition": -pairs}


def _pairs(xp: Any, chains: Chains, found: Messages, i: int) -> Tuple[Floats3d, Floats3d]:
    """Of tokens i - 1 and i: P(p, c), and P(c | p), 0 for a p that is impossible. (k, C, C)."""
    k = chains.active[i]
    ahead = chains.unary[:k, i] + found.after[i, :k]
    scores = chains.running_transition(k) + ahead[:, None]
    onward = xp.exp(scores - _finite(xp, found.after[i - 1, :k])[:, :, None])
    before = found.before[i - 1, :k] - found.log_z[:k, None]
    return xp.exp(scores + before[:, :, None]), onward


def _backward(xp: Any, chains: Chains, found: Messages, i: int) -> Floats3d:
    """P(y_(i-1) = p | y_i = c), 0 for a c that is impossible. RETURNS: (k, p, c)."""
    k = chains.active[i]
    scores = chains.running_transition(k) + chains.unary[:k, i][:, None]
    scores = scores + found.before[i - 1, :k][:, :, None]
    return xp.exp(scores - _finite(xp, found.before[i, :k])[:, None])


def _finite(xp: Any, values: Floats3d) -> Floats3d:
    return xp.where(xp.isfinite(values), values, 0.0)
