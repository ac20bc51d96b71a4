"""The patterns of an attribute ruler, taken apart into conditions on single tokens.

A pattern of n tokens without operators matches where n conditions hold, each of one token and a
function of that token's row of attributes. So spaCy's own matcher is asked once which conditions
hold of a row, and a span is looked for around its rarest token alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from spacy.attrs import ORTH
from spacy.matcher import Matcher
from spacy.vocab import Vocab

from ..arrays import Ints1d
from .conditions import Columns, Condition, conditions
from .memo import Memo
from .rows import Rows, distinct, keys


@dataclass(frozen=True)
class Span:
    """A pattern of several tokens. rule (int): that it is of. parts (tuple[int, ...]): the numbers
    of its tokens' conditions. index (int): of the token that is annotated, from the first."""

    rule: int
    parts: tuple[int, ...]
    index: int


@dataclass(frozen=True, eq=False)
class Match:
    """What holds of a row of attributes, one object for the same. rules (tuple[int, ...]): those of
    which a pattern of one token matches, in their order. parts (tuple[int, ...]): conditions that
    are parts of spans."""

    rules: tuple[int, ...]
    parts: tuple[int, ...]


@dataclass
class Matches:
    """rows (Rows): of a batch, N tokens. rules (list[tuple[int, ...]]): sets of rules, in their
    order. of_token (Ints1d): (N,), which of these sets matches a token."""

    rows: Rows
    rules: list[tuple[int, ...]]
    of_token: Ints1d


class CompiledRules:
    """Finds the rules that match tokens of a batch.

    attrs (list[int]): what it reads of each token.
    """

    def __init__(self, vocab: Vocab, patterns: Sequence[dict[str, Any]], *, memo: int):
        """patterns (Sequence[dict[str, Any]]): see `AttributeRuler.patterns`. memo (int): of how
        many rows what holds of them is remembered."""
        self._match_of: Memo[Match] = Memo(memo)
        self._matches: Memo[Match] = Memo(memo)
        self._indices = [int(entry["index"]) for entry in patterns]
        # Conditions are numbered; of one that is a pattern of its own, the rule.
        self._rule_of: dict[int, int] = {}
        self._spans: list[Span] = []
        self._conditions = Matcher(vocab, validate=False)
        self._others = Matcher(vocab, validate=False)
        read: list[Condition] = []
        for rule, entry in enumerate(patterns):
            for pattern in entry["patterns"]:
                read += self._add(rule, pattern)
        self._columns = Columns(vocab, read, memo=memo)
        self.attrs = self._columns.attrs or [ORTH]

    def _add(self, rule: int, pattern: list[dict[Any, Any]]) -> list[Condition]:
        """Return what of a pattern's tokens is read at once."""
        read, length, index = conditions(pattern), len(pattern), self._indices[rule]
        if read is None or not -length <= index < length:
            self._others.add(rule, [pattern])
            return []
        parts = range(len(self._conditions), len(self._conditions) + length)
        for part, token in zip(parts, pattern):
            self._conditions.add(part, [[token]])
        if length == 1:
            self._rule_of[parts[0]] = rule
        else:
            self._spans.append(Span(rule, tuple(parts), index % length))
        return read

    def match(self, rows: Rows) -> Matches:
        """Find what matches. rows (Rows): begin with `attrs`.

        RAISES (Exception): what a condition or an extension raises; (IndexError): if a rule
            annotates a token that a match of it does not have.
        """
        reduced = self._columns.reduce(rows)
        first, row_of = distinct(reduced)
        once = keys(reduced[first])
        number: dict[Match, int] = {}
        numbers = [
            number.setdefault(match or self._match(rows, row, key), len(number))
            for row, key, match in zip(first.tolist(), once, self._match_of.find(once))
        ]
        matches, of_token = list(number), numpy.array(numbers)[row_of]
        rules = [match.rules for match in matches]
        more: dict[int, set[int]] = {}
        for token, rule in self._match_spans(rows, matches, of_token):
            more.setdefault(token, {*rules[of_token[token]]}).add(rule)
        for token, rule in self._match_others(rows):
            more.setdefault(token, {*rules[of_token[token]]}).add(rule)
        for token, together in more.items():
            of_token[token] = len(rules)
            rules.append(tuple(sorted(together)))
        return Matches(rows, rules, of_token)

    def _match(self, rows: Rows, row: int, key: bytes) -> Match:
        doc, i = rows.find(row)
        held = {part for part, *_ in self._conditions(doc[i : i + 1], allow_missing=True)}
        rules = tuple(sorted({self._rule_of[part] for part in held & self._rule_of.keys()}))
        parts = tuple(sorted(held - self._rule_of.keys()))
        match = self._matches.get((rules, parts)) or Match(rules, parts)
        self._match_of[key] = self._matches[rules, parts] = match
        return match

    def _match_spans(
        self, rows: Rows, matches: Sequence[Match], of_token: Ints1d
    ) -> Iterator[tuple[int, int]]:
        """Yield the tokens that spans annotate, with the rule."""
        if not any(match.parts for match in matches):
            return
        holds = numpy.zeros((len(self._conditions), len(matches)), dtype=bool)
        for i, match in enumerate(matches):
            holds[list(match.parts), i] = True
        counts = holds @ numpy.bincount(of_token, minlength=len(matches))
        doc_of = numpy.repeat(numpy.arange(len(rows.docs)), numpy.diff(rows.starts))
        for span in self._spans:
            rarest = int(counts[list(span.parts)].argmin())
            if not counts[span.parts[rarest]]:
                continue
            starts = numpy.flatnonzero(holds[span.parts[rarest]][of_token]) - rarest
            last = len(span.parts) - 1
            starts = starts[(starts >= 0) & (starts + last < len(of_token))]
            starts = starts[doc_of[starts] == doc_of[starts + last]]
            for i, part in enumerate(span.parts):
                starts = starts[holds[part][of_token[starts + i]]]
            yield from ((start + span.index, span.rule) for start in starts.tolist())

    def _match_others(self, rows: Rows) -> Iterator[tuple[int, int]]:
        """Yield the tokens that patterns of more than conditions annotate, with the rule."""
        if not len(self._others):
            return
        for doc, part in rows.parts():
            for rule, start, end in self._others(doc, allow_missing=True):
                index = self._indices[rule]
                if not start - end <= index < end - start:
                    raise IndexError(f"rule {rule}: expected a match with a token {index}")
                yield part.start + start + index % (end - start), rule
