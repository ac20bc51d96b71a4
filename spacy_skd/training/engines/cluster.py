"""Actors of a Ray cluster, each of which loads what its jobs need. Extra `[scale]`."""

import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .base import ATTEMPTS, Crew, Died, Result, Todo
from .environment import inheriting
from .worker import Start, Worker

_TIMEOUT = 10.0  # seconds in which a cluster answers


class Cluster(Crew[Any, Todo, Result]):
    """See `Crew`. Tickets are Ray's references. A worker is given nothing before it runs: what is
    started in the place of one whose machine is gone may wait for long.

    n (int): workers. address (str): of a cluster ("auto": the one that this machine is part of);
    "" to start one on this machine. gpus (float): of each worker.
    RAISES (ValueError): if Ray is not installed, there is no cluster at the address, it has not
        the CPUs or GPUs, or no worker can start.
    """

    def __init__(self, start: Start[Todo, Result], n: int, *, address: str = "", gpus: float = 0.0):
        self.start, self.gpus = start, gpus
        self._ray = _import_ray()
        self._is_ours = not self._ray.is_initialized()
        # By worker, what it was given; and by the sign of life that a new one gives, the worker.
        self._workers: dict[Any, list[Any]] = {}
        self._coming: dict[Any, Any] = {}
        self._failed = 0
        if self._is_ours:
            self._connect(address)
        try:
            self._check_room(n)
            self._actor = self._ray.remote(_Actor)
            for _ in range(n):
                self._start()
        except BaseException:
            self.close()
            raise

    @property
    def n_workers(self) -> int:
        return len(self._workers)

    def give(self, job: Todo) -> Any:
        worker = min(self._workers, key=lambda worker: len(self._workers[worker]))
        ticket = worker.do.remote(job)
        self._workers[worker].append(ticket)
        return ticket

    def ready(self, at_hand: Sequence[Any]) -> Any:
        (first,), _ = self._ray.wait([*self._coming, *at_hand], num_returns=1)
        if first not in self._coming:
            return first
        worker = self._coming.pop(first)
        try:
            self._ray.get(first)
        except self._ray.exceptions.RayError as error:
            self._failed += 1
            if self._failed == ATTEMPTS:
                raise ValueError(
                    f"no worker can start on the Ray cluster: {error}. If the cluster was started "
                    f"before its machines had their token (~/.ray/auth_token), start it again"
                ) from error
            self._start()
        else:
            self._workers[worker] = []
        return None

    def result(self, ticket: Any) -> Result:
        errors = self._ray.exceptions
        try:
            result: Result = self._ray.get(ticket)
        except errors.RayTaskError as error:
            raise error.cause from None
        except errors.RayError as error:  # the actor, its machine, or what it had written
            first = str(error).strip().partition("\n")[0]
            raise Died(f"{type(error).__name__}: {first}") from error
        self._workers[self._of(ticket)].remove(ticket)
        return result

    def renew(self, ticket: Any) -> list[Any]:
        worker = self._of(ticket)
        given = [other for other in self._workers.pop(worker) if other != ticket]
        self._ray.kill(worker)
        self._start()
        return given

    def close(self) -> None:
        for worker in (*self._workers, *self._coming.values()):
            self._ray.kill(worker)
        self._workers, self._coming = {}, {}
        if self._is_ours:
            self._ray.shutdown()

    def _of(self, ticket: Any) -> Any:
        return next(worker for worker, tickets in self._workers.items() if ticket in tickets)

    def _connect(self, address: str) -> None:
        settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if address:
            settings["address"] = address
        else:
            # Without an address Ray takes a cluster that runs here, or that RAY_ADDRESS names.
            settings |= {"address": "local", "include_dashboard": False}
        try:
            _check_reached(address)
            # Ray forks, of which tokenizers that were used warn unless they are told.
            with _own_signals(), inheriting(TOKENIZERS_PARALLELISM="false"):
                self._ray.init(**settings)
        except (OSError, ValueError, RuntimeError) as error:
            where = f"at {address!r}" if address else "on this machine"
            raise ValueError(
                f"no Ray cluster {where} ({error}). Start one by `ray start --head`, give its "
                f"address by --address, or leave --address out to use this machine alone"
            ) from error

    def _check_room(self, n: int) -> None:
        """Let nobody wait for ever for what the cluster does not have."""
        has = self._ray.cluster_resources()
        wanted = {"CPU": n, "GPU": n * self.gpus}
        for name, count in wanted.items():
            if has.get(name, 0) < count:
                raise ValueError(
                    f"the Ray cluster has {has.get(name, 0):g} {name}s, {n} workers need "
                    f"{count:g}: give fewer --workers, or a smaller --gpus-per-worker"
                )

    def _start(self) -> None:
        options = {"num_cpus": 1, "num_gpus": self.gpus, "max_restarts": 0}
        worker = self._actor.options(**options).remote(self.start, os.getcwd())
        self._coming[worker.lives.remote()] = worker


def _check_reached(address: str) -> None:
    """Raise OSError if nobody listens: Ray itself tries for many minutes. address (str):
    "host:port", also after "ray://"; anything else is not checked."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_TIMEOUT).close()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what SIGTERM does, which Ray changes, for the commands that say what is stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Actor:
    """A worker in an actor: its errors are those of the first job that it is given.

    folder (str): that paths are of, where the machine has it.
    """

    def __init__(self, start: Start[Any, Any], folder: str):
        if os.path.isdir(folder):
            os.chdir(folder)
        self.start = start
        self.worker: Worker[Any, Any] | None = None

    def lives(self) -> None:
        """Return."""

    def do(self, job: Any) -> Any:
        self.worker = self.worker or Worker(self.start)
        return self.worker.do(job)


def _import_ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise ValueError(
            f"--engine ray needs Ray ({error}): pip install 'spacy-skd[scale]', on all machines"
        ) from error
    return ray
