"""How long a distillation will take: the teacher and an untrained student, timed on some texts."""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training.initialize import init_nlp
from thinc.api import Adam

from ...disk import unique_files
from ...models.words import in_batches
from ...teachers.beam import Beam
from ...teachers.embedding import Embedder
from ...teachers.runner import TeacherRunner
from ...training.annotation.provenance import asked_pipes
from ...training.configs.plan import Plan, make_plan
from ...training.configs.presets import find_preset
from ...training.configs.student_config import for_teacher, own_settings, student_config
from ...training.conversion.raw_text import Placed, read_texts
from ...training.corpora.readers import make_mixed_corpus, pieces
from ..prepare import student_words
from .request import Checked

SAMPLE, PORTION = 10_000, 500  # tokens: of the sample, and of what is timed at once
SECONDS = 2.0  # of each of the timings, about
TOKENIZED = 200_000  # tokens a second


@dataclass(frozen=True)
class Speeds:
    """Tokens a second, but for tokens_per_word (of those between spaces). annotate: of the teacher.
    embed: of its embedding, 0 if it has none. learn: of the student in training."""

    annotate: float
    embed: float
    learn: float
    tokens_per_word: float


@dataclass(frozen=True)
class Work:
    """Tokens of each step. seen: by the student, in training. dev: of what is evaluated on;
    is_silver: whether the teacher has to annotate that."""

    annotate: float
    embed: float
    seen: float
    dev: float
    is_silver: bool

    @staticmethod
    def of(tokens: float, *, dev: float, is_silver: bool, effort: float, context: int) -> "Work":
        """Return the work of so many tokens to learn from."""
        return Work(tokens, min(tokens, context), effort * student_words(tokens), dev, is_silver)

    def seconds(self, speeds: Speeds) -> dict[str, float]:
        """Return how long each step will take; of vectors only where there will be any."""
        embed = {}
        if speeds.embed:
            embed["vectors"] = self.embed / speeds.embed + self.annotate / TOKENIZED
        report = 3 * self.dev  # in each setting (report/scores.py)
        return {
            "annotate": (self.annotate + self.dev * self.is_silver) / speeds.annotate,
            **embed,
            "train": self.seen / speeds.learn,
            "report": report / speeds.annotate,
        }


def measure(checked: Checked) -> Speeds:
    """Time a teacher, and a student that learns from it, on the first texts.

    RAISES (ValueError): what would be wrong in training, too.
    """
    request, nlp, settings = checked.request, checked.nlp, checked.annotation
    docs, words = _sample(nlp, checked.files, settings.max_words)
    n_tokens = sum(map(len, docs))
    portions = list(in_batches(docs, most=PORTION))
    runner = TeacherRunner(
        nlp,
        batch_words=settings.batch_words,
        beam=Beam(settings.beam_width, settings.beam_density),
    )
    pipes = asked_pipes(runner, settings.pipes)

    def ask(docs: Sequence[Doc]) -> None:
        runner.run(docs, starts=[None] * len(docs), pipes=pipes)

    embed = _speed(Embedder(nlp).vectors, portions) if checked.embeds else 0.0
    # What is trained anew can only learn from what was annotated; it is not timed.
    plan = make_plan(nlp, pipes=request.pipes, keep=request.keep, teach=request.teach)
    learn = _learning(nlp, plan, portions, source=request.teacher, preset=request.preset)
    return Speeds(_speed(ask, portions), embed, learn, n_tokens / max(1, words))


def _sample(nlp: Language, files: Sequence[Path], max_words: int) -> tuple[list[Doc], int]:
    """Return the first docs, cut as they will be, and how many words between spaces they have."""
    docs: list[Doc] = []
    tokens = words = 0
    for path in unique_files(files):
        for item in read_texts(path):
            if tokens >= SAMPLE:
                return docs, words
            if isinstance(item, Placed) and len(item.raw.text) <= nlp.max_length:
                doc = nlp.tokenizer(item.raw.text)
                docs += list(pieces(doc, max_words))
                tokens += len(doc)
                words += item.raw.n_words
    return docs, words


def _speed(work: Callable[[Sequence[Doc]], Any], portions: Sequence[list[Doc]]) -> float:
    """Return tokens a second. The first portion warms up, and counts if there is no other.

    RAISES (ValueError): if there is none.
    """
    if not portions:
        raise ValueError(
            "expected texts of at most `nlp.max_length` characters, as the teacher has it, found "
            "none; cut them into shorter ones"
        )
    work(portions[0])
    start, tokens = time.perf_counter(), 0
    for portion in [*portions[1:], portions[0]]:
        work(portion)
        tokens += sum(map(len, portion))
        if time.perf_counter() - start > SECONDS:
            break
    return max(1, tokens) / max(time.perf_counter() - start, 1e-6)


def _learning(
    nlp: Language, plan: Plan, portions: Sequence[list[Doc]], *, source: str, preset: str
) -> float:
    """Return tokens a second of a student that learns what the teacher has said already."""
    config = student_config(
        plan.students,
        preset=find_preset(preset),
        lang=str(nlp.lang),
        tokenizer=own_settings(nlp)["tokenizer"],
    )
    config = for_teacher(config, plan, nlp, source=source)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.jsonl"
        texts = (doc.text for portion in portions[:2] for doc in portion)
        lines = (json.dumps({"text": text}) for text in texts if text.strip())
        raw.write_text("\n".join(lines) + "\n", encoding="utf8")
        config["paths"].update(raw=str(raw), dev=str(raw))
        student = init_nlp(config)
        examples = list(make_mixed_corpus(raw=raw)(student))
    frozen = config["training"]["frozen_components"]
    optimizer = Adam(0.0)
    spent = 0.0
    seen = 0
    for i in range(20):
        start = time.perf_counter()
        student.update(examples, sgd=optimizer, exclude=frozen)
        if i:  # the first asks the teacher
            spent += time.perf_counter() - start
            seen += sum(len(eg.predicted) for eg in examples)
        if spent > SECONDS:
            break
    return max(1, seen) / max(spent, 1e-6)


def about(seconds: float) -> str:
    """Return a time in words, no finer than can be known."""
    minutes = seconds / 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        n = round(minutes) if minutes < 20 else 5 * round(minutes / 5)
        return f"about {n} minute{'s' * (n > 1)}"
    return f"about {minutes / 60:.1f} hours"
