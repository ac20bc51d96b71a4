"""Which attributes of tokens the patterns of a matcher read, and what of their values counts.

A column is an attribute; of its values it keeps what patterns tell apart: values that are named,
by equality or membership, and of all conditions else (REGEX, FUZZY, comparisons) which ones hold.
So rows of columns are few, however many words there are.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy
from spacy.attrs import ENT_IOB, IDS, MORPH, SENT_START
from spacy.matcher import Matcher
from spacy.strings import get_string_id
from spacy.vocab import Vocab

from .memo import Memo
from .rows import Ids1d, Ids2d, Rows, distinct

Pattern = Sequence[Mapping[Any, Any]]
Condition = tuple[int, Any, Any]  # attribute, and what stands in the pattern: key and value
# What a matcher compares of these is not the value of the attribute.
_OTHERWISE_COMPARED = {MORPH, SENT_START, ENT_IOB}
_MEMBERSHIP = {"IN", "NOT_IN"}


def conditions(pattern: Pattern) -> list[Condition] | None:
    """Return the conditions of a pattern's tokens, or None if it has operators, extensions or what
    is unknown, and is not for each of its tokens some conditions on that token's attributes."""
    read: list[Condition] = []
    for token in pattern:
        for key, value in token.items():
            name = key.upper() if isinstance(key, str) else key
            if name == "OP" and value == "1":
                continue
            attr = _attribute(name, value) if isinstance(name, str) else name
            if attr is None:
                return None
            read.append((attr, key, value))
    return read


def _attribute(name: str, value: Any) -> int | None:
    if name == "IS_SENT_START" and not isinstance(value, Mapping):
        return int(SENT_START)
    attr: int | None = IDS.get("ORTH" if name == "TEXT" else name)
    return attr


def _named(attr: int, value: Any) -> set[int] | None:
    """Return the values that a condition tells apart, None if they are more."""
    if attr in _OTHERWISE_COMPARED:
        return None
    if not isinstance(value, Mapping):
        return {get_string_id(value)}
    if not {str(key).upper() for key in value} <= _MEMBERSHIP:
        return None
    return {get_string_id(each) for values in value.values() for each in values}


class Columns:
    """The attributes that conditions read.

    attrs (list[int]): which, each once.
    """

    def __init__(self, vocab: Vocab, read: Sequence[Condition], *, memo: int):
        """read (Sequence[Condition]): all conditions. memo (int): of how many values of an
        attribute what counts is remembered."""
        by_attr: dict[int, list[Condition]] = {}
        for condition in read:
            by_attr.setdefault(condition[0], []).append(condition)
        self.attrs = list(by_attr)
        self._columns = [_Column(vocab, each, memo=memo) for each in by_attr.values()]

    def reduce(self, rows: Rows) -> Ids2d:
        """Return what counts of each token (N, C). rows (Rows): begin with `attrs`."""
        if not self._columns:
            return numpy.zeros((len(rows.values), 1), dtype=numpy.uint64)
        reduced = [column.reduce(rows, i) for i, column in enumerate(self._columns)]
        return numpy.stack(reduced, axis=1)


class _Column:
    def __init__(self, vocab: Vocab, read: Sequence[Condition], *, memo: int):
        named: set[int] = set()
        self._judge = Matcher(vocab, validate=False)
        for attr, key, value in read:
            values = _named(attr, value)
            if values is None:
                self._judge.add(len(self._judge), [[{key: value}]])
            else:
                named |= values
        self._is_named = frozenset(value for value in named if 0 <= value < 2**64)
        self._named = numpy.array(sorted(self._is_named), dtype=numpy.uint64)
        self._other = next(i for i in count() if i not in named)
        # Of what counts of a value; there is no more of it than conditions can tell apart.
        self._numbers: dict[tuple[int, frozenset[int]], int] = {}
        self._next = count()
        self._number_of: Memo[int] = Memo(memo)

    def reduce(self, rows: Rows, i: int) -> Ids1d:
        """Return numbers (N,) that are the same where no condition tells values apart. i (int): the
        attribute's place in the rows."""
        values = rows.values[:, i]
        if not len(self._judge):
            return self._with_other(values)
        first, of_token = distinct(values[:, None])
        once = values[first]
        known = self._number_of.find(once.tolist())
        numbers = [
            self._number(rows, row, i) if number is None else number
            for row, number in zip(first.tolist(), known)
        ]
        return numpy.array(numbers, dtype=numpy.uint64)[of_token]

    def _with_other(self, values: Ids1d) -> Ids1d:
        """Return values with the same in place of all that are not named."""
        if not len(self._named):
            return numpy.full_like(values, self._other)
        places = numpy.searchsorted(self._named, values).clip(max=len(self._named) - 1)
        is_named = self._named[places] == values
        named: Ids1d = numpy.where(is_named, values, numpy.uint64(self._other))
        return named

    def _number(self, rows: Rows, row: int, i: int) -> int:
        doc, place = rows.find(row)
        held = self._judge(doc[place : place + 1], allow_missing=True)
        value = int(rows.values[row, i])
        named = value if value in self._is_named else self._other
        counts = named, frozenset([key for key, *_ in held])
        number = self._numbers.setdefault(counts, next(self._next))
        self._number_of[value] = number
        return number
