"""Write the tables of docs/entities.md from the cells of ner.py.

    python benchmarks/ner_results.py docs/entities.md WikiANN=work/wikiann WNUT17=work/wnut

As results.py: a table with a missing cell is left as it is and named, with exit code 1.
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import mean
from typing import Any

from ner import METHODS, base_name
from results import fill, percent, spread, table

from spacy_skd.report.speed import megabytes

ROWS = {"teacher": "teacher", "stock_gold": "stock `ner` on gold",
        "stock_silver": "stock `ner` on gold and silver",
        "student_structural": "student without word vectors", "small": "student"}  # fmt: skip
RIVALS = ("stock_gold", "stock_silver")
SIZED = (*RIVALS, "small")
TITLES = {
    "structural": "the teacher's distribution over tag sequences",
    "top1": "Top-1",
    "position": "each token's marginals",
}


class Tables:
    def __init__(self, works: dict[str, Path]):
        self.works = works

    def f1(self, work: Path) -> dict[str, list[float]]:
        """F1 of all seeds by system; of a rival, those of its best learning rate."""
        runs = self.runs(work)
        return {**runs, **{rival: runs[best_rate(runs, rival, work)] for rival in RIVALS}}

    def runs(self, work: Path) -> dict[str, list[float]]:
        """F1 of all seeds by cell."""
        found: dict[str, list[float]] = {}
        for path in sorted((work / "cells").glob("*.json")):
            cell = json.loads(path.read_text())
            found.setdefault(base_name(path.stem), []).append(cell["dev"]["ents_f"])
        return found

    def entities(self) -> list[str]:
        scores = {name: self.f1(work) for name, work in self.works.items()}
        rows = [
            [title, *(shown(f1[system]) if system in f1 else "" for f1 in scores.values())]
            for system, title in ROWS.items()
            if any(system in f1 for f1 in scores.values())
        ]
        return table(["F1, dev", *scores], rows)

    def bootstrap(self) -> list[str]:
        found = {name: self.compared(work) for name, work in self.works.items()}
        rows = [
            [title, *(difference(found[name][f"student - {system}"]) for name in found)]
            for system, title in ROWS.items()
            if system in RIVALS
        ]
        rows.append(["share of the gap closed", *(closed(f["gap closed"]) for f in found.values())])
        return table(["student minus", *found], rows)

    def size(self) -> list[str]:
        """Megabytes of the pipelines, with and without word vectors."""
        columns = []
        for work in self.works.values():
            runs = self.runs(work)
            rivals = {rival: best_rate(runs, rival, work) for rival in RIVALS}
            folders = [trained(work, rivals.get(name, name)) for name in SIZED]
            columns.append([megabytes(folder) for folder in folders])
            columns.append([megabytes(folder, vectors=False) for folder in folders])
        rows = [
            [ROWS[name], *(f"{column[i]:.1f}" for column in columns)]
            for i, name in enumerate(SIZED)
        ]
        header = [title for name in self.works for title in (name, "without vectors")]
        return table(["MB on disk", *header], rows)

    def compared(self, work: Path) -> dict[str, Any]:
        if not (work / "bootstrap.json").exists():
            raise KeyError(f"{work}: bootstrap")
        found: dict[str, Any] = json.loads((work / "bootstrap.json").read_text())
        return found

    def method(self) -> list[str]:
        scores = {name: self.f1(work) for name, work in self.works.items()}
        rows = []
        for name in METHODS:
            runs = [f1.get(f"method_{name}") for f1 in scores.values()]
            if not any(runs):
                raise KeyError(f"method_{name}")
            rows.append([TITLES.get(name, name), *(shown(run) if run else "" for run in runs)])
        return table(["target", *scores], rows)


def best_rate(runs: dict[str, list[float]], rival: str, work: Path) -> str:
    """RETURNS (str): the rival's cell at the learning rate that did best."""
    rates = [name for name in runs if name.partition("@")[0] == rival]
    if not rates:
        raise KeyError(f"{work}: {rival}")
    return max(rates, key=lambda name: mean(runs[name]))


def trained(work: Path, name: str) -> Path:
    """RETURNS (Path): the pipeline of its first seed."""
    for cell in sorted((work / "cells").glob("*.json")):
        folder = work / cell.stem / "model-best"
        if base_name(cell.stem) == name and folder.exists():
            return folder
    raise KeyError(f"{work}: model-best of {name}")


def shown(values: list[float]) -> str:
    return spread(values) if len(values) > 1 else percent(values[0])


def difference(found: dict[str, Any]) -> str:
    low, high = found["interval"]
    p = "p < 0.001" if found["p"] < 0.001 else f"p = {found['p']:.3f}"
    return f"{found['mean']:+.1f} [{low:.1f}, {high:.1f}], {p}"


def closed(found: dict[str, Any]) -> str:
    low, high = (100 * bound for bound in found["interval"])
    return f"{100 * found['share']:.0f} % [{low:.0f}, {high:.0f}]"


def read_arguments() -> tuple[Path, dict[str, Path]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("works", nargs="+", help="NAME=FOLDER")
    options = parser.parse_args()
    pairs = (work.partition("=") for work in options.works)
    return options.page, {name: Path(folder) for name, _, folder in pairs}


def main() -> None:
    path, works = read_arguments()
    tables = Tables(works)
    names = ("entities", "bootstrap", "size", "method")
    page, missing = fill(path.read_text(), {name: getattr(tables, name) for name in names})
    path.write_text(page)
    if missing:
        sys.exit("missing: " + ", ".join(missing))


if __name__ == "__main__":
    main()
