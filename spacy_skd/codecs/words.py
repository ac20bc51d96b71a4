"""Words: the tokens of a doc that are no whitespace (`token.is_space`). They alone are part of
structures, scores and beliefs.

What is said of tokens is read as said of words (`..._of_tokens`), and what is said of words becomes
annotation of tokens (`..._to_tokens`), in which whitespace tokens get what spaCy's whitespace
augmenter (`spacy.training.augment.make_whitespace_variant`) gives them: the tag `_SP`, the POS
SPACE, no features, no sentence start, the deprel `dep`, and a place within a span, never at its
edge. Each hangs on the token before; at the start of a doc on the first word; in a doc without
words on the first token, the root. The first token of a doc starts a sentence whatever it is.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy

from ..arrays import Array, Ints1d, Ints2d
from .units import ROOT_HEAD, UNKNOWN_HEAD

Item = TypeVar("Item")
TypedSpan = tuple[int, int, str]

SPACE_POS = "SPACE"
SPACE_FEATS = "_"
SPACE_DEPREL = "dep"
SPACE_TAGS = ("_SP", "SPACE", "空白")  # the others are those of French and Japanese pipelines

# Of a tag of a span, whether it begins with the token, and whether it is known to end with it.
_EDGES = {"B": (True, False), "I": (False, False), "E": (False, True), "S": (True, True)}
_LETTERS = {edges: letter for letter, edges in _EDGES.items()}


def space_tag(labels: Sequence[str]) -> str:
    """Return the tag of whitespace, as the labels of a tagger have it."""
    return next((tag for tag in SPACE_TAGS if tag in labels), SPACE_TAGS[0])


class Words:
    """Which tokens of a doc are words.

    n_tokens (int): of the doc.
    is_space (ndarray | None): (tokens,) of each, whether it is whitespace (not 0). None, the
        usual case, if none is: then nothing changes on either way, and nothing is computed.
    """

    __slots__ = ("n_tokens", "whole", "tokens", "_is_word", "_before")

    def __init__(self, n_tokens: int, is_space: Array | None = None):
        self.n_tokens = n_tokens
        self.whole = is_space is None or not is_space.any()
        if is_space is not None and not self.whole:
            self._is_word: Array = is_space == 0
            # (words,) the token that each word is.
            self.tokens: Ints1d = numpy.flatnonzero(self._is_word)
            self._before: Ints1d | None = None

    def __len__(self) -> int:
        return self.n_tokens if self.whole else len(self.tokens)

    @property
    def before(self) -> Ints1d:
        """(tokens + 1,) how many words come before a token: of a word, which one it is. Not of a
        doc in which all are."""
        if self._before is None:
            self._before = numpy.zeros(self.n_tokens + 1, dtype="int64")
            numpy.cumsum(self._is_word, out=self._before[1:])
        return self._before

    @property
    def spaces(self) -> list[int]:
        """The tokens that are whitespace."""
        return [] if self.whole else numpy.flatnonzero(~self._is_word).tolist()

    # Values of tokens

    def of_tokens(self, rows: Array) -> Array:
        """Turn (tokens, ...) into (words, ...)."""
        return rows if self.whole else rows[self.tokens]

    def to_tokens(self, rows: Array, fill: float) -> Array:
        """Turn (words, ...) into (tokens, ...), `fill` for whitespace."""
        if self.whole:
            return rows
        filled = numpy.full((self.n_tokens, *rows.shape[1:]), fill, dtype=rows.dtype)
        filled[self.tokens] = rows
        return filled

    def items_of_tokens(self, items: Sequence[Item]) -> list[Item]:
        """Turn one item a token into one a word."""
        return list(items) if self.whole else [items[i] for i in self.tokens.tolist()]

    # Sentences

    def starts_of_tokens(self, starts: Array) -> Array:
        """Turn (tokens,) into (words,) bool, whether a sentence starts: with whitespace, with the
        next word."""
        if self.whole:
            return starts
        moved = numpy.zeros(len(self) + 1, dtype=bool)
        moved[self.before[numpy.flatnonzero(starts)]] = True
        return moved[:-1]

    def starts_to_tokens(self, starts: Array) -> Array:
        """Turn (words,) into (tokens,) bool. Whitespace before the first word is part of its
        sentence."""
        filled = self.to_tokens(starts, fill=False)
        if not self.whole:
            filled[self.tokens[:1]] = False
            filled[:1] = True
        return filled

    def units_of_tokens(self, units: Ints2d) -> Ints2d:
        """Turn (U, 2) start and end token into start and end word, of those that have one."""
        if self.whole:
            return units
        moved = self.before[units].astype(units.dtype)
        kept: Ints2d = moved[moved[:, 0] < moved[:, 1]]
        return kept

    def units_to_tokens(self, units: Ints2d) -> Ints2d:
        """Turn (U, 2) start and end word of units that follow each other into start and end token:
        what whitespace follows a unit is its own."""
        if self.whole or not len(units):
            return units
        first = self.tokens[units[:, 0]]
        first[0] = 0
        return numpy.stack([first, numpy.append(first[1:], self.n_tokens)], axis=1)

    # Spans

    def spans_to_tokens(self, spans: Sequence[TypedSpan]) -> list[TypedSpan]:
        """Turn start and end word, and label, into start and end token."""
        if self.whole:
            return list(spans)
        at = self.tokens.tolist()
        return [(at[start], at[end - 1] + 1, label) for start, end, label in spans]

    def spans_of_tokens(self, spans: Sequence[TypedSpan]) -> list[TypedSpan]:
        """Turn start and end token, and label, into start and end word, of those that have one."""
        if self.whole:
            return list(spans)
        moved = [(int(self.before[a]), int(self.before[b]), label) for a, b, label in spans]
        return [(start, end, label) for start, end, label in moved if start < end]

    def tags_of_tokens(self, tags: Sequence[str | None]) -> list[str | None]:
        """Turn tags of spans (BIOES or BIO, None where nothing is known) of tokens into those of
        words: a span is that of its words."""
        if self.whole:
            return list(tags)
        moved: list[str | None] = []
        first: str | None = None  # label of a span that has begun, with whitespace
        for token, tag in enumerate(tags):
            label, (begins, ends) = _label_and_edges(tag)
            goes_on = label is not None and not begins
            if self.before[token] < self.before[token + 1]:
                begins = begins or (goes_on and first == label)
                moved.append(f"{_LETTERS[begins, ends]}-{label}" if label is not None else tag)
                first = None
            elif tag:
                if goes_on and ends and first is None and moved:
                    moved[-1] = _ended(moved[-1], label)
                first = label if not ends and (begins or first == label) else None
        return moved

    # Trees

    def heads_of_tokens(self, heads: Ints1d, deprels: Ints1d) -> tuple[Ints1d, Ints1d]:
        """Return heads and deprels of words. A word that hangs on whitespace hangs on what that
        hangs on, by an unknown deprel. If that is a root, the first word that hangs on it is the
        root, on which the others hang.

        heads (Ints1d): (tokens,) head token, `ROOT_HEAD` or `UNKNOWN_HEAD`. deprels (Ints1d):
            (tokens,) indices, -1 for none that is known.
        RETURNS (tuple[Ints1d, Ints1d]): (words,) head word, and as given; (words,).
        """
        if self.whole:
            return heads, deprels
        is_space = numpy.diff(self.before) == 0
        climbing, above = heads, numpy.zeros(len(heads), dtype=bool)
        passed = numpy.full(len(heads), UNKNOWN_HEAD)  # the last whitespace on the way up
        for _ in range(self.n_tokens):
            head = numpy.maximum(climbing, 0)
            above = (climbing >= 0) & is_space[head]
            if not above.any():
                break
            through = numpy.where(passed[head] >= 0, passed[head], head)
            passed = numpy.where(above, through, passed)
            climbing = numpy.where(above, climbing[head], climbing)
        climbing = numpy.where(above, UNKNOWN_HEAD, climbing)  # whitespace in a circle
        climbing = _one_root(climbing, passed, ~is_space)
        words = numpy.where(climbing >= 0, self.before[climbing], climbing).astype(heads.dtype)
        deprels = numpy.where(climbing == heads, deprels, -1).astype(deprels.dtype)
        return words[self.tokens], deprels[self.tokens]

    def heads_to_tokens(self, offsets: Ints1d) -> Ints1d:
        """Return offsets of heads, 0 for a root: (words,) in words to (tokens,) in tokens."""
        if self.whole:
            return offsets
        own = numpy.arange(self.n_tokens)
        if not len(self):
            return -own
        heads = own - 1
        heads[: self.tokens[0]] = self.tokens[0]
        heads[self.tokens] = self.tokens[numpy.arange(len(self)) + offsets]
        return heads - own


def _one_root(heads: Ints1d, passed: Ints1d, is_word: Array) -> Ints1d:
    """Return (tokens,) heads, of which those that became roots since a whitespace root had them
    hang on the first of these. passed (Ints1d): (tokens,) that whitespace, or -1 or less."""
    (orphans,) = numpy.nonzero((heads == ROOT_HEAD) & (passed >= 0) & is_word)
    roots, first, group = numpy.unique(passed[orphans], return_index=True, return_inverse=True)
    if len(roots) == len(orphans):
        return heads
    heads = heads.copy()
    heads[orphans] = numpy.where(first[group] == numpy.arange(len(orphans)), ROOT_HEAD,
                                 orphans[first[group]])  # fmt: skip
    return heads


def _label_and_edges(tag: str | None) -> tuple[str | None, tuple[bool, bool]]:
    """Return the label of a tag's span, None where there is none."""
    if not tag or tag[1:2] != "-":
        return None, (False, False)
    return tag[2:], _EDGES[tag[0]]


def _ended(tag: str | None, label: str | None) -> str | None:
    """Return the tag of a span's last word, whose end was on the whitespace after it."""
    named, (begins, _) = _label_and_edges(tag)
    return f"{_LETTERS[begins, True]}-{named}" if named == label and named is not None else tag
