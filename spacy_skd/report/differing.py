"""Where two pipelines differ: which labels they confuse, and the sentences in which they differ the
most."""

import heapq
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import count, repeat, zip_longest
from typing import Any, NamedTuple

from spacy.tokens import Doc

from ..layers.base import Layer
from ..layers.facts import Fact

SENTENCES = 4  # that are shown of each layer
CONFUSIONS = 12
MOST_TOKENS = 35  # of a sentence that is shown
NOTHING = "–"
_AROUND, _NEAR = 3, 60  # words around an example, within characters


class Said(NamedTuple):
    """What a pipeline says of a doc and a layer, with the probability of each decision, None where
    it says none."""

    doc: Doc
    decisions: list[Fact]
    confidences: list[float] | None


class Mark(NamedTuple):
    """A fact as it is drawn. start, end, head: words of the side, the head None outside it.

    right (bool | None): None where gold says nothing. differs (bool): from the other side.
    """

    start: int
    end: int
    label: str
    head: int | None
    confidence: float | None
    right: bool | None
    differs: bool


class Side(NamedTuple):
    """A sentence as one pipeline has it. words: with the whitespace behind each; tags: its POS."""

    words: list[tuple[str, str]]
    tags: list[str]
    marks: list[Mark]


class Sentence(NamedTuple):
    """Where two pipelines differ in n facts. style (str): displaCy's. lang, direction (str): of the
    text."""

    layer: str
    style: str
    n: int
    lang: str
    direction: str
    sides: tuple[Side, Side]
    slices: tuple[tuple[str, str], ...]


class Confusion(NamedTuple):
    """What one pipeline says where the other says something else. n (int): how often. first,
    second (int): how often that of the first, of the second is right; n_gold (int): of how many
    gold says something. example (str): the first one, in context."""

    layer: str
    labels: tuple[str, str]
    n: int
    first: int
    second: int
    n_gold: int
    example: tuple[str, str, str]


class Differences:
    """Of a pipeline from another, collected doc by doc."""

    def __init__(self) -> None:
        self._heaps: dict[str, list[tuple[int, int, Sentence]]] = {}
        self._ties = count(0, -1)  # of two sentences the first stays
        self._confused: dict[tuple[str, str, str], Counter[str]] = {}
        self._examples: dict[tuple[str, str, str], tuple[str, str, str]] = {}

    @property
    def sentences(self) -> list[Sentence]:
        """Return those in which the two differ the most, layer by layer."""
        ranked = (sorted(heap, reverse=True) for heap in self._heaps.values())
        return [sentence for heap in ranked for _, _, sentence in heap]

    @property
    def confusions(self) -> list[Confusion]:
        """Return the most frequent ones, layer by layer."""
        of_layers: dict[str, list[Confusion]] = {}
        for (layer, *labels), counts in self._confused.items():
            key = (layer, labels[0], labels[1])
            each = Confusion(
                layer, (labels[0], labels[1]), counts["n"], counts["first"], counts["second"],
                counts["gold"], self._examples[key],
            )  # fmt: skip
            of_layers.setdefault(layer, []).append(each)
        return [
            each
            for confusions in of_layers.values()
            for each in sorted(confusions, key=lambda c: (-c.n, c.labels))[:CONFUSIONS]
        ]

    def add(
        self,
        layer: Layer,
        first: Said,
        second: Said,
        *,
        reference: Doc,
        right: Collection[Any] | None,
        slices: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Add what two pipelines say of a doc.

        reference (Doc): whose sentences are shown, else those of the first. right (Collection |
            None): the keys of gold's facts, None without gold.
        slices: dimension and value of those that the doc is in.
        """
        keys = [{fact.key for fact in said.decisions} for said in (first, second)]
        differing = keys[0] ^ keys[1]
        if not differing:
            return
        self._confuse(layer, first, second, right)
        if layer.displacy:
            places = sorted(chars[0] for chars, _ in differing)
            for start, end in _sentences(reference, first.doc):
                n = bisect_right(places, end - 1) - bisect_right(places, start - 1)
                self._consider(layer, (first, second), (start, end), n, differing, right, slices)

    def drop(self, layer: str) -> None:
        """Leave out a layer, by its full name."""
        self._heaps.pop(layer, None)
        for key in [key for key in self._confused if key[0] == layer]:
            del self._confused[key], self._examples[key]

    def _consider(
        self,
        layer: Layer,
        said: tuple[Said, Said],
        chars: tuple[int, int],
        n: int,
        differing: Collection[Any],
        right: Collection[Any] | None,
        slices: Sequence[tuple[str, str]],
    ) -> None:
        heap = self._heaps.setdefault(layer.full_name, [])
        if not n or (len(heap) == SENTENCES and n <= heap[0][0]):
            return
        sides = tuple(_side(each, chars, differing, right) for each in said)
        if any(len(side.words) > MOST_TOKENS for side in sides):
            return
        doc = said[0].doc
        direction = doc.vocab.writing_system.get("direction", "ltr")
        sentence = Sentence(
            layer.full_name, layer.displacy, n, doc.lang_, direction, (sides[0], sides[1]),
            tuple(slices),
        )  # fmt: skip
        put = heapq.heappush if len(heap) < SENTENCES else heapq.heapreplace
        put(heap, (n, next(self._ties), sentence))

    def _confuse(
        self, layer: Layer, first: Said, second: Said, right: Collection[Any] | None
    ) -> None:
        text = first.doc.text  # which a doc makes anew each time
        for chars, facts in _pairs(first.decisions, second.decisions):
            labels = [NOTHING if fact is None else _name(fact) for fact in facts]
            if labels[0] == labels[1]:
                labels[1] += " (another head)"
            key = (layer.full_name, labels[0], labels[1])
            counts = self._confused.setdefault(key, Counter())
            counts["n"] += 1
            if right is not None:
                counts["gold"] += 1
                counts["first"] += _is_right(facts[0], chars, first, right)
                counts["second"] += _is_right(facts[1], chars, second, right)
            if key not in self._examples:
                self._examples[key] = _context(text, chars)


def _name(fact: Fact) -> str:
    return fact.label or str(fact.claim)


def _pairs(
    first: Sequence[Fact], second: Sequence[Fact]
) -> Iterator[tuple[tuple[int, int], tuple[Fact | None, Fact | None]]]:
    """Yield what two say of the same characters and not alike; None where one says no more of them.
    Of some layers several things may hold of them, as of spans."""
    keys = [{fact.key for fact in facts} for facts in (first, second)]
    sides: list[dict[tuple[int, int], list[Fact]]] = [{}, {}]
    for side, facts, others in zip(sides, (first, second), reversed(keys)):
        for fact in facts:
            if fact.key not in others:
                side.setdefault(fact.chars, []).append(fact)
    for chars in dict.fromkeys([*sides[0], *sides[1]]):
        for pair in zip_longest(sides[0].get(chars, ()), sides[1].get(chars, ())):
            yield chars, pair


def _is_right(
    fact: Fact | None, chars: tuple[int, int], said: Said, right: Collection[Any]
) -> bool:
    """Saying nothing is right where gold has nothing of just these characters that is not said."""
    if fact is None:
        own = {each.key for each in said.decisions if each.chars == chars}
        return all(key[0] != chars or key in own for key in right)
    return fact.key in right


def _context(text: str, chars: tuple[int, int]) -> tuple[str, str, str]:
    """Of characters the words before, the text, and the words after."""
    start, end = chars
    before = text[max(0, start - _NEAR) : start].split()[-_AROUND:]
    after = text[end : end + _NEAR].split()[:_AROUND]
    shown = text[start:end]
    space, other = (
        " " if char.isspace() else "" for char in (text[start - 1 : start], text[end : end + 1])
    )
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return " ".join(before) + space, shown, other + " ".join(after)


def _sentences(reference: Doc, doc: Doc) -> list[tuple[int, int]]:
    """Start and end character of each sentence, or of the whole text."""
    for each in (reference, doc):
        if each.has_annotation("SENT_START"):
            return [(sent.start_char, sent.end_char) for sent in each.sents]
    return [(0, len(doc.text))]


def _side(
    said: Said,
    chars: tuple[int, int],
    differing: Collection[Any],
    right: Collection[Any] | None,
) -> Side:
    tokens = [t for t in said.doc if chars[0] <= t.idx < chars[1]]
    if not tokens:
        return Side([], [], [])
    first, n = tokens[0].i, len(tokens)
    marks = []
    for fact, confidence in zip(said.decisions, said.confidences or repeat(math.nan)):
        start, end = (token - first for token in fact.tokens)
        if not (0 <= start and end <= n):
            continue
        head = None if fact.head is None else fact.head - first
        marks.append(
            Mark(
                start, end, fact.label,
                head if head is not None and 0 <= head < n else None,
                None if math.isnan(confidence) else confidence,
                None if right is None else fact.key in right,
                fact.key in differing,
            )
        )  # fmt: skip
    words = [(token.text, token.whitespace_) for token in tokens]
    return Side(words, [token.pos_ for token in tokens], marks)
