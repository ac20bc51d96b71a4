"""Forward-backward: log Z, marginals and expected transitions of a batch of chains.

In probability space, scaled at each token, so that a step is one product of a matrix for the whole
batch; in log space for the chains where that lost mass.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy

from ..arrays import ArrayModule, Floats1d, Floats2d, Floats3d, Ints1d

# Marginals of a token that sum to less or more than 1 by this have lost mass to underflow.
TOLERANCE = 1e-7


@dataclass(frozen=True, eq=False)
class Chains:
    """Scores in float64, -inf where impossible; units in descending order of length.

    unary (Floats3d): (B, N, C). transition (Floats3d): (B, C, C), or (1, C, C) for all.
    lengths (Ints1d): (B,) tokens. active (list[int]): (N + 1,) units of more than i tokens.
    order (Ints1d): (B,) where each unit was before they were sorted.
    """

    unary: Floats3d
    transition: Floats3d
    lengths: Ints1d
    active: list[int]
    order: Ints1d

    def running_transition(self, running: int) -> Floats3d:
        """Return the transitions of the first units."""
        return self.transition if len(self.transition) == 1 else self.transition[:running]

    def some(self, units: Ints1d) -> "Chains":
        """Return some units, in the same order."""
        active = [int((self.lengths[units] > i).sum()) for i in range(len(self.active))]
        transition = self.transition if len(self.transition) == 1 else self.transition[units]
        unary, lengths = self.unary[units], self.lengths[units]
        return Chains(unary, transition, lengths, active, self.order[units])


_Result = tuple[Floats1d, Floats3d, Floats3d]


def forward_backward(xp: ArrayModule, chains: Chains) -> _Result:
    """Return log Z (B,) in nats, -inf where no sequence is possible; marginals (B, N, C), 0 in
    the padding; expected numbers of transitions (B, C, C)."""
    with numpy.errstate(all="ignore"):  # what overflows or underflows is found below
        log_z, unary, transition = _scaled(xp, chains)
    inside = xp.arange(unary.shape[1])[None] < chains.lengths[:, None]
    right = xp.abs(unary @ xp.ones(unary.shape[2]) - inside) <= TOLERANCE  # not of NaN
    wrong = ~right.all(axis=1) | ~xp.isfinite(log_z) | ~xp.isfinite(transition).all(axis=(1, 2))
    if wrong.any():
        units = xp.nonzero(wrong)[0]
        log_z[units], unary[units], transition[units] = _in_log_space(xp, chains.some(units))
    return log_z, unary, transition


class Scaled(NamedTuple):
    """Of chains in the order of `Chains`, see `scaled_messages`.

    log_z (Floats1d): (B,) nats. A (Floats3d): (1 or B, C, C). a, ahead, back (Floats3d): (N, B, C),
    a_i, e_i b_i / c_i (0 of the first token) and b_i; 0, 0 and 1 in the padding. e, c (Floats3d,
    Floats2d): (N, B, C) and (N, B), e_i and c_i.
    """

    log_z: Floats1d
    A: Floats3d
    a: Floats3d
    ahead: Floats3d
    back: Floats3d
    e: Floats3d
    c: Floats2d


def _scaled(xp: ArrayModule, chains: Chains) -> _Result:
    """P(y_i) = a_i b_i, and of P(y_(i-1), y_i) = a_(i-1) A (e_i b_i / c_i) the sum over i is one
    product."""
    b, n, c = chains.unary.shape
    if not n or not b:
        return xp.zeros(b), xp.zeros((b, n, c)), xp.zeros((b, c, c))
    log_z, A, a, ahead, back, *_ = scaled_messages(xp, chains)
    before = a[:-1].transpose(1, 2, 0)
    transition = A * xp.matmul(before, ahead[1:].transpose(1, 0, 2))
    return log_z, (a * back).transpose(1, 0, 2), transition


def scaled_messages(xp: ArrayModule, chains: Chains) -> Scaled:
    """Of at least one unit and one token. With w = exp(scores - shift), A the transitions and e_i
    the labels of token i:

    a_i = (a_(i-1) A) * e_i / c_i      c_i = what makes a_i sum to 1      log Z = sum_i log c_i
    b_i = A (e_(i+1) * b_(i+1)) / c_(i+1)

    Nothing is checked: what overflows or underflows gives messages that are wrong. Rabiner (1989),
    section V.A.
    """
    b, n, c = chains.unary.shape
    # where the highest of a short axis is numpy finds much faster than the highest itself
    top = xp.take_along_axis(chains.unary, chains.unary.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    top = xp.where(xp.isfinite(top), top, 0.0)
    e = xp.ascontiguousarray(xp.exp(chains.unary - top[..., None]).transpose(1, 0, 2))
    highest = chains.transition.max(axis=(1, 2))
    highest = xp.where(xp.isfinite(highest), highest, 0.0)
    A = xp.exp(chains.transition - highest[:, None, None])
    A_t = A.transpose(0, 2, 1)
    a, ahead = xp.zeros((n, b, c)), xp.zeros((n, b, c))
    scale, back = xp.ones((n, b)), xp.ones((n, b, c))
    for i in range(n):
        k = chains.active[i]
        current = a[i, :k]
        if i:
            times(xp, a[i - 1, :k], A, out=current)
            current *= e[i, :k]
        else:
            current[:] = e[i, :k]
        current /= current.sum(axis=-1, out=scale[i, :k])[:, None]
    for i in range(n - 1, 0, -1):
        k = chains.active[i]
        current = xp.multiply(e[i, :k], back[i, :k], out=ahead[i, :k])
        current /= scale[i, :k, None]
        times(xp, current, A_t, out=back[i - 1, :k])
    inside = xp.arange(n)[None] < chains.lengths[:, None]
    log_z = xp.log(scale).sum(axis=0) + (top * inside).sum(axis=1)
    log_z += highest * xp.maximum(chains.lengths - 1, 0)
    return Scaled(log_z, A, a, ahead, back, e, scale)


def times(xp: ArrayModule, rows: Floats2d, A: Floats3d, *, out: Floats2d) -> None:
    """rows, out: (k, C), A: (1, C, C) for all rows, or one a row."""
    if len(A) == 1:
        xp.matmul(rows, A[0], out=out)
    else:
        xp.matmul(rows[:, None], A[: len(rows)], out=out[:, None])


@dataclass(frozen=True, eq=False)
class Messages:
    """Of chains in the order of `Chains`, in nats.

    before, after (Floats3d): (N, B, C) log sums of the scores of all that stands before a token's
    label, with it, and of all that follows it. log_z (Floats1d): (B,).
    """

    before: Floats3d
    after: Floats3d
    log_z: Floats1d


def log_messages(xp: ArrayModule, chains: Chains) -> Messages:
    """a_i(y) of `log_forward`, and b_i(x) = log sum_y exp(A(x, y) + unary_(i+1)(y) + b_(i+1)(y)):
    exact whatever the range of the scores."""
    before, log_z = log_forward(xp, chains)
    back = xp.zeros(before.shape)
    for i in range(len(back) - 1, 0, -1):
        k = chains.active[i]
        ahead = chains.unary[:k, i] + back[i, :k]
        back[i - 1, :k] = log_sum(xp, chains.running_transition(k) + ahead[:, None], axis=-1)
    return Messages(before, back, log_z)


def log_forward(xp: ArrayModule, chains: Chains) -> tuple[Floats3d, Floats1d]:
    """a_i(y) = unary_i(y) + log sum_x exp(a_(i-1)(x) + A(x, y)).

    RETURNS (tuple[Floats3d, Floats1d]): (N, B, C), and log Z (B,), in nats.
    """
    b, n, c = chains.unary.shape
    a = xp.full((n, b, c), -xp.inf)
    log_z = xp.zeros(b)
    for i in range(n):
        k, later = chains.active[i], chains.active[i + 1]
        a[i, :k] = chains.unary[:k, i]
        if i:
            pairs = a[i - 1, :k, :, None] + chains.running_transition(k)
            a[i, :k] += log_sum(xp, pairs, axis=1)
        log_z[later:k] = log_sum(xp, a[i, later:k], axis=-1)
    return a, log_z


def _in_log_space(xp: ArrayModule, chains: Chains) -> _Result:
    """Return the same recursions on logarithms: slower, and exact whatever the range of the
    scores."""
    b, n, c = chains.unary.shape
    found = log_messages(xp, chains)
    log_z = _finite(xp, found.log_z)
    transition = xp.zeros((b, c, c))
    for i in range(n - 1, 0, -1):
        k = chains.active[i]
        ahead = chains.unary[:k, i] + found.after[i, :k]
        pairs = chains.running_transition(k) + ahead[:, None]
        exponent = found.before[i - 1, :k, :, None] + pairs - log_z[:k, None, None]
        transition[:k] += xp.exp(exponent)
    unary = xp.exp(found.before + found.after - log_z[None, :, None])
    return found.log_z, unary.transpose(1, 0, 2), transition


def _finite(xp: ArrayModule, values: Floats1d) -> Floats1d:
    return xp.where(xp.isfinite(values), values, 0.0)


def log_sum(xp: ArrayModule, values: Floats2d, *, axis: int) -> Floats1d:
    """log sum exp, -inf where all are."""
    top = _finite(xp, values.max(axis=axis, keepdims=True))
    total = xp.exp(values - top).sum(axis=axis)
    safe = xp.where(total > 0, total, 1.0)
    return xp.where(total > 0, xp.log(safe) + xp.squeeze(top, axis=axis), -xp.inf)
