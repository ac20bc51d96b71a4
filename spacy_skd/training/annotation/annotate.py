"""A teacher's beliefs of any amount of text, as shards on disk: the map behind `skd annotate`.

A shard holds consecutive records. What is in it depends on these, the teacher and the settings
alone, so that a run can be stopped at any moment and resumed, and one shard be redone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

from ...disk import NotOurs, check_apart
from ...disk.atomic import cannot_write
from ...shards.files import shard_name
from ...shards.manifest import Manifest
from ...teachers.loading import load_trained
from ..configs.retrained import check_retrainable
from ..conversion.raw_text import REJECTS, Unfit
from ..progress import Progress, Report, silent
from .annotator import Annotator
from .engines.base import Job
from .engines.choice import Workers as Workers
from .engines.choice import make_engine
from .fetch import fetched
from .inputs import Record, find_inputs, read_inputs
from .places.base import Place, Written
from .places.bucket import BucketPlace, is_url, local_path
from .places.folder import FolderPlace
from .provenance import check_input, make_manifest
from .settings import Settings as Settings


def annotate(
    teacher: str | Path,
    inputs: Sequence[str],
    output: str | Path,
    *,
    settings: Settings | None = None,
    workers: Workers | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Manifest:
    """Write a folder of annotated docs, or finish one that was begun.

    teacher (Union[str, Path]): folder or package of a trained pipeline.
    inputs (Sequence[str]): `.txt` (a text a line), `.jsonl` and `.spacy` files, globs and folders;
        URLs of such (`s3://...`), which are copied to this machine first.
    output (Union[str, Path]): a folder or a URL; gets `shard-000000.spacy`, ..., `manifest.json`
        and, if lines are unfit, `rejects.jsonl`.
    workers (Workers | None): who annotates; by default this process.
    overwrite (bool): whether to replace the folder of another run, instead of refusing.
    report (Report): called after each shard, with bytes of the input.
    RETURNS (Manifest): of the whole folder.
    RAISES (ValueError): for bad input, or one that changes while it is read, a teacher that cannot
        teach, an output folder of another run, or one that another run writes to; (OSError): if it
        cannot be written to. Shards that are whole stay.
    """
    with fetched(inputs) as (places, urls):
        files = find_inputs(places)
        place = _place(output, [teacher, *places, *files])
        with place.hold() as drafts:
            annotator = Annotator(load_trained(teacher, what="teacher"), settings or Settings())
            run = _Annotation(annotator, files, place, urls, drafts=drafts, report=report)
            run.open(overwrite=overwrite)
            engine = make_engine(
                workers or Workers(),
                annotator,
                place.sink(),
                teacher=str(teacher),
                fingerprint=run.manifest.teacher["fingerprint"],
            )
            with closing(engine):
                for written in engine.run(run.jobs()):
                    run.enter(written)
            run.close()
    return run.manifest


def _place(output: str | Path, apart: Sequence[str | Path]) -> Place:
    if is_url(str(output)):
        return BucketPlace(str(output))
    folder = Path(local_path(str(output)))
    check_apart(folder, apart)
    return FolderPlace(folder)


class _Annotation:
    """One run: its input, its place and its manifest. urls (Mapping[str, str]): by file, where it
    was fetched from."""

    def __init__(
        self,
        annotator: Annotator,
        files: Sequence[Path],
        place: Place,
        urls: Mapping[str, str],
        *,
        drafts: Path,
        report: Report,
    ):
        self.annotator, self.files, self.place = annotator, files, place
        self.urls = urls
        self.settings, self.report = annotator.settings, report
        for name in self.settings.retrain:
            check_retrainable(annotator.nlp, name)
        pipes, retrain = annotator.pipes, self.settings.retrain
        plain = {**asdict(self.settings), "pipes": list(pipes), "retrain": list(retrain)}
        if not retrain:  # as manifests of earlier versions
            del plain["retrain"]
        self.manifest = make_manifest(annotator.runner, files, pipes=pipes, settings=plain)
        for entry in self.manifest.inputs:
            entry["path"] = urls.get(entry["path"], entry["path"])
        annotator.id = self.manifest.id
        self.rejects = drafts / REJECTS
        self.total = sum(path.stat().st_size for path in files)
        self.done = 0  # bytes of the input
        self._sizes: dict[str, int] = {}  # in the input, of shards that are annotated now

    def open(self, *, overwrite: bool) -> None:
        """Go on with the run in the place, or begin one. RAISES (ValueError): if it is another."""
        try:
            earlier = self.place.manifest()
            if earlier is not None:
                self._resume(earlier)
        except NotOurs:
            raise
        except ValueError:
            if not overwrite:
                raise
            self.place.clear()
        if not self.manifest.shards:
            self._save()

    def _resume(self, earlier: Manifest) -> None:
        earlier.check_same(self.manifest, folder=self.place)
        self.place.check_resumable(earlier)
        self.manifest.teacher, self.manifest.inputs = earlier.teacher, earlier.inputs
        self.manifest.versions, self.manifest.shards = earlier.versions, earlier.shards
        self.manifest.rejects = earlier.rejects

    def jobs(self) -> Iterator[Job]:
        """Yield the shards that are not whole yet; those that are count as done."""
        before = 0
        for number, records in enumerate(self.cut()):
            name, end = shard_name(number), records[-1].end
            job = Job(name, records, end - before)
            before = end
            shard = self.manifest.shards.get(name)
            if shard is None or self.place.damage(name, shard):
                self._sizes[name] = job.n_bytes
                yield job
            else:
                self._count(shard.words, job.n_bytes, is_new=False)

    def enter(self, written: Written) -> None:
        """Name a shard in the manifest, and put it into its place."""
        if written.name not in self.manifest.shards:
            self.place.check_free(written)
        self.manifest.shards = {**self.manifest.shards, written.name: written.shard}
        self._save()
        self.place.put(written)
        self._count(written.shard.words, self._sizes.pop(written.name), is_new=True)

    def _count(self, words: int, n_bytes: int, *, is_new: bool) -> None:
        self.manifest.counts["words"] += words
        self.done += n_bytes
        self.report(Progress(self.done, self.total, words, is_new))

    def cut(self) -> Iterator[list[Record]]:
        """Yield the records of each shard; what is unfit is counted and noted. Gold docs and others
        do not share a shard."""
        shard: list[Record] = []
        words = 0
        for record in self._fit():
            full = words >= self.settings.shard_words
            if shard and (full or record.is_gold != shard[0].is_gold):
                yield shard
                shard, words = [], 0
            shard.append(record)
            words += record.n_words
        if shard:
            yield shard

    def close(self) -> None:
        """Publish what was rejected, check the shards, and call the folder whole.

        RAISES (ValueError): if nothing was annotated, or a shard is not as it was written.
        """
        if self.rejects.exists():
            self._publish_rejects()
        if not self.manifest.shards:
            blank, unfit = (self.manifest.counts[name] for name in ("blank", "rejected"))
            where = f", see {self.place}/{REJECTS}" if unfit else ""
            raise ValueError(
                f"expected texts or docs to annotate, found {blank} blank and {unfit} unfit "
                f"lines{where}"
            )
        for name, shard in self.manifest.shards.items():
            if damage := self.place.damage(name, shard):
                raise ValueError(damage)
        self.manifest.shards = dict(sorted(self.manifest.shards.items()))
        self.manifest.complete = True
        self.place.save(self.manifest)

    def _publish_rejects(self) -> None:
        """Publish the rejects. The manifest names them first, as it does shards."""
        is_named = self.manifest.rejects is not None
        with self.place.put_rejects(self.rejects, is_named=is_named) as named:
            self.manifest.rejects = named
            self._save()

    def _fit(self) -> Iterator[Record]:
        counts = self.manifest.counts
        read = read_inputs(
            self.files, max_chars=self.annotator.nlp.max_length, after=self._check_unchanged
        )
        for item in read:
            if isinstance(item, Record):
                counts["texts"] += 1
                yield item
            elif not item.reason:
                counts["blank"] += 1
            else:
                counts["rejected"] += 1
                self._reject(item)

    def _check_unchanged(self, path: Path) -> None:
        """Raise ValueError if a file that was read is not the one that the manifest names."""
        check_input(path, self.manifest.inputs[self.files.index(path)])

    def _reject(self, unfit: Unfit) -> None:
        unfit = replace(unfit, file=self.urls.get(unfit.file, unfit.file))
        line = unfit.to_json() + "\n"
        try:
            with self.rejects.open("a", encoding="utf8") as file:
                file.write(line)
        except OSError as error:
            raise cannot_write(Path(str(self.place)) / REJECTS, error) from error

    def _save(self) -> None:
        """Write the manifest without counts, which are of the whole input and come at the end."""
        self.place.save(replace(self.manifest, counts={}))
