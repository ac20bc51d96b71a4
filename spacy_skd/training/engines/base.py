"""What an engine does: jobs in, results out, in whatever order they are ready."""

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

# Times that a job is begun whose worker dies, before it is held to be the cause.
ATTEMPTS = 3
# Jobs that a worker has at hand: the one that it is at, and the next.
AT_HAND = 2


class Job(Protocol):
    """A piece of work; it can be pickled. Its `name` is its own among those of a run."""

    @property
    def name(self) -> str: ...

    @property
    def where(self) -> str:
        """What of the input it is, for errors."""

    @property
    def remedy(self) -> str:
        """What else to try where workers die of it, and what is left: a sentence or two."""


Hand = TypeVar("Hand")
Todo = TypeVar("Todo", bound=Job)
Result = TypeVar("Result")
# Does a job, and returns what completes it, its writing, say, which may run in another thread
# beside the next job.
Doing = Callable[[Todo], Callable[[], Result]]


class Plan(ABC, Generic[Todo, Result]):
    """What a worker is started with; it can be pickled."""

    @abstractmethod
    def start(self) -> Doing[Todo, Result]:
        """Load what does the jobs. RAISES (ValueError): if it cannot be loaded, or is another."""


class WorkersDied(ValueError):
    """Workers died again and again at the same job."""

    def __init__(self, job: Job, why: str):
        super().__init__(
            f"{job.name} ({job.where}): {ATTEMPTS} workers died while they were at it: {why}. If "
            f"memory ran out, give fewer --workers{job.remedy}"
        )


class Died(Exception):
    """A worker is gone; its message says what is known of why."""


class Engine(ABC, Generic[Todo, Result]):
    """Does jobs."""

    @abstractmethod
    def run(self, jobs: Iterable[Todo]) -> Iterator[tuple[Todo, Result]]:
        """Yield each job that is done. Jobs are asked for as there is room for them. May be called
        again when all are done.

        RAISES (ValueError): what a worker raises; (OSError): if it cannot write; (WorkersDied).
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of workers. It may be called twice."""

    def in_order(self, jobs: Iterable[Todo]) -> Iterator[tuple[Todo, Result]]:
        """Do as `run`, in the order of the jobs: results that are early wait here."""
        asked: deque[str] = deque()
        early: dict[str, tuple[Todo, Result]] = {}

        def noted() -> Iterator[Todo]:
            for job in jobs:
                asked.append(job.name)
                yield job

        for job, result in self.run(noted()):
            early[job.name] = job, result
            while asked and asked[0] in early:
                yield early.pop(asked.popleft())


class Crew(Engine[Todo, Result], Generic[Hand, Todo, Result]):
    """An engine of several workers, each of which may die: what it had at hand is given to others.

    What is at hand is known by the crew's own tickets, of the type `Hand`.
    """

    @property
    @abstractmethod
    def n_workers(self) -> int:
        """How many there are now."""

    @abstractmethod
    def give(self, job: Todo) -> Hand:
        """Give a job to the worker that has least to do."""

    @abstractmethod
    def ready(self, at_hand: Sequence[Hand]) -> Hand | None:
        """Wait for any that is done, or whose worker is gone. RETURNS: None if a worker came."""

    @abstractmethod
    def result(self, ticket: Hand) -> Result:
        """Return what is done. RAISES (Died): if the worker is gone; what the worker raised."""

    @abstractmethod
    def renew(self, ticket: Hand) -> list[Hand]:
        """Start another worker in the place of the one that is gone. RETURNS (list[Hand]): what
        else was given to it, which nobody does now."""

    def run(self, jobs: Iterable[Todo]) -> Iterator[tuple[Todo, Result]]:
        """See `Engine`."""
        source = iter(jobs)
        at_hand: dict[Hand, Todo] = {}
        again: list[Todo] = []
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
                result = self.result(ticket)
            except Died as died:
                deaths[done.name] += 1
                if deaths[done.name] == ATTEMPTS:
                    raise WorkersDied(done, str(died)) from died
                lost = [done, *(at_hand.pop(other) for other in self.renew(ticket))]
                again += [*([job] if job else ()), *reversed(lost)]
                job = again.pop()
                continue
            yield done, result
