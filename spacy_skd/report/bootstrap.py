"""F1 and accuracy from counts of facts, and how sure a difference between two systems is.

Counts are (..., 3): facts that are right, that the system says, that gold says. Systems were scored
on the same docs.
"""

from typing import NamedTuple

import numpy

from ..arrays import Array, Floats1d, Floats2d

SAMPLES = 2000
BOUNDS = (2.5, 97.5)  # percentiles


class Difference(NamedTuple):
    """Of a system and another.

    mean (float): of the docs themselves. low, high (float): the 95 % interval. p (float): the share
        of samples in which the system is not above the other. p_either (float): of a difference in
        either direction, twice the smaller share.
    """

    mean: float
    low: float
    high: float
    p: float
    p_either: float

    @property
    def is_sure(self) -> bool:
        """Tell whether the interval is on one side of 0."""
        return self.low > 0 or self.high < 0


def f1(counts: Array) -> Floats1d:
    """Return (...,) F1; the accuracy where a system says as many facts as gold; 0 of none."""
    scores: Floats1d = 2 * counts[..., 0] / numpy.maximum(1, counts[..., 1] + counts[..., 2])
    return scores


def resampling(
    n: int, *, samples: int = SAMPLES, seed: int = 0, dtype: str = "float64"
) -> Floats2d:
    """Return (samples + 1, n), how often each of n docs is in a sample, drawn with replacement; the
    first sample is the docs themselves."""
    draws = numpy.random.default_rng(seed)
    weights: Floats2d = numpy.ones((samples + 1, n), dtype=dtype)
    for row in weights[1:]:
        row[:] = numpy.bincount(draws.integers(0, n, n), minlength=n)
    return weights


def difference(ours: Floats1d, theirs: Floats1d) -> Difference:
    """Compare two systems by the paired bootstrap (Koehn 2004, section 4).

    ours, theirs: (samples + 1,) scores in the same samples, the first of the docs themselves; NaN
        in a sample that has nothing to score, which then does not count.
    """
    apart = (ours - theirs)[1:]
    apart = apart[~numpy.isnan(apart)]
    low, high = numpy.percentile(apart, BOUNDS)
    p, p_opposite = float((apart <= 0).mean()), float((apart >= 0).mean())
    mean = float((ours - theirs)[0])
    return Difference(mean, float(low), float(high), p, min(1.0, 2 * p, 2 * p_opposite))
