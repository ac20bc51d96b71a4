"""Draws from categorical distributions that are given by scores, for a whole batch at once."""

from typing import Any

import numpy

from ..arrays import ArrayModule, Floats2d, Floats3d, Ints1d
from .parts import POSSIBLE_ABOVE


def draw(xp: ArrayModule, scores: Floats2d, rng: numpy.random.Generator) -> Ints1d:
    """One column of each row by P(column) = softmax(scores)[column]; never one of score -inf.

    scores (Floats2d): (R, C) nats, at least one of each row above -inf.
    rng (Generator): gives one number a row, in their order.
    """
    if not len(scores):
        return xp.zeros(0, dtype="int64")
    weights = xp.exp(scores - scores.max(axis=1, keepdims=True))
    sums = xp.cumsum(weights, axis=1)
    total = sums[:, -1]
    uniform = xp.asarray(rng.random(len(scores)))
    threshold = xp.minimum(uniform * total, xp.nextafter(total, 0.0))
    columns: Ints1d = (sums <= threshold[:, None]).sum(axis=1)
    return columns


def draw_rows(
    xp: ArrayModule, scores: Floats3d, mask: Any, rng: numpy.random.Generator
) -> Floats3d:
    """Return indicators of one column for each token, drawn independently.

    scores (Floats3d): (B, N, C) nats. mask: (B, N) bool, False in the padding.
    """
    drawn = xp.zeros_like(scores)
    unit, token = xp.nonzero(mask)
    rows = scores[unit, token].astype("float64")
    rows = xp.where(rows > POSSIBLE_ABOVE, rows, -xp.inf)
    drawn[unit, token, draw(xp, rows, rng)] = 1
    return drawn
