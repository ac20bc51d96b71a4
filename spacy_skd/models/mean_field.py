"""Mean field: arc scores that have taken account of siblings and grandparents.

Wang & Tu, "Second-Order Neural Dependency Parsing with Message Passing and End-to-End Training"
(AACL 2020). With a = head, b = dependent and q(a, b) the probability that b's head is a,

    Q = arc;  repeat:  q = softmax over heads of Q
                       Q(a, b) = arc(a, b) + sum_c q(a, c) sib(a, b, c)
                                           + sum_c q(b, c) gp(a, b, c) + sum_c q(c, a) gp(c, a, b)

where a, b and c differ: c is a sibling of b, a dependent of b, or the head of a. The scores of
triples are of rank R (Wang, Huang & Tu, "Second-Order Semantic Dependency Parsing with End-to-End
Neural Networks", ACL 2019),

    sib(a, b, c) = sum_r H[a, r] D[b, r] D[c, r]        gp(a, b, c) = sum_r G[a, r] M[b, r] E[c, r]

so each sum over c is a matrix product less the c that is left out, and no array of triples exists:
time grows with n^2 R, memory with n (n + R).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..arrays import Floats3d
from ..structures import HeadSelection, Parts


class Factors(NamedTuple):
    """Of the scores of triples, by what a token is in them; row 0 of a head is ROOT.

    H (Floats3d): (B, N + 1, R) head of siblings. D (Floats3d): (B, N, R) sibling.
    G (Floats3d): (B, N + 1, R) grandparent. M (Floats3d): (B, N, R) the one between.
    E (Floats3d): (B, N, R) grandchild.
    """

    H: Floats3d
    D: Floats3d
    G: Floats3d
    M: Floats3d
    E: Floats3d


Messages = tuple[Floats3d, Callable[[Floats3d], tuple[Floats3d, Factors]]]


def mean_field(
    arcs: Parts, factors: Factors, *, iterations: int
) -> tuple[Parts, Callable[[Parts], tuple[Parts, Factors]]]:
    """Refine arc scores.

    arcs (Parts): arc (B, N, N + 1), nats.
    RETURNS: the refined scores; their gradient's way back to `arcs` and `factors`, for a gradient
        that is 0 in the padding and of self-arcs, as every structure gives it.
    RAISES (ValueError): if a score is NaN or infinite.
    """
    xp, arc = arcs.xp, arcs.arrays["arc"]
    refined = arc
    steps: list[tuple[Floats3d, Callable[..., Any]]] = []
    for _ in range(iterations):
        scores = Parts({"arc": refined}, arcs.lengths)
        q = HeadSelection().infer(scores)[1].arrays["arc"]
        messages, backprop_messages = _messages(q, factors)
        refined = arc + messages
        steps.append((q, backprop_messages))

    def backprop(d_refined: Parts) -> tuple[Parts, Factors]:
        d_scores = d_refined.arrays["arc"].astype(arc.dtype)
        d_arc = xp.zeros_like(arc)
        d_factors = Factors(*(xp.zeros_like(factor) for factor in factors))
        for q, backprop_messages in reversed(steps):
            d_arc += d_scores
            d_q, d_more = backprop_messages(d_scores)
            for total, more in zip(d_factors, d_more):
                total += more
            d_scores = q * (d_q - (q * d_q).sum(axis=-1, keepdims=True))
        return Parts({"arc": d_arc + d_scores}, arcs.lengths), d_factors

    return Parts({"arc": refined}, arcs.lengths), backprop


def _messages(q: Floats3d, factors: Factors) -> Messages:
    """Return (B, N, N + 1) what is added to each arc; the way back.

    q (Floats3d): (B, N, N + 1) [dependent, head], 0 of self-arcs and in the padding.
    """
    H, D, G, M, E = factors
    messages, backprop_siblings = _siblings(q, H, D)
    below, backprop_below = _grandchildren(q, G, M, E)
    above, backprop_above = _grandparents(q, G, M, E)
    messages += below
    messages[:, :, 1:] += above

    def backprop(d_messages: Floats3d) -> tuple[Floats3d, Factors]:
        d_q, d_H, d_D = backprop_siblings(d_messages)
        results = backprop_below(d_messages), backprop_above(d_messages[:, :, 1:])
        for d_q_more, *_ in results:
            d_q = d_q + d_q_more
        (_, *d_below), (_, *d_above) = results
        return d_q, Factors(d_H, d_D, *(a + b for a, b in zip(d_below, d_above)))

    return messages, backprop


def _siblings(q: Floats3d, H: Floats3d, D: Floats3d) -> tuple[Floats3d, Callable[..., Any]]:
    # S[a] = sum_c q(a, c) D[c];   sum_r D[b] H[a] S[a]  less  c = b: q(a, b) sum_r H[a] D[b]^2
    S = _t(q) @ D
    HS, D2 = H * S, D * D
    own = D2 @ _t(H)

    def backprop(d: Floats3d) -> tuple[Floats3d, Floats3d, Floats3d]:
        d_HS, d_own = _t(d) @ D, -(d * q)
        d_S = d_HS * H
        d_H = d_HS * S + _t(d_own) @ D2
        d_D = d @ HS + q @ d_S + 2 * D * (d_own @ H)
        return D @ _t(d_S) - d * own, d_H, d_D

    return D @ _t(HS) - q * own, backprop


def _grandchildren(
    q: Floats3d, G: Floats3d, M: Floats3d, E: Floats3d
) -> tuple[Floats3d, Callable[..., Any]]:
    # T[b] = sum_c q(b, c) E[c];   sum_r G[a] M[b] T[b]  less  c = a: q(b, a) sum_r G[a] M[b] E[a]
    inner = q[:, :, 1:]
    T = _t(inner) @ E
    MT, GE = M * T, G[:, 1:] * E
    own = M @ _t(GE)
    messages = MT @ _t(G)
    messages[:, :, 1:] -= _t(inner) * own

    def backprop(d: Floats3d) -> tuple[Floats3d, ...]:
        d_inner_arcs = d[:, :, 1:]
        d_MT, d_own = d @ G, -(d_inner_arcs * _t(inner))
        d_T, d_GE = d_MT * M, _t(d_own) @ M
        d_G = _t(d) @ MT
        d_G[:, 1:] += d_GE * E
        d_M = d_MT * T + d_own @ GE
        d_E = inner @ d_T + d_GE * G[:, 1:]
        return _with_root(q, E @ _t(d_T) - _t(d_inner_arcs * own)), d_G, d_M, d_E

    return messages, backprop


def _grandparents(
    q: Floats3d, G: Floats3d, M: Floats3d, E: Floats3d
) -> tuple[Floats3d, Callable[..., Any]]:
    """Take the arcs from tokens alone: ROOT has no head. RETURNS: (B, N, N) [dependent, head]."""
    # U[a] = sum_c q(c, a) G[c];   sum_r M[a] U[a] E[b]  less  c = b: q(b, a) sum_r G[b] M[a] E[b]
    inner = q[:, :, 1:]
    U = q @ G
    MU, GE = M * U, G[:, 1:] * E
    own = GE @ _t(M)

    def backprop(d: Floats3d) -> tuple[Floats3d, ...]:
        d_MU, d_own = _t(d) @ E, -(d * _t(inner))
        d_U, d_GE = d_MU * M, d_own @ M
        d_G = _t(q) @ d_U
        d_G[:, 1:] += d_GE * E
        d_M = d_MU * U + _t(d_own) @ GE
        d_E = d @ MU + d_GE * G[:, 1:]
        d_q = d_U @ _t(G)
        d_q[:, :, 1:] -= _t(d * own)
        return d_q, d_G, d_M, d_E

    return E @ _t(MU) - _t(inner) * own, backprop


def _with_root(q: Floats3d, d_inner: Floats3d) -> Floats3d:
    d_q: Any = 0 * q
    d_q[:, :, 1:] = d_inner
    result: Floats3d = d_q
    return result


def _t(array: Floats3d) -> Floats3d:
    return array.transpose(0, 2, 1)
