"""Measure `spacy skd annotate` and training from what it writes, one resumable JSON a measurement.

    python benchmarks/annotate.py work/annotate path/to/teacher raw.jsonl \\
        [speed] [size] [size_with_entities] [memory] [loss] [step] [kills] \\
        --gold train.spacy --entities path/to/ner_teacher \\
        --student student_stored.cfg --stock stock.cfg

`--words` takes a part of the raw text. Speeds are ratios within one run, the systems taking turns;
run it on an idle machine with OMP_NUM_THREADS=1. A measurement whose JSON is there is not done
again.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import annotate_kills
import annotate_speed
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from thinc.api import fix_random_seed

from spacy_skd.shards import Manifest
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.conversion.raw_text import read_raw

TURNS = 3
Result = dict[str, Any]


class Bench:
    """The input and the folder of the results."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.work: Path = options.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.raw = self.work / "raw.jsonl"
        if not self.raw.exists():
            self.raw.write_text("".join(_some_lines(options.raw, options.words)), encoding="utf8")

    @property
    def store(self) -> Path:
        """The gold and the raw text, annotated."""
        folder = self.work / "annotated"
        inputs = [*([str(self.options.gold)] if self.options.gold else []), str(self.raw)]
        annotate(self.options.teacher, inputs, folder)
        return folder

    def run(self, name: str, measure: Callable[["Bench"], Result]) -> None:
        path = self.work / f"{name}.json"
        if not path.exists():
            found = measure(self)
            path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf8")
        print(name, path.read_text(encoding="utf8"))


def _some_lines(raw: Path, words: int) -> Iterator[str]:
    total = 0
    for text in read_raw(raw):
        if words and total >= words:
            return
        total += text.n_words
        yield json.dumps({"text": text.text, "meta": text.meta}) + "\n"


# Speed


def speed(bench: Bench) -> Result:
    """Words a second: see annotate_speed.py."""
    return annotate_speed.measure(
        bench.options.teacher, bench.raw, pipe_batch=bench.options.pipe_batch
    )


# Size, memory, loss


def size(bench: Bench) -> Result:
    """Bytes a word on disk, with the text, the guesses and all beliefs."""
    return _size(Manifest.from_disk(bench.store))


def size_with_entities(bench: Bench) -> Result:
    """As `size`, of the first gold docs, by a teacher that also has the `ner` of `--entities`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _join(bench.options.teacher, bench.options.entities).to_disk(folder / "teacher")
        gold = DocBin().from_disk(bench.options.gold).get_docs(spacy.blank("en").vocab)
        DocBin(docs=_some_docs(gold, bench.options.size_words)).to_disk(folder / "gold.spacy")
        manifest = annotate(folder / "teacher", [str(folder / "gold.spacy")], folder / "out")
        forms = manifest.forms()
        labels = {pipe: len(form.labels) for pipe, form in forms.items()}
        return {**_size(manifest), "labels": labels, "kind_of_ner": forms["ner"].kind}


def _size(manifest: Manifest) -> Result:
    shards = manifest.shards.values()
    words = sum(shard.words for shard in shards)
    return {"words": words, "bytes_per_word": sum(shard.bytes for shard in shards) / words}


def _join(teacher: Path, entities: Path) -> Language:
    """One pipeline of two, each with its own transformer: a component reads what the last one
    before it wrote."""
    nlp, other = spacy.load(teacher), spacy.load(entities)
    for name in ("transformer", "ner"):
        nlp.add_pipe(name, source=other, name="ner_transformer" if name == "transformer" else name)
    return nlp


def _some_docs(docs: Iterable[Doc], words: int) -> Iterator[Doc]:
    total = 0
    for doc in docs:
        if words and total >= words:
            return
        total += len(doc)
        yield doc


PEAK = """
import resource, sys
from pathlib import Path
from spacy_skd.training.annotation.annotate import annotate
manifest = annotate(sys.argv[1], [sys.argv[2]], Path(sys.argv[3]))
print(manifest.counts["words"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def memory(bench: Bench) -> Result:
    """Peak bytes for the input and for ten times as much."""
    found: Result = {}
    with tempfile.TemporaryDirectory() as folder:
        text = bench.raw.read_text(encoding="utf8")
        for times in (1, 10):
            path = Path(folder) / f"{times}.jsonl"
            path.write_text(text * times, encoding="utf8")
            command = [sys.executable, "-c", PEAK, str(bench.options.teacher), str(path)]
            run = [*command, str(Path(folder) / f"out{times}")]
            started = time.perf_counter()
            words, peak = map(int, subprocess.check_output(run, text=True).split()[-2:])
            seconds = time.perf_counter() - started
            found[f"{times}x"] = {"words": words, "peak_bytes": peak, "seconds": seconds}
    found["ratio"] = found["10x"]["peak_bytes"] / found["1x"]["peak_bytes"]
    return found


def loss(bench: Bench) -> Result:
    """Relative difference of the losses over the same batches, from stored beliefs and from the
    live teacher, of a student that learns from the first of `--steps` batches to the last."""
    batches = {}
    for stored in (True, False):
        nlp, stream = _student(bench, stored=stored)
        batches[stored] = _losses(nlp, list(islice(stream, bench.options.steps)))
    pairs = zip(batches[True], batches[False])
    differences = [{name: a[name] / b[name] - 1 for name in b if b[name]} for a, b in pairs]
    largest = max(abs(v) for found in differences for v in found.values())
    mean = {
        name: sum(found[name] for found in differences) / len(differences)
        for name in differences[0]
    }
    return {"steps": len(differences), "mean": mean, "largest_of_a_step": largest}


def _losses(nlp: Language, batches: list[Any]) -> list[dict[str, float]]:
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.003
    found = []
    for batch in batches:
        losses: dict[str, float] = {}
        nlp.update(batch, sgd=optimizer, losses=losses, exclude=["teacher"])
        found.append(losses)
    return found


def _student(bench: Bench, *, stored: bool) -> Any:
    """A student and its batches. Live: the same docs, without the beliefs they carry."""
    fix_random_seed(0)
    paths = {"store": str(bench.store), "dev": str(bench.options.gold)}
    paths["teacher"] = str(bench.options.teacher)
    overrides = {f"paths.{name}": value for name, value in paths.items()}
    nlp = init_nlp(load_config(bench.options.student, overrides=overrides))
    read, batcher = _resolve(nlp)
    if not stored:
        nlp.get_pipe("teacher").store = None
    return nlp, batcher(read(nlp))


def _resolve(nlp: Language) -> Any:
    config = nlp.config.interpolate()
    read = spacy.registry.resolve(config["corpora"])["train"]
    return read, spacy.registry.resolve(
        config["training"], schema=spacy.schemas.ConfigSchemaTraining
    )["batcher"]


# Steps


def step(bench: Bench) -> Result:
    """Milliseconds of 1,000 words: reading and updating, the student from stored beliefs and stock
    components from the same docs, taking turns."""
    student, batches = _student(bench, stored=True)
    stock, stock_batches = _stock(bench)
    turns: dict[str, list[float]] = {"student": [], "stock": []}
    for _ in range(TURNS):
        turns["student"].append(_per_word(student, batches, bench.options.steps))
        turns["stock"].append(_per_word(stock, stock_batches, bench.options.steps))
    ratio = min(turns["student"]) / min(turns["stock"])
    return {"milliseconds_per_1000_words": turns, "student_over_stock": ratio}


def _stock(bench: Bench) -> Any:
    fix_random_seed(0)
    overrides = {"paths.train": str(bench.store), "paths.dev": str(bench.options.gold)}
    nlp = init_nlp(load_config(bench.options.stock, overrides=overrides))
    read, batcher = _resolve(nlp)

    def stream() -> Iterator[Any]:
        while True:
            yield from batcher(read(nlp))

    return nlp, stream()


def _per_word(nlp: Language, batches: Iterator[Any], count: int) -> float:
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 1e-3
    words = 0
    started = time.perf_counter()
    for batch in islice(batches, count):
        nlp.update(batch, sgd=optimizer, losses={}, exclude=["teacher"], drop=0.0)
        words += sum(len(eg.predicted) for eg in batch)
    return (time.perf_counter() - started) / words * 1e6


# Kills


def kills(bench: Bench) -> Result:
    """Runs that are killed and resumed: see annotate_kills.py."""
    lines = islice(_some_lines(bench.raw, 0), bench.options.kill_lines)
    return annotate_kills.measure(bench.options.teacher, lines)


MEASURES = {f.__name__: f for f in (speed, size, size_with_entities, memory, loss, step, kills)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("raw", type=Path)
    parser.add_argument("measures", nargs="*", default=list(MEASURES))
    parser.add_argument("--gold", type=Path, help="labelled docs, for loss and step")
    parser.add_argument("--entities", type=Path, help="teacher with `ner`, for size_with_entities")
    parser.add_argument("--size-words", type=int, default=0, help="of gold, 0 for all")
    parser.add_argument("--student", type=Path, help="config that reads stored beliefs")
    parser.add_argument("--stock", type=Path, help="config of stock components")
    parser.add_argument("--words", type=int, default=0, help="of the raw text, 0 for all")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--pipe-batch", type=int, default=64)
    parser.add_argument("--kill-lines", type=int, default=400)
    options = parser.parse_args()
    bench = Bench(options)
    for name in options.measures:
        bench.run(name, MEASURES[name])


if __name__ == "__main__":
    main()
