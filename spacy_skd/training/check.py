"""What a training would do, tried for some steps: which labels and tokens match, what is annotated,
what is lost between teacher and student, and what it will cost."""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from typing import Any

from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import create_train_batches, train_while_improving
from spacy.util import registry, resolve_dot_names
from thinc.api import Config

from ..pipeline.learners import LEARNERS
from ..pipeline.similarities import hidden_rows
from ..pipeline.teacher.base import is_teacher
from ..shards.store import BeliefStore
from .lexicon.setting import lexicon_rows

GOOD, DOUBTFUL, BAD = "", "!", "x"
STEPS = 8
# Shares from which on a figure is doubtful, and wrong.
TOKENS = (0.98, 0.6)  # of gold tokens that the tokenizer makes: below
LOST = (0.02, 0.5)  # of the teacher's probability: above
WHITESPACE = (0.2, 0.6)  # of tokens: above
MOST_SHOWN = 5  # labels
SOME = 200  # docs that are read of a corpus


@dataclass(frozen=True)
class Row:
    """One figure. where (str): a component, or "" for the whole. verdict (str): "" for good, "!"
    for doubtful, "x" for what makes the training pointless. remedy (str): of the latter two."""

    where: str
    what: str
    value: str
    verdict: str = GOOD
    remedy: str = ""


@dataclass
class Trial:
    """What was seen of a training.

    examples (list[Example]): of the steps. seconds (list[float]): of each step, of which the first
    is not typical. waited (float): of these, for the teacher.
    """

    examples: list[Example] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    waited: float = 0.0

    @property
    def words(self) -> int:
        """RETURNS (int): tokens of all examples."""
        return sum(len(eg.predicted) for eg in self.examples)

    @property
    def of_step(self) -> float:
        """RETURNS (float): seconds of a typical step."""
        return median(self.seconds[1:] or self.seconds)


def check_training(config: Config, *, steps: int = STEPS) -> list[Row]:
    """Initialize a pipeline as `spacy train` does and train it for some steps. Writes nothing.

    RAISES (ValueError): if it cannot be initialized, if there are no examples, if the loss is not
        finite.
    """
    nlp = init_nlp(config)
    settings = registry.resolve(nlp.config.interpolate()["training"], schema=ConfigSchemaTraining)
    names = [settings["train_corpus"], settings["dev_corpus"]]
    train, dev = resolve_dot_names(nlp.config.interpolate(), names)
    students = {n: pipe for n, pipe in nlp.pipeline if isinstance(pipe, LEARNERS)
                and n not in settings["frozen_components"]}  # fmt: skip
    teachers = [pipe for _, pipe in nlp.pipeline if is_teacher(pipe)]
    trial = try_steps(nlp, train, settings, teachers=teachers, students=students, steps=steps)
    of_dev = list(islice(dev(nlp), SOME))
    rows = [
        *_tokens(nlp, trial, of_dev),
        *(row for pipe in students.values() for row in _component(pipe, trial, of_dev)),
        *(row for teacher in teachers for row in _beliefs(teacher)),
        *(
            Row(name, what, value, DOUBTFUL if remedy else GOOD, remedy)
            for name, what, value, remedy in (*lexicon_rows(nlp), *hidden_rows(nlp))
        ),
    ]
    return [*rows, *_cost(nlp, trial, settings, of_dev=of_dev, dev=dev)]


def try_steps(
    nlp: Language,
    corpus: Any,
    settings: dict[str, Any],
    *,
    teachers: Sequence[Any],
    students: dict[str, Any],
    steps: int,
) -> Trial:
    """Train for some steps, with a meter for each student. RAISES (ValueError): see above."""
    for pipe in students.values():
        pipe.start_meter()
    trial = Trial()

    def batches() -> Iterator[tuple[int, list[Example]]]:
        each = create_train_batches(nlp, corpus, settings["batcher"], settings["max_epochs"])
        for epoch, batch in islice(each, steps):
            trial.examples += batch
            begun = time.perf_counter()
            yield epoch, batch
            trial.seconds.append(time.perf_counter() - begun)

    before = sum(teacher.seconds for teacher in teachers)
    loop = train_while_improving(
        nlp,
        settings["optimizer"],
        batches(),
        evaluate=lambda: (0.0, {}),
        dropout=settings["dropout"],
        eval_frequency=10**9,
        accumulate_gradient=settings["accumulate_gradient"],
        patience=0,
        max_steps=0,
        exclude=settings["frozen_components"],
        annotating_components=settings["annotating_components"],
        before_update=settings["before_update"],
    )
    for _ in loop:
        pass
    trial.waited = sum(teacher.seconds for teacher in teachers) - before
    if not trial.words:
        raise ValueError(
            f"{settings['train_corpus']}: expected examples with tokens, found "
            f"{len(trial.examples)} examples without any"
        )
    return trial


# Rows


def _verdict(share: float, limits: tuple[float, float]) -> str:
    """limits: from which on a share is doubtful, and wrong; the second is the further one."""
    doubtful, bad = limits
    if doubtful < bad:
        return BAD if share > bad else DOUBTFUL if share > doubtful else GOOD
    return BAD if share < bad else DOUBTFUL if share < doubtful else GOOD


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _tokens(nlp: Language, trial: Trial, of_dev: Sequence[Example]) -> Iterator[Row]:
    spaces = sum(token.is_space for eg in trial.examples for token in eg.predicted)
    share = spaces / trial.words
    yield Row(
        "",
        "whitespace tokens",
        _percent(share),
        _verdict(share, WHITESPACE),
        "structures are of words alone; long runs of whitespace cost time: normalize the text",
    )
    share = same_tokens(nlp, [eg.reference for eg in of_dev])
    yield Row(
        "",
        "dev tokens that the tokenizer makes",
        _percent(share),
        _verdict(share, TOKENS),
        "the pipeline will cut text otherwise than gold does: `nlp.tokenizer` of the config, or "
        "annotation by the offsets of this tokenizer (spacy skd convert)",
    )


def same_tokens(nlp: Language, references: Sequence[Doc]) -> float:
    """Return which share of the references' tokens the pipeline's tokenizer makes of their text."""
    same = total = 0
    for reference in references:
        own = {(token.idx, len(token)) for token in nlp.make_doc(reference.text)}
        total += len(reference)
        same += sum((token.idx, len(token)) in own for token in reference)
    return same / max(1, total)


def _component(pipe: Any, trial: Trial, of_dev: Sequence[Example]) -> Iterator[Row]:
    yield from _labels(pipe)
    name, layer = pipe.name, pipe.layer
    shares = [sum(map(pipe.has_gold, egs)) / max(1, len(egs)) for egs in (trial.examples, of_dev)]
    has_teacher = pipe.meter.teacher.weight > 0
    learns = has_teacher or pipe.meter.gold.weight > 0
    counts = any(layer.is_annotated(eg.reference) for eg in of_dev)
    yield Row(
        name,
        "examples with complete gold",
        f"{_percent(shares[0])}, dev {_percent(shares[1])}",
        BAD if not learns else GOOD if counts else DOUBTFUL,
        "nothing is learnt: neither gold nor a teacher says anything of it"
        if not learns
        else "dev has no annotation of it: it does not count in the score",
    )
    if has_teacher and pipe.meter.lost.value is not None:
        lost = max(0.0, pipe.meter.lost.value)
        yield Row(
            name,
            "lost of the teacher's probability",
            _percent(lost),
            _verdict(lost, LOST),
            "the student cannot express it: other labels, structure or max_width (docs/teacher.md)",
        )


def _labels(pipe: Any) -> Iterator[Row]:
    own, taught = pipe.labels_in_common()
    value = f"{len(own):,}"
    more, fewer = set(taught).difference(own), set(own).difference(taught) if taught else set()
    if taught:
        value += f", teacher {len(taught):,}, in common {len(set(own) & set(taught)):,}"
    sides = (("the teacher", more), ("the student", fewer))
    shown = [f"only {who}: {_some(labels)}" for who, labels in sides if labels]
    yield Row(pipe.name, "labels", value, DOUBTFUL if shown else GOOD, "; ".join(shown))


def _some(labels: set[str]) -> str:
    return ", ".join(sorted(labels)[:MOST_SHOWN]) + " ..." * (len(labels) > MOST_SHOWN)


def _beliefs(teacher: Any) -> Iterator[Row]:
    stores: list[BeliefStore] = teacher.stores
    if not stores:
        yield Row(
            teacher.name,
            "stored beliefs",
            "none",
            DOUBTFUL,
            "the teacher runs in training; for more than one training annotate the text first "
            "(spacy skd annotate, paths.store)",
        )
    for store in stores:
        shards = store.manifest.shards.values()
        words, n_bytes = (sum(getattr(s, key) for s in shards) for key in ("words", "bytes"))
        value = f"{words:,} words, {n_bytes / 1e6:,.1f} MB, {n_bytes / max(1, words):,.0f} bytes a"
        where = f" of {store.folder}" if len(stores) > 1 else ""
        yield Row(teacher.name, f"stored beliefs{where}", f"{value} word")


def _cost(
    nlp: Language, trial: Trial, settings: dict[str, Any], *, of_dev: Sequence[Example], dev: Any
) -> Iterator[Row]:
    speed = trial.words / max(1e-9, sum(trial.seconds))
    share = trial.waited / max(1e-9, sum(trial.seconds))
    yield Row(
        "",
        "a step",
        f"{trial.of_step:.2f} s, {trial.words / len(trial.seconds):,.0f} tokens, "
        f"{speed:,.0f} tokens/s; {_percent(share)} of it for the teacher",
    )
    steps = settings["max_steps"]
    if steps:
        begun = time.perf_counter()
        nlp.evaluate(list(of_dev))
        of_some = time.perf_counter() - begun
        n_dev = sum(1 for _ in dev(nlp)) if len(of_dev) == SOME else len(of_dev)
        evaluation = of_some * n_dev / max(1, len(of_dev))
        seconds = steps * trial.of_step + (1 + steps // settings["eval_frequency"]) * evaluation
        value = f"{_duration(seconds)}: {steps:,} steps, an evaluation {_duration(evaluation)}"
        yield Row("", "the training, about", value)
    else:
        value = f"not known: max_steps is 0; {_duration(1000 * trial.of_step)} for 1,000 steps"
        yield Row("", "the training, about", value)
    peak = peak_megabytes()
    if peak is not None:
        yield Row("", "memory so far", f"{peak:,.0f} MB")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def peak_megabytes() -> float | None:
    """Return the most memory of the process so far, in 10**6 bytes; None where that is not told
    (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6
