"""Measure two checkouts against each other: prediction, `annotate` and training of `small`.

    python benchmarks/pairs.py --old path/to/checkout --new path/to/another

Each has its own environment, PATH/.venv (or PATH is an interpreter). Both read the same student,
store and text, which the old one makes: of the demo corpus, taught by the small pipeline that the
tests keep, as it is and with much whitespace. Processes of the two take turns; a measurement is
words per second of CPU time on one thread, the new one's over the old one's in each pair.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

ROOT = Path(__file__).parents[1]
TEACHER = ROOT / "tests" / "written_at_9f2e74b" / "student"
KINDS = ("plain", "spaced")  # of text
SPLITS = ("train", "dev", "test")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
BATCH = 512  # docs


def main() -> None:
    options = read_options()
    if options.work:
        STAGES[options.stage](Path(options.work), options)
        return
    if not options.old or not options.new:
        raise SystemExit("expected --old and --new")
    pythons = {"old": interpreter(options.old), "new": interpreter(options.new)}
    with tempfile.TemporaryDirectory() as work:
        generate(Path(work), options)
        run(pythons["old"], "make", work)
        pairs = []
        for turn in range(options.pairs):
            order = list(pythons)[:: -1 if turn % 2 else 1]
            seconds = {name: run(pythons[name], "measure", work) for name in order}
            pairs.append(seconds)
            print(json.dumps(seconds), file=sys.stderr, flush=True)
    print("\n".join(lines_of(pairs)))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--old", type=Path, help="checkout with .venv, or interpreter")
    parser.add_argument("--new", type=Path)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--words", type=int, default=60_000, help="of raw text")
    parser.add_argument("--steps", type=int, default=20, help="of training, that are measured")
    parser.add_argument("--taught", type=int, default=100, help="steps of what predicts")
    parser.add_argument("--work", help=argparse.SUPPRESS)  # of this script's own processes
    parser.add_argument("--stage", choices=list(STAGES), help=argparse.SUPPRESS)
    return parser.parse_args()


def interpreter(path: Path) -> Path:
    """RAISES (SystemExit): if the checkout has no environment."""
    python = path / ".venv" / "bin" / "python" if path.is_dir() else path
    if not python.exists():
        raise SystemExit(f"{path}: expected an environment at {python}, made by `make test`")
    return python.absolute()


def run(python: Path, stage: str, work: str) -> dict[str, float]:
    """Run a stage of this script in an environment, and return what it measured."""
    environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "HF_HUB_OFFLINE": "1"}
    command = [str(python), __file__, *sys.argv[1:], "--work", work, "--stage", stage]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{python} {stage}:\n{done.stdout}{done.stderr}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def lines_of(pairs: list[dict[str, dict[str, float]]]) -> Iterator[str]:
    """Yield a line for each measurement: the median, mean and spread of the pairs' ratios."""
    for name in pairs[0]["old"]:
        ratios = [pair["old"][name] / pair["new"][name] for pair in pairs]
        error = stdev(ratios) / len(ratios) ** 0.5 if len(ratios) > 1 else 0.0
        yield (
            f"{name:16} new over old: median {median(ratios):.3f}, mean {mean(ratios):.3f} "
            f"± {error:.3f} (from {min(ratios):.3f} to {max(ratios):.3f})"
        )


# What is measured on


def generate(work: Path, options: argparse.Namespace) -> None:
    """Write the demo corpus, and its raw text with much whitespace."""
    command = [sys.executable, str(ROOT / "demo" / "generate.py"), str(work / "demo")]
    subprocess.run([*command, "--words", str(options.words)], check=True, capture_output=True)
    for kind in KINDS:
        with (work / f"{kind}.jsonl").open("w", encoding="utf8") as file:
            for text in read_texts(work / "demo" / "raw.jsonl"):
                file.write(json.dumps({"text": spaced(text) if kind == "spaced" else text}) + "\n")


def read_texts(path: Path) -> list[str]:
    with path.open(encoding="utf8") as file:
        return [json.loads(line)["text"] for line in file]


def spaced(text: str) -> str:
    """Return the text with a run of whitespace in place of every fourth space."""
    words = text.split(" ")
    return "".join(word + ("\n\n  " if i % 4 == 3 else " ") for i, word in enumerate(words)).strip()


def make(work: Path, options: argparse.Namespace) -> None:
    """Annotate, and train a student for a few steps."""
    skd("convert", *(work / "demo" / f"{split}.conllu" for split in SPLITS), work / "corpus")
    train, dev = (work / "corpus" / f"{split}.spacy" for split in SPLITS[:2])
    skd("vectors", TEACHER, train, work / "plain.jsonl", work / "vectors")
    for kind in KINDS:
        skd("annotate", TEACHER, train, work / f"{kind}.jsonl", work / f"store_{kind}")
    given = ("--store", work / "store_plain", "--vectors", work / "vectors", "--dev", dev)
    skd("init", TEACHER, work / "student.cfg", "--preset", "small", *given)
    nlp, batches = student_of(work, "plain")
    learn(nlp, batches, options.taught)
    nlp.remove_pipe("teacher")
    nlp.to_disk(work / "student")
    print("{}")


def skd(*arguments: Any) -> None:
    """Run a command of the package in this process."""
    from typer.testing import CliRunner

    from spacy_skd.cli import app

    done = CliRunner().invoke(app, ["skd", *map(str, arguments)])
    if done.exit_code:
        raise SystemExit(f"skd {arguments}: {done.output} {done.exception}")


def student_of(work: Path, kind: str) -> tuple[Any, Iterator[Any]]:
    """Return an initialized student, and its endless batches of a store."""
    import spacy
    from spacy.schemas import ConfigSchemaTraining
    from spacy.training.initialize import init_nlp
    from spacy.util import load_config
    from thinc.api import fix_random_seed

    fix_random_seed(0)
    overrides = {"paths.store": str(work / f"store_{kind}")}
    nlp = init_nlp(load_config(work / "student.cfg", overrides=overrides))
    config = nlp.config.interpolate()
    reader = spacy.registry.resolve(config["corpora"])["train"]
    batcher = spacy.registry.resolve(config["training"], schema=ConfigSchemaTraining)["batcher"]
    return nlp, batcher(reader(nlp))


def learn(nlp: Any, batches: Iterator[Any], steps: int) -> int:
    """RETURNS (int): how many words it has learnt from."""
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.003
    n_words = 0
    for batch in islice(batches, steps):
        nlp.update(batch, sgd=optimizer, losses={}, exclude=["teacher"])
        n_words += sum(len(eg.predicted) for eg in batch)
    return n_words


# Measurements


def measure(work: Path, options: argparse.Namespace) -> None:
    """Print microseconds of CPU time a word of each measurement, as JSON."""
    results = {}
    for kind in KINDS:
        for name, value in measured(work, kind, options.steps):
            results[f"{name} {kind}"] = value
    print(json.dumps(results))


def measured(work: Path, kind: str, steps: int) -> Iterator[tuple[str, float]]:
    import spacy

    texts = read_texts(work / f"{kind}.jsonl")
    nlp = spacy.load(work / "student")
    predict(nlp, texts)
    yield "predict", timed(lambda: predict(nlp, texts))
    yield "annotate", timed(lambda: annotate(work, kind, texts))
    learner, batches = student_of(work, kind)
    learn(learner, batches, 2)
    yield "step", timed(lambda: learn(learner, batches, steps))


def predict(nlp: Any, texts: list[str]) -> int:
    return sum(len(doc) for doc in nlp.pipe(texts, batch_size=BATCH))


def annotate(work: Path, kind: str, texts: list[str]) -> int:
    """Into a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        skd("annotate", TEACHER, work / f"{kind}.jsonl", Path(folder) / "out")
    return sum(len(text.split()) for text in texts)


def timed(function: Callable[[], int]) -> float:
    """function: returns how many words it worked on. RETURNS (float): microseconds a word."""
    start = time.process_time()
    n_words = function()
    return 1e6 * (time.process_time() - start) / n_words


STAGES: dict[str, Callable[[Path, argparse.Namespace], None]] = {"make": make, "measure": measure}

if __name__ == "__main__":
    main()
