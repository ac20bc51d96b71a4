"""A teacher's beliefs of any amount of text, as shards on disk: the map behind `skd annotate`.

A shard holds consecutive records. What is in it depends on these, the teacher and the settings
alone, so that a run can be stopped at any moment and resumed, and one shard be redone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from spacy.tokens import Doc
from spacy.training import Example

from ...arrays import Array
from ...disk import check_apart
from ...layers.sentences import reference_starts
from ...shards.guesses import keep_guess
from ...shards.manifest import Manifest
from ...shards.store import META, add_beliefs, doc_key
from ...teachers.beam import Beam
from ...teachers.runner import TeacherRunner
from ...transfer.beliefs import Belief
from ..configs.retrained import check_retrainable
from ..conversion.raw_text import Unfit
from ..corpora.readers import pieces, predicted_of
from ..progress import Report, silent
from .inputs import Record, find_inputs, read_inputs
from .outside import PREFIX, Outside, Teacher, check_outside, load_teacher
from .provenance import asked_pipes, make_manifest
from .run import ShardRun, carry_out
from .settings import Settings as Settings

_Asked = tuple[Doc, Array | None, Record]


def annotate(
    teacher: str | Path,
    inputs: Sequence[str],
    output: Path,
    *,
    settings: Settings | None = None,
    outside: Outside | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Manifest:
    """Write a folder of annotated docs, or finish one that was begun.

    teacher (Union[str, Path]): folder or package of a trained pipeline; or "hf:" and a token
        classifier of transformers, by its name on the hub or its folder.
    inputs (Sequence[str]): `.txt` (a text a line), `.jsonl` and `.spacy` files, globs and folders.
    output (Path): gets `shard-000000.spacy`, ..., `manifest.json` and, if lines are unfit,
        `rejects.jsonl`.
    outside (Outside | None): how a teacher that is no pipeline is asked, its default if None.
    overwrite (bool): whether to replace the folder of another run, instead of refusing.
    report (Report): called after each shard, with bytes of the input.
    RETURNS (Manifest): of the whole folder.
    RAISES (ValueError): for bad input, or one that changes while it is read, a teacher that cannot
        teach, an output folder of another run, or one that another run writes to; (OSError): if it
        cannot be written to. Shards that are whole stay.
    """
    files = find_inputs(inputs)
    check_apart(output, [str(teacher).removeprefix(PREFIX), *inputs, *files])
    check_outside(teacher, outside)

    def make(drafts: Path) -> ShardRun:
        asked = load_teacher(teacher, outside)
        return _Annotation(asked, files, output, settings or Settings(), drafts=drafts)

    return carry_out(output, files, make, overwrite=overwrite, report=report)


class _Annotation(ShardRun):
    """One run of a teacher."""

    def __init__(
        self,
        teacher: Teacher,
        files: Sequence[Path],
        output: Path,
        settings: Settings,
        *,
        drafts: Path,
    ):
        nlp = teacher.nlp
        self.settings = settings
        self.runner = TeacherRunner(
            nlp,
            batch_words=settings.batch_words,
            beam=Beam(settings.beam_width, settings.beam_density),
            outside=teacher.sources,
        )
        self.pipes = asked_pipes(self.runner, settings.pipes)
        for name in settings.retrain:
            check_retrainable(nlp, name)
        plain = {**asdict(settings), "pipes": list(self.pipes), "retrain": list(settings.retrain)}
        if not settings.retrain:  # as manifests of earlier versions
            del plain["retrain"]
        manifest = make_manifest(
            self.runner,
            files,
            pipes=self.pipes,
            settings={**plain, **teacher.settings},
            described=teacher.described,
        )
        super().__init__(
            nlp, files, output, manifest, shard_words=settings.shard_words, drafts=drafts
        )

    def read(self) -> Iterator[Record | Unfit]:
        return read_inputs(self.files, max_chars=self.nlp.max_length, after=self.check_unchanged)

    def annotated(self, records: Sequence[Record]) -> list[Doc]:
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
