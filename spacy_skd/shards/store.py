"""An annotated folder, opened for training: beliefs by doc, without the teacher."""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc, DocBin

from ..models.words import words_of
from ..transfer.beliefs import Belief, Form
from .docs import StoredBeliefs, read_beliefs
from .files import read_shard
from .manifest import Manifest
from .messages import unpack_message


class BeliefStore:
    """The shards of an annotated folder.

    memory (int): the most bytes of beliefs that `find` keeps; what is over it is read again.
    RAISES (ValueError): if the folder is none, or its run did not end.
    """

    def __init__(self, folder: str | Path, *, memory: int = 2**31):
        self.folder = Path(folder)
        self.memory = memory
        self.manifest = Manifest.from_disk(self.folder)
        if not self.manifest.complete:
            raise ValueError(
                f"{self.folder} is not whole: its annotation was stopped after "
                f"{len(self.manifest.shards)} shards. Run the same `spacy skd annotate` again to "
                f"finish it"
            )
        self.id = self.manifest.id
        self.forms: dict[str, Form] = self.manifest.forms()
        self._places: dict[bytes, int] | None = None
        self._loaded: OrderedDict[int, dict[bytes, bytes]] = OrderedDict()
        self._bytes = 0
        self._names = list(self.manifest.shards)

    def names(self, *, labelled: bool) -> list[str]:
        """Return names of the shards of one kind."""
        return [n for n, shard in self.manifest.shards.items() if shard.labelled == labelled]

    def read(self, name: str) -> DocBin:
        """Read a shard. RAISES (ValueError): naming it, if it is not as it was written."""
        return read_shard(self.folder / name, self.manifest.shards[name])

    def find(self, key: bytes) -> StoredBeliefs | None:
        """Return what is stored of a doc, by `doc_key`; None if it is not stored.

        The first call reads all shards. For more text than fits into memory, let the reader
        `spacy-skd.DistillationCorpus.v1` bring the beliefs along with the docs.
        """
        if self._places is None:
            self._places = {k: i for i in range(len(self._names)) for k in self._load(i)}
        place = self._places.get(key)
        if place is None:
            return None
        return read_beliefs(unpack_message(self._load(place)[key]))

    def belief(self, stored: StoredBeliefs, pipe: str, doc: Doc) -> Belief:
        """Return what a component believes of the words of a doc.

        doc (Doc): whose belief is stored. RAISES (ValueError): if what is stored does not fit.
        """
        belief = stored.belief(pipe, self.forms[pipe])
        return belief if self.manifest.of_words else belief.of_words(words_of([doc])[0])

    def _load(self, number: int) -> dict[bytes, bytes]:
        """Return the user data of a shard's docs, by key."""
        if number in self._loaded:
            self._loaded.move_to_end(number)
            return self._loaded[number]
        by_key = dict(self._keyed(self.read(self._names[number])))
        self._loaded[number] = by_key
        self._bytes += _size(by_key)
        while self._bytes > self.memory and len(self._loaded) > 1:
            self._bytes -= _size(self._loaded.popitem(last=False)[1])
        return by_key

    def _keyed(self, bin_: DocBin) -> Iterator[tuple[bytes, bytes]]:
        for data in bin_.user_data:
            stored = data and read_beliefs(unpack_message(data))
            if data and stored:
                yield stored.key, data


def _size(shard: dict[bytes, bytes]) -> int:
    return sum(map(len, shard.values()))
