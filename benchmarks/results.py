"""Write the tables of docs/results.md, and its picture, from the cells of ewt.py.

    python benchmarks/results.py work/ewt docs/results.md

A table stands between `<!-- NAME -->` and `<!-- end -->`; the rest of the page is kept. A table
with a missing cell is left as it is and named, with exit code 1; so is the picture.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from ewt import METHODS, PLAIN, RIVALS, STUDENTS, Systems

Cell = dict[str, Any]
NAMES = {
    "teacher": "teacher",
    "stock_gold": "stock on gold",
    "stock_silver": "stock on silver",
    "stock_silver_vectors": "stock on silver, same vectors",
    **{name: name.replace(PLAIN, ", no vectors") for name in STUDENTS},
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

    def accuracy(self) -> list[str]:
        rows = []
        for split, prefix in (("dev", ""), ("test", "test_")):
            for system, title in NAMES.items():
                cells = self.systems.chosen(system)
                if not cells:
                    continue
                runs = [self.cell(prefix + name)[split] for name in cells]
                numbers = [mean(run[setting][key] for run in runs) for setting, key, _ in COLUMNS]
                seeds = f" ({len(runs)} seeds)" if len(runs) > 1 else ""
                rows.append([split, title + seeds, *(percent(n) for n in numbers)])
        return table(["", "", *(title for _, _, title in COLUMNS)], rows)

    def points(self) -> dict[str, tuple[float, float]]:
        """By system: words per second, and LAS of dev, headline setting, a mean of its seeds."""
        cell = self.cell("speed")
        speeds = {**cell.get("beside_teachers", {}), **cell["words_per_second"]}
        found = {}
        for system, title in NAMES.items():
            cells = self.systems.chosen(system)
            if not cells:
                continue
            las = [self.cell(name)["dev"]["predicted_sentences"]["dep_las"] for name in cells]
            key = "teacher, float32" if system == "teacher" else cells[0]
            found[title] = (speeds[key], 100 * mean(las))
        return found

    def rates(self) -> list[str]:
        rows = []
        for system in RIVALS:
            paths = sorted((self.systems.work / "cells").glob(f"{system}*.json"))
            for path in (p for p in paths if p.stem.partition("@")[0] == system):
                cell = json.loads(path.read_text())
                scores = cell["dev"]["predicted_sentences"]
                rate = cell["overrides"]["training.optimizer.learn_rate.initial_rate"]
                rows.append([NAMES[system], f"{rate}", *(percent(scores[k]) for k in KEYS)])
        return table(["", "rate", "UPOS", "UAS", "LAS"], rows)

    def method(self) -> list[str]:
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

    def speed(self) -> list[str]:
        cell = self.cell("speed")
        student = self.systems.chosen("small")[0]
        rows = []
        for group, beside in (("words_per_second", ""), ("beside_teachers", ", beside teachers")):
            speeds = cell.get(group, {})
            for name, value in speeds.items():
                sizes = [cell[key].get(name) for key in SIZES]
                shown = ["" if size is None else f"{size:.1f}" for size in sizes]
                title = title_of(name) + (beside if name == student else "")
                rows.append([title, f"{value:,.0f}", f"{speeds[student] / value:.2f}", *shown])
        return table(["", "words/s", "`small` is faster by", *SIZES.values()], rows)

    def memory(self) -> list[str]:
        cell = self.cell("small_0")
        return [
            f"Distilling `small` on EWT and the raw text took {cell['minutes']:.0f} minutes of a "
            f"core of a busy machine, and {cell['peak_gb']:.1f} GB at its peak."
        ]


KEYS = ("pos_acc", "dep_uas", "dep_las")
SIZES = {"megabytes": "MB on disk", "megabytes_without_vectors": "without vectors"}


SHOWN = {  # in the picture, which stands alone
    "teacher": "transformer teacher",
    "stock on gold": "stock spaCy on gold",
    "stock on silver": "stock spaCy on silver",
}


def title_of(name: str) -> str:
    for key, title in sorted(NAMES.items(), key=lambda item: -len(item[0])):
        if name.startswith(key):
            return title + re.sub(r"^(@[\d.]+|_\d+)", "", name[len(key) :])
    return name


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def spread(values: Sequence[float]) -> str:
    return f"{100 * mean(values):.2f} ± {100 * stdev(values):.2f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return ["| " + " | ".join(row) + " |" for row in [header, rule, *rows]]


def fill(page: str, makers: dict[str, Callable[[], list[str]]]) -> tuple[str, list[str]]:
    """RETURNS: the page with its tables made anew, and what is missing for the others."""
    missing: list[str] = []

    def replace(match: "re.Match[str]") -> str:
        try:
            body = "\n".join(makers[match[1]]())
        except KeyError as error:
            missing.append(f"{match[1]}: {error}")
            return match[0]
        return f"<!-- {match[1]} -->\n{body}\n<!-- end -->"

    return re.sub(r"<!-- (\w+) -->\n.*?<!-- end -->", replace, page, flags=re.S), missing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("page", type=Path)
    options = parser.parse_args()
    path, tables = options.page, Tables(options.work)
    names = ("accuracy", "rates", "method", "speed", "memory")
    page, missing = fill(path.read_text(), {name: getattr(tables, name) for name in names})
    path.write_text(page)
    try:
        draw(tables.points(), path.with_suffix(".svg"))
    except KeyError as error:
        missing.append(f"picture: {error}")
    if missing:
        sys.exit("missing: " + ", ".join(missing))


def draw(points: dict[str, tuple[float, float]], path: Path) -> None:
    """Draw accuracy against speed. points: see `Tables.points`."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "spacy-skd"  # the same picture, the same file
    from matplotlib import pyplot, ticker

    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    for title, (speed, las) in points.items():
        colour = {"teacher": "dimgrey"}.get(title, "tab:blue")
        colour = "orangered" if title.startswith("stock") else colour
        axes.plot(speed, las, "o", color=colour)
        shown = SHOWN.get(title, f"spacy-skd {title}")
        place = {"xytext": (0, 7), "textcoords": "offset points", "ha": "center"}
        axes.annotate(shown, (speed, las), color=colour, **place)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    axes.set_xlabel("words per second, one core (log scale)")
    axes.set_ylabel("LAS in percent, EWT dev")
    axes.margins(x=0.17, y=0.12)
    axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
