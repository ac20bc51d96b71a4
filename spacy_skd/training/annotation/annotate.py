"""A teacher's beliefs of any amount of text, as shards on disk: the map behind `skd annotate`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from spacy.tokens import DocBin

from ...shards.manifest import Manifest
from ...teachers.projection import Projection
from ..configs.retrained import check_retrainable
from ..conversion.raw_text import REJECTS as REJECTS
from ..conversion.raw_text import Unfit
from ..engines.base import Engine, Plan
from ..engines.choice import Workers as Workers
from ..engines.choice import make_engine
from ..engines.worker import check_same_pipeline
from ..progress import Report, silent
from .annotator import Asked
from .fetch import fetched
from .inputs import Record, find_inputs, read_inputs
from .outside import Outside, check_outside, folder_of, is_outside
from .places.base import Sink, Written
from .places.choice import place_of
from .provenance import make_manifest
from .run import ShardRun, carry_out
from .settings import Settings as Settings
from .shard_jobs import ShardJob, ShardWriter


def annotate(
    teacher: str | Path,
    inputs: Sequence[str],
    output: str | Path,
    *,
    settings: Settings | None = None,
    others: Sequence[str | Path] = (),
    weights: Sequence[float] = (),
    outside: Outside | None = None,
    workers: Workers | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Manifest:
    """Write a folder of annotated docs, or finish one that was begun.

    teacher (Union[str, Path]): folder or package of a trained pipeline; or "hf:" and a token
        classifier of transformers, by its name on the hub or its folder.
    inputs (Sequence[str]): `.txt` (a text a line), `.jsonl` and `.spacy` files, globs and folders;
        URLs of such (`s3://...`), which are copied to this machine first.
    output (Union[str, Path]): a folder or a URL; gets `shard-000000.spacy`, ..., `manifest.json`
        and, if lines are unfit, `rejects.jsonl`.
    others (Sequence[Union[str, Path]]): further teachers of the same layers: what is stored is the
        mixture of what all believe, in as many bytes as of one (transfer/beliefs/merging.py).
    weights (Sequence[float]): of `teacher` and the others; all the same if there are none.
    outside (Outside | None): how a teacher that is no pipeline is asked, its default if None.
    workers (Workers | None): who annotates; by default this process.
    overwrite (bool): whether to replace the folder of another run, instead of refusing.
    report (Report): called after each shard, with bytes of the input.
    RETURNS (Manifest): of the whole folder.
    RAISES (ValueError): for bad input, or one that changes while it is read, a teacher that cannot
        teach, one of several that lacks a layer, an output folder of another run, or one that
        another run writes to; (OSError): if it cannot be written to. Shards that are whole stay.
    """
    teachers = tuple(map(str, [teacher, *others]))
    if not any(map(is_outside, teachers)):
        check_outside(teacher, outside)
    asked = Asked(teachers, settings or Settings(), tuple(map(float, weights)), outside)
    with fetched(inputs) as (places, urls):
        files = find_inputs(places)
        place = place_of(output, apart=[*map(folder_of, teachers), *inputs, *places, *files])

        def make(drafts: Path) -> ShardRun:
            return _Annotation(asked, files, workers or Workers(), drafts=drafts, urls=urls)

        return carry_out(place, make, overwrite=overwrite, report=report)


@dataclass(frozen=True)
class AskingPlan(Plan[ShardJob, Written]):
    """asked (Asked): who is asked, on the worker's machine. fingerprint (str): of the teacher that
    the run's manifest names. id (bytes): of that manifest. hidden (Mapping[str, Any]): its
    `Manifest.hidden`."""

    asked: Asked
    fingerprint: str
    id: bytes
    sink: Sink
    hidden: Mapping[str, Any] = field(default_factory=dict)

    def start(self) -> ShardWriter:
        annotator = self.asked.load()
        name = ", ".join(self.asked.teachers)
        check_same_pipeline(name, expected=self.fingerprint, loaded=annotator.fingerprint)
        annotator.id = self.id
        annotator.projection = Projection.from_json(self.hidden) if self.hidden else None
        return ShardWriter(annotator, self.sink)


class _Annotation(ShardRun):
    """One run of a teacher, or of several. workers (Workers): who asks."""

    def __init__(
        self,
        asked: Asked,
        files: Sequence[Path],
        workers: Workers,
        *,
        drafts: Path,
        urls: Mapping[str, str],
    ):
        self.asked, self.workers = asked, workers
        self.annotator = annotator = asked.load()
        settings, pipes = asked.settings, annotator.pipes
        for name in settings.retrain:
            check_retrainable(annotator.nlp, name)
        plain = {**asdict(settings), "pipes": list(pipes), "retrain": list(settings.retrain)}
        plain.update(annotator.more)
        if not settings.retrain:  # as manifests of earlier versions
            del plain["retrain"]
        if not settings.hidden:
            del plain["hidden"]
        manifest = make_manifest(annotator.runner, files, pipes=pipes, settings=plain)
        annotator.id = manifest.id
        size = settings.shard_words
        super().__init__(annotator.nlp, files, manifest, shard_words=size, drafts=drafts, urls=urls)

    def open(self, *, overwrite: bool) -> None:
        """See `ShardRun.open`. The projection of hidden states is written before any shard is, so
        that a run that goes on has the same."""
        super().open(overwrite=overwrite)
        if self.asked.settings.hidden:
            if not self.manifest.hidden:
                items = read_inputs(self.files, max_chars=self.nlp.max_length)
                records = (item for item in items if isinstance(item, Record))
                self.manifest.hidden = self.annotator.fit(records).to_json()
                self._save()
            self.annotator.projection = Projection.from_json(self.manifest.hidden)

    def read(self) -> Iterator[Record | Unfit]:
        return read_inputs(self.files, max_chars=self.nlp.max_length, after=self.check_unchanged)

    def bin_of(self, records: Sequence[Record]) -> DocBin:
        return self.annotator.bin_of(records)

    def engine(self, sink: Sink) -> Engine[ShardJob, Written]:
        annotator = self.annotator
        hidden = self.manifest.hidden
        plan = AskingPlan(self.asked, annotator.fingerprint, annotator.id, sink, hidden)
        return make_engine(self.workers, plan, ShardWriter(annotator, sink))
