"""What a worker process has: a teacher of its own, loaded once."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import spacy
from spacy.cli._util import import_code

from ....teachers.fingerprint import fingerprint
from ....teachers.loading import load_trained
from ..annotator import Annotator
from ..places.base import Sink, Written
from ..settings import Settings
from .base import Packed, unpack


@dataclass(frozen=True)
class Plan:
    """All that a worker needs to know; it can be pickled.

    teacher (str): folder or package, on the worker's machine. fingerprint (str): of the teacher
    that the run's manifest names. id (bytes): of that manifest. code (str): the text of the Python
    file that registers what the teacher needs. gpu (bool): whether it runs on the first GPU that
    the worker sees.
    """

    teacher: str
    fingerprint: str
    id: bytes
    settings: Settings
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
        nlp = load_trained(plan.teacher, what="teacher")
        found = fingerprint(nlp)
        if found != plan.fingerprint:
            raise ValueError(
                f"{plan.teacher}: the teacher that the worker loads is another: expected the "
                f"fingerprint {plan.fingerprint}, found {found}. Give all machines the same files "
                f"and versions"
            )
        self._annotator = Annotator(nlp, plan.settings)
        self._annotator.id = plan.id
        self._sink = plan.sink

    def write(self, name: str, packed: Packed, labelled: bool) -> Written:
        """Annotate the records of a shard, and write it."""
        bin_ = self._annotator.bin_of(unpack(packed))
        return self._sink.write(name, bin_, labelled=labelled)
