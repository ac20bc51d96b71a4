"""Facts of predicted docs counted against those of others, doc by doc."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc

from ..arrays import Array, Bools
from ..layers.base import Layer
from ..layers.facts import Fact

LABEL = "label"  # the dimension of labels
SlicesOf = Callable[[Fact], Iterable[tuple[str, str]]]


class Cell(NamedTuple):
    """What is counted together: of the facts of a score, all ("" and ""), or those of a value along
    a dimension, a label or a slice."""

    title: str
    dimension: str = ""
    value: str = ""


class Tally:
    """Counts by cell.

    n_docs (int): that there are.
    """

    def __init__(self) -> None:
        self.n_docs = 0
        self._counts: dict[Cell, Counter[int]] = defaultdict(Counter)

    @property
    def cells(self) -> list[Cell]:
        """Return the cells that have facts, in the order in which they were met."""
        return [*self._counts]

    def counts(self, cell: Cell) -> Array:
        """Return (docs, 3): facts that are right, that the doc says, that the other says."""
        counts = numpy.zeros((self.n_docs, 3), dtype="float32")
        of_cell = self._counts.get(cell, Counter[int]())
        numpy.put(counts, [*of_cell.keys()], [*of_cell.values()])
        return counts

    def drop(self, title: str) -> None:
        """Leave out a score."""
        for cell in [cell for cell in self._counts if cell.title == title]:
            del self._counts[cell]

    def take(self, other: "Tally") -> None:
        """Add the counts of another one."""
        for cell, counts in other._counts.items():
            self._counts[cell].update(counts)

    def add(
        self,
        title: str,
        said: Sequence[Fact],
        others: Sequence[Fact],
        slices: SlicesOf,
        *,
        place: int,
    ) -> None:
        """Add what a doc says, and another of the same text. place (int): of the doc among all."""
        right = {fact.key for fact in said} & {fact.key for fact in others}
        first = 3 * place
        for facts, column in ((said, 1), (others, 2)):
            for fact in facts:
                for cell in self._cells_of(title, fact, slices):
                    self._counts[cell][first + column] += 1
                    if column == 2 and fact.key in right:
                        self._counts[cell][first] += 1

    def _cells_of(self, title: str, fact: Fact, slices: SlicesOf) -> Iterable[Cell]:
        yield Cell(title)
        if fact.label:
            yield Cell(title, LABEL, fact.label)
        for dimension, value in slices(fact):
            yield Cell(title, dimension, value)


class Gold:
    """What a reference says of a layer; None throughout where it says nothing.

    decisions (set | None): keys of facts. unknown: see `unknown_chars`.
    """

    def __init__(self, layer: Layer, reference: Doc, *, is_there: bool) -> None:
        self.facts: dict[str, list[Fact]] | None = None
        self.decisions: set[Any] | None = None
        self.unknown: frozenset[int] = frozenset()
        if is_there and layer.is_annotated(reference):
            self.facts = layer.facts(reference)
            self.decisions = {fact.key for fact in layer.decisions(reference)}
            starts = (token.idx for token in reference)
            self.unknown = unknown_chars(starts, layer.unknown(reference))


class Having:
    """Which pipelines have said something of a score."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = defaultdict(set)

    def of(self, title: str) -> set[str]:
        """Return their names."""
        return self._names[title]

    def note(
        self, titles: Sequence[str], saying: Collection[str], *, names: Iterable[str]
    ) -> tuple[list[str], list[str]]:
        """Note who says something of a batch.

        titles: of the scores of a layer. names: of all pipelines, in order.
        RETURNS (tuple[list[str], list[str]]): those that have so far; those of them that had not
            before.
        """
        before = {name for title in titles for name in self._names[title]}
        for title in titles:
            self._names[title].update(saying)
        having = [name for name in names if name in before or name in saying]
        return having, [name for name in having if titles and name not in before]


def unknown_chars(starts: Iterable[int], unknown: Bools) -> frozenset[int]:
    """Return the first characters of the tokens of which a doc says nothing. starts: of each token
    its first character. unknown: (tokens,)."""
    return frozenset(start for start, is_unknown in zip(starts, unknown.tolist()) if is_unknown)


def known_facts(facts: Sequence[Fact], unknown: Container[int]) -> Sequence[Fact]:
    """Return the facts about what is known. unknown: see `unknown_chars`."""
    if not unknown:
        return facts
    return [fact for fact in facts if not any(i in unknown for i in range(*fact.chars))]
