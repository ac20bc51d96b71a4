"""A pipeline's best guesses of any amount of raw text, as one file: the map behind `skd silver`.

Texts are cut into shards as `annotate` cuts them, in a folder beside the output, from which a run
that was stopped goes on; the output is made of them at the end, and the folder is gone then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ...disk import check_apart, check_new_file, remove_files, remove_if_empty, write_new
from ...errors import check_between
from ...shards.files import read_shard
from ...shards.manifest import Manifest
from ...teachers.embedding import drop_vectors
from ...teachers.fingerprint import about_pipeline, fingerprint
from ...teachers.loading import load_trained
from ...teachers.merging import mergers
from ...teachers.overlap import batches_by_length
from ..conversion.categories import decide_categories
from ..conversion.raw_text import REJECTS, Unfit, find_raw_files
from ..engines.base import Engine, Plan
from ..engines.choice import Workers, make_engine
from ..engines.worker import check_same_pipeline
from ..progress import Report, silent
from .inputs import DOCS, Record, read_inputs
from .ownership import are_rejects
from .places.base import Sink, Written
from .places.folder import FolderPlace
from .provenance import describe_input, new_counts, versions
from .run import ShardRun, carry_out
from .shard_jobs import ShardJob, ShardWriter


@dataclass(frozen=True)
class SilverSettings:
    """What a shard depends on, beside its texts and the pipeline. batch_words: padded words of a
    batch. shard_words: a shard ends with the text that reaches as many (words between spaces)."""

    batch_words: int = 2000
    shard_words: int = 20_000

    def __post_init__(self) -> None:
        check_between("batch_words", self.batch_words, low=1, high=10**6)
        check_between("shard_words", self.shard_words, low=1, high=10**8)


def silver(
    pipeline: str | Path,
    raw: Path,
    output: Path,
    *,
    settings: SilverSettings | None = None,
    workers: Workers | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> tuple[int, int]:
    """Write `.spacy` docs with a trained pipeline's annotation of raw text, in the text's order, or
    go on with what an earlier run of the same left in `parts_of(output)`.

    pipeline (Union[str, Path]): folder or package.
    raw (Path): a `.jsonl` or `.txt` file, or a folder of them.
    workers (Workers | None): who annotates; by default this process. The result is the same.
    overwrite (bool): whether to replace the output, and the parts of another run.
    report (Report): called after each shard, with bytes of the input.
    RETURNS (tuple[int, int]): docs written, and lines that are unfit and stand in
        `rejects_of(output)`.
    RAISES (ValueError): if the output exists, or lies in an input, the pipeline cannot be loaded,
        there is no text, or it changes while it is read, or the parts are of another run;
        (OSError): if something cannot be written. Parts that are whole stay.
    """
    files = find_raw_files(raw)
    parts = parts_of(output)
    for path in (output, parts):
        check_apart(path, [pipeline, raw, *files])
    if not output.name.endswith(DOCS):
        raise ValueError(
            f"{output}: expected a file whose name ends in {DOCS}, the only one that spaCy reads "
            f"in training; choose such a name"
        )
    place = FolderPlace(parts)
    is_whole = _is_whole(place)
    for file in (output, rejects_of(output)):
        check_new_file(file, overwrite=overwrite or is_whole)
    settings, workers = settings or SilverSettings(), workers or Workers()

    def make(drafts: Path) -> ShardRun:
        return _Silver(pipeline, files, output, settings, workers, overwrite, drafts=drafts)

    counts = carry_out(place, make, overwrite=overwrite, report=report).counts
    remove_if_empty(parts)
    return counts["texts"], counts["rejected"]


def parts_of(output: Path) -> Path:
    """Return the folder beside it that has the shards until all are there."""
    return output.with_suffix(".parts")


def rejects_of(output: Path) -> Path:
    """Return the file beside it that gets the lines which are unfit."""
    return output.with_suffix(f".{REJECTS}")


def _is_whole(place: FolderPlace) -> bool:
    """Tell whether all parts are there: then a run that was killed may have written the output."""
    try:
        manifest = place.manifest()
    except ValueError:  # damaged, which is said when the place is opened
        return False
    return manifest is not None and manifest.complete


class Guesser:
    """Makes shards, see `Maker`. batch_words (int): see `SilverSettings`."""

    def __init__(self, nlp: Language, *, batch_words: int):
        self.nlp, self.batch_words = nlp, batch_words

    def bin_of(self, records: Sequence[Record]) -> DocBin:
        """Annotate the records of a shard."""
        with self.nlp.memory_zone():
            return DocBin(docs=self.guessed([record.text for record in records]))

    def guessed(self, texts: Sequence[str]) -> list[Doc]:
        """Return the annotated docs, in the order of the texts, of the tokenizer's tokens."""
        docs = [self.nlp.make_doc(text) for text in texts]
        for batch in batches_by_length([len(doc) for doc in docs], size=self.batch_words):
            guesses = self.nlp.pipe(
                [docs[i] for i in batch], batch_size=len(batch), disable=mergers(self.nlp)
            )
            for i, doc in zip(batch, guesses):
                decide_categories(self.nlp, doc)
                docs[i] = drop_vectors(doc)
        return docs


@dataclass(frozen=True)
class GuessingPlan(Plan[ShardJob, Written]):
    """pipeline (str): on the worker's machine. fingerprint (str): that it is to have."""

    pipeline: str
    fingerprint: str
    batch_words: int
    sink: Sink

    def start(self) -> ShardWriter:
        nlp = load_trained(self.pipeline)
        check_same_pipeline(self.pipeline, expected=self.fingerprint, loaded=fingerprint(nlp))
        return ShardWriter(Guesser(nlp, batch_words=self.batch_words), self.sink)


class _Silver(ShardRun):
    """One run. overwrite (bool): whether to replace the output."""

    def __init__(
        self,
        pipeline: str | Path,
        files: Sequence[Path],
        output: Path,
        settings: SilverSettings,
        workers: Workers,
        overwrite: bool,
        *,
        drafts: Path,
    ):
        self.pipeline, self.output, self.workers = str(pipeline), output, workers
        self.overwrite = overwrite
        nlp = load_trained(pipeline)
        self.guesser = Guesser(nlp, batch_words=settings.batch_words)
        manifest = Manifest(
            teacher=about_pipeline(nlp),
            versions=versions(),
            settings={"command": "silver", "batch_words": settings.batch_words,
                      "shard_words": settings.shard_words},
            inputs=[describe_input(path) for path in files],
            pipes={},
            counts=new_counts(),
            of_words=True,
        )  # fmt: skip
        size = settings.shard_words
        super().__init__(nlp, files, manifest, shard_words=size, drafts=drafts)

    def read(self) -> Iterator[Record | Unfit]:
        return read_inputs(
            self.files, max_chars=self.nlp.max_length, with_meta=False, after=self.check_unchanged
        )

    def bin_of(self, records: Sequence[Record]) -> DocBin:
        return self.guesser.bin_of(records)

    def engine(self, sink: Sink) -> Engine[ShardJob, Written]:
        batch_words, own = self.guesser.batch_words, self.manifest.teacher["fingerprint"]
        plan = GuessingPlan(self.pipeline, own, batch_words, sink)
        return make_engine(self.workers, plan, ShardWriter(self, sink))

    def close(self) -> None:
        """Put the parts together.

        RAISES (ValueError): if there was no text, or a part is not as it was written; (NotOurs): if
            there is another file.
        """
        rejects = self.rejects.read_bytes() if self.rejects.exists() else b""
        if not self.manifest.shards:
            self.place.clear()
            first = rejects.decode("utf8").partition("\n")[0]
            raise ValueError(
                f"expected raw text, found {self.manifest.counts['rejected']} unfit lines"
                + (f"; the first is {first}" if first else "")
            )
        self.complete()
        _put(rejects_of(self.output), rejects, overwrite=self.overwrite)
        _put(self.output, self._whole(), overwrite=self.overwrite)
        self.place.clear()

    def _whole(self) -> bytes:
        whole = DocBin()
        for name, shard in self.manifest.shards.items():
            part = read_shard(parts_of(self.output) / name, shard)
            part.store_user_data = False
            whole.merge(part)
        return whole.to_bytes()


def _put(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Write a file that a run of the same may have written before it was killed; without data
    there is none."""
    if path.exists() and path.read_bytes() == data:
        return
    if data:
        write_new(path, data, overwrite=overwrite)
    elif overwrite and are_rejects(path):  # of what the output was before
        remove_files(path.parent, [path.name])
