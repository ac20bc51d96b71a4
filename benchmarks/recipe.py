"""Screen what could make the small student better, one lever at a time, on EWT.

    python benchmarks/ewt.py corpus/ewt work/ewt teacher annotate vectors
    python benchmarks/recipe.py corpus/ewt work/ewt all
    python benchmarks/recipe.py corpus/ewt work/ewt "no attention" "three attention layers"
    python benchmarks/recipe.py corpus/ewt work/ewt tiny "tiny, similarities" --seeds 0 1 2
    python benchmarks/recipe.py corpus/ewt work/ewt means tiny "tiny, similarities"
    python benchmarks/recipe.py corpus/ewt work/ewt pairs "blocks of 32 tokens"
    python benchmarks/recipe.py corpus/ewt work/ewt speed
    python benchmarks/recipe.py corpus/ewt work/ewt table docs/recipe.md

Each student sees --words words (1 million) of the teacher's stored beliefs, with `small` and its
vectors as `spacy skd init` writes them but for the lever. One resumable JSON a cell (cells.py), in
work/ewt/recipe. `speed` compares the words per second of those that are there, in turns; `pairs`
does so in many turns, with the base once more, of raw text and of the documents of dev; `means`
prints means and standard deviations over the seeds that are there. Levers of similarities need a
store in work/ewt/annotated that was annotated with --hidden 24, those of two teachers --beside
FOLDER, what another teacher has annotated of the same corpus, or of a part of it.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, quantiles, stdev
from typing import Any

import spacy
from cells import Cells, schedule
from ewt import TEXTS, Systems
from results import fill, percent, table

from spacy_skd.report.scores import read_docs
from spacy_skd.report.speed import words_per_second
from spacy_skd.training.annotation.vectors import VectorSettings, make_vectors

BASE = "small"
EMBED = "components.tok2vec.model.embed."
ENCODE = "components.tok2vec.model.encode."
PARSER = "components.parser.model."
OPTIMIZER = "training.optimizer."
CORPUS = "corpora.train."
PIPES = ("sent", "tag", "pos", "parser")
TWICE_THE_ROWS = {EMBED + "rows": [5000, 1000, 2500, 2500], EMBED + "affix_rows": 1000}
ANNEALED = {
    "@misc": "spacy-skd.LinearWeight.v1",
    "start": 1.0,
    "end": 0.0,
    "steps": "${training.max_steps}",
}
WIDE = {EMBED + "width": 128, ENCODE + "width": 128}


def each(setting: str, value: Any, *, of: tuple[str, ...] = PIPES) -> dict[str, Any]:
    """A setting of several components."""
    return {f"components.{name}.{setting}": value for name in of}


RAW = "raw"


@dataclass(frozen=True)
class Lever:
    """group (str): what it is about. settings (Dict[str, Any]): overrides of the config.
    vectors (str): the folder of its vectors, of VECTORS or "context"; "" for none.
    preset (str): what it starts from. hidden (bool): whether it learns similarities of hidden
    states. beside (bool): whether the teacher of --beside teaches, too, but for sentences."""

    group: str
    settings: dict[str, Any]
    vectors: str = "context"
    preset: str = BASE
    hidden: bool = False
    beside: bool = False


VECTORS: dict[str, dict[str, Any]] = {
    RAW: {},
    "alone": {"context_words": 0},
    "wide": {"width": 192},
    "many": {"rows": 40_000, "least": 1},
}
LEVERS: dict[str, Lever] = {
    BASE: Lever("", {}),
    "no vectors": Lever(
        "word knowledge", {EMBED + "include_static_vectors": False, "paths.vectors": None}, ""
    ),
    "vectors of each word alone": Lever("word knowledge", {}, "alone"),
    "vectors of the raw text alone": Lever("word knowledge", {}, RAW),
    "vectors of 192 columns": Lever("word knowledge", {}, "wide"),
    "40,000 vectors, of every word": Lever("word knowledge", {}, "many"),
    "no more prefixes and suffixes": Lever(
        "word knowledge", {EMBED + "prefixes": [], EMBED + "suffixes": []}
    ),
    "forms of all words": Lever("word knowledge", {EMBED + "known_words": False}),
    "neither, as MultiHashEmbed": Lever(
        "word knowledge",
        {EMBED + "prefixes": [], EMBED + "suffixes": [], EMBED + "known_words": False},
    ),
    "affixes of at most four characters": Lever(
        "word knowledge", {EMBED + "prefixes": [2, 3], EMBED + "suffixes": [1, 2, 4]}
    ),
    "affixes of at most six characters": Lever(
        "word knowledge", {EMBED + "prefixes": [2, 3, 4, 5], EMBED + "suffixes": [1, 2, 4, 5, 6]}
    ),
    "twice the rows": Lever("word knowledge", TWICE_THE_ROWS),
    "fewer rows": Lever(
        "word knowledge", {EMBED + "rows": [1500, 300, 1000, 300], EMBED + "affix_rows": 300}
    ),
    "no scores of distances": Lever("parser", {PARSER + "max_distance": 0}),
    "distances up to 4": Lever("parser", {PARSER + "max_distance": 4}),
    "distances up to 32": Lever("parser", {PARSER + "max_distance": 32}),
    "no attention": Lever("encoder", {ENCODE + "attention_depth": 0}),
    "one attention layer": Lever("encoder", {ENCODE + "attention_depth": 1}),
    "three attention layers": Lever("encoder", {ENCODE + "attention_depth": 3}),
    "one attention layer, CNN of three": Lever(
        "encoder", {ENCODE + "attention_depth": 1, ENCODE + "depth": 3}
    ),
    "one attention layer, width 128": Lever("encoder", {ENCODE + "attention_depth": 1, **WIDE}),
    "CNN of one layer": Lever("encoder", {ENCODE + "depth": 1}),
    "CNN of four layers": Lever("encoder", {ENCODE + "depth": 4}),
    "four heads": Lever("encoder", {ENCODE + "heads": 4}),
    "window 2": Lever("encoder", {ENCODE + "window_size": 2}),
    "blocks of 32 tokens": Lever("encoder", {ENCODE + "block": 32, ENCODE + "halo": 16}),
    "blocks of 32 tokens, four heads": Lever(
        "encoder", {ENCODE + "block": 32, ENCODE + "halo": 16, ENCODE + "heads": 4}
    ),
    "blocks of 128 tokens": Lever("encoder", {ENCODE + "block": 128, ENCODE + "halo": 64}),
    "feed-forward of one width": Lever("encoder", {ENCODE + "hidden_multiple": 1}),
    "feed-forward of four widths": Lever("encoder", {ENCODE + "hidden_multiple": 4}),
    "CNN of two pieces": Lever("encoder", {ENCODE + "maxout_pieces": 2}),
    "width 128": Lever("encoder", WIDE),
    "tiny": Lever("presets", {}, preset="tiny"),
    "medium": Lever("presets", {}, preset="medium"),
    "head selection": Lever("target", each("structure", "head_selection", of=("parser",))),
    "temperature 2": Lever("target", each("temperature", 2.0)),
    "distill_weight 0.5": Lever("target", each("distill_weight", 0.5)),
    "distill_weight from 1 to 0": Lever("target", each("distill_weight", ANNEALED)),
    "distill_weight 0.9": Lever("target", each("distill_weight", 0.9)),
    "2 raw words for each labelled one": Lever("data", {CORPUS + "ratio": 2.0}),
    "8 raw words for each labelled one": Lever("data", {CORPUS + "ratio": 8.0}),
    "two teachers": Lever("data", {}, beside=True),
    "tiny, two teachers": Lever("data", {}, preset="tiny", beside=True),
    "a tenth of the docs in lower case": Lever("data", {CORPUS + "lower_case": 0.1}),
    "rate 0.005": Lever("optimisation", {OPTIMIZER + "learn_rate.initial_rate": 0.005}),
    "averaged weights": Lever("optimisation", {OPTIMIZER + "use_averages": True}),
    "dropout 0.1": Lever("optimisation", {"training.dropout": 0.1}),
    "batches of 500 words": Lever("optimisation", {"training.batcher.size": 500}),
    "batches of 500 words, rate 0.007": Lever(
        "optimisation",
        {"training.batcher.size": 500, OPTIMIZER + "learn_rate.initial_rate": 0.007},
    ),
}
SMALL_PARSER = {PARSER + "arc_hidden": 48, PARSER + "label_hidden": 16}
FEW_PIECES = {ENCODE + "maxout_pieces": 2}
# What could make `tiny` faster: by name, its settings.
TINY: dict[str, dict[str, Any]] = {
    "tiny, CNN of two pieces": FEW_PIECES,
    "tiny, CNN of one layer": {ENCODE + "depth": 1},
    "tiny, feed-forward of one width": {ENCODE + "hidden_multiple": 1},
    "tiny, width 40": {EMBED + "width": 40, ENCODE + "width": 40},
    "tiny, CNN of two pieces, smaller parser": {**FEW_PIECES, **SMALL_PARSER},
}
LEVERS.update({name: Lever("", settings, preset="tiny") for name, settings in TINY.items()})
# Of hidden states: by name, settings of the component.
SIMILARITIES: dict[str, dict[str, Any]] = {
    "similarities": {},
    "similarities, weight 10": {"weight": 10.0},
    "similarities, weight 10, window 5": {"weight": 10.0, "window": 5},
    "similarities, weight 10, no arcs": {"weight": 10.0, "arc_weight": 0.0},
    "similarities, weight 30": {"weight": 30.0},
}
for name, own in SIMILARITIES.items():
    own = {f"components.similarities.{key}": value for key, value in own.items()}
    LEVERS[name] = Lever("hidden states", own, hidden=True)
    LEVERS[f"tiny, {name}"] = Lever("hidden states", own, preset="tiny", hidden=True)


class Recipe:
    def __init__(self, systems: Systems, words: int, *, beside: Path | None = None):
        self.systems, self.words, self.beside = systems, words, beside
        self.cells = Cells(systems.work / "recipe")

    def run(self, name: str, seed: int = 0) -> None:
        lever = LEVERS[name]
        if lever.beside and self.beside is None:
            raise SystemExit(f"{name}: expected --beside, what another teacher annotated")
        vectors = self.vectors(lever.vectors)
        config = self.systems.config(
            lever.preset,
            vectors,
            hidden=lever.hidden,
            beside=self.beside if lever.beside else None,
        )
        if lever.beside:
            *_, other = config["paths"]["stores"].values()
            other["student_to_teacher"]["sent"] = None
        size = lever.settings.get("training.batcher.size", config["training"]["batcher"]["size"])
        overrides = {**schedule(self.words // size), "system.seed": seed, **lever.settings}
        overrides["paths.dev"] = str(self.systems.corpus / "dev.spacy")

        def evaluate(best: Path) -> dict[str, Any]:
            return {"dev": self.systems.scores(best, "dev")}

        self.cells.train(cell_of(name, seed), config, overrides, evaluate)

    def vectors(self, kind: str) -> str:
        """Made if they are not there. RETURNS (str): the folder; "" for none."""
        if not kind:
            return str(self.systems.vectors_folder)  # named, and not used
        if kind == "context":
            self.systems.vectors()
            return str(self.systems.vectors_folder)
        folder = self.systems.work / f"vectors_{kind}"
        if not folder.exists():
            names = TEXTS[1:] if kind == RAW else TEXTS
            texts = [self.systems.corpus / name for name in names]
            settings = VectorSettings(**VECTORS[kind])
            make_vectors(self.systems.teacher_folder, texts, folder, settings=settings)
        return str(folder)

    def speed(self) -> dict[str, Any]:
        """Words per second over those of the base, of all cells whose pipeline is there."""
        lines = (self.systems.corpus / "raw.jsonl").open(encoding="utf8")
        texts = [json.loads(line)["text"] for _, line in zip(range(3000), lines)]
        found = {name: self.cells.work / cell_of(name) / "model-best" for name in LEVERS}
        pipelines = {name: spacy.load(path) for name, path in found.items() if path.exists()}
        speeds = words_per_second(pipelines, texts, batch_sizes=(512,))
        return {name: value / speeds[BASE] for name, value in speeds.items()}

    def pairs(self, names: Sequence[str]) -> list[str]:
        """Words per second of CPU time over those of the base, median and quartiles of many turns;
        those of the base itself, loaded once more, show the noise."""
        folders = {"base": BASE, "base again": BASE, **{name: name for name in names}}
        pipelines = {
            name: spacy.load(self.cells.work / cell_of(lever) / "model-best")
            for name, lever in folders.items()
        }
        lines = (self.systems.corpus / "raw.jsonl").open(encoding="utf8")
        raw = [json.loads(line)["text"] for _, line in zip(range(2000), lines)]
        dev = read_docs(self.systems.corpus / "dev.spacy", spacy.blank("en"))
        documents = [doc.text for doc in dev if len(doc) > LONG]
        rows = []
        for kind, texts, turns in (("raw", raw, 12), ("documents", documents, 40)):
            times: dict[str, list[float]] = {name: [] for name in pipelines}
            for turn in range(-1, turns):  # the first warms up
                for name in list(pipelines)[:: -1 if turn % 2 else 1]:
                    start = time.process_time()
                    n_words = sum(map(len, pipelines[name].pipe(texts, batch_size=256)))
                    times[name].append((time.process_time() - start) / n_words)
            for name, each in times.items():
                ratios = [of_base / own for of_base, own in zip(times["base"][1:], each[1:])]
                low, middle, high = quantiles(ratios, n=4)
                rows.append([kind, name, f"{middle:.2f}", f"{low:.2f} to {high:.2f}"])
        return table(["", "", "words/s", "half of the turns"], rows)

    def means(self, names: Sequence[str]) -> list[str]:
        """One lever a row: mean and standard deviation over its seeds."""
        rows = []
        for name in names:
            cells = (self.cells.read(cell_of(name, seed)) for seed in range(MOST_SEEDS))
            scores = [cell["dev"]["predicted_sentences"] for cell in cells if cell]
            columns = [[100 * each[key] for each in scores] for key in KEYS]
            shown = [f"{mean(of):.2f} ± {stdev(of):.2f}" for of in columns if len(of) > 1]
            rows.append([name, str(len(scores)), *shown])
        return table(["", "seeds", "UPOS", "XPOS", "SENTS", "UAS", "LAS"], rows)

    def table(self) -> list[str]:
        return self._table(BASE, [name for name in LEVERS if name not in TINY])

    def tiny(self) -> list[str]:
        return self._table("tiny", ["tiny", *TINY])

    def _table(self, base_name: str, names: list[str]) -> list[str]:
        """One lever a row, and its difference from the base."""
        speeds = self.cells.read("speed") or {}
        base = self._scores(base_name)
        rows = []
        for name in names:
            lever = LEVERS[name]
            try:
                scores = self._scores(name)
            except KeyError:
                continue
            row = [lever.group, name]
            for key in KEYS:
                change = f" ({100 * (scores[key] - base[key]):+.1f})" if name != base_name else ""
                row.append(percent(scores[key]) + change)
            rows.append([*row, f"{speeds[name]:.2f}" if name in speeds else ""])
        return table(["", "", "UPOS", "XPOS", "SENTS", "UAS", "LAS", "words/s"], rows)

    def _scores(self, name: str) -> dict[str, float]:
        cell = self.cells.read(cell_of(name))
        if cell is None:
            raise KeyError(name)
        scores: dict[str, float] = cell["dev"]["predicted_sentences"]
        return scores


LONG = 60  # words of a document of which blocks make a difference
MOST_SEEDS = 10
KEYS = ("pos_acc", "tag_acc", "sents_f", "dep_uas", "dep_las")


def cell_of(name: str, seed: int = 0) -> str:
    cell = name.replace(" ", "_").replace(",", "")
    return f"{cell}@{seed}" if seed else cell


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument(
        "what", nargs="+", help="all, levers, speed, means LEVERS, pairs LEVERS, table PAGE"
    )
    parser.add_argument("--words", type=int, default=1_000_000)
    parser.add_argument(
        "--beside", type=Path, help="What another teacher annotated, of the same text"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    recipe = Recipe(Systems(options.corpus, options.work), options.words, beside=options.beside)
    if options.what[0] == "table":
        path = Path(options.what[1])
        page, missing = fill(path.read_text(), {"screen": recipe.table, "tiny": recipe.tiny})
        path.write_text(page)
        if missing:
            raise SystemExit("missing: " + ", ".join(missing))
        return
    if options.what[0] in ("means", "pairs"):
        rows = recipe.means if options.what[0] == "means" else recipe.pairs
        print("\n".join(rows(options.what[1:])))
        return
    runnable = [name for name, lever in LEVERS.items() if options.beside or not lever.beside]
    for name in runnable if options.what == ["all"] else options.what:
        if name == "speed":
            recipe.cells.run(name, sorted(LEVERS), recipe.speed)
        elif name in LEVERS:
            for seed in options.seeds:
                recipe.run(name, seed)
        else:
            raise SystemExit(f"unknown lever {name!r}: expected one of {', '.join(LEVERS)}")


if __name__ == "__main__":
    main()
