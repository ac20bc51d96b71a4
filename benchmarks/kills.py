"""Kill workers and runs of `spacy skd annotate` at random moments, and measure their memory.

    python benchmarks/kills.py path/to/pipeline path/to/raw.jsonl --words 100000
    python benchmarks/kills.py path/to/pipeline path/to/raw.jsonl --engine ray --workers 1 2

Of each number of workers: a run that nothing happens to; --runs runs of which a worker is killed at
a random moment; --drivers runs that are killed themselves, and resumed by the same command. The
manifest of each, with the hashes of all shards, must be that of one process. Then, without kills,
the highest memory of the command itself and of its workers, over the texts and over ten times as
many. A student is a quick pipeline to do it with.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import srsly
from whole.systems import first_texts

PAGE = os.sysconf("SC_PAGE_SIZE")
TIMES = 10  # as many texts, for memory
OURS = ("spawn_main", "ray::_Actor")  # in the command line of a worker
EVERY = 0.05  # seconds between two looks at the processes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pipeline")
    parser.add_argument("raw", type=Path)
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--shard-words", type=int, default=2_000)
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--drivers", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        texts = write(work / "raw.jsonl", options.raw, options.words)
        expected, _ = finished(command(options, texts, work / "expected", workers=0))
        for workers in options.workers:
            quiet = command(options, texts, work / f"quiet {workers}", workers=workers)
            manifest, seconds = finished(quiet)
            if manifest != expected:
                raise SystemExit(f"{workers} workers write another manifest than one process")
            for what, runs, driver in (("a worker", options.runs, False),
                                       ("the command", options.drivers, True)):  # fmt: skip
                kills = same = 0
                for run in range(runs):
                    each = command(options, texts, work / f"{workers} {driver} {run}",
                                   workers=workers)  # fmt: skip
                    manifest, was = killed(each, rng, seconds, driver=driver)
                    kills += was
                    same += manifest == expected
                print(f"{options.engine}, {workers}: {what} killed in {kills} of {runs} runs, "
                      f"{same} write the same", flush=True)  # fmt: skip
        more = write(work / "more.jsonl", options.raw, options.words * TIMES)
        for workers in options.workers:
            peaks = []
            for name, inputs in (("once", texts), ("more", more)):
                each = command(options, inputs, work / f"{name} {workers}", workers=workers)
                peaks.append(peak(each))
            for who, before, after in zip(("command", "largest worker"), *peaks):
                print(f"{options.engine}, {workers}: {who}, {before / 2**20:.0f} MB, of "
                      f"{TIMES} times the words {after / 2**20:.0f} MB", flush=True)  # fmt: skip


def write(path: Path, raw: Path, words: int) -> Path:
    """Write the first texts, again from the first one where there are too few."""
    found = first_texts(raw, words=words)
    have = sum(len(text.split()) for text in found)
    srsly.write_jsonl(path, ({"text": text} for _ in range(round(words / have) or 1)
                             for text in found))  # fmt: skip
    return path


def command(options: argparse.Namespace, texts: Path, out: Path, *, workers: int) -> list[str]:
    """workers (int): 0 for this engine's reference, one process."""
    how = ["--engine", options.engine, "--workers", str(workers)] if workers else []
    return [sys.executable, "-m", "spacy", "skd", "annotate", options.pipeline, str(texts),
            str(out), "--shard-words", str(options.shard_words), *how]  # fmt: skip


def start(command: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ended(process: "subprocess.Popen[bytes]", command: list[str]) -> bytes:
    """Return the manifest."""
    if process.wait():
        raise SystemExit(f"exit code {process.returncode}: {' '.join(command)}")
    return (output(command) / "manifest.json").read_bytes()


def output(command: list[str]) -> Path:
    return Path(command[command.index("--shard-words") - 1])


def finished(command: list[str]) -> tuple[bytes, float]:
    """Return the manifest, and the seconds from the first shard to the end."""
    process = start(command)
    began = first_shard(process, output(command))
    return ended(process, command), time.monotonic() - began


def first_shard(process: "subprocess.Popen[bytes]", out: Path) -> float:
    """Wait until there is one, or all is over. RETURNS: the time."""
    while process.poll() is None and not list(out.glob("shard-*")):
        time.sleep(EVERY)
    return time.monotonic()


def killed(
    command: list[str], rng: random.Random, longest: float, *, driver: bool
) -> tuple[bytes, bool]:
    """Run it; at a random moment, at most `longest` seconds after the first shard, kill a worker,
    or the command, and run this again. RETURNS: the manifest, and whether something was killed."""
    process = start(command)
    first_shard(process, output(command))
    with suppress(subprocess.TimeoutExpired):
        process.wait(rng.random() * longest)
    victims = [process.pid] if driver else workers_of(process.pid)
    was_killed = False
    if process.poll() is None and victims:
        with suppress(ProcessLookupError):
            os.kill(rng.choice(victims), signal.SIGKILL)
            was_killed = True
    if driver:
        process.wait()
        process = start(command)
    return ended(process, command), was_killed


def peak(command: list[str]) -> tuple[int, int]:
    """Return the highest memory, in bytes: the command's, and that of its largest worker."""
    process = start(command)
    own = largest = 0
    while process.poll() is None:
        own = max(own, resident(process.pid))
        largest = max([largest, *map(resident, workers_of(process.pid))])
        time.sleep(EVERY)
    ended(process, command)
    return own, largest


def workers_of(pid: int) -> list[int]:
    """Return those of the processes below one that do its jobs."""
    return [each for each in below(pid) if any(name in line_of(each) for name in OURS)]


def below(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from below(child)


def line_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def resident(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return 0


if __name__ == "__main__":
    main()
