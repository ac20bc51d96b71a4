"""Projective trees of a batch, exact whatever the scores: in numbers where safe, else in logs.

Each token's weights are normalised to sum to 1 over its heads. Then no sum over trees, or over
parts of trees, is above 1, so a product that underflows takes at most the smallest number from any
of them; and Z, now the probability that independent heads form a tree, tells how much that is.
"""

from dataclasses import fields
from typing import Any

import numpy

from ...arrays import ArrayModule, Floats1d, Floats2d, Floats3d, Ints1d
from ..parts import POSSIBLE_ABOVE, softmax
from ..rings import Logarithms, Numbers
from .charts import Charts, inside, outside, total_of

# log Z in nats of normalised weights. The smallest number is exp(-708). Each of n^3 products may
# lose that much, in units of 400 tokens less than exp(-35) of a Z above this.
LEAST = -650.0
NUMBERS, LOGARITHMS = Numbers(), Logarithms()


def infer_trees(
    xp: ArrayModule, arc: Floats3d, lengths: Ints1d, *, single_root: bool
) -> tuple[Floats1d, Floats3d]:
    """arc (Floats3d): (B, N, N + 1) float64 scores in nats. lengths (Ints1d): (B,).

    RETURNS (tuple[Floats1d, Floats3d]): log Z (B,), -inf where there is no tree; marginals
        (B, N, N + 1), exactly 0 for impossible arcs.
    """
    weights, log_weights, norm = _normalised(xp, arc, lengths)
    charts = inside(xp, NUMBERS, weights, single_root=single_root)
    total = total_of(xp, charts, lengths)
    good = total > numpy.exp(LEAST)
    shares = xp.where(good, 1.0 / xp.where(good, total, 1.0), 0.0)
    seed = _at_ends(xp, shares, lengths, like=charts.total, zero=0.0)
    marginals = outside(xp, NUMBERS, weights, charts, seed, single_root=single_root)
    log_z = xp.log(xp.where(good, total, 1.0))
    bad = xp.nonzero(~good)[0]
    if len(bad):
        log_z[bad], marginals[..., bad] = _in_log_space(
            xp, log_weights[..., bad], lengths[bad], single_root=single_root
        )
    return log_z + norm, xp.minimum(marginals[1:].transpose(2, 0, 1), 1.0)


def log_charts(xp: ArrayModule, arc: Floats3d, lengths: Ints1d, *, single_root: bool) -> Charts:
    """Return the logarithms of `inside`, of normalised weights. Arguments as those of
    `infer_trees`."""
    weights, log_weights, _ = _normalised(xp, arc, lengths)
    charts = inside(xp, NUMBERS, weights, single_root=single_root)
    bad = xp.nonzero(total_of(xp, charts, lengths) <= numpy.exp(LEAST))[0]
    with numpy.errstate(divide="ignore"):
        logs = Charts(*(xp.log(getattr(charts, field.name)) for field in fields(Charts)))
    if len(bad):
        exact = inside(xp, LOGARITHMS, log_weights[..., bad], single_root=single_root)
        for field in fields(Charts):
            getattr(logs, field.name)[..., bad] = getattr(exact, field.name)
    return logs


def _normalised(
    xp: ArrayModule, arc: Floats3d, lengths: Ints1d
) -> tuple[Floats3d, Floats3d, Floats1d]:
    """Return weights (M, M, B) of [dependent, head], which sum to 1 over heads; their
    logarithms; (B,) what was taken from the score of every tree, in nats."""
    b, n, _ = arc.shape
    sums, shares = softmax(arc)
    possible = (arc > POSSIBLE_ABOVE).transpose(1, 2, 0)
    weights, logs = xp.zeros((n + 1, n + 1, b)), xp.full((n + 1, n + 1, b), -xp.inf)
    weights[1:] = xp.where(possible, shares.transpose(1, 2, 0), 0.0)
    logs[1:] = xp.where(possible, (arc - sums[..., None]).transpose(1, 2, 0), -xp.inf)
    real = xp.arange(n)[None] < xp.asarray(lengths)[:, None]
    return weights, logs, (sums * real).sum(axis=1)


def _at_ends(
    xp: ArrayModule, values: Floats1d, lengths: Ints1d, *, like: Floats2d, zero: float
) -> Any:
    """(M, B) each unit's value where it ends, else zero."""
    seed = xp.full(like.shape, zero)
    seed[xp.asarray(lengths), xp.arange(len(values))] = values
    return seed


def _in_log_space(
    xp: ArrayModule, log_weights: Floats3d, lengths: Ints1d, *, single_root: bool
) -> tuple[Floats1d, Floats3d]:
    """Return log Z of the weights; (M, M, B) marginals."""
    charts = inside(xp, LOGARITHMS, log_weights, single_root=single_root)
    total = total_of(xp, charts, lengths)
    shares = -xp.where(xp.isfinite(total), total, 0.0)
    seed = _at_ends(xp, shares, lengths, like=charts.total, zero=-xp.inf)
    arcs = outside(xp, LOGARITHMS, log_weights, charts, seed, single_root=single_root)
    return total, xp.exp(arcs)
