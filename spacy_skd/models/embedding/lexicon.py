"""Phrases of a lexicon, found in docs: a trie over forms of words, which the words of a batch are
walked through all at once.

A state of the trie is what a phrase begins with. A form is the hash that spaCy has for it, which is
the same in every vocab, so that a lexicon needs no strings.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import srsly
from spacy.attrs import LOWER, ORTH
from spacy.strings import get_string_id
from spacy.tokens import Doc

from ...arrays import Array, Ints1d
from ...errors import check_one_of
from ..words import word_index, words_of

ATTRS: dict[str, int] = {"LOWER": LOWER, "ORTH": ORTH}  # what is compared of words
BEGIN, INSIDE, LAST, UNIT = range(4)  # where in a phrase a word is
N_POSITIONS = 4
_END = numpy.zeros(1, dtype="uint64")  # after each doc: the hash of "", which no word has
_ARRAYS = {"words": "<u8", "edges": "<i8", "ends": "<i8", "members": "<i4"}


@dataclass(frozen=True, eq=False)
class Phrases:
    """What was found, by class and then by place; those of a class do not overlap.

    starts, lengths (Ints1d): (P,) first word and number of words. classes (Ints1d): (P,) ids.
    rows (Ints1d | None): (words of the batch,) which token each word is, None if each is one.
    """

    starts: Ints1d
    lengths: Ints1d
    classes: Ints1d
    rows: Ints1d | None

    def __len__(self) -> int:
        return len(self.starts)

    def chosen(self, which: Array) -> "Phrases":
        """Return some of them. which (Array): their numbers, or (P,) whether each is."""
        return Phrases(self.starts[which], self.lengths[which], self.classes[which], self.rows)

    def positions(self) -> tuple[Ints1d, Ints1d]:
        """Return (N,) tokens of the batch, and (N,) `N_POSITIONS` * class + where in a phrase of
        that class the token is."""
        offsets = _ranges(self.lengths)
        lengths = numpy.repeat(self.lengths, self.lengths)
        where = numpy.full(len(offsets), INSIDE)
        where[offsets == 0] = BEGIN
        where[offsets == lengths - 1] = LAST
        where[lengths == 1] = UNIT
        words = numpy.repeat(self.starts, self.lengths) + offsets
        tokens = words if self.rows is None else self.rows[words]
        return tokens, N_POSITIONS * numpy.repeat(self.classes, self.lengths) + where


class Lexicon:
    """Phrases with their classes.

    attr (str): of `ATTRS`. classes (tuple[str, ...]): their names.
    words (Ints1d): (W,) uint64, sorted: the forms that occur in phrases.
    edges (Ints1d): (S,) sorted: W * state + word, of each step from state to state. The i-th leads
        to the state i + 1; the first state is 0.
    ends (Ints1d): (S + 2,) of each state where its members begin, and where the last ones end.
    members (Ints1d): ids of the classes of the phrases that end in a state.
    """

    def __init__(
        self,
        attr: str,
        classes: Sequence[str],
        *,
        words: Ints1d,
        edges: Ints1d,
        ends: Ints1d,
        members: Ints1d,
    ):
        self.attr = check_one_of("attr", attr, list(ATTRS))
        self.classes = tuple(classes)
        self.words, self.edges, self.ends, self.members = words, edges, ends, members
        self._places = _Places(words)
        self._n_classes = numpy.diff(ends)
        # Which states go on, and the state that each word alone leads to, 0 for none.
        self._goes_on = numpy.zeros(len(edges) + 1, dtype=bool)
        self._first = numpy.zeros(max(1, len(words)), dtype="int64")
        if len(edges):
            self._goes_on[edges // len(words)] = True
            n_first = int(numpy.searchsorted(edges, len(words)))
            self._first[edges[:n_first]] = numpy.arange(1, n_first + 1)

    @classmethod
    def of(
        cls, attr: str, phrases: Mapping[tuple[str, ...], Iterable[str]], *, known: Sequence[str]
    ) -> "Lexicon":
        """Make a lexicon.

        attr (str): of `ATTRS`. phrases (Mapping): from words as they are written to names of
            classes; phrases of the same forms have the classes of all of them.
        known (Sequence[str]): the classes, in order.
        """
        spelled: dict[tuple[str, ...], set[str]] = {}
        for phrase, names in phrases.items():
            words_of_phrase = tuple(map(str.lower, phrase)) if attr == "LOWER" else phrase
            spelled.setdefault(words_of_phrase, set()).update(names)
        forms = sorted({form for phrase in spelled for form in phrase})
        hashes = numpy.asarray([get_string_id(form) for form in forms], dtype="uint64")
        words = numpy.unique(hashes)
        index = dict(zip(forms, numpy.searchsorted(words, hashes).tolist()))
        ids = {name: i for i, name in enumerate(known)}
        rows = [[index[form] for form in phrase] for phrase in spelled]
        edges, last = _trie(rows, n_words=len(words))
        # Hashes that collide, and nothing else, make one phrase of two.
        of_state = sorted({(s, ids[c]) for s, names in zip(last, spelled.values()) for c in names})
        states, members = (numpy.asarray([pair[i] for pair in of_state], "int64") for i in (0, 1))
        ends = numpy.searchsorted(states, numpy.arange(len(edges) + 2))
        members = members.astype("int32")
        return cls(attr, known, words=words, edges=edges, ends=ends, members=members)

    def __len__(self) -> int:
        return int((self._n_classes > 0).sum())

    def find(self, docs: Sequence[Doc]) -> Phrases:
        """Return the phrases of a batch: for each class from left to right the longest that begins
        at a word, if it overlaps with none before it. Whitespace between words does not count.
        """
        padded, doc_of, rows = self._words(docs)
        starts, lengths, states = self._walk(padded)
        counts = self._n_classes[states]
        places = numpy.repeat(self.ends[states], counts) + _ranges(counts)
        found = Phrases(
            numpy.repeat(starts, counts),
            numpy.repeat(lengths, counts),
            self.members[places].astype("int64"),
            rows,
        )
        found = _longest(found)
        # The end of each doc before it is no word.
        return Phrases(found.starts - doc_of[found.starts], found.lengths, found.classes, rows)

    def _words(self, docs: Sequence[Doc]) -> tuple[Ints1d, Ints1d, Ints1d | None]:
        """Return (P,) which word of the lexicon each word of the batch is, -1 for none and at the
        end of each doc; (P,) which doc; and `Phrases.rows`."""
        kept = words_of(docs)
        forms: list[Array] = []
        for doc, words in zip(docs, kept):
            forms += [words.of_tokens(doc.to_array(ATTRS[self.attr])), _END]
        hashes = numpy.concatenate(forms or [_END])
        doc_of = numpy.repeat(numpy.arange(len(docs)), [len(words) + 1 for words in kept])
        rows = None if all(words.whole for words in kept) else word_index(kept)
        return self._places.find(self.words, hashes), doc_of, rows

    def _walk(self, words: Ints1d) -> tuple[Ints1d, Ints1d, Ints1d]:
        """Return (M,) start, length and state of each phrase. words: (P,) see above; the last is
        -1."""
        first = numpy.where(words < 0, 0, self._first[words])
        starts = numpy.flatnonzero(first)
        states, length = first[starts], 1
        none = starts[:0]
        found = [(none, none, none)]
        while len(starts):
            is_phrase = self._n_classes[states] > 0
            ended = starts[is_phrase]
            found.append((ended, numpy.full(len(ended), length), states[is_phrase]))
            goes_on = self._goes_on[states]
            starts, states = starts[goes_on], states[goes_on]
            word = words[starts + length]
            keys = len(self.words) * states + word
            edge = numpy.minimum(numpy.searchsorted(self.edges, keys), len(self.edges) - 1)
            leads = (word >= 0) & (self.edges[edge] == keys)
            starts, states, length = starts[leads], edge[leads] + 1, length + 1
        starts, lengths, states = (numpy.concatenate(column) for column in zip(*found))
        return starts, lengths, states

    # Stored

    def to_bytes(self) -> bytes:
        """Return all of it; about 20 bytes a phrase."""
        arrays = {name: getattr(self, name).astype(dtype) for name, dtype in _ARRAYS.items()}
        message = {"attr": self.attr, "classes": list(self.classes)}
        packed: bytes = srsly.msgpack_dumps(
            {**message, **{name: array.tobytes() for name, array in arrays.items()}}
        )
        return packed

    @classmethod
    def from_bytes(cls, data: bytes) -> "Lexicon":
        """Return what `to_bytes` gave."""
        message: dict[str, Any] = srsly.msgpack_loads(data)
        arrays = {name: numpy.frombuffer(message[name], dtype) for name, dtype in _ARRAYS.items()}
        return cls(message["attr"], message["classes"], **arrays)


class _Places:
    """Where words stand among some, by their hashes: a table with open addresses, so that most are
    found at once, where a search would take many steps. words (Ints1d): (W,) uint64."""

    def __init__(self, words: Ints1d):
        size = 1 << max(4, 4 * len(words)).bit_length()
        self._mask = numpy.uint64(size - 1)
        self._table = numpy.full(size, -1, dtype="int32")
        left, slots = numpy.arange(len(words)), words & self._mask
        while len(left):
            free = self._table[slots] < 0
            self._table[slots[free]] = left[free]
            lost = self._table[slots] != left
            left, slots = left[lost], (slots[lost] + numpy.uint64(1)) & self._mask

    def find(self, words: Ints1d, hashes: Ints1d) -> Ints1d:
        """Return (N,) int64 places of the hashes, (N,) uint64, among `words`; -1 for none."""
        slots = hashes & self._mask
        places: Ints1d = self._table[slots].astype("int64")
        other = numpy.flatnonzero(places >= 0)
        while len(other):
            other = other[words[places[other]] != hashes[other]]
            slots[other] = (slots[other] + numpy.uint64(1)) & self._mask
            places[other] = self._table[slots[other]]
            other = other[places[other] >= 0]
        return places


def _trie(rows: Sequence[Sequence[int]], *, n_words: int) -> tuple[Ints1d, list[int]]:
    """Return `Lexicon.edges`, and the state in which each phrase ends. rows: the words of each."""
    lengths = numpy.asarray([len(row) for row in rows], dtype="int64")
    flat = numpy.asarray([word for row in rows for word in row], dtype="int64")
    starts = numpy.cumsum(lengths) - lengths
    states = numpy.zeros(len(rows), dtype="int64")
    levels: list[Ints1d] = [numpy.zeros(0, dtype="int64")]
    n_states = 1
    for depth in range(int(lengths.max(initial=0))):
        longer = numpy.flatnonzero(lengths > depth)
        keys = n_words * states[longer] + flat[starts[longer] + depth]
        # States of a level come after all of the level before: so do its edges.
        edges, index = numpy.unique(keys, return_inverse=True)
        states[longer] = n_states + index
        levels.append(edges)
        n_states += len(edges)
    return numpy.concatenate(levels), states.tolist()


def _longest(found: Phrases) -> Phrases:
    """Return those that `Lexicon.find` does, sorted by class and start."""
    if not len(found):
        return found
    # Classes one after another, on one line; of one start the longest first.
    line = int((found.starts + found.lengths).max()) * found.classes + found.starts
    order = numpy.argsort((int(found.lengths.max()) + 1) * line - found.lengths)
    found, line = found.chosen(order), line[order]
    longest = numpy.append(True, line[1:] != line[:-1])
    found, line = found.chosen(longest), line[longest]
    # Of each, the first that begins where it ends, or later.
    following = numpy.searchsorted(line, line + found.lengths).tolist()
    kept: list[int] = []
    i = 0
    while i < len(following):
        kept.append(i)
        i = following[i]
    return found.chosen(numpy.asarray(kept))


def _ranges(lengths: Ints1d) -> Ints1d:
    """Return 0 ... n - 1 for each n of `lengths`, joined."""
    ends: Ints1d = numpy.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return numpy.arange(total) - numpy.repeat(ends - lengths, lengths)
