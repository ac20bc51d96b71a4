"""Linear chains: P(y) = exp(sum_i unary[i, y_i] + sum_i transition[y_i, y_(i+1)]) / Z."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy

from ..arrays import ArrayModule, Floats1d, Floats2d, Floats3d, Ints2d, Ints3d
from .base import Structure, check_k
from .chain_positions import log_positions, scaled_positions
from .draws import draw
from .forward_backward import Chains, forward_backward, log_forward
from .k_best import top
from .parts import POSSIBLE_ABOVE, Parts, check_rows, clean_scores, is_tied, no_structure
from .tokens import IndependentLabels
from .viterbi import best_sequences

WHAT = "linear chain"
REASON = "no sequence of labels is legal"


@dataclass(frozen=True)
class LinearChain(Structure):
    """One label for each token, each given its neighbours (a linear-chain CRF).

    Parts: unary (B, N, C) and transition (B, C, C), from a label to the next token's. Scores of
    first and last labels are part of the first and the last token's unary scores. Lafferty,
    McCallum & Pereira (2001).
    """

    family: ClassVar[str] = "chain"
    growth: ClassVar[float] = 2.0  # each step from token to token costs more than padding
    name: ClassVar[str] = "linear_chain"
    annotates: ClassVar[str] = "labels of tokens"
    parts: ClassVar[tuple[str, ...]] = ("unary", "transition")
    has_positions: ClassVar[bool] = True

    @property
    def emissions(self) -> IndependentLabels:
        return IndependentLabels()

    def infer(self, scores: Parts) -> tuple[Floats1d, Parts]:
        chains = sorted_chains(scores)
        log_z, unary, transition = forward_backward(scores.xp, chains)
        check_possible(scores.xp, chains, log_z)
        back = scores.xp.argsort(chains.order)
        arrays = {
            "unary": unary.astype(scores.arrays["unary"].dtype)[back],
            "transition": transition.astype(scores.arrays["transition"].dtype)[back],
        }
        return log_z[back], Parts(arrays, scores.lengths)

    def argmax(self, scores: Parts) -> Parts:
        _, labels = self.best(scores, k=1)
        return chain_indicators(labels[:, 0], like=scores)

    def k_best(self, scores: Parts, *, k: int) -> tuple[Floats2d, list[Parts]]:
        totals, labels = self.best(scores, k=k)
        return totals, [chain_indicators(labels[:, rank], like=scores) for rank in range(k)]

    def sample(self, scores: Parts, *, rng: numpy.random.Generator) -> Parts:
        """From right to left: the label before, given the label and all that may stand before."""
        xp, chains = scores.xp, sorted_chains(scores)
        before, log_z = log_forward(xp, chains)
        check_possible(xp, chains, log_z)
        labels = xp.full(chains.unary.shape[:2], -1)
        for i in range(chains.unary.shape[1] - 1, -1, -1):
            running, going_on = chains.active[i], chains.active[i + 1]
            rows = before[i, :running]
            if going_on:
                transition = chains.running_transition(going_on)
                following = labels[:going_on, i + 1]
                unit = xp.arange(going_on) if len(transition) > 1 else 0
                rows = rows.copy()
                rows[:going_on] += transition[unit, :, following]
            labels[:running, i] = draw(xp, rows, rng)
        return chain_indicators(labels[xp.argsort(chains.order)], like=scores)

    def positions(self, scores: Parts, target: Parts) -> tuple[Floats1d, Parts]:
        """In probability space, where a step is one product for the whole batch; in log space for
        the units where that lost what the target asks for.

        target (Parts): of which the unary marginals alone are read.
        """
        xp = scores.xp
        chains = sorted_chains(scores)
        wanted = xp.where(scores.mask[..., None], target.arrays["unary"], 0)[chains.order]
        wanted = xp.ascontiguousarray(wanted.astype("float64").transpose(1, 0, 2))
        with numpy.errstate(all="ignore"):  # what overflows or underflows is found
            losses, unary, transition, good = scaled_positions(xp, chains, wanted)
            units = xp.nonzero(~good)[0]
            if len(units):
                exact = log_positions(xp, chains.some(units), wanted[:, units])
                losses[units], unary[:, units], transition[units] = exact
        impossible = xp.isnan(losses)
        if impossible.any():
            raise no_structure(WHAT, int(chains.order[impossible].min()), REASON)
        back = xp.argsort(chains.order)
        gradient = {"unary": unary.transpose(1, 0, 2)[back], "transition": transition[back]}
        arrays = {name: array.astype(scores.arrays[name].dtype) for name, array in gradient.items()}
        return losses[back], Parts(arrays, scores.lengths)

    def best(self, scores: Parts, *, k: int) -> tuple[Floats2d, Ints3d]:
        """Return the k best label sequences of each unit (Viterbi with k entries a state).

        k (int): at least 1.
        RETURNS (tuple[Floats2d, Ints3d]): (B, k) scores in nats, highest first, -inf where a unit
            has fewer sequences; (B, k, N) labels, -1 in the padding and where there are fewer.
        RAISES (ValueError): as `infer`, or if k is below 1.
        """
        check_k(WHAT, k)
        chains = sorted_chains(scores)
        if k == 1 and len(chains.transition) == 1:
            one, sequence = best_sequences(scores.xp, chains)
            totals, labels = one[:, None], sequence[:, None]
        else:
            totals, labels = _k_best(scores.xp, chains, k)
        check_possible(scores.xp, chains, totals[:, 0])
        back = scores.xp.argsort(chains.order)
        return totals[back], labels[back]


def chain_indicators(labels: Ints2d, *, like: Parts) -> Parts:
    """Label sequences as indicators.

    labels (Ints2d): (B, N), negative in the padding. like (Parts): whose shape and dtype to take.
    """
    return mean_chains([labels], numpy.ones((len(labels), 1)), like=like)


def mean_chains(sequences: Sequence[Ints2d], shares: Floats2d, *, like: Parts) -> Parts:
    """Return the indicators of K label sequences of each unit, by their shares.

    sequences (Sequence[Ints2d]): K times (B, N), negative in the padding and where nothing is
        known. shares (Floats2d): (B, K). like (Parts): whose shape and dtype to take.
    """
    xp = like.xp
    unary = xp.zeros_like(like.arrays["unary"])
    transition = xp.zeros(like.arrays["transition"].shape, dtype=unary.dtype)
    weights = xp.asarray(shares, dtype=unary.dtype)
    for k, labels in enumerate(sequences):
        is_known = like.mask & (labels >= 0)
        unit, token = xp.nonzero(is_known)
        unary[unit, token, labels[unit, token]] += weights[unit, k]  # each cell once
        unit, token = xp.nonzero(is_known[:, :-1] & is_known[:, 1:])
        cells = (unit, labels[unit, token], labels[unit, token + 1])
        xp.add.at(transition, cells, weights[unit, k])
    return Parts({"unary": unary, "transition": transition}, like.lengths)


def check_possible(xp: ArrayModule, chains: Chains, totals: Floats1d) -> None:
    """Raise ValueError if a total is -inf. totals: (B,) in the order of `chains`."""
    impossible = ~xp.isfinite(totals)
    if impossible.any():
        raise no_structure(WHAT, int(chains.order[impossible].min()), REASON)


def sorted_chains(scores: Parts) -> Chains:
    """Longest first, so that those which still run at a position are the first of the batch.

    RAISES (ValueError): if a score is NaN or +inf, or all labels of a token are impossible.
    """
    xp = scores.xp
    unary = clean_scores(scores.arrays["unary"], what=WHAT)
    transition = scores.arrays["transition"]
    tied = is_tied(transition) or len(transition) == 1
    transition = clean_scores(transition[:1] if tied else transition, what=WHAT)
    check_rows(WHAT, unary, scores.mask, "all labels of a token are impossible")
    lengths = xp.asarray(scores.lengths)
    order = xp.argsort(-lengths, kind="stable")
    sorted_ = bool((order[1:] > order[:-1]).all())
    active = (lengths[None] > xp.arange(scores.n_tokens + 1)[:, None]).sum(axis=1)
    return Chains(
        unary=_impossible_to_inf(xp, unary if sorted_ else unary[order]),
        transition=_impossible_to_inf(xp, transition if tied or sorted_ else transition[order]),
        lengths=lengths[order],
        active=[int(count) for count in active],
        order=order,
    )


def _impossible_to_inf(xp: ArrayModule, scores: Floats3d) -> Floats3d:
    found = scores.astype("float64")
    if scores.size and scores.min() <= POSSIBLE_ABOVE:
        found[scores <= POSSIBLE_ABOVE] = -xp.inf
    return found


class _Step(NamedTuple):
    label: Ints3d  # (units, C, k) label before
    rank: Ints3d  # (units, C, k) which of that label's k


def _k_best(xp: ArrayModule, chains: Chains, k: int) -> tuple[Floats2d, Ints3d]:
    """Return (B, k) totals, (B, k, N) labels, units in the order of `chains`."""
    b, n, c = chains.unary.shape
    totals, labels = xp.full((b, k), -xp.inf), xp.full((b, k, n), -1)
    totals[chains.active[0] if n else 0 :, 0] = 0.0  # a unit without tokens has one sequence
    if not n or not b:
        return totals, labels
    state = xp.full((b, c, k), -xp.inf)
    state[:, :, 0] = chains.unary[:, 0]
    steps: list[_Step] = []
    ends = xp.full((b, c * k), -xp.inf)
    for i in range(n):
        running, going_on = chains.active[i], chains.active[i + 1]
        if i:
            state, step = _extend(xp, state[:running], chains.running_transition(running))
            state = state + chains.unary[:running, i][:, :, None]
            steps.append(step)
        ends[going_on:running] = state[going_on:running].reshape(-1, c * k)
    where = top(xp, ends, k)
    totals[: chains.active[0]] = xp.take_along_axis(ends, where, axis=1)[: chains.active[0]]
    label, rank = where // k, where % k
    for i in range(n - 1, -1, -1):
        running, going_on = chains.active[i], chains.active[i + 1]
        if going_on:  # those that end later came here from the label that is noted there
            rows = xp.arange(going_on)[:, None]
            step = steps[i]
            here = (rows, label[:going_on], rank[:going_on])
            label[:going_on], rank[:going_on] = step.label[here], step.rank[here]
        labels[:running, :, i] = label[:running]
    labels[~xp.isfinite(totals)] = -1
    return totals, labels


def _extend(xp: ArrayModule, state: Floats3d, transition: Floats3d) -> tuple[Floats3d, _Step]:
    """state: (units, C, k) the best totals that end in a label; transition: (units or 1, C, C)."""
    units, c, k = state.shape
    backwards = xp.ascontiguousarray(transition.transpose(0, 2, 1))[..., None]
    candidates = state[:, None] + backwards
    candidates = candidates.reshape(units, c, c * k)  # (units, next label, label before and rank)
    where = top(xp, candidates, k)
    return xp.take_along_axis(candidates, where, axis=-1), _Step(where // k, where % k)
