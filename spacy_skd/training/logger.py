"""`spacy-skd.Logger.v1`: spaCy's table of a training, and beside it what the distillation does."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import tqdm
from spacy.language import Language
from spacy.training.loggers import setup_table
from wasabi.printer import Printer

from ..disk import to_json_line
from ..errors import check_one_of
from ..pipeline.learners import LEARNERS
from ..pipeline.meter import Meter
from ..pipeline.teacher.base import is_teacher
from ..registry import logger

BARS = ("train", "eval")
KEY = "skd"  # of what this logger adds to the information about a step
# Columns and the keys of what they show.
COLUMNS = {
    "gold": "gold",
    "teacher": "teacher",
    "KL": "divergence",
    "weight": "distill_weight",
    "lost %": "lost",
    "wait %": "teacher_time",
}
PERCENT = ("lost", "teacher_time")
SPACING = 2
Info = dict[str, Any]
Setup = Callable[..., tuple[Callable[[Info | None], None], Callable[[], None]]]


@logger("spacy-skd.Logger.v1")
def make_logger(
    progress_bar: str | None = None,
    console_output: bool = True,
    output_file: str | Path | None = None,
    by_component: bool = False,
) -> Setup:
    """Make a logger for `[training.logger]`: the columns of spaCy's, then, of what was learnt since
    the row before, summed over this package's components:

    gold, teacher: nats a word of the loss of gold, and of what the teacher believes; KL: the latter
    less its lowest, KL(teacher || student). weight: `distill_weight`. lost %: of the teacher's
    probability that lies on what the student cannot express, the mean of the components. wait %: of
    the time, that students waited for the teacher. A column without a figure has none that is
    known.

    progress_bar (str | None): "train" or "eval", as of spacy.ConsoleLogger.v3.
    console_output (bool): whether to print.
    output_file (str | Path | None): JSONL file of all of it, by component, too.
    by_component (bool): whether to print a row for each component.
    RAISES (ValueError): for another progress bar; if the file exists.
    """
    if progress_bar is not None:
        check_one_of("progress_bar", progress_bar, BARS)
    path = None if output_file is None else Path(output_file)
    if path is not None and path.exists():
        raise ValueError(
            f"output_file: {path} exists already; remove it, or name another file for this training"
        )

    def setup(
        nlp: Language, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr
    ) -> tuple[Callable[[Info | None], None], Callable[[], None]]:
        learning = Learning.of(nlp)
        table = Table(nlp, stdout if console_output else None, by_component=by_component)
        bar = Bar(nlp, progress_bar, stderr)
        file = None if path is None else _opened(path)

        def log_step(info: Info | None) -> None:
            if info is None:
                bar.step()
                return
            measured = learning.read()
            info["other_scores"][KEY] = measured  # for the loggers that follow in a chain
            if file is not None:
                file.write(to_json_line(_line(info, table, measured)) + "\n")
                file.flush()
            bar.close()
            table.write(info, measured)
            bar.start(info)

        def finalize() -> None:
            bar.close()
            if file is not None:
                file.close()

        return log_step, finalize

    return setup


def _opened(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf8")


@dataclass
class Learning:
    """The components whose learning is measured, and those that teach."""

    students: dict[str, Any]
    teachers: list[Any]
    since: float = 0.0
    waited: float = 0.0

    @classmethod
    def of(cls, nlp: Language) -> "Learning":
        """Start to measure a pipeline."""
        frozen = nlp.config["training"]["frozen_components"]
        students = {
            name: pipe
            for name, pipe in nlp.pipeline
            if isinstance(pipe, LEARNERS) and name not in frozen
        }
        # A frozen component, as teachers are, is disabled when spaCy makes the logger.
        learning = cls(students, [pipe for _, pipe in nlp.components if is_teacher(pipe)])
        learning._restart()
        return learning

    def _restart(self) -> None:
        for pipe in self.students.values():
            pipe.start_meter()
        self.since, self.waited = time.perf_counter(), sum(t.seconds for t in self.teachers)

    def read(self) -> Info:
        """Return what was measured since it was read last: `COLUMNS`, None where nothing is known,
        and "components", the same of each."""
        components = {name: _of_pipe(pipe) for name, pipe in self.students.items()}
        seconds = time.perf_counter() - self.since
        waited = sum(t.seconds for t in self.teachers) - self.waited
        summed = {key: _total(components, key) for key in ("gold", "teacher", "divergence")}
        found = {
            **summed,
            "distill_weight": _mean(components, "distill_weight"),
            "lost": _mean(components, "lost"),
            "teacher_time": waited / max(seconds, 1e-9) if self.teachers else None,
            "components": components,
        }
        self._restart()
        return found


def _of_pipe(pipe: Any) -> Info:
    meter: Meter = pipe.meter
    return {
        "gold": meter.gold.value,
        "teacher": meter.teacher.value,
        "divergence": meter.divergence.value,
        "distill_weight": pipe.weight,
        "lost": meter.lost.value,
    }


def _known(components: Mapping[str, Info], key: str) -> list[float]:
    return [of[key] for of in components.values() if of[key] is not None]


def _total(components: Mapping[str, Info], key: str) -> float | None:
    known = _known(components, key)
    return sum(known) if known else None


def _mean(components: Mapping[str, Info], key: str) -> float | None:
    known = _known(components, key)
    return sum(known) / len(known) if known else None


class Table:
    """What is printed.

    pipes (list[str]): that have a loss. scores (list[str]): that are shown.
    """

    def __init__(self, nlp: Language, stream: IO[str] | None, *, by_component: bool):
        self.stream, self.by_component = stream, by_component
        self.pipes = [n for n, pipe in nlp.pipeline if getattr(pipe, "is_trainable", False)]
        weights = nlp.config["training"]["score_weights"]
        self.scores = [name for name, weight in weights.items() if weight is not None]
        self._printer = Printer(no_print=True)
        columns = ["E", "#", *(f"Loss {name}" for name in self.pipes), *self.scores, "Score"]
        widths = [3, 6, *[8] * len(self.pipes), *[6] * (len(self.scores) + 1)]
        header, self.widths, self.aligns = setup_table(
            cols=[*columns, *COLUMNS], widths=[*widths, *[6] * len(COLUMNS)]
        )
        self._row(header)
        self._row(["-" * width for width in self.widths])

    def _row(self, cells: list[Any]) -> None:
        if self.stream is not None:
            row = self._printer.row(cells, widths=self.widths, aligns=self.aligns, spacing=SPACING)
            print(row, file=self.stream, flush=True)

    def values(self, info: Info) -> dict[str, float]:
        """Return the scores, in percent but for the speed."""
        values = {name: float(info["other_scores"].get(name) or 0.0) for name in self.scores}
        return {n: value if n == "speed" else 100 * value for n, value in values.items()}

    def write(self, info: Info, measured: Info) -> None:
        """Print a row, see `make_logger`."""
        losses = [f"{float(info['losses'].get(name, 0.0)):.2f}" for name in self.pipes]
        scores = [f"{value:.2f}" for value in self.values(info).values()]
        first = [info["epoch"], info["step"], *losses, *scores, f"{float(info['score']):.2f}"]
        self._row([*first, *_cells(measured)])
        if self.by_component:
            for name, of in measured["components"].items():
                empty = [""] * (len(first) - 1)
                self._row([*empty, name, *_cells(of)])


def _cells(measured: Info) -> list[str]:
    return [_cell(measured.get(key), percent=key in PERCENT) for key in COLUMNS.values()]


def _cell(value: float | None, *, percent: bool) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f}" if percent else f"{value:.3f}"


def _line(info: Info, table: Table, measured: Info) -> Info:
    """Return a line of the file: as spaCy's, with "skd"."""
    return {
        "epoch": info["epoch"],
        "step": info["step"],
        "losses": {name: float(info["losses"].get(name, 0.0)) for name in table.pipes},
        "scores": table.values(info),
        "score": float(info["score"]),
        KEY: measured,
    }


class Bar:
    """A progress bar, see `make_logger`."""

    def __init__(self, nlp: Language, kind: str | None, stream: IO[str]):
        self.kind, self.stream = kind, stream
        self.training = nlp.config["training"]
        self._bar: Any = None

    def start(self, info: Info) -> None:
        """Begin a new one after an evaluation."""
        if self.kind is None:
            return
        of_all = self.kind == "train"
        self._bar = tqdm.tqdm(
            total=self.training["max_steps" if of_all else "eval_frequency"],
            disable=None,
            leave=False,
            file=self.stream,
            initial=info["step"] if of_all else 0,
        )
        self._bar.set_description(f"Epoch {info['epoch'] + 1}")

    def step(self) -> None:
        if self._bar is not None:
            self._bar.update(1)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
