"""Which engine does the jobs."""

from dataclasses import dataclass
from pathlib import Path

from ...errors import check_between, check_one_of
from .base import Doing, Engine, Plan, Result, Todo
from .cluster import Cluster
from .here import Here
from .processes import Processes
from .worker import Start

LOCAL, RAY = "local", "ray"


@dataclass(frozen=True)
class Workers:
    """Who does the work. What comes of it does not depend on it.

    engine (str): "local", processes of this machine, or "ray", actors of a cluster. count (int):
    of them; a single local one is this process. address (str): of the cluster, "" to start one on
    this machine. gpus (float): of each worker of a cluster, a part of one too. code (Path | None):
    file that registers what the pipeline needs. gpu (int): that local ones run on, -1 for the
    CPU.
    RAISES (ValueError): if a setting is out of range, or says nothing to the engine.
    """

    engine: str = LOCAL
    count: int = 1
    address: str = ""
    gpus: float = 0.0
    code: Path | None = None
    gpu: int = -1

    def __post_init__(self) -> None:
        check_one_of("engine", self.engine, [LOCAL, RAY])
        check_between("workers", self.count, low=1, high=10_000)
        check_between("gpus-per-worker", self.gpus, low=0, high=64)
        if self.engine == RAY and self.gpu >= 0:
            raise ValueError("--gpu-id is of the local engine: give --gpus-per-worker 1")
        if self.engine == LOCAL and (self.address or self.gpus):
            raise ValueError(
                "--address and --gpus-per-worker are of --engine ray; the local engine runs on "
                "--gpu-id"
            )


def make_engine(
    workers: Workers, plan: Plan[Todo, Result], do: Doing[Todo, Result]
) -> Engine[Todo, Result]:
    """Make what does the jobs.

    plan (Plan): of other workers. do: what it starts, in this process, which has loaded it.
    RAISES (ValueError): if there is no such cluster.
    """
    if workers.engine == LOCAL and workers.count == 1:
        return Here(do)
    if workers.engine == RAY:
        text = workers.code.read_text(encoding="utf8") if workers.code else None
        start = Start(plan, code_text=text, gpu=0 if workers.gpus else -1)
        return Cluster(start, workers.count, address=workers.address, gpus=workers.gpus)
    code = None if workers.code is None else str(workers.code.resolve())
    return Processes(Start(plan, code=code, gpu=workers.gpu), workers.count)
