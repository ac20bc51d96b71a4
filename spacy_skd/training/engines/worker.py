"""What a worker process has: all that its jobs need, loaded once."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

import spacy
from spacy.cli._util import import_code

from .base import Plan, Result, Todo


@dataclass(frozen=True)
class Start(Generic[Todo, Result]):
    """All that a worker needs to know; it can be pickled.

    code (str | None): the Python file that registers what the plan loads; code_text (str | None):
    its text, for other machines. gpu (int): of those that the worker sees, -1 for the CPU.
    """

    plan: Plan[Todo, Result]
    code: str | None = None
    code_text: str | None = None
    gpu: int = -1


class Worker(Generic[Todo, Result]):
    """RAISES (ValueError): if the plan cannot be started here."""

    def __init__(self, start: Start[Todo, Result]):
        _import_code(start)
        if start.gpu >= 0:
            spacy.require_gpu(start.gpu)
        self._do = start.plan.start()

    def do(self, job: Todo) -> Result:
        """Do a job to its end."""
        return self._do(job)()


def check_same_pipeline(name: str, *, expected: str, loaded: str) -> None:
    """Check that a worker has loaded what the process that gives the work has.

    name (str): of the pipeline. expected, loaded (str): fingerprints.
    RAISES (ValueError): if it is another.
    """
    if loaded != expected:
        raise ValueError(
            f"{name}: the pipeline that the worker loads is another: expected the fingerprint "
            f"{expected}, found {loaded}. Give all machines the same files and versions"
        )


def _import_code(start: Start[Todo, Result]) -> None:
    """Raise ValueError if the code cannot be imported."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = None if start.code is None else Path(start.code)
            if start.code_text is not None:
                path = Path(folder) / "code.py"
                path.write_text(start.code_text, encoding="utf8")
            import_code(path)
    except SystemExit as error:  # spaCy's command line says why, on the worker's own output
        raise ValueError(
            "--code: the file cannot be imported by a worker. On other machines it stands alone: "
            "what it reads or imports must be installed there"
        ) from error
