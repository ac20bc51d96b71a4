"""Entities: a CRF teacher, its students and stock rivals on a corpus of IOB2 files.

    python benchmarks/ner.py prepare work/wikiann path/to/wikiann-en --labelled 2000
    python benchmarks/ner.py prepare work/wnut path/to/wnut17 --raw path/to/english.jsonl
    python benchmarks/ner.py run work/wikiann teacher stock_gold silver stock_silver student
    python benchmarks/ner.py run work/wikiann method --seeds 0 1 2
    python benchmarks/ner.py run work/wikiann table

Without --raw, the rest of train is the raw text. Sentences of train that stand in dev or test are
left out. A cell is done again only if its settings have changed (cells.py).
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import spacy
from cells import Cells
from spacy.tokens import Doc, DocBin
from spacy.training import biluo_tags_to_spans, iob_to_biluo
from thinc.api import Config

from spacy_skd.cli.silver import silver
from spacy_skd.codecs.bioes import repair_bio
from spacy_skd.report.scores import read_docs, score

CONFIGS = Path(__file__).parents[1] / "configs"
METHODS: Dict[str, Dict[str, Any]] = {
    "structural": {},
    "tokens": {
        "components.ner.structure": "tokens",
        "components.ner.model.@architectures": "spacy-skd.TokenScorer.v1",
    },
    "top1": {"components.teacher.best_only": True},
}


def read_iob(path: Path) -> Iterator[Tuple[List[str], List[str]]]:
    """Words and tags of the sentences of a file of word TAB tag lines."""
    words: List[str] = []
    tags: List[str] = []
    for line in [*path.read_text(encoding="utf8").split("\n"), ""]:
        if not line.strip():
            if words:
                yield words, tags
            words, tags = [], []
            continue
        word, _, tag = line.rpartition("\t")
        words.append(word)
        tags.append(tag)


def make_doc(nlp: spacy.Language, words: List[str], tags: List[str]) -> Doc:
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
        DocBin(docs=[make_doc(nlp, *s) for s in sentences]).to_disk(work / f"{name}.spacy")
    if raw:
        shutil.copy(raw, work / "raw.jsonl")
        return
    with (work / "raw.jsonl").open("w", encoding="utf8") as out:
        for words, _ in rest:
            out.write(json.dumps({"text": " ".join(words)}) + "\n")


def _normal(words: List[str]) -> str:
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


def train(cells: Cells, name: str, config: Config, overrides: Dict[str, Any], steps: int) -> None:
    settings = {
        "paths.train": str(cells.work / "train.spacy"),
        "paths.dev": str(cells.work / "dev.spacy"),
        "training.max_steps": steps,
        "training.eval_frequency": max(1, steps // 5),
        "training.optimizer.learn_rate.total_steps": steps,
        "training.optimizer.learn_rate.warmup_steps": min(200, steps // 10),
        **overrides,
    }

    def evaluate(best: Path) -> Dict[str, Any]:
        nlp = spacy.load(best)
        references = read_docs(cells.work / "dev.spacy", nlp)
        return {"dev": score(nlp, references, setting="predicted_sentences"), "steps": steps}

    cells.train(name, config, settings, evaluate)


def run(work: Path, names: List[str], *, seeds: List[int], steps: Dict[str, int]) -> None:
    cells = Cells(work)
    teacher, folder = str(work / "teacher" / "model-best"), work / "silver"
    student_paths = {"paths.raw": str(work / "raw.jsonl"), "paths.teacher": teacher}

    def config(name: str) -> Config:
        return Config().from_disk(CONFIGS / f"{name}.cfg", interpolate=False)

    for name in names:
        system, _, rate = name.partition("@")
        rates = {"training.optimizer.learn_rate.initial_rate": float(rate)} if rate else {}
        if system == "teacher":
            train(cells, name, config("ner_teacher"), rates, steps["teacher"])
        elif system == "stock_gold":
            train(cells, name, stock_config(), rates, steps["stock"])
        elif system == "silver" and not folder.exists():
            draft = work / "silver.draft"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            silver(Path(teacher), work / "raw.jsonl", draft / "raw.spacy")
            shutil.copy(work / "train.spacy", draft / "train.spacy")
            draft.rename(folder)
        elif system == "stock_silver":
            overrides = {**rates, "paths.train": str(folder)}
            train(cells, name, stock_config(), overrides, steps["stock"])
        elif system in ("student", "method"):
            for method in METHODS if system == "method" else ("structural",):
                for seed in seeds:
                    overrides = {**student_paths, **rates, "system.seed": seed}
                    student = _with(config("ner_student"), METHODS[method])
                    cell = f"{name}_{method}_{seed}".replace("method_", "student_")
                    train(cells, cell, student, overrides, steps["student"])
        elif system == "table":
            for path in sorted((work / "cells").glob("*.json")):
                print(f"{path.stem:36} {100 * json.loads(path.read_text())['dev']['ents_f']:5.1f}")
        elif system != "silver":
            sys.exit(f"unknown cell {name!r}")


def _with(config: Config, settings: Dict[str, Any]) -> Config:
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
    parser.add_argument("--student-steps", type=int, default=3000)
    parser.add_argument("--stock-steps", type=int, default=3000)
    args = parser.parse_args()
    if args.action == "prepare":
        prepare(args.work, Path(args.rest[0]), labelled=args.labelled, raw=args.raw)
        return
    steps = {
        "teacher": args.teacher_steps,
        "student": args.student_steps,
        "stock": args.stock_steps,
    }
    run(args.work, args.rest, seeds=args.seeds, steps=steps)


if __name__ == "__main__":
    main()
