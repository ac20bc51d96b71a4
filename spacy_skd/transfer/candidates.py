"""Weighted structures as a belief: a beam, the k best, the bests of several teachers, gold.

*Expect*: the student's target is the mean of their indicators, by their weights. At a temperature T
a weight w counts w^(1 / T), as the probability of a whole structure does. A candidate that the
student cannot express is dropped and its share reported as lost; a unit of which none is left is
`empty`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy

from ..arrays import Bools, Floats1d, Floats2d, Ints1d, Ints2d
from ..codecs.bioes import (
    Legality,
    are_span_tags,
    decode_spans,
    encode_chains,
    encode_spans,
    legality,
    scheme_of,
    span_tags,
)
from ..codecs.spans import encode_segments
from ..codecs.tags import encode_tags
from ..codecs.trees import Gold, encode_trees, gold_tokens, local_heads
from ..codecs.words import Words
from ..errors import check_temperature
from ..structures import ArcStructure
from ..structures.numerics import POSSIBLE_ABOVE
from .posterior import Target


@dataclass(frozen=True, eq=False)
class LabelCandidates:
    """Weighted labellings of a doc's words.

    labels (tuple[str, ...]): the teacher's inventory, of labels of tokens or of tags of spans.
    rows (Ints2d): (K, words of the doc) indices of labels.
    weights (Floats1d): (K,) in proportion to their probabilities, at least 0.
    """

    labels: tuple[str, ...]
    rows: Ints2d
    weights: Floats1d

    @property
    def nbytes(self) -> int:
        return int(self.rows.nbytes + self.weights.nbytes)

    @property
    def n_tokens(self) -> int:
        return int(self.rows.shape[1])

    def of_words(self, words: Words) -> "LabelCandidates":
        """See `TokenBelief.of_words`. A span is that of its words."""
        rows = words.of_tokens(self.rows.T).T
        if are_span_tags(self.labels) and not words.whole:
            index = {tag: i for i, tag in enumerate(self.labels)}
            named = [[self.labels[i] for i in row] for row in self.rows.tolist()]
            moved = [[index[tag] for tag in words.tags_of_tokens(row) if tag] for row in named]
            rows = numpy.asarray(moved, dtype=rows.dtype).reshape(rows.shape)
        return replace(self, rows=rows)


@dataclass(frozen=True, eq=False)
class TreeCandidates:
    """Weighted dependency trees of a doc's sentences.

    labels (tuple[str, ...]): the teacher's deprels.
    units (Ints2d): (U, 2) start and end word of each sentence.
    heads (Ints2d): (K, words of the doc) head word in the doc, -1 = ROOT.
    deprels (Ints2d): (K, words of the doc) indices of deprels, -1 where none is known.
    weights (Floats2d): (U, K) of each sentence's trees, in proportion to their probabilities, at
        least 0. Of a beam over a doc the same for all its sentences.
    """

    labels: tuple[str, ...]
    units: Ints2d
    heads: Ints2d
    deprels: Ints2d
    weights: Floats2d

    @property
    def nbytes(self) -> int:
        arrays = (self.units, self.heads, self.deprels, self.weights)
        return sum(int(array.nbytes) for array in arrays)

    @property
    def n_tokens(self) -> int:
        return int(self.heads.shape[1])

    def of_words(self, words: Words) -> "TreeCandidates":
        """See `TokenBelief.of_words`. What hangs on whitespace hangs on the head of that."""
        if words.whole:
            return self
        moved = [words.heads_of_tokens(*pair) for pair in zip(self.heads, self.deprels)]
        heads, deprels = (numpy.stack(rows) for rows in zip(*moved))
        has_words = numpy.diff(words.before[self.units]).ravel() > 0
        units = words.units_of_tokens(self.units)
        return TreeCandidates(self.labels, units, heads, deprels, self.weights[has_words])


def expect(golds: Sequence[Gold], weights: Floats2d, *, temperature: float = 1.0) -> Target:
    """The mean of the candidates' indicators.

    golds (Sequence[Gold]): K times the annotation of B units, by one candidate each; what is not
        complete cannot be expressed.
    weights (Floats2d): (B, K), at least 0.
    RAISES (ValueError): if the temperature is not positive, a weight is negative or NaN, or all
        weights of a unit are 0.
    """
    shares = tempered_weights(weights, temperature=temperature)
    kept = shares * numpy.stack([gold.complete for gold in golds], axis=1)
    left = kept.sum(axis=1)
    empty = left <= 0
    kept = kept / numpy.where(empty, 1.0, left)[:, None]
    xp = golds[0].indicators.xp
    total = golds[0].indicators * xp.asarray(kept[:, 0])
    for gold, share in zip(golds[1:], kept.T[1:]):
        total = total + gold.indicators * xp.asarray(share)
    return Target(total, xp.asarray(1.0 - left), empty if empty.any() else None)


def tempered_weights(weights: Floats2d, *, temperature: float) -> Floats2d:
    """(B, K) w^(1 / T), that sum to 1 for each unit. RAISES (ValueError): as `expect`."""
    check_temperature(temperature)
    weights = numpy.asarray(weights, dtype="float64")
    highest = weights.max(axis=1, keepdims=True, initial=0.0)
    if not ((weights >= 0).all() and (highest > 0).all() and numpy.isfinite(highest).all()):
        raise ValueError(
            f"expected weights of candidates of at least 0, of which one of each unit is above 0, "
            f"got {weights.tolist()[:3]} ..."
        )
    powers = (weights / highest) ** (1.0 / temperature)
    result: Floats2d = powers / powers.sum(axis=1, keepdims=True)
    return result


def expect_tokens(
    beliefs: Sequence[LabelCandidates], labels: Sequence[str], *, temperature: float = 1.0
) -> Target:
    """Of labels of tokens, each a unit of its own: unary (T, 1, C).

    beliefs (Sequence[LabelCandidates]): of the docs of a batch. labels: the student's.
    """
    golds: list[Gold] = []
    for k in range(_most(beliefs)):
        tags = [tag for belief in beliefs for tag in _tags(belief, k)]
        golds.append(gold_tokens(*encode_tags(tags, labels)))
    lengths = [belief.n_tokens for belief in beliefs]
    weights = numpy.repeat(_padded([b.weights[None] for b in beliefs]), lengths, axis=0)
    return expect(golds, weights, temperature=temperature)


def expect_chains(
    beliefs: Sequence[LabelCandidates],
    tags: Sequence[str],
    rules: Legality,
    *,
    temperature: float = 1.0,
) -> Target:
    """Of tags of spans, each doc a unit: unary (B, N, C) and transition (B, C, C).

    tags, rules: the student's, of either scheme. Illegal candidates cannot be expressed.
    """
    scheme = scheme_of(tags)
    golds: list[Gold] = []
    for k in range(_most(beliefs)):
        found = [_in_scheme(belief, k, scheme) for belief in beliefs]
        golds.append(encode_chains(found, tags, rules)[0])
    weights = _padded([belief.weights[None] for belief in beliefs])
    return expect(golds, weights, temperature=temperature)


def expect_segments(
    beliefs: Sequence[LabelCandidates],
    labels: Sequence[str],
    *,
    max_width: int,
    temperature: float = 1.0,
) -> Target:
    """Of tags of spans for a student of segments, each doc a unit: span (B, N, W, L).

    labels, max_width: the student's. A candidate with a wider span cannot be expressed.
    """
    tags = span_tags(labels, scheme="BIOES")
    golds: list[Gold] = []
    for k in range(_most(beliefs)):
        found = [_in_scheme(belief, k, "BIOES") for belief in beliefs]
        golds.append(encode_segments(found, tags, legality(tags), max_width=max_width)[0])
    weights = _padded([belief.weights[None] for belief in beliefs])
    return expect(golds, weights, temperature=temperature)


def expect_trees(
    structure: ArcStructure,
    heads: Ints2d,
    weights: Floats2d,
    *,
    rows: Ints1d,
    lengths: Ints1d,
    temperature: float = 1.0,
) -> Target:
    """Of the units of a bucket: arc (B, N, N + 1).

    structure (ArcStructure): the student's, which says what it can express.
    heads (Ints2d): (K, T) head rows of all tokens of the batch, as of `encode_trees`.
    weights (Floats2d): (B, K) of the bucket's units. rows, lengths (Ints1d): (B,) as there.
    """
    golds = [_encode_heads(structure, each, rows=rows, lengths=lengths) for each in heads]
    return expect(golds, weights, temperature=temperature)


def _encode_heads(structure: ArcStructure, heads: Ints1d, *, rows: Ints1d, lengths: Ints1d) -> Gold:
    """Known are the units whose heads the structure has."""
    gold = encode_trees(heads, rows=rows, lengths=lengths, single_root=False, trees=False)
    fits = has_heads(structure, heads, rows=rows, lengths=lengths)
    return Gold(gold.indicators, gold.known & fits[:, None])


def has_heads(structure: ArcStructure, heads: Ints1d, *, rows: Ints1d, lengths: Ints1d) -> Bools:
    """RETURNS (Bools): (B,), whether the heads of a unit are one of the structure's.
    Arguments as of `encode_trees`."""
    local = local_heads(heads, rows=rows, lengths=lengths)
    known: Bools = (local >= 0).sum(axis=1) == lengths
    return known & structure.contains(numpy.maximum(local, 0), lengths)


def _most(beliefs: Sequence[LabelCandidates]) -> int:
    return max(len(belief.rows) for belief in beliefs)


def _tags(belief: LabelCandidates, k: int) -> Sequence[str | None]:
    """The labels of a candidate, None for each token if there are fewer."""
    if k >= len(belief.rows):
        return [None] * belief.n_tokens
    return [belief.labels[label] for label in belief.rows[k].tolist()]


def _in_scheme(belief: LabelCandidates, k: int, scheme: str) -> Sequence[str | None]:
    tags = _tags(belief, k)
    if scheme == scheme_of(belief.labels) or not tags or tags[0] is None:
        return tags
    if not _is_legal(belief.rows[k], legality(belief.labels)):
        return [None] * len(tags)
    spans = decode_spans([tag for tag in tags if tag is not None])
    found: list[str | None] = [*encode_spans(spans, n=len(tags), scheme=scheme)]
    return found


def _is_legal(row: Ints1d, rules: Legality) -> bool:
    total = rules.start[row[0]] + rules.end[row[-1]] + rules.transition[row[:-1], row[1:]].sum()
    return bool(total > POSSIBLE_ABOVE)


def _padded(weights: Sequence[Floats2d]) -> Floats2d:
    """(u, K) of each doc as one array, 0 where a doc has fewer candidates."""
    most = max(array.shape[1] for array in weights)
    rows = [numpy.pad(array, ((0, 0), (0, most - array.shape[1]))) for array in weights]
    joined: Floats2d = numpy.concatenate(rows)
    return joined
