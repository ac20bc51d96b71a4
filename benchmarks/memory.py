"""Measure how the memory of a service grows: random words, none seen before, in memory zones.

    python benchmarks/memory.py path/to/en_core_web_sm path/to/student --words 1000000

A system is a pipeline as it is. Of one with rules, the same with other rules is measured, too: fast
ones instead of spaCy's own, or the other way round. Each has a process of its own; its growth is
its resident memory less what it had after the first zone.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import spacy
from spacy.language import Language

from spacy_skd.rules import is_fast, make_fast, make_original

WORDS_OF_TEXT = 25
PAGE = os.sysconf("SC_PAGE_SIZE")
AS_IT_IS, OTHER_RULES = "as it is", "other rules"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pipelines", nargs="+", type=Path)
    parser.add_argument("--words", type=int, default=1_000_000)
    parser.add_argument("--zone", type=int, default=2_500, help="words of a memory zone")
    parser.add_argument("--points", type=int, default=10, help="at which memory is shown")
    parser.add_argument("--system", choices=(AS_IT_IS, OTHER_RULES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.system:
        nlp = load(options.pipelines[0], options.system)
        for point in serve(nlp, options.words, zone=options.zone, points=options.points):
            print(json.dumps(point), flush=True)
        return
    for path in options.pipelines:
        has_rules = bool(make_other(spacy.load(path)))
        for system in (AS_IT_IS, OTHER_RULES) if has_rules else (AS_IT_IS,):
            print(f"{path.name}, {system}")
            for words, grown in grow(path, system, options):
                print(f"  {words:>9,} words  {grown / 2**20:+8.1f} MB", flush=True)


def load(path: Path, system: str) -> Language:
    nlp = spacy.load(path)
    if system == OTHER_RULES:
        make_other(nlp)
    return nlp


def make_other(nlp: Language) -> list[str]:
    """Exchange fast rules and spaCy's own. RETURNS: names of the components."""
    fast = [name for name, pipe in nlp.pipeline if is_fast(pipe)]
    for name in fast:
        make_original(nlp, name)
    return fast or [name for name in make_fast(nlp) if name in nlp.pipe_names]


def grow(path: Path, system: str, options: argparse.Namespace) -> Iterator[tuple[int, int]]:
    """Yield words and bytes of a service in a process of its own."""
    settings = ["--words", options.words, "--zone", options.zone, "--points", options.points]
    command = [sys.executable, __file__, path, *settings, "--system", system]
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield from (tuple(json.loads(line)) for line in process.stdout)
    if process.returncode:
        raise SystemExit(f"{path}: the service ended with {process.returncode}")


def serve(nlp: Language, words: int, *, zone: int, points: int) -> Iterator[tuple[int, int]]:
    """Yield how many words were annotated, and by how many bytes memory has grown."""
    rng = random.Random(0)
    done = start = 0
    shown = 1
    while done < words:
        with nlp.memory_zone():
            texts = (text(rng) for _ in range(max(1, zone // WORDS_OF_TEXT)))
            done += sum(map(len, nlp.pipe(texts)))
        start = start or resident()
        if done * points >= shown * words:
            yield done, resident() - start
            shown = done * points // words + 1


def text(rng: random.Random) -> str:
    """Return a text of words that hardly occur twice, with endings that rules know."""
    endings = ("", "s", "ing", "ed", "er", "ly")
    return " ".join(f"{word(rng)}{rng.choice(endings)}" for _ in range(WORDS_OF_TEXT))


def word(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(5, 9)))


def resident() -> int:
    """Return the bytes of this process that are in memory (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


if __name__ == "__main__":
    main()
