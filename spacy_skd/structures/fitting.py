"""Scores of given marginals: of all distributions of a structure the one that is nearest.

For marginals m of any distribution Q over the same structures, the scores s that maximize

    m . s - log Z(s)                              gradient m - P_s, concave

have P_s = m where parts allow it, and KL(Q || P_s) is the least that any s has (the M-projection of
Q; Wainwright & Jordan, "Graphical Models, Exponential Families, and Variational Inference" (2008),
section 3). The step d is that in which each part would reach its marginal if no other depended on
it (iterative proportional fitting, of all parts at once),

    d(s) = odds(m) - odds(P_s)

extrapolated from the last few steps (Anderson acceleration; Walker & Ni, SIAM J. Numer. Anal. 49
(2011), section 2), where the parts count by their marginals. Where that leads downhill, a step is
taken again without, half as long.
"""

import numpy

from ..arrays import Floats1d, FloatsXd, Ints1d
from .base import Structure
from .parts import IMPOSSIBLE, Parts

TINY = 1e-12  # a probability below it is that of an impossible part
STEPS = 100
TOLERANCE = 1e-4  # of each marginal: float16, in which beliefs are stored, is not finer
MEMORY = 6  # steps that are extrapolated from


def fit(structure: Structure, target: Parts, start: Parts, *, free: str) -> tuple[Parts, Floats1d]:
    """Return scores whose marginals are those of a target, on the CPU.

    target (Parts): marginals of some distribution over the structures of `structure`.
    start (Parts): scores to begin with, of which the arrays but `free` stay as they are.
    free (str): the array that is fitted.
    RETURNS (tuple[Parts, Floats1d]): scores, float64; (B,) the largest difference of a marginal of
        `free` that is left in each unit.
    RAISES (ValueError): as `Structure.infer`.
    """
    search = _Search(structure, target, start, free)
    for _ in range(STEPS):
        units = numpy.flatnonzero((search.errors > TOLERANCE) & (search.lengths > TINY))
        if not len(units):
            break
        search.step(units)
    return search.parts(search.scores), search.errors


class _Search:
    """Where the fit of a batch is. Rows of `scores`, `residuals` (d), `steps` and `turns` (what was
    added to scores, and to residuals, by the last few steps; 0 for none) are units, flat."""

    def __init__(self, structure: Structure, target: Parts, start: Parts, free: str):
        self.structure, self.target, self.free = structure, target, free
        self.shape = target.arrays[free].shape
        self.others = {k: a.astype("float64") for k, a in start.arrays.items() if k != free}
        wanted = target.arrays[free].astype("float64").reshape(target.n_units, -1)
        self.wanted, self.possible = wanted, wanted > TINY
        self.odds = structure.odds(target)[free].reshape(wanted.shape)
        begin = start.arrays[free].astype("float64").reshape(wanted.shape)
        self.scores = numpy.where(self.possible, begin, IMPOSSIBLE)
        self.lengths = numpy.ones(len(wanted))
        self.steps, self.turns = numpy.zeros((2, MEMORY, *wanted.shape))
        everything = numpy.arange(len(wanted))
        self.values, self.residuals, self.errors = self.look(self.scores, everything)

    def parts(self, scores: FloatsXd) -> Parts:
        """Return rows as scores of units."""
        return Parts({**self.others, self.free: scores.reshape(self.shape)}, self.target.lengths)

    def look(self, scores: FloatsXd, units: Ints1d) -> tuple[Floats1d, FloatsXd, Floats1d]:
        """Return (units,) m . s - log Z(s), d of these units, (units,) the largest error."""
        parts, target = self.parts(scores)[units], self.target[units]
        log_z, marginals = self.structure.infer(parts)
        now = self.structure.odds(marginals)[self.free].reshape(len(units), -1)
        residuals = numpy.where(self.possible[units], self.odds[units] - now, 0.0)
        found = marginals.arrays[self.free].reshape(len(units), -1)
        errors = numpy.abs(found - self.wanted[units]).max(axis=1, initial=0.0)
        return target.dot(parts) - log_z, residuals, errors

    def step(self, units: Ints1d) -> None:
        """Move some units uphill, or halve their next step."""
        change = self._change(units)
        tried = self.scores.copy()
        tried[units] += change
        values, residuals, errors = self.look(tried, units)
        better = values >= self.values[units] - abs(self.values[units]) * TINY
        won, lost = units[better], units[~better]
        slot = slice(None), won
        self.steps[slot], self.turns[slot] = (numpy.roll(a[slot], 1, axis=0) for a in
                                              (self.steps, self.turns))  # fmt: skip
        self.steps[0, won] = change[better]
        self.turns[0, won] = residuals[better] - self.residuals[won]
        self.scores[won], self.values[won] = tried[won], values[better]
        self.residuals[won], self.errors[won] = residuals[better], errors[better]
        self.lengths[won] = numpy.minimum(self.lengths[won] * 2, 1.0)
        extrapolated = self.steps[0, lost].any(axis=1)
        self.steps[:, lost] = self.turns[:, lost] = 0.0
        self.lengths[lost] *= numpy.where(extrapolated, 1.0, 0.5)

    def _change(self, units: Ints1d) -> FloatsXd:
        """Return (units, parts) what is added to scores: d, less what of it the last steps say will
        come of them again."""
        plain = self.residuals[units] * self.lengths[units, None]
        steps, turns = self.steps[:, units], self.turns[:, units]
        weights = self.wanted[units]
        normal = numpy.einsum("iup,jup,up->uij", turns, turns, weights, optimize=True)
        right = numpy.einsum("iup,up,up->ui", turns, self.residuals[units], weights, optimize=True)
        ridge = 1e-8 * numpy.trace(normal, axis1=1, axis2=2) + 1e-300
        normal = normal + ridge[:, None, None] * numpy.eye(MEMORY)
        shares = numpy.linalg.solve(normal, right[..., None])[..., 0]
        change: FloatsXd = plain - numpy.einsum("ui,iup->up", shares, steps + turns)
        return change
