"""Words a second of `spacy skd annotate`, of nlp.pipe, and of the transformer's bare forward pass,
on the very batches that annotate made. The systems take turns, and each has its best turn."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import spacy
import torch
from spacy.language import Language

from spacy_skd.training.annotation.annotate import Progress, annotate
from spacy_skd.training.conversion.raw_text import read_raw

TURNS = 3
Seconds = tuple[float, float]  # of the clock, of all threads of this process
Calls = list[tuple[Any, Any]]


def measure(teacher: Path, raw: Path, *, pipe_batch: int) -> dict[str, Any]:
    """The ratios by the clock, and by the processor's time, which other processes disturb less but
    in which the thread that writes counts too."""
    nlp = spacy.load(teacher)
    turns: dict[str, list[list[float]]] = {}
    for _ in range(TURNS):
        for name, (words, seconds) in _one_turn(nlp, teacher, raw, pipe_batch=pipe_batch).items():
            turns.setdefault(name, []).append([words / each for each in seconds])
    best = {name: [max(speeds) for speeds in zip(*found)] for name, found in turns.items()}
    found: dict[str, Any] = {"words_per_second_and_per_cpu_second": turns}
    for other in ("forward", "pipe"):
        ratios = [mine / theirs for mine, theirs in zip(best["annotate"], best[other])]
        found[f"annotate_over_{other}"], found[f"annotate_over_{other}_cpu"] = ratios
    return found


def _one_turn(
    nlp: Language, teacher: Path, raw: Path, *, pipe_batch: int
) -> dict[str, tuple[int, Seconds]]:
    """Words and seconds of each system."""
    words, seconds, calls = _annotate(nlp, teacher, raw)
    return {
        "annotate": (words, seconds),
        "forward": (words, _seconds_of(lambda: _forward(nlp, calls))),
        "pipe": _pipe(nlp, raw, batch_size=pipe_batch),
    }


def _annotate(nlp: Language, teacher: Path, raw: Path) -> tuple[int, Seconds, Calls]:
    """Words and seconds of all shards but the first, so without loading, and what the transformer
    was called with for these."""
    calls: Calls = []
    marks: list[tuple[int, Seconds, int]] = []

    def report(progress: Progress) -> None:
        marks.append((progress.words, _now(), len(calls)))

    with tempfile.TemporaryDirectory() as folder, _recorded(_backbone(nlp), calls):
        annotate(teacher, [str(raw)], Path(folder) / "out", report=report)
    if len(marks) < 2:
        raise ValueError("speed needs two shards or more: raise --words above 40000")
    words = sum(words for words, _, _ in marks[1:])
    return words, _since(marks[0][1], marks[-1][1]), calls[marks[0][2] :]


@contextmanager
def _recorded(module: Any, calls: Calls) -> Iterator[None]:
    """Of whatever instance of the module's class: annotate loads its own."""
    cls = type(module)
    forward = cls.forward

    def recording(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append((args, kwargs))
        return forward(self, *args, **kwargs)

    cls.forward = recording
    try:
        yield
    finally:
        cls.forward = forward


def _forward(nlp: Language, calls: Calls) -> None:
    """In the precision of the component."""
    pipe: Any = nlp.get_pipe("transformer")
    module = _backbone(nlp).eval()
    with torch.no_grad():
        for args, kwargs in calls:
            with pipe.model._precision():
                module(*args, **kwargs)


def _backbone(nlp: Language) -> Any:
    pipe: Any = nlp.get_pipe("transformer")
    return pipe.model.layers[0].shims[0]._hfmodel.transformer


def _pipe(nlp: Language, raw: Path, *, batch_size: int) -> tuple[int, Seconds]:
    started, words = _now(), 0
    for doc in nlp.pipe((text.text for text in read_raw(raw)), batch_size=batch_size):
        doc._.trf_data = None
        words += len(doc)
    return words, _since(started, _now())


def _seconds_of(run: Callable[[], None]) -> Seconds:
    started = _now()
    run()
    return _since(started, _now())


def _now() -> Seconds:
    return time.perf_counter(), time.process_time()


def _since(started: Seconds, ended: Seconds) -> Seconds:
    return ended[0] - started[0], ended[1] - started[1]
