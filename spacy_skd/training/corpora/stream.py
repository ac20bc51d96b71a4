"""What readers of an annotated folder share: its docs and labelled ones, one endless stream."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from random import Random
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.corpus import walk_corpus

from ...errors import check_between, named
from ...layers.entity_tags import RepairedEntities
from ...pipeline.learners import LEARNERS
from ...shards.store import BeliefStore
from ...shards.table import Table, check_one_of_two, read_table
from .gold_labels import note_labels
from .items import Item, read_items
from .too_long import TooLong

RATIO = 4.0  # by default: words of unlabelled docs for each labelled word
_Numbered = tuple[int, Item] | None


@dataclass(frozen=True)
class Source:
    """A store that is read. ratio (float): words of its unlabelled docs for each labelled word.
    name (str): of its row of a table, "" for the only store."""

    store: BeliefStore
    ratio: float
    name: str = ""

    @property
    def n_labelled(self) -> int:
        """Docs with gold."""
        return sum(each.docs for each in self.store.manifest.shards.values() if each.labelled)

    @property
    def n_unlabelled(self) -> int:
        """Docs without gold."""
        return sum(each.docs for each in self.store.manifest.shards.values() if not each.labelled)

    @property
    def has_unlabelled(self) -> bool:
        """Whether such are to be read."""
        return self.ratio > 0 and bool(self.store.names(labelled=False))


class StoredCorpus(ABC):
    """Labelled docs and docs of an annotated folder, mixed, in constant memory.

    A pass has every labelled doc once, and unlabelled ones among them; the next goes on in the
    unlabelled where it stopped. The order depends on the seed and the folder alone. Examples are
    made when they are due, so that passing over some is cheap.

    sources (list[Source]): the stores. Of several, a pass without labelled docs ends when each has
    been read.
    skip (int): where the stream begins, for a pipeline that does not count what it has learnt.
    """

    skip: int = 0

    def __init__(
        self,
        store: Path | None,
        path: Path | None,
        *,
        ratio: float,
        buffer: int,
        max_length: int,
        seed: int,
        stores: Table | None = None,
    ):
        """Open the stores. RAISES (ValueError): if there is none, one was not annotated to the end,
        or a setting is out of range."""
        name = type(self).__name__
        check_one_of_two(store, stores or {}, name=name)
        if store is None and not stores:
            raise ValueError(
                f"{name}: expected `store`, a folder that `spacy skd annotate` wrote, got None; "
                f"set paths.store"
            )
        check_between("ratio", ratio, low=0, high=10**6)
        if stores and ratio != RATIO:
            raise ValueError(
                f"{name}: ratio: does not apply to several stores, of which each has its own, and "
                f"would change nothing; expected its default, {RATIO}, got {ratio}. Set stores.NAME"
                f".ratio (--paths.stores.NAME.ratio) in its place"
            )
        check_between("buffer", buffer, low=1, high=10**7)
        check_between("max_length", max_length, low=0, high=10**9)
        self.sources = [Source(BeliefStore(store), ratio)] if store is not None else []
        with named(name):
            rows = read_table(stores or {})
        self.sources += [Source(BeliefStore(row.path), row.ratio, row.name) for row in rows]
        self.path = path
        self.repaired = RepairedEntities(name)
        self.too_long = TooLong(name, max_length)
        self.buffer, self.seed = buffer, seed
        self._items: Iterator[_Numbered] = iter(())
        # As they were at the last call, and whether its pass was read to the end.
        self._nlp: Language | None = None
        self._seen: int | None = None
        self._ended = False

    @property
    def store(self) -> BeliefStore:
        """The store, of several the first."""
        return self.sources[0].store

    @abstractmethod
    def _example(self, nlp: Language, item: Item, number: int) -> Example:
        """Make the example of an item. number (int): its place in the stream."""

    def _learnt(self, nlp: Language) -> int | None:
        """Return how many examples the pipeline has learnt from; None if it does not say, so that
        what has been read was learnt."""
        return examples_seen(nlp)

    def __call__(self, nlp: Language) -> Iterator[Example]:
        if nlp is not self._nlp:
            note_labels(nlp, self._gold(nlp))
        seen = self._learnt(nlp)
        has_learnt = self._seen is None if seen is None else seen != self._seen
        if not (self._ended and has_learnt and nlp is self._nlp):
            self._items = self._from(nlp, seen or self.skip)
        self._nlp, self._seen, self._ended = nlp, seen, False
        for numbered in self._items:
            if numbered is None:
                self._ended = True
                return
            number, item = numbered
            eg = self._example(nlp, item, number)
            if item.is_gold:
                self.repaired(eg.reference)
            yield self._shown(nlp, eg, item)

    def _shown(self, nlp: Language, eg: Example, item: Item) -> Example:
        """Return what is yielded of an example whose gold has been repaired."""
        return eg

    def _from(self, nlp: Language, position: int) -> Iterator[_Numbered]:
        """Yield the endless stream from its `position`-th example on. None ends each pass."""
        items = self._numbered(nlp)
        for _ in range(position):
            if next(items) is None:
                next(items)
        first = next(items)
        if first is not None:  # a pass that ended at the position has been told of already
            yield first
        yield from items

    def _numbered(self, nlp: Language) -> Iterator[_Numbered]:
        for number, item in enumerate(self._endless(nlp)):
            yield None if item is None else (number, item)

    def _endless(self, nlp: Language) -> Iterator[Item | None]:
        raws = [self._unlabelled(nlp, source) for source in self.sources]
        number = 0
        while True:
            random = Random(f"{self.seed} labelled {number}")
            number += 1
            owed = [0.0] * len(raws)
            count = 0
            for item in self._shuffled(self._labelled(nlp, random), random):
                count += 1
                yield item
                for i, (source, raw) in enumerate(zip(self.sources, raws)):
                    owed[i] += source.ratio * max(1, item.n_words)
                    while owed[i] > 0 and source.has_unlabelled:
                        unlabelled = next(raw)
                        owed[i] -= unlabelled.n_words
                        yield unlabelled
            if not count:
                yield from self._only_unlabelled(nlp, random, raws)
            yield None

    def _only_unlabelled(
        self, nlp: Language, random: Random, raws: Sequence[Iterator[Item]]
    ) -> Iterator[Item]:
        if self.path is not None or not any(source.has_unlabelled for source in self.sources):
            where = self.path or ", ".join(str(source.store.folder) for source in self.sources)
            raise ValueError(f"{type(self).__name__}: no docs in {where}")
        if len(self.sources) == 1:
            names = self.store.names(labelled=False)
            shards = self._shards(nlp, self.sources[0], names, random, is_gold=False)
            yield from self._shuffled(shards, random)
        else:
            yield from self._by_ratio(raws)

    def _by_ratio(self, raws: Sequence[Iterator[Item]]) -> Iterator[Item]:
        """Yield docs of several stores, as many words of each as its ratio says, until all that
        have any have been read once."""
        ratios = [source.ratio * source.has_unlabelled for source in self.sources]
        read, left = [0.0] * len(raws), [source.n_unlabelled for source in self.sources]
        while any(n > 0 and ratio for n, ratio in zip(left, ratios)):
            behind = [read[i] / ratio if ratio else inf for i, ratio in enumerate(ratios)]
            i = behind.index(min(behind))
            item = next(raws[i])
            read[i] += max(1, item.n_words)
            left[i] -= 1
            yield item

    def _unlabelled(self, nlp: Language, source: "Source") -> Iterator[Item]:
        random = Random(" ".join(filter(None, (str(self.seed), "unlabelled", source.name))))
        names = source.store.names(labelled=False)
        while names:
            shards = self._shards(nlp, source, names, random, is_gold=False)
            yield from self._shuffled(shards, random)

    def _labelled(self, nlp: Language, random: Random) -> Iterator[Item]:
        if self.path is None:
            gold = [(source, source.store.names(labelled=True)) for source in self.sources]
            items: Iterator[Item] = _evenly(
                [self._shards(nlp, *each, random, is_gold=True) for each in gold],
                [source.n_labelled for source in self.sources],
            )
        else:
            items = self._files(nlp, self.path, random)
        return self._short(items)

    def _short(self, items: Iterator[Item]) -> Iterator[Item]:
        """Yield what is not too long. RAISES (ValueError): at the end, if all is."""
        n_items, n_long, limit = 0, 0, self.too_long.max_length
        for item in items:
            n_items += 1
            if limit and item.n_words > limit:
                n_long += 1
            else:
                yield item
        self.too_long.tell(n_long, of=n_items, unit="labelled docs")

    def _gold(self, nlp: Language) -> Iterator[Doc]:
        for item in self._labelled(nlp, Random(self.seed)):
            yield from item.bin.get_docs(nlp.vocab)

    def _shards(
        self, nlp: Language, source: "Source", names: list[str], random: Random, *, is_gold: bool
    ) -> Iterator[Item]:
        """Yield the items of shards.

        RAISES (ValueError): naming the shard, if it is damaged or a doc has no belief.
        """
        for name in random.sample(names, len(names)):
            for item in read_items(nlp, source.store.read(name), is_gold=is_gold):
                yield replace(item.checked(source.store.folder / name), row=source.name)

    def _files(self, nlp: Language, path: Path, random: Random) -> Iterator[Item]:
        """Yield labelled docs from elsewhere; `skd_teacher` finds their beliefs, or runs the
        teacher."""
        files = walk_corpus(path, ".spacy")
        for file in random.sample(files, len(files)):
            yield from read_items(nlp, DocBin(store_user_data=True).from_disk(file), is_gold=True)

    def _shuffled(self, items: Iterator[Item], random: Random) -> Iterator[Item]:
        """Yield each item once, drawn from those that are waiting."""
        waiting: list[Item] = []
        for item in items:
            if len(waiting) < self.buffer:
                waiting.append(item)
                continue
            i = random.randrange(len(waiting))
            drawn, waiting[i] = waiting[i], item
            yield drawn
        random.shuffle(waiting)
        yield from waiting


def _evenly(streams: Sequence[Iterator[Item]], sizes: Sequence[int]) -> Iterator[Item]:
    """Yield the items of all streams, so that of each the same part has been read at any time."""
    read = {i: 0.0 for i, size in enumerate(sizes) if size}
    while read:
        i = min(read, key=lambda i: read[i])
        item = next(streams[i], None)
        if item is None:
            del read[i]
            continue
        read[i] += 1 / sizes[i]
        yield item


def examples_seen(nlp: Language) -> int | None:
    """Return how many examples a pipeline has learnt from, as its distilling components count them,
    but for the frozen, whose counts are of another training; None if it has none of these."""
    frozen = nlp.config["training"].get("frozen_components", [])
    pipes: list[Any] = [pipe for name, pipe in nlp.components if name not in frozen]
    counts = (pipe.cfg.get("seen", 0) for pipe in pipes if isinstance(pipe, LEARNERS))
    return max(counts, default=None)
