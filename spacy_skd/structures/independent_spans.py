"""Labelled spans, each chosen on its own: they may nest and cross.

With s(l) the scores of the labels of a span, relative to "not a span", all spans of up to max_width
tokens are independent, and

    P(span has l) = exp s(l) / (1 + sum_m exp s(m))      one of the labels, or none
    P(span has l) = exp s(l) / (1 + exp s(l))            each label a yes or no

so either is a choice among columns the first of which, "none", scores 0; log Z is the sum over the
choices of log(1 + sum exp s).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy

from ..arrays import ArrayModule, Floats1d, Floats2d, FloatsXd
from .base import check_k
from .draws import draw
from .k_best import best_rows, padded, top
from .parts import POSSIBLE_ABOVE, Parts
from .spans import SpanStructure, inside


@dataclass(frozen=True)
class IndependentSpans(SpanStructure):
    """Labelled spans that may overlap. Parts: span (B, N, W, L), W = max_width.

    one_label (bool): whether a span has one of the labels, or none; else each label is a yes or no.
    """

    one_label: bool = True
    name: ClassVar[str] = "independent_spans"

    def infer(self, scores: Parts) -> tuple[Floats1d, Parts]:
        xp, choices = scores.xp, self._choices(scores)
        highest = xp.maximum(choices.max(axis=-1), 0)
        weights = xp.exp(choices - highest[..., None])
        total = weights.sum(axis=-1, dtype="float64") + xp.exp(-highest)
        log_z = (xp.log(total) + highest).sum(axis=tuple(range(1, total.ndim)))
        marginals = weights / total[..., None].astype(weights.dtype)
        return log_z, self._parts(marginals, scores)

    def said(self, span: FloatsXd) -> FloatsXd:
        return super().said(span) if self.one_label else span

    def argmax(self, scores: Parts) -> Parts:
        xp, choices = scores.xp, self._choices(scores)
        columns = choices.argmax(axis=-1)[..., None]
        best = xp.take_along_axis(choices, columns, axis=-1)
        indicators = xp.zeros_like(choices)
        xp.put_along_axis(indicators, columns, (best > 0).astype(choices.dtype), axis=-1)
        return self._parts(indicators, scores)

    def k_best(self, scores: Parts, *, k: int) -> tuple[Floats2d, list[Parts]]:
        """See `Structure.k_best`. Whatever is not the best choice somewhere, each of the others
        alone costs less whose second best is nearer to their best: so the k best differ from the
        best where the k - 1 smallest such gaps are."""
        check_k(self.name, k)
        xp, choices = scores.xp, self._choices(scores)
        if not choices.size:
            none = self._parts(choices, scores)
            return padded(xp, xp.zeros((scores.n_units, 1)), k, value=-xp.inf), [none] * k
        rows = _with_none(xp, choices.reshape(scores.n_units, -1, choices.shape[-1]))
        columns = rows.argmax(axis=-1)
        best = xp.take_along_axis(rows, columns[..., None], axis=-1)[..., 0]
        places = _closest(xp, rows, best, k)
        few = xp.take_along_axis(rows, places[..., None], axis=1)
        totals, chosen = best_rows(xp, few, xp.ones(places.shape, dtype=bool), k)
        elsewhere = best.sum(axis=1) - xp.take_along_axis(best, places, axis=1).sum(axis=1)
        exists = xp.isfinite(totals)
        ranked = []
        for rank in range(k):
            of_rank = columns.copy()
            xp.put_along_axis(of_rank, places, xp.maximum(chosen[:, rank], 0), axis=1)
            of_rank *= exists[:, rank, None]
            ranked.append(self._parts(_indicated(xp, of_rank, choices), scores))
        return totals + elsewhere[:, None], ranked

    def sample(self, scores: Parts, *, rng: numpy.random.Generator) -> Parts:
        xp, choices = scores.xp, self._choices(scores)
        columns = xp.zeros(choices.shape[:-1], dtype="int64")
        within = inside(xp, scores.mask, self.max_width)
        rows = _with_none(xp, choices[within])
        drawn = draw(xp, rows.reshape(-1, rows.shape[-1]), rng)
        columns[within] = drawn.reshape(rows.shape[:-1])
        return self._parts(_indicated(xp, columns, choices), scores)

    def _choices(self, scores: Parts) -> Any:
        """(B, N, W, L), or (B, N, W, L, 1) of yes and no: scores of all columns but "none", -inf
        where impossible or padding."""
        xp, span = scores.xp, self.checked(scores)
        within = inside(xp, scores.mask, self.max_width)[..., None]
        span = xp.where(within & (span > POSSIBLE_ABOVE), span, -xp.inf)
        return span if self.one_label else span[..., None]

    def _parts(self, choices: Any, scores: Parts) -> Parts:
        return Parts({"span": choices.reshape(scores.arrays["span"].shape)}, scores.lengths)


def _with_none(xp: ArrayModule, choices: Any) -> Any:
    """(..., C) to (..., 1 + C) float64, of which the first, "none", scores 0."""
    rows = xp.zeros((*choices.shape[:-1], 1 + choices.shape[-1]))
    rows[..., 1:] = choices
    return rows


def _indicated(xp: ArrayModule, columns: Any, choices: Any) -> Any:
    """Return indicators, as `choices`. columns: one a choice, 0 for none."""
    indicators = xp.zeros((columns.size, choices.shape[-1]), dtype=choices.dtype)
    (rows,) = xp.nonzero(columns.ravel())
    indicators[rows, columns.ravel()[rows] - 1] = 1
    return indicators.reshape(choices.shape)


def _closest(xp: ArrayModule, rows: Any, best: Any, k: int) -> Any:
    """(B, at most k - 1) the choices, in their order, whose second best column is nearest to the
    best. rows: (B, choices, columns). best: (B, choices) the highest of each."""
    flat = rows.reshape(-1, rows.shape[-1])
    second = xp.take_along_axis(flat, top(xp, flat, 2)[:, 1:], axis=-1)
    return xp.sort(top(xp, second.reshape(best.shape) - best, max(1, k - 1)), axis=1)
