"""Probabilities of runs of labels in linear chains: of an entity, say, and not of its tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from ..arrays import ArrayModule, Floats1d, Ints1d
from .chain import sorted_chains
from .forward_backward import (
    TOLERANCE,
    Chains,
    Messages,
    Scaled,
    log_messages,
    log_sum,
    scaled_messages,
)
from .parts import Parts, to_numpy


@dataclass(frozen=True)
class Run:
    """Labels of neighbouring tokens: what is asked for.

    unit, start (int): of the batch; token. labels (tuple[int, ...]): at least one, from `start` on.
    not_next (tuple[int, ...]): labels that the token after the run does not have, if there is one.
    """

    unit: int
    start: int
    labels: tuple[int, ...]
    not_next: tuple[int, ...] = ()


def run_probabilities(scores: Parts, runs: Sequence[Run]) -> Floats1d:
    """Exact probabilities of runs under a linear chain. With a and b as in `log_messages`,

        log P = a_start(y_start) + sum_i (transition[y_(i-1), y_i] + unary[i, y_i]) + b_end(y_end)
                - log Z

    in probability space, by the messages of `scaled_messages`; in log space for the units in which
    these lost mass.
    scores (Parts): of a `LinearChain`.
    RETURNS (Floats1d): (runs,) float64.
    """
    xp = scores.xp
    if not runs:
        return xp.zeros(0)
    units, place = numpy.unique([run.unit for run in runs], return_inverse=True)
    chains = sorted_chains(scores if len(units) == scores.n_units else scores[xp.asarray(units)])
    place = to_numpy(xp.argsort(chains.order))[place]
    with numpy.errstate(all="ignore"):  # what overflows or underflows is found
        messages = scaled_messages(xp, chains)
        good = to_numpy(_kept_mass(xp, chains, messages))
        found = xp.minimum(_scaled_probabilities(xp, chains, messages, place, runs), 1.0)
    wrong = numpy.flatnonzero(~good[place])
    if len(wrong):
        log = log_messages(xp, chains)
        logs = [_log_probability(xp, chains, log, int(place[i]), runs[i]) for i in wrong.tolist()]
        found[xp.asarray(wrong)] = xp.exp(xp.minimum(xp.asarray(logs), 0.0))
    return found


def _kept_mass(xp: ArrayModule, chains: Chains, messages: Scaled) -> Any:
    """(B,) bool, whether the marginals of each token sum to 1."""
    sums = xp.einsum("nbc,nbc->bn", messages.a, messages.back)
    inside = xp.arange(sums.shape[1])[None] < chains.lengths[:, None]
    return (xp.abs(sums - inside) <= TOLERANCE).all(axis=1) & xp.isfinite(messages.log_z)


def _scaled_probabilities(
    xp: ArrayModule, chains: Chains, messages: Scaled, place: Ints1d, runs: Sequence[Run]
) -> Floats1d:
    """P = a_start(y_start) prod_i A(y_(i-1), y_i) e_i(y_i) / c_i b_end(y_end).

    place (Ints1d): (runs,) where the unit of each is in `chains`.
    """
    _, A, a, ahead, back, e, c = messages
    lengths = numpy.asarray([len(run.labels) for run in runs])
    labels = numpy.zeros((len(runs), lengths.max()), dtype="int64")
    for row, run in zip(labels, runs):
        row[: len(run.labels)] = run.labels
    unit, start, lengths, labels = map(
        xp.asarray, (place, [run.start for run in runs], lengths, labels)
    )
    table = xp.zeros_like(unit) if len(A) == 1 else unit
    found = a[start, unit, labels[:, 0]]
    for i in range(1, labels.shape[1]):
        (on,) = xp.nonzero(lengths > i)
        token, label = start[on] + i, labels[on, i]
        step = A[table[on], labels[on, i - 1], label] * e[token, unit[on], label]
        found[on] *= step / c[token, unit[on]]
    end, last = start + lengths - 1, labels[xp.arange(len(unit)), lengths - 1]
    after = back[end, unit, last]
    ending = chains.lengths[unit] == end + 1
    for i, run in enumerate(runs):
        if run.not_next and not ending[i]:
            following = A[table[i], last[i]] * ahead[end[i] + 1, unit[i]]
            following[list(run.not_next)] = 0.0
            after[i] = following.sum()
    result: Floats1d = found * after
    return result


def _log_probability(
    xp: ArrayModule, chains: Chains, messages: Messages, unit: int, run: Run
) -> float:
    """Return log P. unit (int): where the run's unit is in `chains`."""
    transition = chains.transition[0 if len(chains.transition) == 1 else unit]
    total = messages.before[run.start, unit, run.labels[0]]
    for i, (label, following) in enumerate(zip(run.labels, run.labels[1:]), run.start + 1):
        total += transition[label, following] + chains.unary[unit, i, following]
    end, last = run.start + len(run.labels) - 1, run.labels[-1]
    after = messages.after[end, unit, last]
    if run.not_next and end + 1 < int(chains.lengths[unit]):
        ahead = chains.unary[unit, end + 1] + messages.after[end + 1, unit]
        ahead = transition[last] + ahead
        ahead[list(run.not_next)] = -float("inf")
        after = log_sum(xp, ahead, axis=-1)
    return float(total + after - messages.log_z[unit])
