"""Flat labelled spans as `Parts`: gold from tags of tokens, best guesses back to spans, and how a
side with tags and a side with scores of spans understand each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from ..arrays import Array, Ints1d, Ints2d
from ..structures import IMPOSSIBLE, Parts, to_numpy
from .bioes import OUTSIDE, Legality, TypedSpan, scheme_of, tag_ids
from .labels import LabelMatch
from .trees import Gold

# Of the BIOES tags of a label, in the order of `span_tags`.
_B, _I, _E, _S = range(4)
_N_PREFIXES = 4

Cells = list[tuple[int, int, int]]  # first token, tokens beyond it, label


@dataclass(frozen=True, eq=False)
class SegmentGold(Gold):
    """Gold of flat segments: span (B, N, W, L) indicators, of spans all of whose tags are known.

    tags (ndarray): (B, N) index of each token's tag in `span_tags(labels, scheme="BIOES")`, -1
        where it is not known.

    Known tags allow the segmentations in which no span gives one of their tokens another tag. A
    span that is known whole is in all of them. One that is known in part (its end does not align)
    excludes what contradicts it, but is not required itself: a part cannot be, since "some span
    covers this token" is no part.
    """

    tags: Array

    def restrict(self, scores: Parts, units: Any) -> Parts:
        """See `Gold.restrict`. Spans that are known are left out too: what they cover can hold no
        other, so all structures lack them alike, and `settle` puts them back."""
        xp = scores.xp
        span = scores.arrays["span"]
        free = _allowed(self.tags[units], widths=span.shape[2], n_labels=span.shape[3])
        free &= to_numpy(self.indicators[xp.asarray(units)].arrays["span"]) == 0
        ruled_out = xp.asarray(numpy.where(free, 0.0, IMPOSSIBLE), dtype=span.dtype)
        return Parts({"span": span + ruled_out}, scores.lengths)

    def settle(self, marginals: Parts, units: Any) -> Parts:
        known = self.indicators[marginals.xp.asarray(units)].arrays["span"]
        return Parts({"span": marginals.arrays["span"] + known}, marginals.lengths)


def _allowed(tags: Ints2d, *, widths: int, n_labels: int) -> Array:
    """Return (B, N, W, L) bool, whether the span gives no token another tag than the known one.
    tags: (B, N)."""
    b, n = tags.shape
    ids = 1 + numpy.arange(n_labels) * _N_PREFIXES
    fits = [(tags[..., None] < 0) | (tags[..., None] == ids + prefix) for prefix in range(4)]
    allowed = numpy.zeros((b, n, widths, n_labels), dtype=bool)
    allowed[:, :, 0] = fits[_S]
    so_far = fits[_B]
    for w in range(1, min(widths, n)):
        allowed[:, : n - w, w] = so_far[:, : n - w] & fits[_E][:, w:]
        so_far[:, : n - w] &= fits[_I][:, w:]
    return allowed


@dataclass(frozen=True)
class Unfit:
    """What of the annotation of some units a student of segments cannot learn.

    illegal (int): units whose tags are no legal sequence, taken as unknown.
    wide (int): spans wider than `max_width`, whose tokens are taken as unknown.
    """

    illegal: int
    wide: int


def encode_segments(
    tags: Sequence[Sequence[str | None]],
    inventory: Sequence[str],
    rules: Legality,
    *,
    max_width: int,
) -> tuple[SegmentGold, Unfit]:
    """Encode tags of the units of a bucket as indicators of spans.

    tags (Sequence[Sequence[str | None]]): per unit, one BIOES tag a token; None, "" or a tag
        outside the inventory where it is not known.
    inventory (Sequence[str]), rules (Legality): the BIOES tags of the labels, and their legality.
    """
    ids, lengths, illegal = tag_ids(tags, inventory, rules)
    n_labels = (len(inventory) - 1) // _N_PREFIXES
    shape = (len(ids), ids.shape[1], max_width, n_labels)
    span = numpy.zeros(shape, dtype="float32")
    wide = 0
    for unit, (row, n) in enumerate(zip(ids, lengths.tolist())):
        for start, beyond, label in _whole_spans(row[:n].tolist()):
            if beyond < max_width:
                span[unit, start, beyond, label] = 1.0
            else:
                row[start : start + beyond + 1] = -1
                wide += 1
    gold = SegmentGold(Parts({"span": span}, lengths), ids >= 0, ids)
    return gold, Unfit(illegal, wide)


def _whole_spans(ids: Sequence[int]) -> Cells:
    """Return spans from their first tag to their last. ids: of BIOES tags, -1 unknown."""
    spans: Cells = []
    start: int | None = None
    for i, tag in enumerate(ids):
        label, prefix = divmod(tag - 1, _N_PREFIXES)
        if tag <= 0:
            start = None
        elif prefix == _S:
            spans.append((i, 0, label))
        elif prefix == _B:
            start = i
        elif prefix == _E and start is not None:
            spans.append((start, i - start, label))
    return spans


def decode_segments(indicators: Parts, labels: Sequence[str]) -> list[list[TypedSpan]]:
    """Return the spans of each unit, from left to right."""
    cells = numpy.argwhere(to_numpy(indicators.arrays["span"]) > 0)
    spans: list[list[TypedSpan]] = [[] for _ in range(indicators.n_units)]
    for unit, start, beyond, label in cells.tolist():
        spans[unit].append((start, start + beyond + 1, labels[label]))
    return spans


@dataclass(frozen=True, eq=False)
class SpanMatch:
    """Between a side that has tags of tokens and one that has scores of spans, either of which may
    be the teacher.

    labels (LabelMatch): of the spans. names (tuple[str, ...]): the student's labels.
    tags (tuple[str, ...]): the inventory of the side that has tags, "O" included.
    drop_wide (bool): whether spans of a linear chain that are wider than the student's segments may
        be taken as outside.
    """

    labels: LabelMatch
    names: tuple[str, ...]
    tags: tuple[str, ...]
    drop_wide: bool = False

    @property
    def outside(self) -> int:
        """The column of "O"."""
        return self.tags.index(OUTSIDE)

    def columns(self, prefix: str) -> Ints1d:
        """Return (student's labels,) the column of each label's tag with a prefix of BIOES, -1 for
        none. In BIO, the tag of a single token is B, and that of the last I."""
        if scheme_of(self.tags) == "BIO":
            prefix = {"S": "B", "E": "I"}.get(prefix, prefix)
        index: dict[str, int] = {tag: i for i, tag in enumerate(self.tags)}
        return numpy.asarray([index.get(f"{prefix}-{name}", -1) for name in self.names])
