"""A teacher's beliefs of any amount of text, as shards on disk: the map behind `skd annotate`.

A shard holds consecutive records. What is in it depends on these, the teacher and the settings
alone, so that a run can be stopped at any moment and resumed, and one shard be redone.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from ...arrays import Array
from ...disk import NotOurs, check_apart, held_folder
from ...disk.atomic import cannot_write
from ...disk.mark import size_of
from ...layers.sentences import reference_starts
from ...shards.files import Shard, check_whole, is_whole, make_bin, shard_name, write_shard
from ...shards.guesses import keep_guess
from ...shards.manifest import FILE, Manifest
from ...shards.store import META, add_beliefs, doc_key
from ...teachers.beam import Beam
from ...teachers.loading import load_trained
from ...teachers.runner import TeacherRunner
from ...transfer.beliefs import Belief
from ..configs.retrained import check_retrainable
from ..conversion.raw_text import REJECTS, Unfit
from ..corpora.readers import pieces, predicted_of
from ..progress import Progress, Report, silent
from .ensemble import EnsembleRunner
from .inputs import Record, find_inputs, read_inputs
from .ownership import check_empty_or_annotated, check_resumable, clear
from .provenance import Runner, asked_pipes, check_input, make_manifest
from .settings import Settings as Settings

_Asked = tuple[Doc, Array | None, Record]


def annotate(
    teacher: str | Path,
    inputs: Sequence[str],
    output: Path,
    *,
    settings: Settings | None = None,
    others: Sequence[str | Path] = (),
    weights: Sequence[float] = (),
    overwrite: bool = False,
    report: Report = silent,
) -> Manifest:
    """Write a folder of annotated docs, or finish one that was begun.

    teacher (Union[str, Path]): folder or package of a trained pipeline.
    inputs (Sequence[str]): `.txt` (a text a line), `.jsonl` and `.spacy` files, globs and folders.
    output (Path): gets `shard-000000.spacy`, ..., `manifest.json` and, if lines are unfit,
        `rejects.jsonl`.
    others (Sequence[Union[str, Path]]): further teachers of the same layers: what is stored is the
        mixture of what all believe, in as many bytes as of one (transfer/beliefs/merging.py).
    weights (Sequence[float]): of `teacher` and the others; all the same if there are none.
    overwrite (bool): whether to replace the folder of another run, instead of refusing.
    report (Report): called after each shard, with bytes of the input.
    RETURNS (Manifest): of the whole folder.
    RAISES (ValueError): for bad input, or one that changes while it is read, a teacher that cannot
        teach, one of several that lacks a layer, an output folder of another run, or one that
        another run writes to; (OSError): if it cannot be written to. Shards that are whole stay.
    """
    files = find_inputs(inputs)
    teachers = [teacher, *others]
    check_apart(output, [*teachers, *inputs, *files])
    total = sum(path.stat().st_size for path in files)
    with held_folder(output) as drafts:
        check_empty_or_annotated(output)
        run = _Annotation(
            [load_trained(each, what="teacher") for each in teachers],
            files,
            output,
            settings or Settings(),
            weights=weights,
            drafts=drafts,
        )
        run.open(overwrite=overwrite)
        try:
            for number, records in enumerate(run.cut()):
                words, is_new = run.shard(shard_name(number), records)
                report(Progress(records[-1].end, total, words, is_new))
            run.close()
        finally:
            run.writer.shutdown()
    return run.manifest


class _Annotation:
    """One run: the teacher, the folder and its manifest."""

    def __init__(
        self,
        teachers: Sequence[Language],
        files: Sequence[Path],
        output: Path,
        settings: Settings,
        *,
        weights: Sequence[float],
        drafts: Path,
    ):
        self.nlp, self.files, self.output, self.settings = teachers[0], files, output, settings
        self.drafts = drafts
        beam = Beam(settings.beam_width, settings.beam_density)
        size = settings.batch_words
        runners = [TeacherRunner(nlp, batch_words=size, beam=beam) for nlp in teachers]
        several = len(runners) > 1 or weights
        self.runner: Runner = EnsembleRunner(runners, weights) if several else runners[0]
        self.pipes = asked_pipes(self.runner, settings.pipes)
        for name in settings.retrain:
            check_retrainable(self.nlp, name)
        plain = {**asdict(settings), "pipes": list(self.pipes), "retrain": list(settings.retrain)}
        if not settings.retrain:  # as manifests of earlier versions
            del plain["retrain"]
        self.manifest = make_manifest(self.runner, files, pipes=self.pipes, settings=plain)
        self.id = self.manifest.id
        self.rejects = drafts / REJECTS
        # Compresses and writes a shard while the teacher is at the next.
        self.writer = ThreadPoolExecutor(1)
        self.pending: Future[None] | None = None

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
            full = words >= self.settings.shard_words
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
                bin_ = make_bin(self._annotated(records))
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
        read = read_inputs(self.files, max_chars=self.nlp.max_length, after=self._check_unchanged)
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

    def _annotated(self, records: Sequence[Record]) -> list[Doc]:
        inputs = [item for record in records for item in self._docs(record)]

        def keep(place: int, guess: Doc, beliefs: Mapping[str, Belief]) -> Doc:
            doc, starts, record = inputs[place]
            target = record.doc if record.doc is not None and record.is_gold else guess
            if self.settings.retrain:
                keep_guess(target, guess, of=self.settings.retrain)
            if record.meta:
                target.user_data[META] = record.meta
            key, least = doc_key(doc, starts), self.settings.least
            add_beliefs(target, beliefs, id=self.id, key=key, least=least)
            return target

        docs, all_starts = [doc for doc, _, _ in inputs], [starts for _, starts, _ in inputs]
        return self.runner.read_each(
            docs, keep, starts=all_starts, pipes=self.pipes, also=self.settings.retrain
        )

    def _docs(self, record: Record) -> Iterator[_Asked]:
        """Yield what the teacher is to see of a record: the docs that readers make for training."""
        if record.doc is None:
            doc = self.nlp.tokenizer(record.text)
            yield from ((piece, None, record) for piece in pieces(doc, self.settings.max_words))
        elif record.is_gold:
            doc = predicted_of(self.nlp, record.doc)
            yield doc, reference_starts(Example(doc, record.doc)), record
        else:
            words = [token.text for token in record.doc]
            spaces = [bool(token.whitespace_) for token in record.doc]
            yield Doc(self.nlp.vocab, words, spaces), None, record

    def _save(self) -> None:
        """Write the manifest without counts, which are of the whole input and come at the end."""
        replace(self.manifest, counts={}).to_disk(self.output, drafts=self.drafts)
