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
    run's manifest names. id (bytes): of that manifest. code (str): the text of the Python file that
    registers what the teacher needs. gpu (bool): whether it runs on the first GPU that the worker
    sees.
    """

    asked: Asked
    fingerprint: str
    id: bytes
    sink: Sink
    code: str = ""
    gpu: bool = False


class Worker:
    """RAISES (ValueError): if the teacher cannot be loaded here, or is another."""

    def __init__(self, plan: Plan):
        if plan.code:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "code.py"
                path.write_text(plan.code, encoding="utf8")
                import_code(path)
        if plan.gpu:
            spacy.require_gpu()
        self._annotator = plan.asked.load()
        found = self._annotator.fingerprint
        if found != plan.fingerprint:
            raise ValueError(
                f"{', '.join(plan.asked.teachers)}: the teacher that the worker loads is another: "
                f"expected the fingerprint {plan.fingerprint}, found {found}. Give all machines "
                f"the same files and versions"
            )
        self._annotator.id = plan.id
        self._sink = plan.sink

    def write(self, name: str, packed: Packed, labelled: bool) -> Written:
        """Annotate the records of a shard, and write it."""
        bin_ = self._annotator.bin_of(unpack(packed))
        return self._sink.write(name, bin_, labelled=labelled)
