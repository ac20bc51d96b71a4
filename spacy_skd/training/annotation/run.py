"""A folder of shards, written or finished: what commands that write one have in common.

A shard holds consecutive records. What is in it depends on these, on who answers and the settings
alone, so that a run can be stopped at any moment and resumed, and one shard be redone, here or
elsewhere.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from spacy.language import Language
from spacy.tokens import DocBin

from ...disk import NotOurs
from ...disk.atomic import cannot_write
from ...shards.files import shard_name
from ...shards.manifest import Manifest
from ..conversion.raw_text import REJECTS, Unfit
from ..engines.base import Engine
from ..engines.here import Here
from ..progress import Progress, Report
from .inputs import Record
from .places.base import Place, Sink, Written
from .provenance import check_input
from .shard_jobs import ShardJob, ShardWriter


def carry_out(
    place: Place, make: "Callable[[Path], ShardRun]", *, overwrite: bool, report: Report
) -> Manifest:
    """Write a place, or finish one that was begun. It is locked meanwhile.

    make (Callable[[Path], ShardRun]): makes the run, given a folder for drafts. report (Report):
        called after each shard, with bytes of the input.
    RETURNS (Manifest): of the whole folder.
    RAISES (ValueError): for bad input, or one that changes while it is read, a place of another
        run, or one that another run writes to; (OSError): if it cannot be written to.
    """
    with place.hold() as drafts:
        run = make(drafts)
        run.place, run.report = place, report
        run.open(overwrite=overwrite)
        with closing(run.engine(place.sink())) as engine:
            for job, written in engine.run(run.jobs()):
                run.enter(job, written)
        run.close()
    return run.manifest


class ShardRun(ABC):
    """One run: its input, its place and its manifest.

    nlp (Language): whose vocab and tokenizer the docs have. files (Sequence[Path]): the input.
    manifest (Manifest): without shards. shard_words (int): a shard ends with the record that
    reaches as many. drafts (Path): a folder. urls (Mapping[str, str]): by file, where it was
    fetched from.
    """

    place: Place
    report: Report

    def __init__(
        self,
        nlp: Language,
        files: Sequence[Path],
        manifest: Manifest,
        *,
        shard_words: int,
        drafts: Path,
        urls: Mapping[str, str] = {},
    ):
        self.nlp, self.files, self.manifest = nlp, files, manifest
        self.shard_words, self.urls = shard_words, urls
        for entry in manifest.inputs:
            entry["path"] = urls.get(entry["path"], entry["path"])
        self.id = manifest.id
        self.rejects = drafts / REJECTS
        self.total = sum(path.stat().st_size for path in files)
        self.done = 0  # bytes of the input

    @abstractmethod
    def read(self) -> Iterator[Record | Unfit]:
        """Yield every record of the input, in order, and every line that is none."""

    @abstractmethod
    def bin_of(self, records: Sequence[Record]) -> DocBin:
        """Annotate the records of a shard, see `Maker`."""

    def engine(self, sink: Sink) -> Engine[ShardJob, Written]:
        """Return what annotates: this process."""
        return Here(ShardWriter(self, sink))

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
        if not earlier.shards and not earlier.rejects:  # it was refused, or killed, at its first
            self.place.check_resumable(earlier)
            return
        earlier.check_same(self.manifest, folder=self.place)
        self.place.check_resumable(earlier)
        self.manifest.teacher, self.manifest.inputs = earlier.teacher, earlier.inputs
        self.manifest.versions, self.manifest.shards = earlier.versions, earlier.shards
        self.manifest.rejects, self.manifest.hidden = earlier.rejects, earlier.hidden

    def jobs(self) -> Iterator[ShardJob]:
        """Yield the shards that are not whole yet; those that are count as done."""
        before = 0
        for number, records in enumerate(self.cut()):
            name, end = shard_name(number), records[-1].end
            job = ShardJob(name, records, end - before)
            before = end
            shard = self.manifest.shards.get(name)
            if shard is None or self.place.damage(name, shard):
                yield job
            else:
                self._count(shard.words, job.n_bytes, is_new=False)

    def enter(self, job: ShardJob, written: Written) -> None:
        """Name a shard in the manifest, and put it into its place."""
        if written.name not in self.manifest.shards:
            self.place.check_free(written)
        self.manifest.shards = {**self.manifest.shards, written.name: written.shard}
        self._save()
        self.place.put(written)
        self._count(written.shard.words, job.n_bytes, is_new=True)

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
            full = words >= self.shard_words
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
        if not any(shard.docs for shard in self.manifest.shards.values()):
            blank, unfit = (self.manifest.counts[name] for name in ("blank", "rejected"))
            where = f", see {self.place}/{REJECTS}" if unfit else ""
            raise ValueError(
                f"expected texts or docs to annotate, found {blank} blank and {unfit} unfit "
                f"lines{where}"
            )
        self.complete()

    def complete(self) -> None:
        """Check the shards, and call the folder whole. RAISES (ValueError): see `close`."""
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
        for item in self.read():
            if isinstance(item, Record):
                counts["texts"] += 1
                yield item
            elif not item.reason:
                counts["blank"] += 1
            else:
                counts["rejected"] += 1
                self._reject(item)

    def check_unchanged(self, path: Path) -> None:
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
