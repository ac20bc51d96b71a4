"""What an engine does: jobs in, drafts of shards out, in whatever order they are ready."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, Protocol, TypeVar

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ....shards.files import make_bin
from ..inputs import Record
from ..places.base import Written

# Times that a shard is begun whose worker dies, before its records are held to be the cause.
ATTEMPTS = 3
# Shards that a worker has at hand: the one that it annotates, and the next.
AT_HAND = 2
Hand = TypeVar("Hand")


@dataclass(frozen=True)
class Job:
    """The records of a shard. name (str): of its file. n_bytes (int): of the input."""

    name: str
    records: Sequence[Record]
    n_bytes: int = 0

    @property
    def is_gold(self) -> bool:
        return self.records[0].is_gold

    @property
    def where(self) -> str:
        """The first and the last of its records, for errors."""
        first, last = self.records[0], self.records[-1]
        return f"{first.file}:{first.number} to {last.file}:{last.number}"


class WorkersDied(ValueError):
    """Workers died again and again at the same shard."""

    def __init__(self, job: Job, why: str):
        super().__init__(
            f"{job.name} ({job.where}): {ATTEMPTS} workers died while they annotated it: {why}. If "
            f"memory ran out, give fewer --workers, or smaller --batch-words to begin anew. What "
            f"is written stays: the same command goes on"
        )


class Died(Exception):
    """A worker is gone; its message says what is known of why."""


class Maker(Protocol):
    """Makes shards of records."""

    def bin_of(self, records: Sequence[Record]) -> DocBin:
        """Annotate the records of a shard."""


class Engine(Protocol):
    """Annotates the records of shards."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Written]:
        """Yield each shard as it is written. Jobs are asked for as there is room for them.

        RAISES (ValueError): what a worker raises; (OSError): if it cannot write; (WorkersDied).
        """

    def close(self) -> None:
        """Let go of workers. It may be called twice."""


class Crew(ABC, Generic[Hand]):
    """An engine of several workers, each of which may die: what it had at hand is given to others.

    What is at hand is known by the crew's own tickets, of the type `Hand`.
    """

    @property
    @abstractmethod
    def n_workers(self) -> int:
        """How many there are now."""

    @abstractmethod
    def give(self, job: Job) -> Hand:
        """Give a job to the worker that has least to do."""

    @abstractmethod
    def ready(self, at_hand: Sequence[Hand]) -> Hand | None:
        """Wait for any that is done, or whose worker is gone. RETURNS: None if a worker came."""

    @abstractmethod
    def result(self, ticket: Hand) -> Written:
        """Return what is done. RAISES (Died): if the worker is gone; what the worker raised."""

    @abstractmethod
    def renew(self, ticket: Hand) -> list[Hand]:
        """Start another worker in the place of the one that is gone. RETURNS (list[Hand]): what
        else was given to it, which nobody does now."""

    @abstractmethod
    def close(self) -> None:
        """See `Engine`."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Written]:
        """See `Engine`."""
        source = iter(jobs)
        at_hand: dict[Hand, Job] = {}
        again: list[Job] = []
        deaths: Counter[str] = Counter()
        job = next(source, None)
        while job or at_hand:
            while job and len(at_hand) < AT_HAND * self.n_workers:
                at_hand[self.give(job)] = job
                job = again.pop() if again else next(source, None)
            ticket = self.ready(list(at_hand))
            if ticket is None:
                continue
            done = at_hand.pop(ticket)
            try:
                written = self.result(ticket)
            except Died as died:
                deaths[done.name] += 1
                if deaths[done.name] == ATTEMPTS:
                    raise WorkersDied(done, str(died)) from died
                lost = [done, *(at_hand.pop(other) for other in self.renew(ticket))]
                again += [*([job] if job else ()), *reversed(lost)]
                job = again.pop()
                continue
            yield written


class Packed(NamedTuple):
    """Records fit for another process. places (list[int]): of those with a doc; data (bytes): of
    their docs."""

    records: list[Record]
    places: list[int]
    data: bytes


def pack(records: Sequence[Record]) -> Packed:
    """Take the docs out of records, which do not travel well."""
    places = [i for i, record in enumerate(records) if record.doc is not None]
    docs = [record.doc for record in records if record.doc is not None]
    data = make_bin(docs).to_bytes() if docs else b""
    return Packed([replace(record, doc=None) for record in records], places, data)


def unpack(packed: Packed) -> list[Record]:
    """Undo `pack`."""
    records = list(packed.records)
    if packed.places:
        docs = DocBin(store_user_data=True).from_bytes(packed.data).get_docs(Vocab())
        for i, doc in zip(packed.places, docs):
            records[i] = replace(records[i], doc=doc)
    return records
