"""Cross-entropy between token marginals on a chain: the "Pos." baseline of Wang et al. (2021),
section 4.

With P_j the student's marginals of token j and m_j the teacher's,

    L = - sum_j sum_c m_j(c) log P_j(c)

On a chain this is another loss than that over sequences. The derivative of log Z at the scores is
P, that of P is the covariance of indicators, so the gradient of L at a part u is minus the
derivative of P_u in the direction m / P:

    dL / ds_u = sum_j (P_u - Q_j(u)),        Q_j(u) = sum_c m_j(c) P(u | y_j = c)

Q_j is what the marginals were if token j had the teacher's; so all that is added up is a
probability, and nothing is divided by a small P. Where labels (or heads) are independent, Q_j(u) is
m_j(u) and L is the structural loss.

With M_i[p, c] = P(y_i = c | y_(i-1) = p) and W_i[p, c] = P(y_(i-1) = p | y_i = c),

    r_i = (r_(i-1) + m_(i-1)) M_i                   l_(i-1) = W_i (l_i + m_i)
    sum_j Q_j(y_i) = m_i + r_i + l_i
    sum_j Q_j(y_(i-1), y_i) = (r_(i-1) + m_(i-1)) M_i + W_i (l_i + m_i)    (elementwise)

Arrays of tokens are (N, B, C), units in the order of `Chains`.
"""

from ..arrays import ArrayModule, Bools, Floats1d, Floats3d
from .forward_backward import Chains, Messages, log_messages, scaled_messages, times

# A message below this has lost digits to underflow, or is about to.
LEAST_MESSAGE, LEAST_MARGINAL = 1e-250, 1e-200
# Of what is expected of a token, relative to the tokens that are asked for.
TOLERANCE = 1e-9


def scaled_positions(
    xp: ArrayModule, chains: Chains, wanted: Floats3d
) -> tuple[Floats1d, Floats3d, Floats3d, Bools]:
    """In probability space. With a, b, A and f_i = e_i b_i / c_i as in `scaled_messages`,

        M_i[p, c] = A[p, c] f_i(c) / b_(i-1)(p)     W_i[p, c] = a_(i-1)(p) A[p, c] / (a_(i-1) A)(c)

    RETURNS: losses (B,); gradients (N, B, C) and (B, C, C); (B,) bool, whether they are exact.
    """
    n, b, c = wanted.shape
    if not n or not b:
        return xp.zeros(b), wanted, xp.zeros((b, c, c)), xp.ones(b, dtype=bool)
    log_z, A, a, ahead, back, *_ = scaled_messages(xp, chains)
    A_t = A.transpose(0, 2, 1)
    right, left = xp.zeros((n, b, c)), xp.zeros((n, b, c))
    onward, backward, behind = xp.zeros((n, b, c)), xp.zeros((n, b, c)), xp.ones((n, b, c))
    for i in range(1, n):
        k = chains.active[i]
        onward[i - 1, :k] = _ratio(xp, right[i - 1, :k] + wanted[i - 1, :k], back[i - 1, :k])
        times(xp, onward[i - 1, :k], A, out=right[i, :k])
        right[i, :k] *= ahead[i, :k]
        times(xp, a[i - 1, :k], A, out=behind[i, :k])
    for i in range(n - 1, 0, -1):
        k = chains.active[i]
        backward[i, :k] = _ratio(xp, left[i, :k] + wanted[i, :k], behind[i, :k])
        times(xp, backward[i, :k], A_t, out=left[i - 1, :k])
        left[i - 1, :k] *= a[i - 1, :k]
    p, expected = a * back, wanted + right + left
    total = wanted.sum(axis=(0, 2))
    asked = wanted > 0
    losses = -xp.where(asked, wanted * xp.log(p), 0.0).sum(axis=(0, 2))
    from_left = onward[:-1] - total[:, None] * a[:-1]
    pairs = xp.matmul(from_left.transpose(1, 2, 0), ahead[1:].transpose(1, 0, 2))
    pairs += xp.matmul(a[:-1].transpose(1, 2, 0), backward[1:].transpose(1, 0, 2))
    transition = -A * pairs
    small = (p < LEAST_MARGINAL) | (a < LEAST_MESSAGE) | (back < LEAST_MESSAGE)
    inside = xp.arange(n)[:, None] < chains.lengths
    off = xp.abs(expected.sum(axis=-1) - inside * total) > TOLERANCE * (1.0 + total)
    good = xp.isfinite(losses) & xp.isfinite(log_z) & xp.isfinite(transition).all(axis=(1, 2))
    good &= xp.isfinite(expected).all(axis=(0, 2)) & ~(small & asked).any(axis=(0, 2))
    return losses, total[:, None] * p - expected, transition, good & ~off.any(axis=0)


def log_positions(
    xp: ArrayModule, chains: Chains, wanted: Floats3d
) -> tuple[Floats1d, Floats3d, Floats3d]:
    """Return the same by logarithms of messages: slower, and exact whatever the range of the
    scores.

    RETURNS: losses, NaN where no sequence is possible; gradients.
    """
    n, b, c = wanted.shape
    found = log_messages(xp, chains)
    log_p = found.before + found.after - found.log_z[:, None]
    losses = -xp.where(wanted > 0, wanted * log_p, 0.0).sum(axis=(0, 2))
    losses = xp.where(xp.isfinite(found.log_z), losses, xp.nan)
    total = wanted.sum(axis=(0, 2))[:, None, None]
    right, left = xp.zeros((n, b, c)), xp.zeros((n, b, c))
    pairs = xp.zeros((b, c, c))
    for i in range(1, n):
        k = chains.active[i]
        joint, onward = _onward(xp, chains, found, i)
        moved = (right[i - 1, :k] + wanted[i - 1, :k])[:, :, None] * onward
        right[i, :k] = moved.sum(axis=1)
        pairs[:k] += moved - total[:k] * joint
    for i in range(n - 1, 0, -1):
        k = chains.active[i]
        moved = (left[i, :k] + wanted[i, :k])[:, None] * _backward(xp, chains, found, i)
        left[i - 1, :k] = moved.sum(axis=2)
        pairs[:k] += moved
    return losses, total[:, 0] * xp.exp(log_p) - (wanted + right + left), -pairs


def _onward(xp: ArrayModule, chains: Chains, found: Messages, i: int) -> tuple[Floats3d, Floats3d]:
    """Of tokens i - 1 and i: P(p, c), and M_i, 0 for a p that is impossible. (k, C, C)."""
    k = chains.active[i]
    ahead = chains.unary[:k, i] + found.after[i, :k]
    scores = chains.running_transition(k) + ahead[:, None]
    onward = xp.exp(scores - _finite(xp, found.after[i - 1, :k])[:, :, None])
    before = found.before[i - 1, :k] - found.log_z[:k, None]
    return xp.exp(scores + before[:, :, None]), onward


def _backward(xp: ArrayModule, chains: Chains, found: Messages, i: int) -> Floats3d:
    """W_i, 0 for a c that is impossible. RETURNS: (k, p, c)."""
    k = chains.active[i]
    scores = chains.running_transition(k) + chains.unary[:k, i][:, None]
    scores = scores + found.before[i - 1, :k][:, :, None]
    return xp.exp(scores - _finite(xp, found.before[i, :k])[:, None])


def _ratio(xp: ArrayModule, above: Floats3d, below: Floats3d) -> Floats3d:
    return xp.where(above > 0, above / below, 0.0)


def _finite(xp: ArrayModule, values: Floats3d) -> Floats3d:
    return xp.where(xp.isfinite(values), values, 0.0)
