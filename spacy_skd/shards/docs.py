"""Beliefs on a doc: one entry of `doc.user_data`, which a `DocBin` stores."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy
from spacy.attrs import ORTH, SPACY
from spacy.tokens import Doc

from ..arrays import Array
from ..transfer.beliefs import Belief, Form
from ..transfer.beliefs.packing import Packed

KEY = "spacy_skd"  # in doc.user_data
META = "meta"  # in doc.user_data: the "meta" of the JSONL record


@dataclass(frozen=True, eq=False)
class StoredBeliefs:
    """What is stored of one doc.

    id (bytes): of the manifest (`Manifest.id`). key (bytes): `doc_key` of the doc that the teacher
    saw. packed (dict[str, Packed]): by the teacher's component.
    """

    id: bytes
    key: bytes
    packed: dict[str, Packed]

    def belief(self, pipe: str, form: Form) -> Belief:
        """Return a component's belief. RAISES (ValueError): if it does not fit the form."""
        return form.unpack(self.packed[pipe])


def add_beliefs(
    doc: Doc, beliefs: Mapping[str, Belief], *, id: bytes, key: bytes, least: float
) -> None:
    """Store a doc's beliefs in its user data. least (float): see `Belief.pack`."""
    packed = {pipe: belief.pack(least=least) for pipe, belief in beliefs.items()}
    doc.user_data[KEY] = {"id": id, "key": key, "beliefs": packed}


def read_beliefs(user_data: Mapping[Any, Any]) -> StoredBeliefs | None:
    """Return what a doc carries, None where there are none."""
    stored = user_data.get(KEY)
    return stored and StoredBeliefs(stored["id"], stored["key"], stored["beliefs"])


def doc_key(doc: Doc, starts: Array | None) -> bytes:
    """Return a digest of words, spaces and unit starts. A doc's words are its vocab-free hashes."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(doc.to_array([ORTH, SPACY]).tobytes())
    digest.update(b"?" if starts is None else numpy.packbits(starts).tobytes())
    return digest.digest()
