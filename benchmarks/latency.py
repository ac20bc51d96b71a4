"""Measure two checkouts against each other: a student's time for one short text, for one long one,
and for a word of a batch.

    python benchmarks/latency.py --old path/to/checkout --new path/to/another
    python benchmarks/latency.py --old ... --new ... --student path/to/student --texts raw.jsonl
    python benchmarks/latency.py --new path/to/checkout --profile

Each checkout has its own environment in `.venv`, or is the interpreter itself. Both load the same
student: by default the one that `pairs.py` makes with the old checkout, without what it has beside
sentences, tags, POS and trees. One process of each stays, and they take turns many times, so that
what else the machine does hits both. Times are CPU time of the process, on one thread of BLAS;
ratios are new over old, so that below 1 is faster.

`--profile` shows where the time goes: microseconds of each component, and of the tokenizer.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pairs

LEAVE_OUT = ("morph", "ner", "things")  # of the student of `pairs.py`
SHORT, LONG = 20, 300  # words of a text
BATCH = 256  # docs
ROUNDS = 30


def main() -> None:
    options = read_options()
    if options.serve:
        serve(options)
        return
    if not options.new or not (options.old or options.profile):
        raise SystemExit("expected --old and --new, or --new and --profile")
    with tempfile.TemporaryDirectory() as folder:
        student, texts = given(options, Path(folder))
        places = (
            {"new": options.new} if options.profile else {"old": options.old, "new": options.new}
        )
        workers = {name: Worker(place, student, texts) for name, place in places.items()}
        try:
            if options.profile:
                print("\n".join(table(workers["new"].ask("profile"))))
            else:
                print("\n".join(compare(workers, options.rounds)))
        finally:
            for worker in workers.values():
                worker.end()


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--old", type=Path, help="checkout with .venv, or interpreter")
    parser.add_argument("--new", type=Path)
    parser.add_argument("--student", type=Path, help="that both can load")
    parser.add_argument("--texts", type=Path, help=".jsonl, with more than 300 words in a text")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    # of what `pairs.py` makes
    parser.add_argument("--words", type=int, default=60_000, help="of raw text")
    parser.add_argument("--taught", type=int, default=300, help="steps of what predicts")
    return parser.parse_args()


def given(options: argparse.Namespace, folder: Path) -> tuple[Path, Path]:
    """Return the student and the texts; what is not given is made."""
    if options.student and options.texts:
        return options.student, options.texts
    pairs.generate(folder, options)
    make = [sys.executable, pairs.__file__, "--taught", str(options.taught)]
    make[0] = str(pairs.interpreter(options.old or options.new))
    done = subprocess.run([*make, "--work", str(folder), "--stage", "make"], env=one_thread())
    if done.returncode:
        raise SystemExit("the student could not be made")
    return options.student or folder / "student", options.texts or folder / "plain.jsonl"


def one_thread() -> dict[str, str]:
    return {**os.environ, **dict.fromkeys(pairs.ONE_THREAD, "1"), "HF_HUB_OFFLINE": "1"}


class Worker:
    """A process of one checkout, that has the student loaded and measures when it is asked."""

    def __init__(self, place: Path, student: Path, texts: Path):
        command = [str(pairs.interpreter(place)), __file__, "--serve"]
        self.process = subprocess.Popen(
            [*command, "--student", str(student), "--texts", str(texts)],
            env=one_thread(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, what: str) -> Any:
        """RAISES (SystemExit): if the process has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args}: ended")
        return json.loads(line)

    def end(self) -> None:
        self.process.communicate()


def compare(workers: dict[str, Worker], rounds: int) -> Iterator[str]:
    """Yield a line for each measurement."""
    for what in MEASUREMENTS:
        for worker in workers.values():
            worker.ask(what)
        times: dict[str, list[float]] = {name: [] for name in workers}
        for turn in range(rounds):
            for name in list(workers)[:: -1 if turn % 2 else 1]:
                times[name].append(workers[name].ask(what))
        ratios = sorted(new / old for new, old in zip(times["new"], times["old"]))
        quarter = len(ratios) // 4
        yield (
            f"{what:6} new over old: median {median(ratios):.3f}, half of the pairs from "
            f"{ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f}; "
            f"old {median(times['old']):.1f}, new {median(times['new']):.1f} us"
        )


# In a process of a checkout


def serve(options: argparse.Namespace) -> None:
    """Answer each line of the input, the name of a measurement, with a line of JSON."""
    import spacy

    nlp = spacy.load(options.student, exclude=LEAVE_OUT)
    words = [word for text in pairs.read_texts(options.texts) for word in text.split()]
    texts = pairs.read_texts(options.texts)
    batches = [texts[i : i + BATCH] for i in range(0, len(texts) - BATCH + 1, BATCH)]
    if len(batches) == 0:
        raise SystemExit(f"{options.texts}: expected {BATCH} texts or more, got {len(texts)}")
    pieces = {n: [" ".join(words[i : i + n]) for i in range(0, len(words) - n, n)] for n in SIZES}
    list(nlp.pipe(texts[: 8 * BATCH], batch_size=BATCH))
    turns = dict.fromkeys((*MEASUREMENTS, "profile"), 0)
    for line in sys.stdin:
        what = line.strip()
        turn = turns[what]
        turns[what] += 1
        if what == "profile":
            result: Any = profile(nlp, pieces, batches)
        elif what == "batch":
            result = batch_time(nlp, batches[turn % len(batches)])
        else:
            n = SHORT if what == "short" else LONG
            count = CALLS[what]
            some = [pieces[n][(turn * count + i) % len(pieces[n])] for i in range(count)]
            result = single_time(nlp, some)
        print(json.dumps(result), flush=True)


SIZES = (SHORT, LONG)
CALLS = {"short": 40, "long": 8}  # in a turn
MEASUREMENTS = ("short", "long", "batch")


def single_time(nlp: Any, texts: list[str]) -> float:
    """Return microseconds of CPU time of a call, the median."""
    times = []
    for text in texts:
        start = time.process_time()
        nlp(text)
        times.append(1e6 * (time.process_time() - start))
    return median(times)


def batch_time(nlp: Any, texts: list[str]) -> float:
    """Return microseconds of CPU time a word."""
    start = time.process_time()
    n_words = sum(len(doc) for doc in nlp.pipe(texts, batch_size=BATCH))
    return 1e6 * (time.process_time() - start) / n_words


def profile(
    nlp: Any, pieces: dict[int, list[str]], batches: list[list[str]]
) -> dict[str, list[float]]:
    """Return microseconds of each part: of a short text, of a long one, of a word in batches."""
    parts: dict[str, list[float]] = {name: [] for name in ("tokenizer", *nlp.pipe_names)}
    for texts in (pieces[SHORT][:200], pieces[LONG][:50]):
        docs = timed_each(parts["tokenizer"], nlp.make_doc, texts)
        for name, pipe in nlp.pipeline:
            docs = timed_each(parts[name], pipe, docs)
    docs = [nlp.make_doc(text) for batch in batches[:4] for text in batch]
    n_words = sum(map(len, docs))
    texts = sum(batches[:4], [])
    timed_all(parts["tokenizer"], lambda some: map(nlp.make_doc, some), texts, n_words)
    for name, pipe in nlp.pipeline:
        run = partial(pipe.pipe, batch_size=BATCH)
        docs = timed_all(parts[name], run, docs, n_words)
    return parts


def timed_each(times: list[float], function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    """Add the median of one call, and return what they return."""
    results, each = [], []
    for item in items:
        start = time.process_time()
        results.append(function(item))
        each.append(1e6 * (time.process_time() - start))
    times.append(median(each))
    return results


def timed_all(
    times: list[float], function: Callable[[Any], Any], items: list[Any], n_words: int
) -> list[Any]:
    """Add the time of a word, and return what the function returns of all."""
    start = time.process_time()
    results = list(function(items))
    times.append(1e6 * (time.process_time() - start) / n_words)
    return results


def table(parts: dict[str, list[float]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    yield f"|  | {SHORT} words, us | {LONG} words, us | batches, us a word |"
    yield "|---|---|---|---|"
    parts = {**parts, "all": [sum(column) for column in zip(*parts.values())]}
    for name, (short, long, batch) in parts.items():
        yield f"| {name} | {short:.0f} | {long:.0f} | {batch:.1f} |"


if __name__ == "__main__":
    main()
