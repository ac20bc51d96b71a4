"""Beliefs on docs, one entry of `doc.user_data`, which a `DocBin` stores; and an annotated folder,
opened for training: beliefs by doc, without the teacher."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from spacy.attrs import ORTH, SPACY
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from ..arrays import Array
from ..models.words import words_of
from ..teachers.fingerprint import fingerprint
from ..transfer.beliefs import Belief, Form
from ..transfer.beliefs.form import Packed, PackedArray, pack_array, unpack_array
from ..transfer.similarities import WordStates
from .files import read_shard
from .manifest import Manifest
from .messages import unpack_message

_URL = re.compile(r"[a-z][a-z0-9+]+:/")  # of Path, too, which leaves one slash
KEY = "spacy_skd"  # in doc.user_data
META = "meta"  # in doc.user_data: the "meta" of the JSONL record


@dataclass(frozen=True, eq=False)
class StoredBeliefs:
    """What is stored of one doc.

    id (bytes): of the manifest (`Manifest.id`). key (bytes): `doc_key` of the doc that the teacher
    saw. packed (dict[str, Packed]): by the teacher's component. row (str): of a table of stores,
    the one that the doc was read from; "" without such a table. hidden (PackedArray | None):
    (words, columns) int8, see `Projection`, where hidden states are stored.
    """

    id: bytes
    key: bytes
    packed: dict[str, Packed]
    row: str = ""
    hidden: PackedArray | None = None


def add_beliefs(
    doc: Doc,
    beliefs: Mapping[str, Belief],
    *,
    id: bytes,
    key: bytes,
    least: float,
    hidden: Array | None = None,
) -> None:
    """Store a doc's beliefs in its user data. least (float): see `Belief.pack`. hidden (Array |
    None): (words, columns) int8, see `StoredBeliefs`."""
    packed = {pipe: belief.pack(least=least) for pipe, belief in beliefs.items()}
    stored = {"id": id, "key": key, "beliefs": packed}
    doc.user_data[KEY] = stored if hidden is None else {**stored, "hidden": pack_array(hidden)}


def read_beliefs(user_data: Mapping[Any, Any]) -> StoredBeliefs | None:
    """Return what a doc carries, None where there are none."""
    stored = user_data.get(KEY)
    if not stored:
        return None
    id, key, packed = (stored[name] for name in ("id", "key", "beliefs"))
    return StoredBeliefs(id, key, packed, stored.get("row", ""), stored.get("hidden"))


def note_row(user_data: dict[Any, Any], row: str) -> None:
    """Note on a doc with beliefs which row of a table it was read from."""
    user_data[KEY] = {**user_data[KEY], "row": row}


def doc_key(doc: Doc, starts: Array | None) -> bytes:
    """Return a digest of words, spaces and unit starts. A doc's words are its vocab-free hashes."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(doc.to_array([ORTH, SPACY]).tobytes())
    digest.update(b"?" if starts is None else numpy.packbits(starts).tobytes())
    return digest.digest()


class BeliefStore:
    """The shards of an annotated folder.

    memory (int): the most bytes of beliefs that `find` keeps; what is over it is read again.
    name (str): of the component that asks, for errors.
    RAISES (ValueError): if the folder is none, or its run did not end.
    """

    def __init__(self, folder: str | Path, *, memory: int = 2**31, name: str = "skd_teacher"):
        self.name = name
        self.folder = Path(folder)
        if _URL.match(str(folder)):
            raise ValueError(
                f"{folder}: a store is read from a disk. Copy it there, by `aws s3 sync` or so"
            )
        self.memory = memory
        self.manifest = Manifest.from_disk(self.folder)
        if not self.manifest.complete:
            raise ValueError(
                f"{self.folder} is not whole: its annotation was stopped after "
                f"{len(self.manifest.shards)} shards. Run the same command again to finish it"
            )
        self.id = self.manifest.id
        self.forms: dict[str, Form] = self.manifest.forms()
        self._places: dict[bytes, int] | None = None
        self._loaded: OrderedDict[int, dict[bytes, bytes]] = OrderedDict()
        self._bytes = 0
        self._names = list(self.manifest.shards)

    def names(self, *, labelled: bool) -> list[str]:
        """Return names of the shards of one kind that have docs."""
        shards = self.manifest.shards.items()
        return [name for name, shard in shards if shard.docs and shard.labelled == labelled]

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
        belief = self.forms[pipe].unpack(stored.packed[pipe])
        return belief if self.manifest.of_words else belief.of_words(words_of([doc])[0])

    def answer(self, eg: Example, key: bytes, pipe: str, *, needed: bool) -> Belief | None:
        """Return what is stored of an example's predicted doc: with its reference or here.

        key (bytes): `doc_key` of the predicted doc. pipe (str): the teacher's component.
        needed (bool): whether nothing else can answer.
        RETURNS (Belief | None): None if the doc or the component is not stored.
        RAISES (ValueError): if it is needed and not stored; if the reference carries a belief of
            another store or of other words.
        """
        stored = self.carried(eg, key)
        if stored is None and pipe in self.forms:
            stored = self.find(key)
        if stored is not None and pipe in stored.packed:
            return self.belief(stored, pipe, eg.predicted)
        if needed:
            raise ValueError(self.missing(eg, pipe))
        return None

    def carried(self, eg: Example, key: bytes) -> StoredBeliefs | None:
        """Return what an example's reference carries, None if nothing. key (bytes): `doc_key` of
        the predicted doc. RAISES (ValueError): if it is of another store or of other words."""
        stored = read_beliefs(eg.reference.user_data)
        if stored is not None and (stored.id != self.id or stored.key != key):
            raise ValueError(self.unfit(eg, stored))
        return stored

    @property
    def has_hidden(self) -> bool:
        """Whether hidden states of words are stored."""
        return bool(self.manifest.hidden)

    def states(self, stored: StoredBeliefs, doc: Doc, *, trees: bool) -> WordStates | None:
        """Return the hidden states of a doc's words; None where there are none.

        trees (bool): whether to say which words share an arc, too, where trees are stored.
        RAISES (ValueError): if they are of another number of words.
        """
        if stored.hidden is None:
            return None
        columns, (words,) = unpack_array(stored.hidden), words_of([doc])
        if columns.ndim != 2 or len(columns) != len(words):
            raise ValueError(
                f"{self.name}: the hidden states of {doc.text[:40]!r} in {self.folder} are "
                f"damaged: expected those of {len(words)} words, found the shape {columns.shape}"
            )
        heads = None
        pipe = next((p for p in stored.packed if self.forms[p].of_trees), None)
        if trees and pipe is not None:
            heads = self.belief(stored, pipe, doc).likeliest_heads()
        return WordStates(columns, heads)

    def is_of(self, nlp: Language) -> bool:
        """Whether a teacher has annotated the folder, alone or as one of an ensemble."""
        teacher = self.manifest.teacher
        known = [each["fingerprint"] for each in (teacher, *teacher.get("members", ()))]
        return fingerprint(nlp) in known

    def check_teacher(self, nlp: Language) -> None:
        """Check a teacher. RAISES (ValueError): if it is not the one that annotated the folder."""
        expected, own = self.manifest.teacher["fingerprint"], fingerprint(nlp)
        if own != expected:
            members = self.manifest.teacher.get("members", ())
            if own in [each["fingerprint"] for each in members]:
                raise ValueError(
                    f"{self.name}: {self.folder} holds the beliefs of an ensemble, of which "
                    f"{nlp.path} is one of {len(members)}: it cannot be asked alone of what is not "
                    f"stored. Annotate that text, too, with all of them"
                )
            raise ValueError(
                f"{self.name}: {self.folder} holds the beliefs of another teacher: expected the "
                f"fingerprint {expected}, the teacher {nlp.path} has {own}. Name the teacher that "
                f"annotated it, or annotate again with this one"
            )

    def unfit(self, eg: Example, stored: StoredBeliefs) -> str:
        """Return what is wrong with the belief that a reference carries."""
        if stored.id != self.id:
            return (
                f"{self.name}: the reference {_short(eg)} has a belief of another teacher than "
                f"that of {self.folder} (expected the id {self.id.hex()}, found "
                f"{stored.id.hex()}). Give components.{self.name}.store and the reader one folder"
            )
        return (
            f"{self.name}: the belief of the reference {_short(eg)} is of other words, spaces or "
            f"sentence starts than those it is trained on. Use the tokenizer that annotated it, "
            f"and no augmenter, gold_preproc or max_length"
        )

    def missing(self, eg: Example, pipe: str) -> str:
        """Return what is missing of an example."""
        where = f"{self.name}: no belief of {pipe!r} is stored in {self.folder}"
        if pipe not in self.forms:
            return (
                f"{where}, which has {list(self.forms)}. Annotate again with that component, or "
                f"set components.{self.name}.teacher"
            )
        return (
            f"{where} for {_short(eg)}. Either it was not annotated, or the reader changed or "
            f"copied it (max_length, gold_preproc, augmenter, another tokenizer). Read the folder "
            f"by spacy-skd.DistillationCorpus.v1, annotate this text too, or set "
            f"components.{self.name}.teacher to run the teacher on it"
        )

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


def _short(eg: Example) -> str:
    text = eg.reference.text
    return repr(text if len(text) <= 40 else text[:37] + "...")
