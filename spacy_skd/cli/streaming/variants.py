"""Kinds of students that learn corpora in turn: what each reads of which store."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...shards.manifest import Manifest
from ..prepare import student_words


@dataclass(frozen=True)
class Store:
    """An annotated folder. labelled, unlabelled: words."""

    folder: Path
    labelled: int
    unlabelled: int

    @staticmethod
    def of(folder: Path) -> "Store":
        """Read the manifest of a folder."""
        shards = Manifest.from_disk(folder).shards.values()
        words = {
            is_gold: sum(s.words for s in shards if s.labelled is is_gold)
            for is_gold in (True, False)
        }
        return Store(folder, words[True], words[False])

    @property
    def worth(self) -> float:
        """Words that a student is to see of it."""
        return student_words(self.labelled + self.unlabelled)

    def of_pass(self, ratio: float) -> float:
        """Return the words of a pass, of so many unlabelled ones for each labelled one; where none
        is labelled, all."""
        return self.labelled + ratio * self.labelled * bool(self.unlabelled) or self.unlabelled


@dataclass(frozen=True)
class Mix:
    """What a student sees. ratios: of each folder, words of its unlabelled docs for each labelled
    word. silent: folders whose teachers say nothing. words: of the whole training."""

    ratios: dict[Path, float]
    silent: tuple[Path, ...]
    words: float


class Variant(ABC):
    """One kind. name (str): of its folder, and in tables. rehearses (bool): whether it reads what
    the student of the stage before has said. looks_back (bool): whether it is evaluated on all
    corpora so far in training, or on the new one alone: which of its weights are best."""

    name: ClassVar[str]
    rehearses: ClassVar[bool] = False
    looks_back: ClassVar[bool] = True

    def reads(self, new: Store, rehearsed: Store, former: Sequence[Store]) -> list[Store]:
        """Return the stores whose labels it learns. former (Sequence[Store]): of corpora before."""
        return [rehearsed, new]

    @abstractmethod
    def mix(
        self,
        new: Store,
        rehearsed: Store,
        former: Sequence[Store],
        *,
        words: float,
        rehearsal: float,
        ratio: float,
    ) -> Mix:
        """Decide how much of each store it sees.

        words (float): that all see of the new corpus. rehearsal (float): words that are rehearsed
            for each of these. ratio (float): words of the new unlabelled docs for each new labelled
            word.
        """


class Plain(Variant):
    """Sees the new corpus alone."""

    name = "plain"
    looks_back = False

    def mix(
        self,
        new: Store,
        rehearsed: Store,
        former: Sequence[Store],
        *,
        words: float,
        rehearsal: float,
        ratio: float,
    ) -> Mix:
        return Mix({rehearsed.folder: 0.0, new.folder: ratio}, (rehearsed.folder,), words)


class Stream(Plain):
    """Rehearses what its old self has said."""

    name = "stream"
    rehearses = looks_back = True

    def mix(
        self,
        new: Store,
        rehearsed: Store,
        former: Sequence[Store],
        *,
        words: float,
        rehearsal: float,
        ratio: float,
    ) -> Mix:
        if not rehearsal:
            given = {"words": words, "rehearsal": rehearsal, "ratio": ratio}
            return super().mix(new, rehearsed, former, **given)
        if not new.labelled:  # then ratios are between the stores
            ratios = {rehearsed.folder: rehearsal * ratio, new.folder: ratio}
        else:
            per_word = new.of_pass(ratio) / new.labelled
            ratios = {rehearsed.folder: rehearsal * per_word, new.folder: ratio}
        return Mix(ratios, (), words * (1 + rehearsal))


class OfGold(Plain):
    """Sees the gold of the corpora before again."""

    name = "gold"
    looks_back = True

    def reads(self, new: Store, rehearsed: Store, former: Sequence[Store]) -> list[Store]:
        return [*super().reads(new, rehearsed, former), *former]

    def mix(
        self,
        new: Store,
        rehearsed: Store,
        former: Sequence[Store],
        *,
        words: float,
        rehearsal: float,
        ratio: float,
    ) -> Mix:
        gold = sum(store.labelled for store in former)
        if not gold:
            given = {"words": words, "rehearsal": rehearsal, "ratio": ratio}
            return super().mix(new, rehearsed, former, **given)
        # Each labelled word, old or new, brings along its part of the new unlabelled ones.
        of_pass = new.of_pass(ratio)
        brought = (of_pass - new.labelled) / (gold + new.labelled)
        ratios = {rehearsed.folder: 0.0, new.folder: brought or ratio}
        ratios |= {store.folder: 0.0 for store in former}
        silent = (rehearsed.folder, *(store.folder for store in former))
        return Mix(ratios, silent, words * (1 + gold / of_pass))


WANTED = Stream()
IN_TURN: dict[str, Variant] = {each.name: each for each in (WANTED, Plain(), OfGold())}
