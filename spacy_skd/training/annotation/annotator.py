"""What makes a shard of records: the teacher and its settings, in whatever process."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from ...arrays import Array, Floats2d
from ...errors import named
from ...models.words import reference_starts, words_of
from ...shards.files import make_bin
from ...shards.guesses import keep_guess
from ...shards.store import META, add_beliefs, doc_key
from ...teachers.beam import Beam
from ...teachers.embedding import Embedder
from ...teachers.projection import Projection
from ...teachers.runner import TeacherRunner
from ...transfer.beliefs import Belief
from ..conversion.categories import decide_categories
from ..corpora.readers import pieces, predicted_of
from .ensemble import ONE_SPACE, EnsembleRunner
from .inputs import Record
from .outside import Outside, load_teacher
from .provenance import Runner, asked_pipes
from .settings import Settings

FIT_WORDS = 5000  # between spaces, to which the projection of hidden states is fitted
_Asked = tuple[Doc, Array | None, Record]


@dataclass(frozen=True)
class Asked:
    """Who is asked, and how: all that an annotator is made of, in whatever process.

    teachers (tuple[str, ...]): folders or packages, or "hf:..."; of several the mixture is stored.
    weights (tuple[float, ...]): of each; all the same if there are none. outside (Outside | None):
    how teachers that are no pipelines are asked, its default if None.
    """

    teachers: tuple[str, ...]
    settings: Settings
    weights: tuple[float, ...] = ()
    outside: Outside | None = None

    def load(self) -> "Annotator":
        """Load the teachers. RAISES (ValueError): if one cannot be loaded or asked."""
        if self.settings.hidden and len(self.teachers) > 1:
            raise ValueError(ONE_SPACE.format(len(self.teachers)))
        loaded = [load_teacher(teacher, self.outside) for teacher in self.teachers]
        settings = self.settings
        runners = [
            TeacherRunner(
                each.nlp,
                batch_words=settings.batch_words,
                beam=Beam(settings.beam_width, settings.beam_density),
                outside=each.sources,
                described=each.described,
            )
            for each in loaded
        ]
        several = len(runners) > 1 or self.weights
        runner = EnsembleRunner(runners, self.weights) if several else runners[0]
        return Annotator(
            runner, settings, {k: v for one in loaded for k, v in one.settings.items()}
        )


class Annotator:
    """A teacher with its settings. What it makes of some records depends on nothing else.

    id (bytes): of the run's manifest; set before the first shard.
    pipes (tuple[str, ...]): what the teacher is asked.
    more (dict[str, Any]): what else shards depend on, JSON.
    projection (Projection | None): of hidden states, if they are stored; set before the first
        shard, to the run's.
    RAISES (ValueError): if there are no such components, or hidden states to be stored that the
        teacher has not.
    """

    projection: Projection | None = None

    def __init__(self, runner: Runner, settings: Settings, more: dict[str, Any] | None = None):
        self.runner, self.settings, self.more = runner, settings, more or {}
        self.pipes = asked_pipes(runner, settings.pipes)
        self.id = b""
        self._embedder = self._find_embedder() if settings.hidden else None

    def _find_embedder(self) -> Embedder:
        with named("hidden"):
            embedder, columns = Embedder(self.nlp), self.settings.hidden
            if columns > embedder.width:
                raise ValueError(
                    f"expected at most {embedder.width} columns, the width of the teacher's "
                    f"vectors, got {columns}"
                )
        return embedder

    @property
    def nlp(self) -> Language:
        """The pipeline whose tokens are annotated."""
        return self.runner.nlp

    @property
    def fingerprint(self) -> str:
        """Of the teacher."""
        fingerprint: str = self.runner.about()["fingerprint"]
        return fingerprint

    def bin_of(self, records: Sequence[Record]) -> DocBin:
        """Annotate the records of a shard."""
        with self.nlp.memory_zone():
            return make_bin(self.annotated(records))

    def fit(self, records: Iterable[Record]) -> Projection:
        """Fit what hidden states are projected by, to the first words of the input.

        RAISES (ValueError): if none of them has a vector.
        """
        first: list[_Asked] = []
        n_words = 0
        for record in records:
            if n_words >= FIT_WORDS:
                break
            first += self._docs(record)
            n_words += record.n_words
        with self.nlp.memory_zone():
            rows = self.runner.read_each(
                [doc for doc, _, _ in first],
                lambda place, guess, beliefs: _of_words(guess),
                starts=[starts for _, starts, _ in first],
                pipes=(),
                embedder=self._embedder,
            )
        return Projection.fit(rows, columns=self.settings.hidden)

    def annotated(self, records: Sequence[Record]) -> list[Doc]:
        inputs = [item for record in records for item in self._docs(record)]

        def keep(place: int, guess: Doc, beliefs: Mapping[str, Belief]) -> Doc:
            doc, starts, record = inputs[place]
            decide_categories(self.nlp, guess)
            target = record.doc if record.doc is not None and record.is_gold else guess
            if self.settings.retrain:
                keep_guess(target, guess, of=self.settings.retrain)
            if record.meta:
                target.user_data[META] = record.meta
            key, least = doc_key(doc, starts), self.settings.least
            hidden = None if self.projection is None else self.projection(_of_words(guess))
            add_beliefs(target, beliefs, id=self.id, key=key, least=least, hidden=hidden)
            guess.tensor = guess.tensor[:0]
            return target

        docs, all_starts = [doc for doc, _, _ in inputs], [starts for _, starts, _ in inputs]
        return self.runner.read_each(
            docs,
            keep,
            starts=all_starts,
            pipes=self.pipes,
            also=self.settings.retrain,
            embedder=self._embedder,
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


def _of_words(doc: Doc) -> Floats2d:
    """Return (words, width) of the vectors that a doc has in `tensor`."""
    (words,) = words_of([doc])
    rows: Floats2d = words.of_tokens(doc.tensor)
    return rows
