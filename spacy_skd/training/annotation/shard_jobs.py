"""Shards as jobs of an engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, Protocol

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ...shards.files import make_bin
from .inputs import Record
from .places.base import Sink, Written

REMEDY = (
    ", or smaller --batch-words, if there are such, to begin anew. What is written stays: the same "
    "command goes on"
)


@dataclass(frozen=True)
class ShardJob:
    """The records of a shard, see `Job`. name (str): of its file. n_bytes (int): of the input."""

    name: str
    records: Sequence[Record]
    n_bytes: int = 0
    remedy: str = REMEDY

    @property
    def is_gold(self) -> bool:
        return self.records[0].is_gold

    @property
    def where(self) -> str:
        """The first and the last of its records."""
        first, last = self.records[0], self.records[-1]
        return f"{first.file}:{first.number} to {last.file}:{last.number}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (self.name, _pack(self.records), self.n_bytes)


class Maker(Protocol):
    """Makes shards of records."""

    def bin_of(self, records: Sequence[Record]) -> DocBin:
        """Annotate the records of a shard."""


@dataclass(frozen=True)
class ShardWriter:
    """Does the jobs, see `Doing`: makes a shard; it is complete when it is written."""

    maker: Maker
    sink: Sink

    def __call__(self, job: ShardJob) -> Callable[[], Written]:
        bin_ = self.maker.bin_of(job.records)
        return partial(self.sink.write, job.name, bin_, labelled=job.is_gold)


class _Packed(NamedTuple):
    """Records fit for another process. places (list[int]): of those with a doc; data (bytes): of
    their docs, which do not travel well by themselves."""

    records: list[Record]
    places: list[int]
    data: bytes


def _pack(records: Sequence[Record]) -> _Packed:
    places = [i for i, record in enumerate(records) if record.doc is not None]
    docs = [record.doc for record in records if record.doc is not None]
    data = make_bin(docs).to_bytes() if docs else b""
    return _Packed([replace(record, doc=None) for record in records], places, data)


def _unpacked(name: str, packed: _Packed, n_bytes: int) -> ShardJob:
    records = list(packed.records)
    if packed.places:
        docs = DocBin(store_user_data=True).from_bytes(packed.data).get_docs(Vocab())
        for i, doc in zip(packed.places, docs):
            records[i] = replace(records[i], doc=doc)
    return ShardJob(name, records, n_bytes)
