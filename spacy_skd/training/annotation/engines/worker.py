"""What a worker process has: a teacher of its own, loaded once."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import spacy
from spacy.cli._util import import_code

from ..annotator import Asked
from ..places.base import Sink, Written
from .base import Packed, unpack


@dataclass(frozen=True)
class Plan:
    """All that a worker needs to know; it can be pickled.

    asked (Asked): who is asked, on the worker's machine. fingerprint (str): of the teacher that the
    run's manifest names. id (bytes): of that manifest. code (str | None): the Python file that
    registers what the teacher needs; code_text (str | None): its text, for other machines. gpu
    (int): of those that the worker sees, -1 for the CPU.
    """

    asked: Asked
    fingerprint: str
    id: bytes
    sink: Sink
    code: str | None = None
    code_text: str | None = None
    gpu: int = -1


class Worker:
    """RAISES (ValueError): if the teacher cannot be loaded here, or is another."""

    def __init__(self, plan: Plan):
        _import_code(plan)
        if plan.gpu >= 0:
            spacy.require_gpu(plan.gpu)
        self._annotator = plan.asked.load()
        loaded = self._annotator.fingerprint
        if loaded != plan.fingerprint:
            raise ValueError(
                f"{', '.join(plan.asked.teachers)}: the teacher that the worker loads is another: "
                f"expected the fingerprint {plan.fingerprint}, found {loaded}. Give all machines "
                f"the same files and versions"
            )
        self._annotator.id = plan.id
        self._sink = plan.sink

    def write(self, name: str, packed: Packed, labelled: bool) -> Written:
        """Annotate the records of a shard, and write it."""
        bin_ = self._annotator.bin_of(unpack(packed))
        return self._sink.write(name, bin_, labelled=labelled)


def _import_code(plan: Plan) -> None:
    """Raise ValueError if the code cannot be imported."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = None if plan.code is None else Path(plan.code)
            if plan.code_text is not None:
                path = Path(folder) / "code.py"
                path.write_text(plan.code_text, encoding="utf8")
            import_code(path)
    except SystemExit as error:  # spaCy's command line says why, on the worker's own output
        raise ValueError(
            "--code: the file cannot be imported by a worker. On other machines it stands alone: "
            "what it reads or imports must be installed there"
        ) from error
