"""Parsing as sequence labelling: a token's tag is the signed offset to its head, and its deprel.

Strzyz, Vilares & Gomez-Rodriguez, "Viable Dependency Parsing as Sequence Labeling" (NAACL 2019),
with offsets in tokens. A tag is "-2:det" (the head is two tokens before), "1:nsubj:pass" or
"0:ROOT". Heads are rows of the batch's concatenated tokens, as in trees.py.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy

from ..arrays import Floats2d, Floats3d, Ints1d, Ints2d
from ..structures import IMPOSSIBLE, Parts, SpanningTrees
from ..structures.parts import softmax
from .trees import decode_trees

# What an arc without a tag costs, in nats below the token's best tag: more than all other arcs of a
# sentence together, but possible, so that there always is a tree.
UNTAGGED = -1e4
_TAG = re.compile(r"(-?[1-9][0-9]*|0):(.+)", re.DOTALL)


def head_label(offset: int, deprel: str) -> str:
    """Return the tag of a token whose head is `offset` tokens after it, 0 for a root."""
    return f"{offset}:{deprel}"


def parse_head_label(tag: str) -> tuple[int, str] | None:
    """Return offset and deprel, None if it is no such tag."""
    match = _TAG.fullmatch(tag)
    return None if match is None else (int(match.group(1)), match.group(2))


def deprels_of(labels: Sequence[str]) -> tuple[str, ...]:
    """Return deprels; in the place of a tag, its own. Each once."""
    pairs = [(label, parse_head_label(label)) for label in labels]
    return tuple(dict.fromkeys(label if pair is None else pair[1] for label, pair in pairs))


def choose_head_labels(
    counts: "Counter[tuple[int, str]]", *, min_count: int, max_offset: int
) -> list[str]:
    """Return an inventory, by offset and deprel.

    counts (Counter): how often each pair of offset and deprel occurs.
    min_count (int): rarer ones are left out. max_offset (int): so are longer arcs; 0 for no
        limit.
    """
    kept = [
        pair
        for pair, count in counts.items()
        if count >= min_count and (not max_offset or abs(pair[0]) <= max_offset)
    ]
    return [head_label(*pair) for pair in sorted(kept)]


@dataclass(frozen=True, eq=False)
class HeadLabels:
    """An inventory of tags, and what each means.

    tags (tuple[str, ...]): in the order of the scores' columns.
    RAISES (ValueError): if one is no tag of a head.
    """

    tags: tuple[str, ...]

    def __post_init__(self) -> None:
        for tag in self.tags:
            if parse_head_label(tag) is None:
                raise ValueError(
                    f"expected tags of heads such as '-2:det', '1:nsubj' or '0:ROOT' (signed "
                    f"offset of the head, colon, deprel), got {tag!r}"
                )

    @cached_property
    def deprels(self) -> tuple[str, ...]:
        """All deprels, sorted."""
        return tuple(sorted({tag.partition(":")[2] for tag in self.tags}))

    @cached_property
    def offsets(self) -> Ints1d:
        """(tags,) signed offset of the head, 0 for a root."""
        return numpy.asarray([int(tag.partition(":")[0]) for tag in self.tags], dtype="int64")

    @cached_property
    def deprel_ids(self) -> Ints1d:
        """(tags,) the index in `deprels`."""
        index = {deprel: i for i, deprel in enumerate(self.deprels)}
        ids = [index[tag.partition(":")[2]] for tag in self.tags]
        return numpy.asarray(ids, dtype="int64")

    def deprel_columns(self, deprels: Sequence[str]) -> Ints1d:
        """Return (deprels,) the index of each in `self.deprels`, -1 for none."""
        index = {deprel: i for i, deprel in enumerate(self.deprels)}
        return numpy.asarray([index.get(deprel, -1) for deprel in deprels], dtype="int64")

    @cached_property
    def reach(self) -> int:
        """The longest offset of a tag, in tokens."""
        return int(numpy.abs(self.offsets).max(initial=0))

    @cached_property
    def table(self) -> Ints2d:
        """(2 * reach + 3, deprels) the tag of offset + reach + 1 and deprel, -1 for none; the
        first and last row are of all longer offsets."""
        table = numpy.full((2 * self.reach + 3, len(self.deprels)), -1, dtype="int64")
        table[self.offsets + self.reach + 1, self.deprel_ids] = numpy.arange(len(self.tags))
        return table

    def rows_of(self, offsets: Ints1d) -> Ints1d:
        """Return the row of `table` of each offset."""
        limit = self.reach + 1
        return numpy.clip(offsets, -limit, limit) + limit

    def encode(self, offsets: Ints1d, deprels: Ints1d) -> Ints1d:
        """Encode arcs as tags.

        offsets (Ints1d): (T,) of each token's head, 0 for a root.
        deprels (Ints1d): (T,) index in `deprels`, -1 for another.
        RETURNS (Ints1d): (T,) index of the tag, -1 where there is none.
        """
        if not self.deprels:
            return numpy.full(len(offsets), -1)
        tags = self.table[self.rows_of(offsets), numpy.maximum(deprels, 0)]
        return numpy.where(deprels >= 0, tags, -1)

    # From tags to arcs

    @cached_property
    def _groups(self) -> tuple[Ints1d, Ints1d, Ints1d]:
        """Tags by offset: their order; where each offset begins in it; the offsets."""
        order = numpy.argsort(self.offsets, kind="stable")
        distinct, first = numpy.unique(self.offsets[order], return_index=True)
        return order, first, distinct

    def best_arcs(self, scores: Floats2d, rows: Ints2d, lengths: Ints1d) -> Floats3d:
        """Return arc scores of the best tag of each arc, for decoding: an arc without a tag is
        `UNTAGGED`.

        scores (Floats2d): (T, tags) nats, a NumPy array.
        rows (Ints2d): (B, N) row of each token of each unit; any in the padding.
        lengths (Ints1d): (B,) tokens of each unit.
        RETURNS (Floats3d): (B, N, N + 1), 0 for the best tag of a token, none below `UNTAGGED`.
        """
        best = self._by_offset(scores, numpy.maximum.reduceat)
        below = numpy.maximum(best - best.max(axis=1, keepdims=True), UNTAGGED)
        return self._arcs(below, rows, lengths, rest=UNTAGGED)

    def summed_arcs(self, scores: Floats2d, rows: Ints2d, lengths: Ints1d) -> Floats3d:
        """Return arc scores of the log of the summed exp of each arc's tags, `IMPOSSIBLE` where it
        has no tag: P(head) = softmax of these, given that it lies in the unit. See `best_arcs`."""
        summed = self._by_offset(scores, numpy.logaddexp.reduceat)
        return self._arcs(summed, rows, lengths, rest=IMPOSSIBLE)

    def _by_offset(self, scores: Floats2d, reduce: Callable[..., Floats2d]) -> Floats2d:
        """Turn (T, tags) into (T, distinct offsets)."""
        order, first, _ = self._groups
        in_order = (order[1:] > order[:-1]).all()  # as an inventory of `choose_head_labels` is
        reduced: Floats2d = reduce(scores if in_order else scores[:, order], first, axis=1)
        return reduced

    def _arcs(self, by_offset: Floats2d, rows: Ints2d, lengths: Ints1d, *, rest: float) -> Floats3d:
        """Spread `by_offset`, (T, distinct offsets). rest (float): score of all other arcs."""
        distinct, (b, n) = self._groups[2], rows.shape
        arc = numpy.full((b, n, n + 1), rest, dtype=by_offset.dtype)
        token = numpy.arange(n)[:, None]
        head = numpy.where(distinct == 0, 0, token + distinct + 1)
        token, column = numpy.nonzero((distinct == 0) | ((head >= 1) & (head <= n)))
        head = head[token, column]
        scores = by_offset[rows[:, token], column]
        inside = (token < lengths[:, None]) & (head <= lengths[:, None])
        arc[:, token, head] = numpy.where(inside, scores, rest)
        return arc

    def of_arcs(self, scores: Floats2d, offsets: Ints1d) -> tuple[Ints1d, Ints1d]:
        """Return the best tag and deprel of each token's chosen arc.

        scores (Floats2d): (T, tags). offsets (Ints1d): (T,) of the chosen heads, 0 for a root.
        RETURNS (tuple[Ints1d, Ints1d]): (T,) index of the tag, -1 where the arc has none; (T,)
            index of the deprel. Without a tag it is that of the token's best tag which is no root
            tag (of a root: which is one); if there is none such either, that of the best tag.
        """
        ids = self.table[self.rows_of(offsets)]
        tag_scores = numpy.take_along_axis(scores, numpy.maximum(ids, 0), axis=1)
        deprels = numpy.where(ids >= 0, tag_scores, -numpy.inf).argmax(axis=1)
        tags = numpy.take_along_axis(ids, deprels[:, None], axis=1)[:, 0]
        untagged = numpy.nonzero(tags < 0)[0]
        if len(untagged):
            allowed = (self.offsets == 0) == (offsets[untagged, None] == 0)
            allowed |= ~allowed.any(axis=1, keepdims=True)
            best = numpy.where(allowed, scores[untagged], -numpy.inf).argmax(axis=1)
            deprels[untagged] = self.deprel_ids[best]
        return tags, deprels


@lru_cache(maxsize=16)
def head_labels(tags: tuple[str, ...]) -> HeadLabels:
    """Return the inventory of some tags, made once."""
    return HeadLabels(tags)


def decode_head_labels(
    labels: HeadLabels,
    scores: Floats2d,
    *,
    rows: Ints1d,
    lengths: Ints1d,
    minimum_risk: bool = False,
) -> Ints2d:
    """Return the best single-rooted tree of each unit of a bucket, where an arc scores as its best
    tag: no choice of tags needs a repair. An arc without a tag costs `UNTAGGED`.

    scores (Floats2d): (T, tags) of the batch, nats, a NumPy array.
    rows, lengths (Ints1d): (B,) first row and tokens of each unit.
    minimum_risk (bool): an arc scores as the probability of its tags together, so that the tree is
        that with the highest expected number of right heads. One without a tag has none.
    RETURNS (Ints2d): (tokens of the bucket, 2), see `decode_trees`.
    RAISES (ValueError): if a score is NaN.
    """
    n = int(lengths.max(initial=0))
    tokens = numpy.minimum(numpy.arange(n)[None], lengths[:, None] - 1)
    places = rows[:, None] + tokens
    if minimum_risk:
        log_chances = scores - softmax(scores)[0][:, None].astype(scores.dtype)
        arc = numpy.exp(labels.summed_arcs(log_chances, places, lengths))
    else:
        arc = labels.best_arcs(scores, places, lengths)
    best = SpanningTrees(single_root=True).argmax(Parts({"arc": arc}, lengths))
    return decode_trees(best, rows=rows)
