"""Sets of labelled spans that may overlap, as `Parts`: gold and candidates to indicators, scores to
the spans that are likely."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy

from ..arrays import Array, Bools, Floats1d, Ints2d
from ..structures import IMPOSSIBLE, Parts, to_numpy
from ..structures.parts import POSSIBLE_ABOVE
from .bioes import TypedSpan, decode_spans, encode_spans
from .trees import Gold


@dataclass(frozen=True)
class KnownSpans:
    """What is known of the spans of a doc of n words.

    spans (Sequence[TypedSpan] | None): all that there are, None if none is known. unclear
        (Sequence[TypedSpan]): of which it is not known whether they are any; their labels mean
        nothing.
    """

    n: int
    spans: Sequence[TypedSpan] | None = None
    unclear: Sequence[TypedSpan] = ()

    def __len__(self) -> int:
        return self.n

    @property
    def complete(self) -> bool:
        return self.spans is not None and not self.unclear


def spans_of_tags(tags: Sequence[str | None]) -> KnownSpans:
    """Return the spans of tags, none of which is known if a tag is not."""
    named = [tag for tag in tags if tag]
    return KnownSpans(len(tags), decode_spans(named) if len(named) == len(tags) else None)


def flat_tags(known: KnownSpans, *, scheme: str) -> Sequence[str | None]:
    """Return one tag a word, None for each if spans overlap or are not known."""
    spans = known.spans
    covered = [i for start, end, _ in spans or () for i in range(start, end)]
    if spans is None or len(covered) > len(set(covered)):
        return [None] * known.n
    return encode_spans(spans, n=known.n, scheme=scheme)


@dataclass(frozen=True, eq=False)
class SpanSetGold(Gold):
    """Gold of independent spans: span (B, N, W, L) indicators. Where a doc is annotated, all of its
    spans are known but some.

    unknown (ndarray): (B, N, W) bool, of which spans it is not known which label they have.
    """

    unknown: Array

    @property
    def complete(self) -> Any:
        return super().complete & ~self.unknown.any(axis=(1, 2))

    def restrict(self, scores: Parts, units: Any) -> Parts:
        """See `Gold.restrict`. Spans that are known are left out, too; `settle` puts them back."""
        xp, span = scores.xp, scores.arrays["span"]
        ruled_out = numpy.where(self.unknown[units], 0.0, IMPOSSIBLE)[..., None]
        span = span + xp.asarray(ruled_out, dtype=span.dtype)
        return Parts({"span": span}, scores.lengths)

    def settle(self, marginals: Parts, units: Any) -> Parts:
        return marginals + self.indicators[marginals.xp.asarray(units)]


class LeftOut(NamedTuple):
    """What of the annotation of some units a student cannot learn.

    wide (int): spans wider than `max_width`. doubled (int): spans with several labels, of which one
        can be learnt: unknown. fits (ndarray): (B,) bool, the units of which nothing is left out.
    """

    wide: int
    doubled: int
    fits: Bools


def encode_span_sets(
    known: Sequence[KnownSpans], labels: Sequence[str], *, max_width: int, one_label: bool
) -> tuple[SpanSetGold, LeftOut]:
    """Encode what is known of the docs of a bucket. A span of a label that is none of `labels` is
    unknown."""
    lengths = numpy.asarray([each.n for each in known], dtype="int64")
    shape = (len(known), int(lengths.max(initial=0)), max_width)
    span = numpy.zeros((*shape, len(labels)), dtype="float32")
    unknown, fits = numpy.zeros(shape, dtype=bool), numpy.ones(len(known), dtype=bool)
    index = {label: i for i, label in enumerate(labels)}
    wide = 0
    for unit, each in enumerate(known):
        for start, end, label in each.spans or ():
            if end - start > max_width:
                wide += 1
                fits[unit] = False
            elif label in index:
                span[unit, start, end - start - 1, index[label]] = 1.0
            else:
                unknown[unit, start, end - start - 1] = True
        for start, end, _ in each.unclear:
            if end - start <= max_width:
                unknown[unit, start, end - start - 1] = True
    doubled = (span.sum(axis=-1) > 1) & one_label
    unknown |= doubled
    span[unknown] = 0.0
    fits &= ~unknown.any(axis=(1, 2))
    annotated = numpy.asarray([each.spans is not None for each in known], dtype=bool)
    inside = numpy.arange(shape[1])[None] < lengths[:, None]
    gold = SpanSetGold(Parts({"span": span}, lengths), inside & annotated[:, None], unknown)
    return gold, LeftOut(wide, int(doubled.sum()), fits)


class LikelySpans(NamedTuple):
    """cells (Ints2d): (S, 4) unit, first token, tokens beyond it and label of each, by unit and
    place. chances (Floats1d): (S,) their probabilities."""

    cells: Ints2d
    chances: Floats1d


def likely_spans(
    scores: Parts, *, threshold: float, one_label: bool, most: int | None
) -> LikelySpans:
    """Return the spans whose probability is at least a threshold, of each at most so many labels,
    the likeliest.

    scores (Parts): of independent spans; see `IndependentSpans` for `one_label`.
    """
    span, lengths = to_numpy(scores.arrays["span"]), to_numpy(scores.lengths)
    # A label is as likely as the threshold only if its odds against "none" alone are.
    above = numpy.flatnonzero(span.reshape(-1) >= max(_logit(threshold), POSSIBLE_ABOVE / 2))
    cells = numpy.stack(numpy.unravel_index(above, span.shape), axis=1)
    cells = cells[cells[:, 1] + cells[:, 2] < lengths[cells[:, 0]]]
    unit, start, beyond, _ = cells.T
    own = span[tuple(cells.T)].astype("float64")
    others = span[unit, start, beyond].astype("float64") if one_label else own[:, None]
    highest = numpy.maximum(others.max(axis=1, initial=0.0), 0.0)
    total = numpy.exp(others - highest[:, None]).sum(axis=1) + numpy.exp(-highest)
    chances = numpy.exp(own - highest) / total
    order = numpy.lexsort((-chances, beyond, start, unit))
    order = order[chances[order] >= threshold]
    cells, chances = cells[order], chances[order]
    if most is not None:
        kept = _ranks(cells[:, :3]) < most
        cells, chances = cells[kept], chances[kept]
    return LikelySpans(cells, chances)


def _logit(p: float) -> float:
    return -math.inf if p <= 0 else math.inf if p >= 1 else math.log(p) - math.log1p(-p)


def _ranks(rows: Ints2d) -> Array:
    """Return which of the same rows, that follow each other, each is."""
    places = numpy.arange(len(rows))
    new = numpy.ones(len(rows), dtype=bool)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    ranks: Array = places - numpy.maximum.accumulate(numpy.where(new, places, 0))
    return ranks
