"""Words embedded by a teacher, in text or alone, as jobs of an engine: sums over occurrences, which
are added in the order of the text, so that they are the same whoever embeds."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ...arrays import Floats1d, Floats2d
from ...models.words import in_batches
from ...teachers.embedding import Embedder
from ...teachers.fingerprint import fingerprint
from ...teachers.loading import load_trained
from ...teachers.overlap import batches_by_length
from ..engines.base import Engine, Plan
from ..engines.docs import Docs
from ..engines.worker import check_same_pipeline

JOB_WORDS = 10_000  # tokens of a job, within which docs are sorted by length


class Sums(NamedTuple):
    """words (list[str]): distinct ones. total (Floats2d): (words, width) float64, the sum of the
    vectors of each. times (Floats1d): (words,) how many these are."""

    words: list[str]
    total: Floats2d
    times: Floats1d


@dataclass(frozen=True)
class EmbeddingJob:
    """Docs of `JOB_WORDS`, see `Job`. n (int): their tokens."""

    name: str
    where: str
    docs: Docs
    n: int
    remedy: str = ""


def embedding_jobs(docs: Iterable[Doc], *, of: str) -> Iterator[EmbeddingJob]:
    """Cut docs into jobs. of (str): what they are, the beginning of the jobs' names."""
    done = 0
    for number, batch in enumerate(in_batches(docs, most=JOB_WORDS)):
        n = sum(map(len, batch))
        yield EmbeddingJob(f"{of} {number}", f"tokens {done} to {done + n}", Docs(batch), n)
        done += n


class Summing:
    """Does the jobs, see `Doing`. attribute (str): of tokens, what forms share to be one word."""

    def __init__(self, nlp: Language, embedder: Embedder, *, attribute: str, batch_words: int):
        self.nlp, self.embedder = nlp, embedder
        self.attribute, self.batch_words = attribute, batch_words

    def __call__(self, job: EmbeddingJob) -> Callable[[], Sums]:
        with self.nlp.memory_zone():
            sums = self.sums(job.docs.of(self.nlp.vocab))
        return lambda: sums

    def sums(self, docs: list[Doc]) -> Sums:
        """Return the sums of all tokens of docs, whose vocab is the pipeline's."""
        words = [[str(getattr(token, self.attribute)) for token in doc] for doc in docs]
        row_of = {word: i for i, word in enumerate(dict.fromkeys(w for of in words for w in of))}
        total = numpy.zeros((len(row_of), self.embedder.width))
        times = numpy.zeros(len(row_of))
        for batch in batches_by_length([len(doc) for doc in docs], size=self.batch_words):
            for i, vectors in zip(batch, self.embedder.vectors([docs[i] for i in batch])):
                rows = numpy.asarray([row_of[word] for word in words[i]], dtype="int64")
                numpy.add.at(total, rows, vectors)
                numpy.add.at(times, rows, 1)
        return Sums([*row_of], total, times)


@dataclass(frozen=True)
class SummingPlan(Plan[EmbeddingJob, Sums]):
    """teacher (str): on the worker's machine. fingerprint (str): that it is to have. For the others
    see `Summing`."""

    teacher: str
    fingerprint: str
    attribute: str
    batch_words: int

    def start(self) -> Summing:
        nlp = load_trained(self.teacher, what="teacher")
        check_same_pipeline(self.teacher, expected=self.fingerprint, loaded=fingerprint(nlp))
        embedder = Embedder(nlp)
        return Summing(nlp, embedder, attribute=self.attribute, batch_words=self.batch_words)


class WordVectors:
    """What was embedded of some words, whatever the text has beside them.

    words (list[str]): each once. total (Floats2d): (words, width of the teacher) float64 sums,
    times (Floats1d): (words,) of how many vectors.
    """

    def __init__(self, words: list[str], *, width: int):
        self.words = words
        self._row_of = {word: i for i, word in enumerate(words)}
        self.total, self.times = numpy.zeros((len(words), width)), numpy.zeros(len(words))

    def embed(
        self,
        engine: Engine[EmbeddingJob, Sums],
        docs: Iterable[Doc],
        *,
        of: str,
        tell: Callable[[int], None] = lambda n: None,
    ) -> int:
        """Add the vectors of docs. of (str): see `embedding_jobs`. tell (Callable[[int], None]):
        called with how many tokens were embedded, now and then. RETURNS (int): how many in all."""
        done = 0
        for job, sums in engine.in_order(embedding_jobs(docs, of=of)):
            rows = numpy.asarray([self._row_of.get(word, -1) for word in sums.words], "int64")
            known = rows >= 0
            self.total[rows[known]] += sums.total[known]
            self.times[rows[known]] += sums.times[known]
            done += job.n
            tell(done)
        return done

    @property
    def unseen(self) -> list[str]:
        """The words that no doc had."""
        return [word for word, n in zip(self.words, self.times.tolist()) if not n]

    def means(self) -> Floats2d:
        """Return (words, width of the teacher), 0 for unseen words."""
        means: Floats2d = self.total / numpy.maximum(self.times, 1)[:, None]
        return means
