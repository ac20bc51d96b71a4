"""Draws from categorical distributions that are given by scores, for a whole batch at once."""

from typing import Any

import numpy
from thinc.types import Floats2d, Floats3d, Ints1d

from .numerics import to_numpy


def uniforms(xp: Any, rng: numpy.random.Generator, mask: Any, *, columns: int) -> Floats3d:
    """Numbers of [0, 1) for each token, in the order of units and tokens; the padding takes none.

    mask: (B, N) bool, False in the padding.
    RETURNS (Floats3d): (B, N, columns).
    """
    inside = to_numpy(mask)
    numbers = numpy.zeros((*inside.shape, columns))
    numbers[inside] = rng.random((int(inside.sum()), columns))
    return xp.asarray(numbers)


def draw(xp: Any, scores: Floats2d, uniform: Any) -> Ints1d:
    """One column of each row by P(column) = softmax(scores)[column]; never one of score -inf.

    scores (Floats2d): (R, C) nats, at least one of each row above -inf. uniform: (R,) of [0, 1).
    """
    weights = xp.exp(scores - scores.max(axis=1, keepdims=True))
    sums = xp.cumsum(weights, axis=1)
    total = sums[:, -1]
    threshold = xp.minimum(uniform * total, xp.nextafter(total, 0.0))
    return (sums <= threshold[:, None]).sum(axis=1)
