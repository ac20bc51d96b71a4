"""Write the tables of docs/results.md from the cells of ewt.py.

    python benchmarks/results.py work/ewt docs/results.md

A table stands between `<!-- NAME -->` and `<!-- end -->`; the rest of the page is kept. A table
with a missing cell is left as it is and named, with exit code 1.
"""

import json
import re
import sys
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Callable, Dict, List, Sequence

from ewt import METHODS, Systems

Cell = Dict[str, Any]
NAMES = {
    "teacher": "teacher",
    "stock_gold": "stock on gold",
    "stock_silver": "stock on silver",
    "student": "student",
}
COLUMNS = [
    ("predicted_sentences", "tag_acc", "XPOS"),
    ("predicted_sentences", "pos_acc", "UPOS"),
    ("predicted_sentences", "sents_f", "SENTS"),
    ("predicted_sentences", "dep_uas", "UAS"),
    ("predicted_sentences", "dep_las", "LAS"),
    ("gold_sentences", "dep_uas", "UAS, gold sents"),
    ("gold_sentences", "dep_las", "LAS, gold sents"),
    ("gold_sentences", "all_las", "LAS, gold sents, with punctuation"),
    ("from_text", "dep_las", "LAS, from text"),
]


class Tables:
    def __init__(self, work: Path):
        self.systems = Systems(Path(), work)

    def cell(self, name: str) -> Cell:
        found = self.systems.cells.read(name)
        if found is None:
            raise KeyError(name)
        return found

    def accuracy(self) -> List[str]:
        rows = []
        for split, prefix in (("dev", ""), ("test", "test_")):
            for system, title in NAMES.items():
                scores = self.cell(prefix + self.systems.best(system))[split]
                numbers = [scores[setting].get(key) for setting, key, _ in COLUMNS]
                rows.append([split, title, *(percent(n) for n in numbers)])
        return table(["", "", *(title for _, _, title in COLUMNS)], rows)

    def rates(self) -> List[str]:
        rows = []
        for system in ("stock_gold", "stock_silver"):
            for path in sorted((self.systems.work / "cells").glob(f"{system}*.json")):
                cell = json.loads(path.read_text())
                scores = cell["dev"]["predicted_sentences"]
                rate = cell["overrides"]["training.optimizer.learn_rate.initial_rate"]
                rows.append([NAMES[system], f"{rate}", *(percent(scores[k]) for k in KEYS)])
        return table(["", "rate", "UPOS", "UAS", "LAS"], rows)

    def method(self) -> List[str]:
        rows = []
        for name in METHODS:
            cells = sorted((self.systems.work / "cells").glob(f"method*_{name}_*.json"))
            if len(cells) < 2:
                raise KeyError(f"method_{name}")
            runs = [json.loads(path.read_text())["dev"] for path in cells]
            row = [f"{name.replace('_', ' ')} ({len(runs)} seeds)"]
            for setting in ("predicted_sentences", "gold_sentences"):
                row += [spread([run[setting][key] for run in runs]) for key in KEYS]
            rows.append(row)
        gold = [f"{title}, gold sents" for title in ("UPOS", "UAS", "LAS")]
        return table(["target", "UPOS", "UAS", "LAS", *gold], rows)

    def speed(self) -> List[str]:
        cell = self.cell("speed")
        speeds, sizes = cell["words_per_second"], cell["megabytes"]
        student = speeds["student"]
        rows = []
        for name, value in speeds.items():
            size = sizes.get(name)
            shown = "" if size is None else f"{size:.1f}"
            rows.append([title_of(name), f"{value:,.0f}", f"{student / value:.2f}", shown])
        return table(["", "words/s", "student is faster by", "MB on disk"], rows)

    def memory(self) -> List[str]:
        cell = self.cell("student")
        return [
            f"Distilling on EWT and the raw text took {cell['minutes']:.0f} minutes of a core of a "
            f"busy machine, and {cell['peak_gb']:.1f} GB at its peak, the running teacher included."
        ]


KEYS = ("pos_acc", "dep_uas", "dep_las")


def title_of(name: str) -> str:
    for key, title in NAMES.items():
        if name.startswith(key):
            return title + re.sub(r"^@[\d.]+", "", name[len(key) :])
    return name


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def spread(values: Sequence[float]) -> str:
    return f"{100 * mean(values):.2f} ± {100 * stdev(values):.2f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> List[str]:
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return ["| " + " | ".join(row) + " |" for row in [header, rule, *rows]]


def fill(page: str, makers: Dict[str, Callable[[], List[str]]]) -> tuple[str, List[str]]:
    """RETURNS: the page with its tables made anew, and what is missing for the others."""
    missing: List[str] = []

    def replace(match: "re.Match[str]") -> str:
        try:
            body = "\n".join(makers[match[1]]())
        except KeyError as error:
            missing.append(f"{match[1]}: {error}")
            return match[0]
        return f"<!-- {match[1]} -->\n{body}\n<!-- end -->"

    return re.sub(r"<!-- (\w+) -->\n.*?<!-- end -->", replace, page, flags=re.S), missing


def main() -> None:
    work, path = map(Path, sys.argv[1:3])
    tables = Tables(work)
    names = ("accuracy", "rates", "method", "speed", "memory")
    page, missing = fill(path.read_text(), {name: getattr(tables, name) for name in names})
    path.write_text(page)
    if missing:
        sys.exit("missing: " + ", ".join(missing))


if __name__ == "__main__":
    main()
