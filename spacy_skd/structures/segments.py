"""Labelled spans that do not overlap: semi-Markov chains of order 0.

Sarawagi & Cohen, "Semi-Markov Conditional Random Fields for Information Extraction" (NIPS 2004).
With S(i, w) = log sum_l exp(span[i, w, l]), of the spans of w + 1 tokens from token i on, where
S(i, 0) has a term more, exp(0) for a token outside,

    F(0) = 0,  F(j) = log sum_w exp(F(j - w - 1) + S(j - w - 1, w))
    G(n) = 0,  G(i) = log sum_w exp(S(i, w) + G(i + w + 1))
    log P(i, w, l) = F(i) + span[i, w, l] + G(i + w + 1) - F(n)

F and G in log space: their sums run over widths alone, labels are summed before.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy

from ..arrays import ArrayModule, Floats1d, Floats2d, Floats3d, Ints1d
from .base import check_k
from .draws import draw
from .forward_backward import log_sum
from .k_best import likely_pairs, top
from .parts import POSSIBLE_ABOVE, Parts, softmax
from .spans import SpanStructure, inside


@dataclass(frozen=True)
class FlatSegments(SpanStructure):
    """Labelled spans that do not overlap; a token that no span covers scores 0."""

    name: ClassVar[str] = "segments"

    def infer(self, scores: Parts) -> tuple[Floats1d, Parts]:
        xp, span = scores.xp, self.checked(scores)
        sums, shares = _over_labels(xp, span, scores.mask)
        outside = _with_outside(xp, sums)
        before, after = _forward(xp, outside), _backward(xp, outside)
        log_z = before[:, -1]
        ahead = _windows(xp, after, self.max_width, start=1)
        covered = xp.exp(before[:, :-1, None] + sums + ahead - log_z[:, None, None])
        marginals = shares * covered.astype(span.dtype)[..., None]
        return log_z, Parts({"span": marginals}, scores.lengths)

    def argmax(self, scores: Parts) -> Parts:
        return self.k_best(scores, k=1)[1][0]

    def k_best(self, scores: Parts, *, k: int) -> tuple[Floats2d, list[Parts]]:
        check_k(self.name, k)
        xp = scores.xp
        options = _options(xp, self.checked(scores), scores.mask)
        values, labels = _best_options(xp, options, k)
        totals, steps = _best_ends(xp, values, k)
        found = [
            Parts({"span": xp.zeros_like(scores.arrays["span"])}, scores.lengths) for _ in range(k)
        ]
        for rank, parts in enumerate(found):
            _trace(xp, steps, labels, totals[:, rank], rank, parts.arrays["span"])
        return totals, found

    def sample(self, scores: Parts, *, rng: numpy.random.Generator) -> Parts:
        """From left to right: the next span, or token outside, given where the last one ended."""
        xp, span = scores.xp, self.checked(scores)
        after = _backward(xp, _with_outside(xp, _over_labels(xp, span, scores.mask)[0]))
        ahead = _windows(xp, after, self.max_width, start=1)
        options = _options(xp, span, scores.mask)
        drawn = xp.zeros_like(scores.arrays["span"])
        lengths = xp.asarray(scores.lengths)
        units = xp.nonzero(lengths > 0)[0]
        token = xp.zeros(len(units), dtype="int64")
        while len(units):
            rows = options[units, token] + ahead[units, token, :, None]
            option = draw(xp, rows.reshape(len(units), -1), rng)
            width, label = xp.divmod(option, options.shape[3])
            _mark(xp, drawn, units, token, width, label)
            token = token + width + 1
            going_on = token < lengths[units]
            units, token = units[going_on], token[going_on]
        return Parts({"span": drawn}, scores.lengths)


def _over_labels(xp: ArrayModule, span: Any, mask: Any) -> tuple[Floats3d, Any]:
    """Return (B, N, W) log sums over labels, -inf where impossible or padding; (B, N, W, L) the
    labels' shares, in the dtype of the scores."""
    sums, shares = softmax(span)
    possible = inside(xp, mask, span.shape[2]) & (sums > POSSIBLE_ABOVE) & bool(span.shape[3])
    return xp.where(possible, sums, -xp.inf), shares


def _with_outside(xp: ArrayModule, sums: Floats3d) -> Floats3d:
    """Spans of one token, or none: tokens in the padding are outside, which changes nothing."""
    sums = sums.copy()
    sums[:, :, 0] = xp.logaddexp(sums[:, :, 0], 0.0)
    return sums


def _options(xp: ArrayModule, span: Any, mask: Any) -> Any:
    """(B, N, W, 1 + L) float64 nats of what can begin at a token, -inf where impossible or padding:
    in the first column and width the token outside, then the labels."""
    b, n, w, n_labels = span.shape
    options = xp.full((b, n, w, 1 + n_labels), -xp.inf)
    options[:, :, :1, 0] = 0.0
    possible = inside(xp, mask, w)[..., None] & (span > POSSIBLE_ABOVE)
    options[..., 1:] = xp.where(possible, span, -xp.inf)
    return options


def _forward(xp: ArrayModule, sums: Floats3d) -> Floats2d:
    """Return (B, N + 1) F."""
    return _backward(xp, _by_end(xp, sums)[:, ::-1])[:, ::-1]


def _backward(xp: ArrayModule, sums: Floats3d) -> Floats2d:
    """Return (B, N + 1) G."""
    b, n, w = sums.shape
    after = xp.full((b, n + w), -xp.inf)
    after[:, n] = 0.0
    for i in range(n - 1, -1, -1):
        # G(i) = log sum_w exp(S(i, w) + G(i + w + 1))
        after[:, i] = log_sum(xp, sums[:, i] + after[:, i + 1 : i + 1 + w], axis=1)
    return after[:, : n + 1]


def _by_end(xp: ArrayModule, starts: Floats3d) -> Floats3d:
    """(B, N, W, ...) what is at [i, w] of the spans from token i on, at [i + w, w]; else -inf."""
    ends = xp.full(starts.shape, -xp.inf)
    n = starts.shape[1]
    for w in range(min(n, starts.shape[2])):
        ends[:, w:, w] = starts[:, : n - w, w]
    return ends


def _windows(xp: ArrayModule, values: Floats2d, width: int, *, start: int) -> Floats3d:
    """(B, N, W) at [i, w] the value at i + w + start; -inf beyond. values: (B, N + 1)."""
    b, n = values.shape[0], values.shape[1] - 1
    padded = xp.full((b, n + width + start), -xp.inf)
    padded[:, : n + 1] = values
    index = xp.arange(n)[:, None] + xp.arange(width) + start
    return padded[:, index]


class _Step(NamedTuple):
    width: Any  # (B, k) of the last span
    option: Any  # (B, k) which of its options
    rank: Any  # (B, k) which of the k ways to where it starts


def _best_options(xp: ArrayModule, options: Any, k: int) -> tuple[Any, Any]:
    """Return the k best options of each span: (B, N, W, m) scores, highest first; columns."""
    labels = top(xp, options, k)
    return xp.take_along_axis(options, labels, axis=-1), labels


def _best_ends(xp: ArrayModule, values: Any, k: int) -> tuple[Floats2d, list[_Step]]:
    """Viterbi with k entries a token. RETURNS: (B, k) totals of whole units; a step a token."""
    b, n, w, m = values.shape
    ends = _by_end(xp, values)
    state = xp.full((b, w + n, k), -xp.inf)  # w entries before the first token
    state[:, w - 1, 0] = 0.0
    option, rank = likely_pairs(xp, m, k, k)
    steps = []
    for j in range(n):
        # widths descending is starts ascending: state[j] is where a span of w + 1 tokens starts
        starts = state[:, j : j + w][:, ::-1]
        sums = (ends[:, j][..., option] + starts[..., rank]).reshape(b, w * len(option))
        where = top(xp, sums, k)
        found = xp.take_along_axis(sums, where, axis=1)
        state[:, w + j, : found.shape[1]] = found
        where = _padded(xp, where, k)
        width, pair = xp.divmod(where, len(option))
        steps.append(_Step(width, option[pair], rank[pair]))
    return state[:, w - 1 + n], steps


def _padded(xp: ArrayModule, where: Any, k: int) -> Any:
    wider = xp.zeros((len(where), k), dtype="int64")
    wider[:, : where.shape[1]] = where
    return wider


def _trace(
    xp: ArrayModule, steps: list[_Step], labels: Any, totals: Floats1d, rank: int, span: Any
) -> None:
    """Write the structure of one rank of each unit into `span`, from its last token back."""
    units = xp.nonzero(xp.isfinite(totals))[0]
    end = xp.full(len(units), len(steps) - 1)
    ranks = xp.full(len(units), rank)
    if not steps:
        return
    widths, options, before = (xp.stack(column) for column in zip(*steps))
    while len(units):
        here = (end, units, ranks)
        width, option, ranks = widths[here], options[here], before[here]
        start = end - width
        _mark(xp, span, units, start, width, labels[units, start, width, option])
        end = start - 1
        going_on = end >= 0
        units, end, ranks = units[going_on], end[going_on], ranks[going_on]


def _mark(
    xp: ArrayModule, span: Any, units: Ints1d, start: Ints1d, width: Ints1d, label: Ints1d
) -> None:
    """label: 0 for a token outside, else 1 + the label."""
    real = label > 0
    span[units[real], start[real], width[real], label[real] - 1] = 1
