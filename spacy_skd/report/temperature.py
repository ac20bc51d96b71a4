"""The temperature of probabilities that are to be true."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy

from ..errors import HOTTEST

SPREAD = 1.0  # standard deviation of log T, before anything is known of it
STEP = 0.5  # of log T, at first
TOLERANCE = 0.01  # of log T
DIGITS = 4  # of T that are told: far below its error
CURVED = 0.1  # of log T, over which the curvature is measured


class Temperature(NamedTuple):
    """value (float): T. error (float): the standard error of log T, about that of T as a share."""

    value: float
    error: float


def fit_temperature(nll: Callable[[float], float], *, start: float = 1.0) -> Temperature:
    """Return the T of the least

    nll(T) + (log T)^2 / (2 * SPREAD^2),

    a negative log likelihood in nats of all observations, and of T a log-normal prior. Of
    hundreds of observations the prior says next to nothing; where none is wrong, whose likelihood
    has no maximum, it keeps T finite. The error is that of a normal approximation at the minimum:
    1 / sqrt(second derivative) (Laplace's method).

    nll (Callable[[float], float]): of T; unimodal. start (float): a T where the search begins.
    """

    def loss(log_t: float) -> float:
        return nll(_allowed(log_t)) + (log_t / SPREAD) ** 2 / 2

    best, lowest = _minimum(loss, start=math.log(start))
    sides = loss(best - CURVED) + loss(best + CURVED)
    curvature = (sides - 2 * lowest) / CURVED**2
    value = float(f"{_allowed(best):.{DIGITS}g}")
    return Temperature(value, 1 / math.sqrt(max(curvature, 1 / SPREAD**2)))


def _allowed(log_t: float) -> float:
    """Return T, of those that a component may have."""
    return min(max(math.exp(log_t), 1 / HOTTEST), HOTTEST)


def _minimum(loss: Callable[[float], float], *, start: float) -> tuple[float, float]:
    """Return the place of the least loss near the start, and the loss: by parabolas through three
    points around it, or, where these are of no use, by halving the wider side."""
    points = sorted((x, loss(x)) for x in (start - STEP, start, start + STEP))
    while points[0][1] < points[1][1]:
        points = [_step(loss, points[0], points[1]), *points[:2]]
    while points[2][1] < points[1][1]:
        points = [*points[1:], _step(loss, points[2], points[1])]
    while points[2][0] - points[0][0] > 4 * TOLERANCE:
        (low, _), (middle, _), (high, _) = points
        x = _vertex(points)
        wider = (low, middle) if middle - low > high - middle else (middle, high)
        is_lopsided = wider[1] - wider[0] > 10 * min(middle - low, high - middle)
        if is_lopsided or not low + TOLERANCE < x < high - TOLERANCE:
            x = sum(wider) / 2
        elif abs(x - middle) < TOLERANCE:  # a point beside it bounds it on that side
            x = middle + (TOLERANCE if wider[1] == high else -TOLERANCE)
        points = sorted([*points, (x, loss(x))])
        least = min(range(1, 3), key=lambda i: points[i][1])
        points = points[least - 1 : least + 2]
    best = min(max(_vertex(points), points[0][0]), points[2][0])
    return best, loss(best)


def _step(
    loss: Callable[[float], float], outer: tuple[float, float], inner: tuple[float, float]
) -> tuple[float, float]:
    """Return a point twice as far beyond the outer one as that is from the inner one."""
    x = outer[0] + 2 * (outer[0] - inner[0])
    return x, loss(x)


def _vertex(points: list[tuple[float, float]]) -> float:
    """Return where the parabola through three points is least; the middle one if it is flat."""
    x, y = numpy.asarray(points).T
    slopes = numpy.diff(y) / numpy.diff(x)
    curvature = (slopes[1] - slopes[0]) / (x[2] - x[0])
    if not curvature > 0:
        return float(x[1])
    return float((x[0] + x[1]) / 2 - slopes[0] / (2 * curvature))
