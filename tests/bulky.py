"""Large jobs of which the result is as large, for workers that load nothing."""

import os
from dataclasses import dataclass

from spacy_skd.training.engines.base import Plan


@dataclass(frozen=True)
class Bulky:
    name: str
    data: bytes
    where: str = ""
    remedy: str = ""


class Echo(Plan):
    def start(self):
        return lambda job: lambda: job.data


class Threads(Plan):
    """What a worker is told of threads."""

    def start(self):
        return lambda job: lambda: os.environ.get("OMP_NUM_THREADS")
