"""Beliefs of any model at all, from a file: the map behind `skd beliefs`.

Each line of JSONL has a text and what is believed of it, by offsets of characters, in the spelling
of `Doc.to_json`: weighted `analyses` (samples of a language model, annotators who disagree), or one
analysis in the line itself, whose spans and categories may have probabilities.

The file is read twice: first to find the layers and their labels, and whatever is wrong with it,
before anything is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ...arrays import Floats1d
from ...disk import files_of, unique_files
from ...errors import check_between
from ...layers.said import Tally
from ...shards.files import make_bin
from ...shards.manifest import Manifest
from ...shards.store import META, add_beliefs, doc_key
from ...teachers.fingerprint import fingerprint_of
from ..conversion.raw_text import Unfit
from ..progress import Report, silent
from .beliefs_file import SUFFIXES, Believed, Readers, annotations_of, read_believed, survey
from .fetch import fetched
from .inputs import Record
from .outside import described, rules_of, tokenizer_of
from .places.choice import place_of
from .provenance import describe_input, new_counts, versions
from .run import ShardRun, carry_out


@dataclass(frozen=True)
class Settings:
    """What a shard depends on, beside its lines and the tokenizer.

    shard_words: a shard ends with the text that reaches as many (words between spaces). lang: of
    the tokenizer. tokenizer: folder or package of a pipeline that has it, in place of the
    language's own.
    """

    lang: str = "en"
    tokenizer: str | None = None
    shard_words: int = 20_000

    def __post_init__(self) -> None:
        check_between("shard_words", self.shard_words, low=1, high=10**8)


@dataclass
class Outcome:
    """manifest (Manifest): of the whole folder. misaligned (int): spans and tokens that no words
    spell, so that they were left out. left_out (int): texts of which no analysis is left. unknown
    (dict[str, int]): keys that mean nothing here, each with the first line that has it."""

    manifest: Manifest
    misaligned: int = 0
    left_out: int = 0
    unknown: dict[str, int] = field(default_factory=dict)


def store_beliefs(
    inputs: Sequence[str | Path],
    output: str | Path,
    *,
    settings: Settings | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Outcome:
    """Write a folder as `annotate` does, of beliefs that stand in files, or finish one.

    inputs (Sequence[Union[str, Path]]): `.jsonl` files, and folders of them.
    output (Union[str, Path]): a folder or a URL; gets shards and `manifest.json`.
    overwrite (bool): whether to replace the folder of another run, instead of refusing.
    report (Report): called after each shard.
    RAISES (ValueError): naming file and line, for what is malformed; for an output folder of
        another run, or one that another run writes to; (OSError): if it cannot be written to.
    """
    settings = settings or Settings()
    with fetched([str(each) for each in inputs], suffixes=SUFFIXES) as (places, urls):
        files = unique_files([p for e in places for p in files_of(Path(e), suffixes=SUFFIXES)])
        apart = [*inputs, *files, *([settings.tokenizer] if settings.tokenizer else [])]
        place = place_of(output, apart=apart)
        nlp = tokenizer_of(settings.lang, settings.tokenizer)
        readers, tally = survey(nlp, files)

        def make(drafts: Path) -> ShardRun:
            return _Beliefs(nlp, files, readers, settings, drafts=drafts, urls=urls)

        manifest = carry_out(place, make, overwrite=overwrite, report=report)
    return Outcome(manifest, tally.misaligned, tally.left_out, tally.unknown)


class _Beliefs(ShardRun):
    """One run over files that were surveyed."""

    def __init__(
        self,
        nlp: Language,
        files: Sequence[Path],
        readers: Readers,
        settings: Settings,
        *,
        drafts: Path,
        urls: Mapping[str, str],
    ):
        self.readers = readers
        inputs = [describe_input(path) for path in files]
        teacher = described(
            nlp,
            path=", ".join(urls.get(str(path), str(path)) for path in files),
            fingerprint=fingerprint_of([each["blake2b"] for each in inputs] + [rules_of(nlp)]),
            tokenizer=settings.tokenizer,
            students={name: reader.student for name, reader in readers.items()},
        )
        manifest = Manifest(
            teacher=teacher,
            versions=versions(),
            settings=asdict(settings),
            inputs=inputs,
            pipes={name: reader.form().to_json() for name, reader in readers.items()},
            layers={name: reader.layer.full_name for name, reader in readers.items()},
            counts=new_counts(),
            of_words=True,
        )
        size = settings.shard_words
        super().__init__(nlp, files, manifest, shard_words=size, drafts=drafts, urls=urls)

    def read(self) -> Iterator[Record | Unfit]:
        yield from read_believed(self.nlp, self.files)
        for path in self.files:
            self.check_unchanged(path)

    def bin_of(self, records: Sequence[Record]) -> DocBin:
        with self.nlp.memory_zone():
            docs = [self._doc(record) for record in records if isinstance(record, Believed)]
            return make_bin(doc for doc in docs if doc is not None)

    def _doc(self, record: Believed) -> Doc | None:
        """Return the doc with beliefs and the best guess; None if of a layer nothing is said."""
        doc = self.nlp.make_doc(record.text)
        key = doc_key(doc, None)
        annotations = annotations_of(record, doc, Tally())
        weights: Floats1d = numpy.asarray(record.weights)
        forms = annotations[0].forms
        beliefs = {}
        for name, reader in self.readers.items():
            said = [reader.read(annotation) for annotation in annotations]
            whole = [i for i, analysis in enumerate(said) if analysis is not None]
            if not whole:
                return None
            analyses = [said[i] for i in whole]
            beliefs[name] = reader.belief(forms, analyses, weights[whole])
            reader.write(doc, analyses[int(weights[whole].argmax())])
        if record.meta:
            doc.user_data[META] = record.meta
        add_beliefs(doc, beliefs, id=self.id, key=key, least=0.0)
        return doc
