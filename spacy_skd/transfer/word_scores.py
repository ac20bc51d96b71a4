"""Scores of the tokens of a doc as those of its words: of structures that have no whitespace in
them. See `TokenBelief.of_words`."""

from collections.abc import Sequence

import numpy

from ..arrays import Floats2d, Floats3d, Ints1d, Ints2d
from ..codecs.bioes import legality
from ..codecs.head_labels import HeadLabels
from ..codecs.trees import ROOT_HEAD
from ..codecs.words import Words
from ..structures import IMPOSSIBLE


def scores_of_chain(scores: Floats2d, tags: Sequence[str], words: Words) -> Floats2d:
    """(tokens, tags) to (words, tags): where the first or last token is whitespace, a sequence must
    still begin and end as a legal one does."""
    if words.whole or not len(words):
        return words.of_tokens(scores)
    rows, rules = words.of_tokens(scores), legality(tags)
    rows[0] = numpy.where(rules.start < 0, IMPOSSIBLE, rows[0])
    rows[-1] = numpy.where(rules.end < 0, IMPOSSIBLE, rows[-1])
    return rows


def scores_of_segments(scores: Floats3d, words: Words) -> Floats3d:
    """(tokens, W, labels) of spans that begin and end with a word to (words, W, labels), by their
    width in words."""
    if words.whole:
        return scores
    n_tokens, widest, n_labels = scores.shape
    rows = numpy.full((len(words), widest, n_labels), IMPOSSIBLE, dtype=scores.dtype)
    for width in range(min(widest, len(words))):
        first, last = words.tokens[: len(words) - width], words.tokens[width:]
        fits = numpy.flatnonzero(last - first < widest)
        rows[fits, width] = scores[first[fits], (last - first)[fits]]
    return rows


def scores_of_arcs(
    units: Ints2d, arcs: Sequence[Floats2d], pairs: Ints2d, words: Words
) -> tuple[tuple[Floats2d, ...], Ints2d, Ints1d]:
    """Arguments as of `TreeBelief`, of tokens.

    RETURNS: arcs and pairs of words; which of the pairs are kept.
    """
    kept_arcs = []
    for (start, end), arc in zip(units.tolist(), arcs):
        inside = words.tokens[words.before[start] : words.before[end]] - start
        if len(inside):
            kept_arcs.append(arc[numpy.ix_(inside, numpy.append(0, inside + 1))])
    is_word = numpy.diff(words.before, append=words.before[-1:]) > 0
    is_kept = is_word[pairs[:, 0]] & (is_word[pairs[:, 1]] | (pairs[:, 1] == ROOT_HEAD))
    kept = numpy.flatnonzero(is_kept)
    moved = numpy.where(pairs[kept] == ROOT_HEAD, ROOT_HEAD, words.before[pairs[kept]])
    return tuple(kept_arcs), moved.astype(pairs.dtype), kept


def scores_of_head_tags(scores: Floats2d, tags: Sequence[str], words: Words) -> Floats2d:
    """(tokens, tags) whose offsets count tokens to (words, tags) whose offsets count words: the
    score of the tag that names the same head; `IMPOSSIBLE` if there is none."""
    if words.whole or not len(words):
        return words.of_tokens(scores)
    inventory = HeadLabels(tuple(tags))
    own = numpy.arange(len(words))[:, None]
    head = own + inventory.offsets
    inside = (head >= 0) & (head < len(words))
    offsets = words.tokens[numpy.where(inside, head, own)] - words.tokens[own]
    deprels = numpy.broadcast_to(inventory.deprel_ids, offsets.shape)
    column = inventory.encode(offsets.ravel(), deprels.ravel()).reshape(offsets.shape)
    rows = numpy.take_along_axis(words.of_tokens(scores), numpy.maximum(column, 0), axis=1)
    return numpy.where(inside & (column >= 0), rows, IMPOSSIBLE).astype(scores.dtype)
