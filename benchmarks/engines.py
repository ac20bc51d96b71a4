"""Words per second of `spacy skd annotate` by its engines: this process, processes, actors of Ray.

    python benchmarks/engines.py path/to/teacher path/to/raw.jsonl --words 200000 --rounds 3

Each worker has all its threads pinned to a core of its own, the single one as well. The engines
take turns; a rate is of the time from the first shard of a run to its last, so that what a worker
needs to start does not count. All runs must write the same shards.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from statistics import median

import srsly
from whole.systems import first_texts

from spacy_skd.shards.manifest import Manifest
from spacy_skd.training.annotation.annotate import Workers, annotate
from spacy_skd.training.annotation.settings import Settings

# What a worker runs first, as a user's own code: it takes a core that no other one has.
PIN = """
import os
for core in sorted(os.sched_getaffinity(0)):
    try:
        os.close(os.open(f"{folder}/{{core}}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        continue
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), {{core}})
    break
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("teacher")
    parser.add_argument("raw", type=Path)
    parser.add_argument("--words", type=int, default=200_000)
    parser.add_argument("--shard-words", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    systems = {
        "local, 1": Workers(),
        "local, 2": Workers(count=2),
        "ray, 1": Workers("ray", count=1),
        "ray, 2": Workers("ray", count=2),
    }
    rates: dict[str, list[float]] = {name: [] for name in systems}
    shards: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder) / "raw.jsonl"
        first = first_texts(options.raw, words=options.words)
        srsly.write_jsonl(texts, [{"text": text} for text in first])
        for turn in range(options.rounds):
            for name, workers in list(systems.items())[:: -1 if turn % 2 else 1]:
                out = Path(folder) / f"{name} {turn}"
                rate = run(options, texts, out, workers)
                rates[name].append(rate)
                found = Manifest.from_disk(out).shards
                shards.add(json.dumps({k: v.blake2b for k, v in sorted(found.items())}))
                print(f"{name}: {rate:.0f} words/s", flush=True)
    print(f"shards are {'the same' if len(shards) == 1 else 'NOT the same'}")
    for name, over in (("ray, 2", "ray, 1"), ("ray, 1", "local, 1"), ("local, 2", "local, 1")):
        ratios = sorted(a / b for a, b in zip(rates[name], rates[over]))
        print(f"{name} over {over}: median {median(ratios):.2f}, {ratios[0]:.2f}-{ratios[-1]:.2f}")


def run(options: argparse.Namespace, texts: Path, out: Path, workers: Workers) -> float:
    """Return words per second between the first and the last shard."""
    pins = Path(tempfile.mkdtemp(dir=out.parent))
    code = pins / "pin.py"
    code.write_text(PIN.format(folder=pins))
    cores = os.sched_getaffinity(0)
    if workers.engine == "local" and workers.count == 1:
        os.sched_setaffinity(0, {min(cores)})
    else:
        workers = Workers(workers.engine, workers.count, code=code)
    times, words = [], []

    def report(progress) -> None:
        times.append(time.monotonic())
        words.append(progress.words)

    settings = Settings(shard_words=options.shard_words)
    try:
        annotate(options.teacher, [str(texts)], out, settings=settings, workers=workers,
                 report=report)  # fmt: skip
    finally:
        os.sched_setaffinity(0, cores)
    return sum(words[1:]) / (times[-1] - times[0])


if __name__ == "__main__":
    main()
