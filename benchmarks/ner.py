"""Entities: a CRF teacher, its students and stock rivals on a corpus of IOB2 files.

    python benchmarks/ner.py prepare work/wikiann path/to/wikiann-en --labelled 2000
    python benchmarks/ner.py prepare work/wnut path/to/wnut17 --raw path/to/english.jsonl
    python benchmarks/ner.py run work/wikiann teacher stock_gold@0.001 stock_gold stock_gold@0.004
    python benchmarks/ner.py run work/wikiann annotate stock_silver student --seeds 0 1 2
    python benchmarks/ner.py run work/wikiann vectors small --seeds 0 1 2
    python benchmarks/ner.py run work/wikiann method --words 600000 --seeds 0 1 2
    python benchmarks/ner.py run work/wikiann bootstrap table

`@` gives a learning rate. Without --raw, the rest of train, without its entities, is the raw text.
Sentences of train that stand in dev or test are left out. The teacher runs once over gold and raw
text (`annotate`); students learn from what it believes, stock components from its best guesses.
`small` is a `student` with word vectors of the teacher's transformer, as `spacy skd init` makes it.
All students and rivals see `--words` words. A cell is done again only if its settings have changed
(cells.py).
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import spacy
from cells import Cells, schedule
from spacy.tokens import Doc, DocBin
from spacy.training import biluo_tags_to_spans, iob_to_biluo
from thinc.api import Config

from spacy_skd.cli.init import init
from spacy_skd.cli.prepare import from_store
from spacy_skd.report.bootstrap import SAMPLES, difference, f1, resampling
from spacy_skd.report.scores import read_docs, unannotated
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.annotation.vectors import VectorSettings, make_vectors

PATIENCE = 1000  # steps, of stock on gold, which has its best long before the end
CONFIGS = Path(__file__).parents[1] / "configs"
METHODS: dict[str, dict[str, Any]] = {
    "structural": {},
    "top1": {"components.ner.target": "top1"},
    "position": {"components.ner.target": "position"},
}


def read_iob(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Words and tags of the sentences of a file of word TAB tag lines."""
    words: list[str] = []
    tags: list[str] = []
    for line in [*path.read_text(encoding="utf8").split("\n"), ""]:
        if not line.strip():
            if words:
                yield words, tags
            words, tags = [], []
            continue
        word, _, tag = line.rpartition("\t")
        words.append(word)
        tags.append(tag)


def repair_bio(tags: list[str]) -> tuple[list[str], int]:
    """BIO where an I that continues nothing begins a span, as spaCy repairs it; how many were
    changed."""
    repaired: list[str] = []
    for tag in tags:
        before = repaired[-1] if repaired else "O"
        if tag[:2] == "I-" and before[2:] != tag[2:]:
            tag = f"B-{tag[2:]}"
        repaired.append(tag)
    return repaired, sum(a != b for a, b in zip(tags, repaired))


def make_doc(nlp: spacy.Language, words: list[str], tags: list[str]) -> Doc:
    doc = Doc(nlp.vocab, words=words)
    repaired, _ = repair_bio(tags)
    doc.set_ents(biluo_tags_to_spans(doc, iob_to_biluo(repaired)))
    return doc


def prepare(work: Path, source: Path, *, labelled: int, raw: str) -> None:
    nlp = spacy.blank("en")
    work.mkdir(parents=True)
    splits = {name: list(read_iob(source / f"{name}.conll")) for name in ("train", "dev", "test")}
    held_out = {_normal(words) for name in ("dev", "test") for words, _ in splits[name]}
    kept = [(words, tags) for words, tags in splits["train"] if _normal(words) not in held_out]
    print(f"left out of train: {len(splits['train']) - len(kept)}")
    rest = kept[labelled:] if labelled else []
    splits["train"] = kept[:labelled] if labelled else kept
    for name, sentences in splits.items():
        repaired = sum(repair_bio(tags)[1] for _, tags in sentences)
        print(f"{name}: {repaired} tags repaired, which continued no entity")
        DocBin(docs=[make_doc(nlp, *s) for s in sentences]).to_disk(work / f"{name}.spacy")
    if raw:
        shutil.copy(raw, work / "raw.jsonl")
        return
    DocBin(docs=[Doc(nlp.vocab, words=words) for words, _ in rest]).to_disk(work / "raw.spacy")


def _normal(words: list[str]) -> str:
    return " ".join(words).lower()


def stock_config() -> Config:
    """Stock `ner` of the student's width and depth."""
    config = Config().from_disk(CONFIGS / "stock.cfg", interpolate=False)
    for name in ("tagger", "morphologizer", "parser"):
        del config["components"][name]
    config["nlp"]["pipeline"] = ["tok2vec", "ner"]
    config["components"]["ner"] = {
        "factory": "ner",
        "model": {
            "@architectures": "spacy.TransitionBasedParser.v2",
            "state_type": "ner",
            "extra_state_tokens": False,
            "hidden_width": 64,
            "maxout_pieces": 2,
            "use_upper": True,
            "nO": None,
            "tok2vec": {
                "@architectures": "spacy.Tok2VecListener.v1",
                "width": "${components.tok2vec.model.encode.width}",
                "upstream": "*",
            },
        },
    }
    config["training"]["score_weights"] = {"ents_f": 1.0}
    return config


@dataclass
class Bench:
    """A corpus, its cells and how long everything trains.

    words (int): that each student and rival sees. teacher_steps (int): of the teacher.
    """

    work: Path
    seeds: list[int]
    words: int
    teacher_steps: int

    def __post_init__(self) -> None:
        self.cells = Cells(self.work)

    @property
    def teacher(self) -> str:
        return str(self.work / "teacher" / "model-best")

    @property
    def vectors(self) -> Path:
        return self.work / "vectors"

    @property
    def store(self) -> str:
        return str(self.work / "annotated")

    def run(self, name: str) -> None:
        system, _, rate = name.partition("@")
        overrides: dict[str, Any] = {}
        if rate:
            overrides["training.optimizer.learn_rate.initial_rate"] = float(rate)
        if system == "teacher":
            self.train(name, _read("ner_teacher"), overrides, steps=self.teacher_steps)
        elif system == "annotate":
            raw = next(self.work.glob("raw.*"))
            annotate(self.teacher, [str(self.work / "train.spacy"), str(raw)], Path(self.store))
        elif system == "stock_gold":
            overrides["training.patience"] = PATIENCE
            for seed in self.seeds:
                self.train(f"{name}_{seed}", stock_config(), {**overrides, "system.seed": seed})
        elif system == "stock_silver":
            for seed in self.seeds:
                paths = {"paths.train": self.store, "system.seed": seed}
                self.train(f"{name}_{seed}", stock_config(), {**overrides, **paths})
        elif system == "student":
            self.students(name, "structural", overrides)
        elif system == "vectors":
            self.make_vectors()
        elif system == "small":
            for seed in self.seeds:
                config, settings = self.small(), {**overrides, "system.seed": seed}
                self.train(f"{name}_{seed}", config, settings)
        elif system == "method":
            for method in METHODS:
                self.students(name, method, overrides)  # of fewer words, by --words
        elif system == "bootstrap":
            bootstrap(self.cells)
        elif system == "table":
            table(self.cells)
        else:
            sys.exit(f"unknown cell {name!r}")

    def make_vectors(self) -> None:
        if self.vectors.exists():
            return
        texts = [self.work / "train.spacy", next(self.work.glob("raw.*"))]
        make_vectors(self.teacher, texts, self.vectors, settings=VectorSettings())

    def small(self) -> Config:
        dev, vectors = str(self.work / "dev.spacy"), str(self.vectors)
        config, _ = init(self.teacher, store=self.store, vectors=vectors, dev=dev)
        return config

    def students(self, name: str, method: str, overrides: dict[str, Any]) -> None:
        for seed in self.seeds:
            paths = {"paths.store": self.store, "paths.teacher": self.teacher}
            settings = {**overrides, **paths, "system.seed": seed}
            self.train(
                f"{name}_{method}_{seed}",
                _with(from_store(_read("ner_student")), METHODS[method]),
                settings,
            )

    def train(
        self, name: str, config: Config, overrides: dict[str, Any], *, steps: int = 0
    ) -> None:
        steps = steps or self.words // config["training"]["batcher"]["size"]
        settings = {
            "paths.train": str(self.work / "train.spacy"),
            "paths.dev": str(self.work / "dev.spacy"),
            **schedule(steps, evaluations=5),
            **overrides,
        }
        self.cells.train(name, config, settings, self.evaluate)

    def evaluate(self, best: Path) -> dict[str, Any]:
        """F1 of dev; what it is made of, sentence by sentence, stands beside the pipeline."""
        nlp = spacy.load(best)
        references = read_docs(self.work / "dev.spacy", nlp)
        counts = numpy.asarray(list(_counts(nlp, references)))
        numpy.save(best / "dev_counts.npy", counts)
        return {"dev": {"ents_f": float(f1(counts.sum(axis=0)))}}


def _read(name: str) -> Config:
    return Config().from_disk(CONFIGS / f"{name}.cfg", interpolate=False)


def _counts(nlp: spacy.Language, references: list[Doc]) -> Iterator[tuple[int, int, int]]:
    """Of each sentence: entities that are right, that were found, that are gold."""
    for doc, reference in zip(nlp.pipe(unannotated(nlp, references)), references):
        found, gold = (
            {(ent.start, ent.end, ent.label_) for ent in some.ents} for some in (doc, reference)
        )
        yield len(found & gold), len(found), len(gold)


def bootstrap(cells: Cells) -> None:
    """Paired bootstrap over the sentences of dev (Koehn 2004), F1 a mean over seeds: of each other
    system, the student's difference, its 95 % interval, and p, the share of samples where it is not
    above 0; and of the gap between stock on gold and the teacher, the share that it closes."""
    resampled = _resampled(cells)
    student = resampled["student"]
    result: dict[str, Any] = {"samples": SAMPLES}
    for name, scores in resampled.items():
        if name == "student":
            continue
        apart = difference(student, scores)
        result[f"student - {name}"] = {
            "mean": 100 * apart.mean,
            "interval": [100 * apart.low, 100 * apart.high],
            "p": apart.p,
        }
    gold, teacher = resampled["stock_gold"], resampled["teacher"]
    closed = (student - gold) / (teacher - gold)
    result["gap closed"] = {
        "share": float(closed[0]),
        "interval": [float(bound) for bound in numpy.percentile(closed, [2.5, 97.5])],
        "p of at most half": float((closed <= 0.5)[1:].mean()),
    }
    print(json.dumps(result, indent=1))
    (cells.work / "bootstrap.json").write_text(json.dumps(result, indent=1))


def _resampled(cells: Cells) -> dict[str, "numpy.ndarray"]:
    """By system (SAMPLES + 1,) F1, the first of dev itself."""
    seeds: dict[str, list[numpy.ndarray]] = {}
    for name, _ in _cells(cells):
        counts = numpy.load(cells.work / name / "model-best" / "dev_counts.npy")
        seeds.setdefault(base_name(name), []).append(counts)
    means = {name: f1(numpy.stack(c).sum(axis=1)).mean() for name, c in seeds.items()}
    student = "small" if "small" in means else "student_structural"
    chosen = {"teacher": "teacher", "student": student}
    for rival in ("stock_gold", "stock_silver"):
        rates = [name for name in means if name.startswith(rival)]
        chosen[rival] = max(rates, key=lambda name: means[name], default=rival)
    weights = resampling(len(seeds["teacher"][0]))
    return {
        system: numpy.mean([f1(weights @ counts) for counts in seeds[name]], axis=0)
        for system, name in chosen.items()
        if name in seeds
    }


def base_name(cell: str) -> str:
    """Without the seed."""
    return cell.rstrip("0123456789").rstrip("_")


def _cells(cells: Cells) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((cells.work / "cells").glob("*.json")):
        yield path.stem, json.loads(path.read_text())


def table(cells: Cells) -> None:
    for name, cell in _cells(cells):
        print(f"{name:36} {100 * cell['dev']['ents_f']:5.1f}")


def _with(config: Config, settings: dict[str, Any]) -> Config:
    for key, value in settings.items():
        block = config
        *path, last = key.split(".")
        for part in path:
            block = block[part]
        block[last] = value
    return config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["prepare", "run"])
    parser.add_argument("work", type=Path)
    parser.add_argument("rest", nargs="+", help="prepare: folder of IOB2 files; run: cells")
    parser.add_argument("--labelled", type=int, default=0)
    parser.add_argument("--raw", default="")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--teacher-steps", type=int, default=600)
    parser.add_argument("--words", type=int, default=3_000_000)
    args = parser.parse_args()
    if args.action == "prepare":
        prepare(args.work, Path(args.rest[0]), labelled=args.labelled, raw=args.raw)
        return
    bench = Bench(args.work, args.seeds, args.words, args.teacher_steps)
    for name in args.rest:
        bench.run(name)


if __name__ == "__main__":
    main()
