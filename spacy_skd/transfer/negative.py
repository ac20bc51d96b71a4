"""The loss of spans of which it is known that they are none.

With P the student's distribution and s_k its scores restricted to set k of the structures that lack
a span (`codecs/absence.py`),

    L = - log(1 - P(span)) = log Z(s) - log sum_k Z(s_k)
    dL / ds = P(s) - sum_k q_k P(s_k),      q_k = Z(s_k) / sum_j Z(s_j)

so 1 - P is never formed, and both are exact where the student is all but certain of the span.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy

from ..arrays import Array, ArrayModule, Floats1d
from ..codecs.absence import Window
from ..structures import IMPOSSIBLE, Parts, Structure
from ..structures.forward_backward import log_sum
from .posterior import Target

_MOST_CELLS = 2**22  # scores that are inferred at once, of one negative span at least


class Negative(NamedTuple):
    """unit (int): of the batch. without (list[Window]): its structures that lack the span; empty
    where all do, which costs nothing."""

    unit: int
    without: list[Window]


def negative_loss(
    structure: Structure, scores: Parts, negatives: Sequence[Negative], *, weights: Floats1d
) -> tuple[float, Parts]:
    """Return - log(1 - P(span)) of each negative span by itself, summed.

    scores (Parts): the student's, in nats.
    weights (Floats1d): (B,) of what is known of each unit.
    RETURNS (tuple[float, Parts]): loss in nats, gradient at the scores.
    """
    xp = scores.xp
    total = 0.0
    negatives = [negative for negative in negatives if negative.without]
    d_scores = {name: xp.zeros(a.shape, dtype=a.dtype) for name, a in scores.arrays.items()}
    if not negatives:
        return total, Parts(d_scores, scores.lengths)
    units = sorted({negative.unit for negative in negatives})
    log_z, marginals = structure.infer(scores[xp.asarray(units)])
    for chunk in _chunks(negatives, cells=_cells(scores)):
        log_zs, lacking = structure.infer(_restricted(scores, chunk))
        first = 0
        for unit, without in chunk:
            sets = slice(first, first + len(without))
            first = sets.stop
            row, weight = units.index(unit), float(weights[unit])
            log_absent = log_sum(xp, log_zs[sets], axis=0)
            total += weight * max(0.0, float(log_z[row] - log_absent))
            shares = xp.exp(log_zs[sets] - log_absent)
            for name, array in d_scores.items():
                absent = xp.tensordot(shares, lacking.arrays[name][sets], axes=1)
                array[unit] += weight * (marginals.arrays[name][row] - absent)
    return total, Parts(d_scores, scores.lengths)


def gold_shares(n_units: int, *, weight: float, target: Target | None) -> Array:
    """Return (B,) float64 weights of what is known of each unit: 1 - w, and 1 where no teacher
    speaks.

    weight (float): w, the teacher's share. target (Target | None): None without a teacher.
    """
    shares = numpy.ones(n_units)
    if target is not None:
        speaks = True if target.silent is None else ~target.silent
        shares[speaks] = 1.0 - weight
    return shares


def _cells(scores: Parts) -> int:
    """Count scores of one unit."""
    return int(sum(array[0].size for array in scores.arrays.values()))


def _chunks(negatives: Sequence[Negative], *, cells: int) -> Iterator[list[Negative]]:
    chunk: list[Negative] = []
    n_sets = 0
    for negative in negatives:
        if chunk and (n_sets + len(negative.without)) * cells > _MOST_CELLS:
            yield chunk
            chunk, n_sets = [], 0
        chunk.append(negative)
        n_sets += len(negative.without)
    if chunk:
        yield chunk


def _restricted(scores: Parts, negatives: Sequence[Negative]) -> Parts:
    """Return the scores of each set of structures, as units of their own."""
    xp: ArrayModule = scores.xp
    units = [negative.unit for negative in negatives for _ in negative.without]
    windows = [window for negative in negatives for window in negative.without]
    restricted = scores[xp.asarray(units)]
    rows = next(a for name, a in restricted.arrays.items() if name != "transition")
    for row, (start, allowed) in zip(rows, windows):
        row[start : start + len(allowed)][~xp.asarray(allowed)] = IMPOSSIBLE
    return restricted
