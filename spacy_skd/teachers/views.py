"""What a component of a teacher can be asked: one face of our own and of stock components."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from spacy.tokens import Doc

from ..layers.base import Block
from ..models.words import words_of
from ..transfer.beliefs import Belief


def _as_it_is(belief: Belief) -> Belief:
    return belief


@dataclass(frozen=True, eq=False)
class View:
    """One reading of what a component believes.

    labels (tuple[str, ...]): of the reading.
    read (Callable[[Belief], Belief]): the component's belief of a doc to the reading's.
    layer (str): what a student of it annotates, with its key ("spans:sc"); "" if there is no such
        student.
    joins (str): the layer that it annotates where no one student does: FEATS with POS.
    is_certain (bool): whether rules say it, so that a student may as well have these: it is asked
        where it is named, and has no labels of its own.
    student (Block): settings of the component of a student where the layer's own do not serve;
        those of its model are "model".
    """

    labels: tuple[str, ...]
    read: Callable[[Belief], Belief] = _as_it_is
    layer: str = ""
    joins: str = ""
    is_certain: bool = False
    student: Block = field(default_factory=dict)

    @property
    def annotates(self) -> str:
        """The layer, or what it joins: what stands in a manifest."""
        return self.layer or self.joins


class Source(ABC):
    """A component of a teacher that can be asked."""

    @abstractmethod
    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """Return the component's own belief of every doc's words. Does not change the docs, on
        which those of the components before it have run that embed or set sentences."""

    @abstractmethod
    def write(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        """Annotate the docs with the best guess of each of the component's own beliefs; whitespace
        as `codecs/words.py` says."""

    @abstractmethod
    def views(self) -> dict[str, View]:
        """Return readings by suffix of the component's name; "" is its own labels."""

    @property
    def loses(self) -> str:
        """What the component may annotate and no student learns; "" if there is no such thing."""
        return ""


class StockSource(Source):
    """A stock component, to which whitespace is as other tokens."""

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        beliefs = zip(self._believe(docs), words_of(docs))
        return [belief.of_words(words) for belief, words in beliefs]

    @abstractmethod
    def _believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """Return a belief of every doc's tokens."""


class DistillingSource(Source):
    """A component of this package."""

    def __init__(self, pipe: Any):
        self.pipe = pipe

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        beliefs: list[Belief] = self.pipe.believe(docs)
        return beliefs

    def write(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        self.pipe.write_beliefs(docs, beliefs)

    def views(self) -> dict[str, View]:
        task = self.pipe.task
        labels = tuple(self.pipe.labels)
        return {"": View(labels, layer=task.layer.full_name, student=task.settings_of_student())}
