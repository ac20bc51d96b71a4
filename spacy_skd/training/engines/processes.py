"""Several processes of this machine, each of which loads what its jobs need."""

import contextlib
import multiprocessing
import pickle
import queue
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from .base import Crew, Died, Result, Todo
from .environment import inheriting, threads_each
from .worker import Start, Worker

_SPAWN = multiprocessing.get_context("spawn")


@dataclass(eq=False)
class _Process:
    """A process, this end of its pipe, and the tickets of what it was given, in that order."""

    process: BaseProcess
    pipe: Connection
    tickets: deque[int] = field(default_factory=deque)


class Processes(Crew[int, Todo, Result]):
    """See `Crew`. Workers share the cores: each has its part of the threads of OpenMP, which the
    matrix products of torch and NumPy use, unless OMP_NUM_THREADS says how many. n (int): workers.
    """

    def __init__(self, start: Start[Todo, Result], n: int):
        self.start = start
        self._threads = str(threads_each(n))
        self._tickets = count()
        self._workers = [self._start() for _ in range(n)]

    @property
    def n_workers(self) -> int:
        return len(self._workers)

    def give(self, job: Todo) -> int:
        worker = min(self._workers, key=lambda worker: len(worker.tickets))
        ticket = next(self._tickets)
        worker.tickets.append(ticket)
        with contextlib.suppress(OSError):  # it is gone, which `ready` finds
            worker.pipe.send(job)
        return ticket

    def ready(self, at_hand: Sequence[int]) -> int:
        busy = {worker.pipe: worker for worker in self._workers if worker.tickets}
        pipe: Any = wait(list(busy))[0]
        return busy[pipe].tickets[0]

    def result(self, ticket: int) -> Result:
        worker = self._of(ticket)
        try:
            received = worker.pipe.recv()
        except (EOFError, OSError) as error:
            worker.process.join()
            raise Died(_why(worker.process.exitcode)) from error
        worker.tickets.popleft()
        if isinstance(received, BaseException):
            raise received
        result: Result = received
        return result

    def renew(self, ticket: int) -> list[int]:
        worker = self._of(ticket)
        _end(worker)
        self._workers[self._workers.index(worker)] = self._start()
        return [other for other in worker.tickets if other != ticket]

    def close(self) -> None:
        for worker in self._workers:
            _end(worker)

    def _of(self, ticket: int) -> _Process:
        return next(worker for worker in self._workers if ticket in worker.tickets)

    def _start(self) -> _Process:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_serve, args=(self.start, theirs), daemon=True)
        # Ctrl-C is for the process that gives the work.
        with _ignoring_interrupts(), inheriting(OMP_NUM_THREADS=self._threads):
            process.start()
        theirs.close()  # so that the pipe ends with the process
        return _Process(process, ours)


@contextlib.contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Let what is started in the block ignore SIGINT, from its first moment."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(worker: _Process) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


def _why(code: int | None) -> str:
    if code is not None and code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    return f"it ended with code {code}"


def _serve(start: Start[Any, Any], pipe: Connection) -> None:
    """Do the jobs that come through the pipe until nobody is at its other end.

    A thread takes them in at all times: who gives a job waits until it has been taken, and takes no
    result meanwhile, so a worker that sent a result without taking jobs could wait for ever.
    """
    given: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_take_in, args=(pipe, given), daemon=True).start()
    worker: Worker[Any, Any] | None = None
    while (data := given.get()) is not None:
        try:
            worker = worker or Worker(start)
            pipe.send(worker.do(pickle.loads(data)))
        except Exception as error:
            pipe.send(_sendable(error))


def _take_in(pipe: Connection, given: "queue.SimpleQueue[bytes | None]") -> None:
    """Put each job that comes through the pipe, pickled, and None when it has ended."""
    while True:
        try:
            given.put(pipe.recv_bytes())
        except (EOFError, OSError):
            given.put(None)
            return


def _sendable(error: Exception) -> Exception:
    """Return the error, or its text if it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
