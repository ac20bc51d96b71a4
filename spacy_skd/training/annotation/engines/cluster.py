"""Actors of a Ray cluster, each with a teacher of its own. Extra `[scale]`."""

from collections.abc import Sequence
from typing import Any

from ..places.base import Written
from .base import Crew, Died, Job, Packed, pack
from .worker import Plan, Worker


class Cluster(Crew[Any]):
    """See `Crew`. Tickets are Ray's references.

    n (int): workers. address (str): of a cluster ("auto": the one that this machine is part of);
    "" to start one on this machine. gpus (float): of each worker.
    RAISES (ValueError): if Ray is not installed, there is no cluster at the address, or it has not
        the CPUs or GPUs of a single worker.
    """

    def __init__(self, plan: Plan, n: int, *, address: str = "", gpus: float = 0.0):
        self.plan, self.gpus = plan, gpus
        self._ray = _import_ray()
        self._is_ours = not self._ray.is_initialized()
        if self._is_ours:
            self._connect(address)
        try:
            self._check_room(n)
            self._actor = self._ray.remote(_Actor)
            self._workers = {self._start(): list[Any]() for _ in range(n)}
        except BaseException:
            self.close()
            raise

    @property
    def n_workers(self) -> int:
        return len(self._workers)

    def give(self, job: Job) -> Any:
        worker = min(self._workers, key=lambda worker: len(self._workers[worker]))
        ticket = worker.write.remote(job.name, pack(job.records), job.is_gold)
        self._workers[worker].append(ticket)
        return ticket

    def ready(self, at_hand: Sequence[Any]) -> Any:
        done, _ = self._ray.wait(list(at_hand), num_returns=1)
        return done[0]

    def result(self, ticket: Any) -> Written:
        errors = self._ray.exceptions
        try:
            written: Written = self._ray.get(ticket)
        except errors.RayTaskError as error:
            raise error.cause from None
        except errors.RayError as error:  # the actor, its node, or what it had written
            first = str(error).strip().partition("\n")[0]
            raise Died(f"{type(error).__name__}: {first}") from error
        self._workers[self._of(ticket)].remove(ticket)
        return written

    def renew(self, ticket: Any) -> list[Any]:
        worker = self._of(ticket)
        others = [other for other in self._workers.pop(worker) if other != ticket]
        self._ray.kill(worker)
        self._workers[self._start()] = []
        return others

    def close(self) -> None:
        for worker in getattr(self, "_workers", {}):
            self._ray.kill(worker)
        self._workers = {}
        if self._is_ours:
            self._ray.shutdown()

    def _of(self, ticket: Any) -> Any:
        return next(worker for worker, tickets in self._workers.items() if ticket in tickets)

    def _connect(self, address: str) -> None:
        settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if address:
            settings["address"] = address
        else:
            settings["include_dashboard"] = False
        try:
            self._ray.init(**settings)
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
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

    def _start(self) -> Any:
        options = {"num_cpus": 1, "num_gpus": self.gpus, "max_restarts": 0}
        return self._actor.options(**options).remote(self.plan)


class _Actor:
    """A worker in an actor: its errors are those of the first shard that it is given."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.worker: Worker | None = None

    def write(self, name: str, packed: Packed, labelled: bool) -> Written:
        self.worker = self.worker or Worker(self.plan)
        return self.worker.write(name, packed, labelled)


def _import_ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise ValueError(
            f"--engine ray needs Ray ({error}): pip install 'spacy-skd[scale]', on all machines"
        ) from error
    return ray
