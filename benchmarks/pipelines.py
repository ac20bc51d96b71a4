"""Whole pipelines, of every component: teachers, students and stock rivals of docs/pipelines.md.

    python benchmarks/gum.py path/to/gum path/to/raw.jsonl corpus/gum
    python benchmarks/pipelines.py gum corpus/gum work/gum teacher silver annotate vectors
    python benchmarks/pipelines.py gum corpus/gum work/gum small --seeds 0 1 2
    python benchmarks/pipelines.py gum corpus/gum work/gum stock_gold@0.001 stock_silver@0.004
    python benchmarks/pipelines.py gum corpus/gum work/gum test
    python benchmarks/pipelines.py english path/to/en_core_web_sm path/to/raw.jsonl work/en \\
        student rules speed
    python benchmarks/pipelines.py french path/to/fr_core_news_md path/to/treebank work/fr
    python benchmarks/pipelines.py table docs/pipelines.md work/gum work/en work/fr

`gum`: a transformer with every layer of GUM teaches `small`; stock pipelines learn gold, or gold
and the teacher's best guesses. Of several learning rates the best on dev is chosen. A teacher in
`work/gum/teacher/model-best` may be one that was trained before; a training of it that was stopped
goes on from `--resume work/gum/teacher/model-last`. `english`: a pipeline as it is shipped, and the
time of a student with all of its components. `french`: a student from the text of a treebank alone.

A cell is done again only if its settings have changed (cells.py).
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from results import fill
from whole.english import English
from whole.french import French
from whole.systems import RIVALS, Systems
from whole.tables import EnglishTables, FrenchTables, GumTables


def gum(options: argparse.Namespace) -> None:
    systems = Systems(
        options.corpus,
        options.work,
        words=options.words,
        teacher_steps=options.teacher_steps,
        resume=options.resume,
    )
    for name in options.what:
        if name in ("teacher", "silver", "annotate", "vectors", "test"):
            getattr(systems, name)()
        elif name == "small":
            for seed in options.seeds:
                systems.student(seed)
        elif name.partition("@")[0] in RIVALS:
            for seed in options.seeds:
                systems.rival(name, seed)
        else:
            sys.exit(f"unknown cell {name!r}")


def english(options: argparse.Namespace) -> None:
    sizes = {"raw_words": options.raw_words, "held_out": options.held_out, "words": options.words}
    bench = English(options.teacher, options.raw, options.work, **sizes)
    for name in options.what:
        if name == "student":
            bench.student()
        elif name == "rules":
            settings = [options.held_out, options.rounds]
            bench.cells.run(name, settings, lambda: bench.rules(rounds=options.rounds))
        else:
            bench.cells.run(name, options.held_out, bench.speed)


def french(options: argparse.Namespace) -> None:
    french = French(options.teacher, options.treebank, options.work, words=options.words)
    french.run(options.seeds)


def table(options: argparse.Namespace) -> None:
    gum, english = GumTables(options.gum), EnglishTables(options.english)
    of_gum = ("accuracy", "gap", "bootstrap", "rates", "lemmas")
    makers: dict[str, Any] = {
        **{name: getattr(gum, name) for name in of_gum},
        **{name: getattr(english, name) for name in ("rules", "speed")},
        "french": FrenchTables(options.french).french,
    }
    page, missing = fill(options.page.read_text(encoding="utf8"), makers)
    options.page.write_text(page, encoding="utf8")
    if missing:
        sys.exit("missing: " + ", ".join(missing))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(required=True)

    of_gum = actions.add_parser("gum")
    of_gum.add_argument("corpus", type=Path, help="what gum.py wrote")
    of_gum.add_argument("work", type=Path)
    of_gum.add_argument("what", nargs="+")
    of_gum.add_argument("--teacher-steps", type=int, default=1300)
    of_gum.add_argument("--resume", default="", help="where the teacher's training goes on")
    of_gum.set_defaults(function=gum)

    of_english = actions.add_parser("english")
    of_english.add_argument("teacher", type=Path)
    of_english.add_argument("raw", type=Path)
    of_english.add_argument("work", type=Path)
    of_english.add_argument("what", nargs="+", choices=["student", "rules", "speed"])
    of_english.add_argument("--raw-words", type=int, default=200_000, help="to learn from")
    of_english.add_argument("--held-out", type=int, default=100_000, help="words to measure on")
    of_english.add_argument("--rounds", type=int, default=7)
    of_english.set_defaults(function=english)

    of_french = actions.add_parser("french")
    of_french.add_argument("teacher", type=Path)
    of_french.add_argument("treebank", type=Path)
    of_french.add_argument("work", type=Path)
    of_french.set_defaults(function=french)

    for action, words in ((of_gum, 0), (of_english, 500_000), (of_french, 0)):
        action.add_argument("--words", type=int, default=words, help="that students see")
        action.add_argument("--seeds", nargs="+", type=int, default=[0])

    to_page = actions.add_parser("table")
    to_page.add_argument("page", type=Path)
    for name in ("gum", "english", "french"):
        to_page.add_argument(name, type=Path, help="work folder")
    to_page.set_defaults(function=table)
    options = parser.parse_args()
    options.function(options)


if __name__ == "__main__":
    main()
