"""The six cases of the paper: small students of every family, by what they learn from the teacher.

    python benchmarks/cases.py work/cases prepare path/to/wikiann-en corpus/ewt
    python benchmarks/cases.py work/cases teachers
    python benchmarks/cases.py work/cases 1a 1b 2a 2b 3 4 --seeds 0 1 2
    python benchmarks/cases.py work/cases table docs/cases.md
    python benchmarks/cases.py work/cases entropy

corpus/ewt is what `spacy skd prepare` made of UD English EWT. 2,000 labelled sentences (EWT: whole
docs), and 10,000 others without their annotation. A teacher is trained on the labelled ones and
annotates both once. One resumable JSON a cell (cells.py). Targets that are the same by definition
for a case's student are run once.
"""

import argparse
import json
import random
import shutil
import sys
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import numpy
import spacy
from cells import Cells, schedule
from ner import make_doc, read_iob
from results import fill, spread, table
from spacy.tokens import Doc, DocBin
from thinc.api import Config

from spacy_skd.cli.prepare import from_store
from spacy_skd.report.scores import read_docs, score
from spacy_skd.shards.store import BeliefStore, read_beliefs
from spacy_skd.structures import IndependentLabels, Parts
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.transfer.beliefs import ChainBelief

CONFIGS = Path(__file__).parents[1] / "configs"
sys.path.append(str(CONFIGS))
from variants import VARIANTS  # noqa: E402

LABELLED, RAW = 2000, 10_000  # sentences
TARGETS = ("top1", "topk", "token", "position", "structural")
WITH_RAW = ("top1", "position", "structural")
SMALL = {
    "components.tok2vec.model.embed.width": 64,
    "components.tok2vec.model.encode.width": 64,
    "components.tok2vec.model.encode.attention_depth": 1,
}


@dataclass(frozen=True)
class Case:
    """title: teacher and student. corpus: "wikiann" or "ewt". teacher: a key of TEACHERS.
    config: of the student, of VARIANTS. targets: those that differ for this pair."""

    title: str
    corpus: str
    teacher: str
    config: str
    targets: tuple[str, ...] = TARGETS

    @property
    def component(self) -> str:
        return "ner" if self.corpus == "wikiann" else "parser"


# Independent students: `position` is `structural` (their marginals are the tokens'), and so is
# `token` unless the teacher's emissions are less than all it says.
INDEPENDENT = ("top1", "topk", "structural")
CASES = {
    "1a": Case("chain to chain", "wikiann", "chain", "chain_from_chain"),
    "1b": Case("arcs to tags of heads", "ewt", "arcs", "headtags_from_trees", INDEPENDENT),
    "2a": Case(
        "chain to independent tags",
        "wikiann",
        "chain",
        "tokens_from_chain",
        ("top1", "topk", "token", "structural"),
    ),
    "2b": Case(
        "second-order arcs to tags of heads",
        "ewt",
        "second_order",
        "headtags_from_second_order",
        INDEPENDENT,
    ),
    "3": Case("independent tags to chain", "wikiann", "tokens", "chain_from_tokens"),
    "4": Case(
        "segments to independent tags", "wikiann", "segments", "tokens_from_segments", INDEPENDENT
    ),
}
# Corpus and config, of a file or of VARIANTS.
TEACHERS: dict[str, tuple[str, str]] = {
    "chain": ("wikiann", "ner_teacher"),
    "tokens": ("wikiann", "tokens_teacher"),
    "segments": ("wikiann", "segments_teacher"),
    "arcs": ("ewt", "teacher"),
    "second_order": ("ewt", "second_order_teacher"),
}


# Corpora


def prepare(work: Path, wikiann: Path, ewt: Path) -> None:
    draft = work / "corpora.draft"
    shutil.rmtree(draft, ignore_errors=True)
    for name in ("wikiann", "ewt"):
        (draft / name).mkdir(parents=True)
    _prepare_wikiann(draft / "wikiann", wikiann)
    _prepare_ewt(draft / "ewt", ewt)
    draft.rename(work / "corpora")


def _prepare_wikiann(folder: Path, source: Path) -> None:
    nlp = spacy.blank("en")
    held_out = {" ".join(words).lower() for words, _ in read_iob(source / "dev.conll")}
    train = [
        (words, tags)
        for words, tags in read_iob(source / "train.conll")
        if " ".join(words).lower() not in held_out
    ]
    _write(folder / "train.spacy", [make_doc(nlp, *item) for item in train[:LABELLED]])
    _write(folder / "raw.spacy", [Doc(nlp.vocab, w) for w, _ in train[LABELLED:][:RAW]])
    _write(folder / "dev.spacy", [make_doc(nlp, *i) for i in read_iob(source / "dev.conll")])


def _prepare_ewt(folder: Path, source: Path) -> None:
    """Docs in a random order, as many as have the sentences."""
    nlp = spacy.blank("en")
    docs = read_docs(source / "train.spacy", nlp)
    random.Random(0).shuffle(docs)
    ends = list(accumulate(len(list(doc.sents)) for doc in docs))
    n_labelled, n_all = bisect_left(ends, LABELLED) + 1, bisect_left(ends, LABELLED + RAW) + 1
    _write(folder / "train.spacy", docs[:n_labelled])
    _write(folder / "raw.spacy", [_bare(nlp, doc) for doc in docs[n_labelled:n_all]])
    shutil.copy(source / "dev.spacy", folder / "dev.spacy")


def _bare(nlp: spacy.Language, doc: Doc) -> Doc:
    spaces = [bool(token.whitespace_) for token in doc]
    return Doc(nlp.vocab, [token.text for token in doc], spaces)


def _write(path: Path, docs: list[Doc]) -> None:
    DocBin(docs=docs).to_disk(path)


# Cells


class Bench:
    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.work: Path = options.work
        self.cells = Cells(self.work)

    def teacher(self, name: str) -> None:
        """Train it, and have it annotate labelled and raw text."""
        corpus, config = TEACHERS[name]
        steps = self.options.teacher_steps
        self.train(f"teacher_{name}", corpus, _read(config), {}, steps)
        folder = self.work / "corpora" / corpus
        inputs = [str(folder / "train.spacy"), str(folder / "raw.spacy")]
        annotate(self.folder(name), inputs, self.work / f"annotated_{name}")

    def folder(self, teacher: str) -> str:
        return str(self.work / f"teacher_{teacher}" / "model-best")

    def case(self, name: str) -> None:
        """Without raw text all targets, with it some; seeds outermost, so that a run that is
        stopped has whole columns."""
        case = CASES[name]
        for seed in self.options.seeds:
            self.student(name, case, "gold", raw=False, seed=seed)
            for target in case.targets:
                self.student(name, case, target, raw=False, seed=seed)
            for target in case.targets:
                if target in WITH_RAW:
                    self.student(name, case, target, raw=True, seed=seed)

    def student(self, name: str, case: Case, target: str, *, raw: bool, seed: int) -> None:
        config = from_store(_read(case.config))
        config["corpora"]["train"]["ratio"] = 4.0 if raw else 0.0
        settings = {
            **SMALL,
            "paths.store": str(self.work / f"annotated_{case.teacher}"),
            "paths.teacher": self.folder(case.teacher),
            f"components.{case.component}.target": target,
            "system.seed": seed,
        }
        cell = f"{name}_{target}{'_raw' if raw else ''}_{seed}"
        self.train(cell, case.corpus, config, settings, self.options.steps)
        shutil.rmtree(self.work / cell, ignore_errors=True)

    def train(
        self, cell: str, corpus: str, config: Config, settings: dict[str, Any], steps: int
    ) -> None:
        folder = self.work / "corpora" / corpus
        overrides = {
            "paths.train": str(folder / "train.spacy"),
            "paths.dev": str(folder / "dev.spacy"),
            **schedule(steps),
            **settings,
        }

        def evaluate(best: Path) -> dict[str, Any]:
            nlp = spacy.load(best)
            return {"dev": score(nlp, read_docs(folder / "dev.spacy", nlp), setting=SETTING)}

        self.cells.train(cell, config, overrides, evaluate)


# The parser's sentences are gold, so that it alone is compared; entities need none.
SETTING = "gold_sentences"


def _read(name: str) -> Config:
    if name in VARIANTS:
        return VARIANTS[name].config()
    return Config().from_disk(CONFIGS / f"{name}.cfg", interpolate=False)


# Tables


def entropy(work: Path, *, n_docs: int = 200) -> None:
    """Prints the mean entropy, in nats a token, of the chain's marginals of tags and of its
    emissions alone, over labelled and over raw docs of its store."""
    store, vocab = (
        BeliefStore(work / "annotated_chain", memory=0),
        spacy.blank("en").vocab,
    )
    for split in ("train", "raw"):
        corpus = work / "corpora" / "wikiann" / f"{split}.spacy"
        wanted = {doc.text for doc in islice(DocBin().from_disk(corpus).get_docs(vocab), n_docs)}
        found: list[list[float]] = [[], []]
        for shard in sorted(Path(store.folder).glob("*.spacy")):
            for doc in DocBin().from_disk(shard).get_docs(vocab):
                beliefs = read_beliefs(doc.user_data)
                if doc.text in wanted and beliefs is not None and len(doc):
                    belief = store.forms["ner"].unpack(beliefs.packed["ner"])
                    for values, tags in zip(found, _tags(belief)):
                        values.extend(-(tags * numpy.log(numpy.maximum(tags, 1e-30))).sum(axis=1))
        print(split, *(f"{numpy.mean(values):.3f}" for values in found))


def _tags(belief: ChainBelief) -> Iterator[numpy.ndarray]:
    """(tokens, tags) marginals of the chain, then of its emissions alone."""
    lengths = numpy.asarray([len(belief.scores)])
    unary, transition = belief.scores[None], belief.transition[None]
    chain = belief.structure.infer(Parts({"unary": unary, "transition": transition}, lengths))
    alone = IndependentLabels().infer(Parts({"unary": unary}, lengths))
    for _, marginals in (chain, alone):
        yield marginals.arrays["unary"][0]


class Tables:
    def __init__(self, work: Path):
        self.work = work

    def scores(self, cell: str, corpus: str) -> list[float]:
        """Of all seeds; F1 of entities or LAS."""
        key = "ents_f" if corpus == "wikiann" else "dep_las"
        paths = sorted((self.work / "cells").glob(f"{cell}*.json"))
        exact = [p for p in paths if p.stem == cell or p.stem[len(cell) :].lstrip("_").isdigit()]
        if not exact:
            raise KeyError(cell)
        return [json.loads(path.read_text())["dev"][key] for path in exact]

    def cases(self) -> list[str]:
        header = ["case", "teacher", "gold", *TARGETS, *(f"{t}, raw text" for t in WITH_RAW)]
        return table(header, [list(self._row(name, case)) for name, case in CASES.items()])

    def _row(self, name: str, case: Case) -> Iterator[str]:
        yield f"{name}, {case.title}"
        yield f"{100 * self.scores(f'teacher_{case.teacher}', case.corpus)[0]:.1f}"
        yield self._shown(f"{name}_gold", case)
        for target in TARGETS:
            yield self._shown(f"{name}_{target}", case) if target in case.targets else "="
        for target in WITH_RAW:
            yield self._shown(f"{name}_{target}_raw", case) if target in case.targets else "="

    def _shown(self, cell: str, case: Case) -> str:
        scores = self.scores(cell, case.corpus)
        return spread(scores) if len(scores) > 1 else f"{100 * scores[0]:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument(
        "what", nargs="+", help="prepare, teachers, a teacher, cases, table, entropy"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--teacher-steps", type=int, default=500)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    first, *rest = options.what
    if first == "prepare":
        prepare(options.work, *map(Path, rest))
        return
    if first == "entropy":
        entropy(options.work)
        return
    if first == "table":
        path = Path(rest[0])
        page, missing = fill(path.read_text(), {"cases": Tables(options.work).cases})
        path.write_text(page)
        if missing:
            raise SystemExit("missing: " + ", ".join(missing))
        return
    bench = Bench(options)
    for name in options.what:
        if name in CASES:
            bench.case(name)
            continue
        for teacher in TEACHERS if name == "teachers" else [name]:
            bench.teacher(teacher)


if __name__ == "__main__":
    main()
