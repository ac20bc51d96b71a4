"""A folder of shards, written or finished: what `skd annotate` and `skd beliefs` have in common.

A shard holds consecutive records. What is in it depends on these, on who answers and the settings
alone, so that a run can be stopped at any moment and resumed, and one shard be redone.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ...disk import NotOurs, held_folder
from ...disk.atomic import cannot_write
from ...disk.mark import size_of
from ...shards.files import Shard, check_whole, is_whole, make_bin, shard_name, write_shard
from ...shards.manifest import FILE, Manifest
from ..conversion.raw_text import REJECTS, Unfit
from ..progress import Progress, Report
from .inputs import Record
from .ownership import check_empty_or_annotated, check_resumable, clear
from .provenance import check_input


def carry_out(
    output: Path,
    files: Sequence[Path],
    make: "Callable[[Path], ShardRun]",
    *,
    overwrite: bool,
    report: Report,
) -> Manifest:
    """Write a folder, or finish one that was begun. It is locked meanwhile.

    files (Sequence[Path]): the input. make (Callable[[Path], ShardRun]): makes the run, given a
        folder for drafts. report (Report): called after each shard, with bytes of the input.
    RETURNS (Manifest): of the whole folder.
    RAISES (ValueError): for bad input, or one that changes while it is read, an output folder of
        another run, or one that another run writes to; (OSError): if it cannot be written to.
    """
    total = sum(path.stat().st_size for path in files)
    with held_folder(output) as drafts:
        check_empty_or_annotated(output)
        run = make(drafts)
        run.open(overwrite=overwrite)
        try:
            for number, records in enumerate(run.cut()):
                words, is_new = run.shard(shard_name(number), records)
                report(Progress(records[-1].end, total, words, is_new))
            run.close()
        finally:
            run.writer.shutdown()
    return run.manifest


class ShardRun(ABC):
    """One run: the folder and its manifest.

    nlp (Language): whose vocab and tokenizer the docs have. manifest (Manifest): without shards.
    shard_words (int): a shard ends with the record that reaches as many. drafts (Path): a folder.
    """

    def __init__(
        self,
        nlp: Language,
        files: Sequence[Path],
        output: Path,
        manifest: Manifest,
        *,
        shard_words: int,
        drafts: Path,
    ):
        self.nlp, self.files, self.output, self.manifest = nlp, files, output, manifest
        self.shard_words, self.drafts = shard_words, drafts
        self.id = manifest.id
        self.rejects = drafts / REJECTS
        # Compresses and writes a shard while the next is made.
        self.writer = ThreadPoolExecutor(1)
        self.pending: Future[None] | None = None

    @abstractmethod
    def read(self) -> Iterator[Record | Unfit]:
        """Yield every record of the input, in order, and every line that is none."""

    @abstractmethod
    def annotated(self, records: Sequence[Record]) -> list[Doc]:
        """Return docs with beliefs."""

    def open(self, *, overwrite: bool) -> None:
        """Go on with the run in the folder, or begin one. RAISES (ValueError): if it is another."""
        if (self.output / FILE).exists():
            try:
                self._resume()
            except NotOurs:
                raise
            except ValueError:
                if not overwrite:
                    raise
                clear(self.output)
        if not self.manifest.shards:
            self._save()

    def _resume(self) -> None:
        earlier = Manifest.from_disk(self.output)
        earlier.check_same(self.manifest, folder=self.output)
        check_resumable(self.output, earlier)
        self.manifest.teacher, self.manifest.inputs = earlier.teacher, earlier.inputs
        self.manifest.versions, self.manifest.shards = earlier.versions, earlier.shards
        self.manifest.rejects = earlier.rejects

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

    def shard(self, name: str, records: Sequence[Record]) -> tuple[int, bool]:
        """Write a shard, unless it is whole already. RETURNS (tuple[int, bool]): its tokens, and
        whether it was written."""
        shard = self.manifest.shards.get(name)
        is_new = shard is None or not is_whole(self.output / name, shard)
        if shard is None or is_new:
            with self.nlp.memory_zone():
                bin_ = make_bin(self.annotated(records))
            self.wait()
            self.pending = self.writer.submit(self._write, name, bin_, records[0].is_gold)
            words = sum(len(tokens) for tokens in bin_.tokens)
        else:
            words = shard.words
        self.manifest.counts["words"] += words
        return words, is_new

    def wait(self) -> None:
        """Wait for the shard that is being written. RAISES (OSError): if it could not be."""
        pending, self.pending = self.pending, None
        if pending is not None:
            pending.result()

    def close(self) -> None:
        """Publish what was rejected, check the shards, and call the folder whole.

        RAISES (ValueError): if nothing was annotated, or a shard is not as it was written.
        """
        self.wait()
        if self.rejects.exists():
            self._publish_rejects()
        if not self.manifest.shards:
            blank, unfit = (self.manifest.counts[name] for name in ("blank", "rejected"))
            where = f", see {self.output / REJECTS}" if unfit else ""
            raise ValueError(
                f"expected texts or docs to annotate, found {blank} blank and {unfit} unfit "
                f"lines{where}"
            )
        for name, shard in self.manifest.shards.items():
            check_whole(self.output / name, shard)
        self.manifest.complete = True
        self.manifest.to_disk(self.output, drafts=self.drafts)

    def _publish_rejects(self) -> None:
        """Publish the rejects. The manifest names them first, as it does shards."""
        with self.rejects.open("rb") as file:
            os.fsync(file.fileno())
        size, blake2b = size_of(self.rejects)
        target = self.output / REJECTS
        if target.exists() and not self.manifest.rejects and size_of(target) != (size, blake2b):
            raise NotOurs(f"{target} is another's: move it elsewhere, and run the command again")
        self.manifest.rejects = {"bytes": size, "blake2b": blake2b}
        self._save()
        os.replace(self.rejects, target)

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
        line = unfit.to_json() + "\n"
        try:
            with self.rejects.open("a", encoding="utf8") as file:
                file.write(line)
        except OSError as error:
            raise cannot_write(self.output / REJECTS, error) from error

    def _write(self, name: str, bin_: DocBin, is_gold: bool) -> None:
        path = self.output / name

        def enter(shard: Shard) -> None:
            if path.exists() and name not in self.manifest.shards and not is_whole(path, shard):
                raise NotOurs(f"{path} is another's: move it elsewhere, and run the command again")
            self.manifest.shards = {**self.manifest.shards, name: shard}
            self._save()

        write_shard(path, bin_, labelled=is_gold, drafts=self.drafts, name=enter)

    def _save(self) -> None:
        """Write the manifest without counts, which are of the whole input and come at the end."""
        replace(self.manifest, counts={}).to_disk(self.output, drafts=self.drafts)
