"""Probabilities of runs of labels in linear chains: of an entity, say, and not of its tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..arrays import ArrayModule, Floats1d
from .chain import sorted_chains
from .forward_backward import Chains, Messages, log_messages, log_sum
from .parts import Parts


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

    scores (Parts): of a `LinearChain`.
    RETURNS (Floats1d): (runs,) float64.
    """
    xp = scores.xp
    if not runs:
        return xp.zeros(0)
    chains = sorted_chains(scores)
    messages = log_messages(xp, chains)
    back = xp.argsort(chains.order)
    found = [_log_probability(xp, chains, messages, int(back[run.unit]), run) for run in runs]
    return xp.exp(xp.minimum(xp.asarray(found), 0.0))


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
