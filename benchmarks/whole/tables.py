"""The tables of docs/pipelines.md, from the cells."""

import json
from pathlib import Path
from statistics import mean
from typing import Any

import numpy
from results import percent, spread, table

from spacy_skd.report.bootstrap import difference, f1, resampling

from .lemmas import KINDS
from .scores import LAYERS
from .systems import COMPARED, SYSTEMS, Systems

TITLES = {
    "teacher": "teacher",
    "stock_gold": "stock on gold",
    "stock_silver": "stock on gold and silver",
    "small": "small",
}
BOOTSTRAPPED = ("LAS", "spans")
CLOSE = 0.01  # of a gap that is too small to be shared


class GumTables:
    """Of the test split, or, while it has not been read, of dev."""

    def __init__(self, work: Path):
        self.systems = Systems(Path(), work)
        read = self.systems.cells.read("test_teacher") is not None
        self.split = "test" if read else "dev"

    def runs(self, system: str) -> list[dict[str, Any]]:
        """RAISES (KeyError): if the system has no cell."""
        found = [self.systems.read(name, self.split) for name in self.systems.chosen(system)]
        if not found:
            raise KeyError(system)
        return found

    def quality(self, system: str, layer: str) -> list[float]:
        """Of each seed: F1 or accuracy; of the category the mean F1 of all categories."""
        if layer == "category":
            return [run["scores"].get("cats_score", 0.0) for run in self.runs(system)]
        return [float(f1(numpy.sum(run["counts"][layer], axis=0))) for run in self.runs(system)]

    def accuracy(self) -> list[str]:
        rows = []
        for system in SYSTEMS:
            n = len(self.runs(system))
            seeds = f" ({n} seeds)" if n > 1 else ""
            values = [percent(mean(self.quality(system, layer))) for layer in LAYERS]
            rows.append([TITLES[system] + seeds, *values])
        return table([self.split, *LAYERS], rows)

    def gap(self) -> list[str]:
        """Of the way from stock on gold to the teacher, the share that is gone."""
        rows = []
        for system in ("stock_silver", "small"):
            shown = [self._closed(system, layer) for layer in COMPARED]
            rows.append([TITLES[system], *shown])
        return table(["", *COMPARED], rows)

    def _closed(self, system: str, layer: str) -> str:
        gold, teacher, ours = (
            mean(self.quality(name, layer)) for name in ("stock_gold", "teacher", system)
        )
        if abs(teacher - gold) < CLOSE:
            return f"{100 * (ours - teacher):+.1f} points"
        return f"{100 * (ours - gold) / (teacher - gold):.0f} %"

    def bootstrap(self) -> list[str]:
        """Paired, over documents, scores a mean over seeds (Koehn 2004)."""
        rows = []
        for layer in BOOTSTRAPPED:
            ours, theirs = (self._resampled(name, layer) for name in ("small", "stock_silver"))
            apart = difference(ours, theirs)
            shown, low, high = (f"{100 * each:+.2f}" for each in apart[:3])
            rows.append([layer, shown, f"{low} to {high}", f"{apart.p:.4f}"])
        return table([f"{self.split}, small - stock on silver", "", "95 %", "p"], rows)

    def _resampled(self, system: str, layer: str) -> "numpy.ndarray":
        """(samples + 1,) F1, the first of the documents themselves."""
        counts = [numpy.asarray(run["counts"][layer]) for run in self.runs(system)]
        weights = resampling(len(counts[0]))
        return numpy.mean([f1(weights @ each) for each in counts], axis=0)

    def lemmas(self) -> list[str]:
        """Accuracy of each kind of words, and invented lemmas among 10,000 words."""
        rows = []
        for system in SYSTEMS:
            reports = [run["lemmas"] for run in self.runs(system)]
            shares = [
                [r[kind]["right"] / max(1, r[kind]["words"]) for r in reports] for kind in KINDS
            ]
            rates = [r["invented"]["lemmas"] / r["invented"]["words"] for r in reports]
            shown = [percent(mean(share)) for share in shares]
            rows.append([TITLES[system], *shown, f"{1e4 * mean(rates):.1f}"])
        n = {kind: reports[0][kind]["words"] for kind in KINDS}
        titles = [f"{kind} ({n[kind]:,})" for kind in KINDS]
        return table([self.split, *titles, "invented, of 10,000"], rows)

    def rates(self) -> list[str]:
        rows = []
        for path in sorted((self.systems.work / "cells").glob("stock_*.json")):
            cell = json.loads(path.read_text())
            values = [f1(numpy.sum(cell["dev"]["counts"][layer], axis=0)) for layer in COMPARED]
            rate = cell["overrides"]["training.optimizer.learn_rate.initial_rate"]
            system = path.stem.partition("@")[0].removesuffix("_0")
            rows.append([TITLES[system], f"{rate}", *(percent(float(v)) for v in values)])
        if not rows:
            raise KeyError("stock_gold")
        return table(["dev", "rate", *COMPARED[:-1], "category, accuracy"], rows)


class EnglishTables:
    def __init__(self, work: Path):
        self.systems = Systems(Path(), work)

    def cell(self, name: str) -> dict[str, Any]:
        found = self.systems.cells.read(name)
        if found is None:
            raise KeyError(name)
        return found

    def rules(self) -> list[str]:
        cell = self.cell("rules")
        times = cell["microseconds"]
        row = [f"{times['teacher']:.1f}", f"{times['student']:.1f}", f"1/{1 / cell['ratio']:.1f}"]
        row.append(f"{cell['differing']} of {cell['words']:,}")
        header = ["us a word: originals", "student's", "ratio", "tokens that differ"]
        return table(header, [row])

    def speed(self) -> list[str]:
        speeds = self.cell("speed")["words_per_second"]
        student = speeds["student"]
        rows = [[name, f"{v:,.0f}", f"{student / v:.2f}"] for name, v in speeds.items()]
        return table(["", "words/s", "the student is faster by"], rows)


COLUMNS = {
    "lemma_acc": "lemma",
    "morph_acc": "morph",
    "pos_acc": "UPOS",
    "sents_f": "SENTS",
    "dep_uas": "UAS",
    "dep_las": "LAS",
    "ents_f": "entities",
}


class FrenchTables(EnglishTables):
    def french(self) -> list[str]:
        paths = sorted((self.systems.work / "cells").glob("student_*.json"))
        cells = [json.loads(path.read_text()) for path in paths]
        teacher = self.cell("teacher")
        if not cells:
            raise KeyError("student_0")
        rows = [
            ["student, agreement with the teacher", *_row([cell["teacher"] for cell in cells])],
            ["student, gold", *_row([cell["gold"] for cell in cells])],
            ["teacher, gold", *_row([teacher["gold"]])],
        ]
        return table(["dev", *COLUMNS.values()], rows)


def _row(runs: list[dict[str, float]]) -> list[str]:
    shown = []
    for key in COLUMNS:
        values = [run[key] for run in runs if key in run]
        shown.append(spread(values) if len(values) > 1 else percent(values[0]) if values else "")
    return shown
