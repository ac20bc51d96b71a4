"""What pipelines predict of a corpus, as jobs of an engine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ..models.words import in_batches
from ..teachers.embedding import drop_vectors
from ..teachers.fingerprint import fingerprint
from ..teachers.loading import load_trained
from ..teachers.merging import mergers
from ..training.engines.base import Engine, Plan
from ..training.engines.docs import Docs
from ..training.engines.worker import check_same_pipeline

JOB_WORDS = 5_000  # tokens of a job

# Where the pipeline's tokens and sentences come from.
SETTINGS = ("predicted_sentences", "gold_sentences", "from_text")


@dataclass(frozen=True)
class Given:
    """What a pipeline is given of a reference. words, spaces: None where the tokens are its own.
    starts: of sentences, None where these are its own."""

    text: str
    words: list[str] | None = None
    spaces: list[bool] | None = None
    starts: list[bool] | None = None

    @staticmethod
    def of(reference: Doc, *, setting: str) -> "Given":
        """Take of a reference what `SETTINGS` says. RAISES (ValueError): for another setting."""
        if setting not in SETTINGS:
            raise ValueError(f"setting: expected one of {', '.join(SETTINGS)}, got {setting!r}")
        if setting == "from_text":
            return Given(reference.text)
        starts = None
        if setting == "gold_sentences":
            starts = [bool(token.is_sent_start) for token in reference]
        words = [token.text for token in reference]
        spaces = [bool(token.whitespace_) for token in reference]
        return Given(reference.text, words, spaces, starts)

    def doc(self, nlp: Language) -> Doc:
        """Make the doc. Words that the tokenizer makes, too, have the norms that it gives them."""
        doc = nlp.make_doc(self.text)
        if self.words is None:
            return doc
        # What learnt from text knows "n't" by the norm "not".
        norms = {(token.idx, token.text): token.norm_ for token in doc}
        starts: Any = self.starts
        doc = Doc(nlp.vocab, words=self.words, spaces=self.spaces, sent_starts=starts)
        for token in doc:
            token.norm_ = norms.get((token.idx, token.text), token.norm_)
        return doc


def predicted_as_given(
    nlp: Language, docs: Sequence[Doc], *, disable: Sequence[str] = ()
) -> Iterator[Doc]:
    """Yield the docs as a pipeline annotates them, but for components that merge their tokens,
    which then would not be those of gold. disable: further components that do not run."""
    return nlp.pipe(docs, disable=[*mergers(nlp), *disable])


@dataclass(frozen=True)
class PredictingJob:
    """Some references, see `Job`. pipeline (str): its name."""

    name: str
    where: str
    pipeline: str
    given: Sequence[Given]
    remedy: str = ""


class Predicting:
    """Does the jobs, see `Doing`. load: makes a pipeline of its name; it is asked for the same ones
    again and again, and of several for one after the other."""

    def __init__(self, load: Callable[[str], Language]):
        self.load = load

    def __call__(self, job: PredictingJob) -> Callable[[], Docs]:
        nlp = self.load(job.pipeline)
        given = [each.doc(nlp) for each in job.given]
        docs = Docs(list(map(drop_vectors, predicted_as_given(nlp, given))))
        return lambda: docs


@dataclass(frozen=True)
class PredictingPlan(Plan[PredictingJob, Docs]):
    """pipelines (dict[str, tuple[str, str]]): folder or package on the worker's machine, and the
    fingerprint that it is to have, by name."""

    pipelines: dict[str, tuple[str, str]]

    @staticmethod
    def of(paths: Mapping[str, object], loaded: Mapping[str, Language]) -> "PredictingPlan":
        """Plan for pipelines that this process has loaded."""
        return PredictingPlan({n: (str(paths[n]), fingerprint(nlp)) for n, nlp in loaded.items()})

    def start(self) -> Predicting:
        loaded: dict[str, Language] = {}

        def load(name: str) -> Language:
            if name not in loaded:
                path, expected = self.pipelines[name]
                loaded.clear()  # of several, one at a time is in memory
                loaded[name] = load_trained(path, what=f"pipeline {name}")
                check_same_pipeline(path, expected=expected, loaded=fingerprint(loaded[name]))
            return loaded[name]

        return Predicting(load)


def predict(
    engine: Engine[PredictingJob, Docs],
    nlp: Language,
    references: Sequence[Doc],
    *,
    pipeline: str,
    setting: str,
) -> list[Doc]:
    """Return what a pipeline predicts of references, in their order.

    nlp (Language): whose vocab the docs have. pipeline (str): its name among the engine's.
    """
    docs: list[Doc] = []
    for _, predicted in engine.in_order(_jobs(references, pipeline=pipeline, setting=setting)):
        docs += predicted.of(nlp.vocab)
    return docs


def _jobs(references: Sequence[Doc], *, pipeline: str, setting: str) -> Iterator[PredictingJob]:
    first = 0
    for batch in in_batches(references, most=JOB_WORDS):
        last = first + len(batch)
        where = f"docs {first + 1} to {last}"
        given = [Given.of(reference, setting=setting) for reference in batch]
        yield PredictingJob(f"{pipeline}, {setting}, {where}", setting, pipeline, given)
        first = last
