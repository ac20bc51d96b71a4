"""spaCy's own components as teachers and as students.

    python benchmarks/stock.py teach work/sm path/to/en_core_web_sm --raw path/to/english.jsonl
    python benchmarks/stock.py drawn work/drawn-ewt work/ewt-annotated dev.spacy --kind parser
    python benchmarks/stock.py drawn work/drawn-ner work/wikiann/annotated dev.spacy --kind ner
    python benchmarks/stock.py table docs/stock.md work/sm work/drawn-ewt work/drawn-ner

`teach`: a pipeline of stock components (tagger, parser, ner; a folder) annotates raw text, and a
student of ours learns from that alone, without gold. Agreement with its teacher is measured on text
that neither was trained on, on the same tokens.

`drawn`: a stock component learns the gold and the raw text of a folder that `spacy skd annotate`
wrote: the annotation of the raw text drawn from the teacher's beliefs anew each time (`sampled`;
for the parser also given that no arcs cross, `projective`), or the teacher's best guess (`silver`);
or the beliefs themselves, action by action (`transitions`, `distilling_transitions` with its
defaults; `transitions:teacher` and the like with another driver); the same texts, as many words.
At the end the means, and the differences from silver with a paired t-test.

A cell is done again only if its settings have changed (cells.py).
"""

import argparse
import json
from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import spacy
import srsly
from cells import Cells, schedule
from results import fill, percent, spread, table
from spacy import registry
from spacy.pipeline._parser_internals.nonproj import is_nonproj_tree
from spacy.scorer import Scorer
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from thinc.api import Config

from spacy_skd.cli.prepare import from_store
from spacy_skd.report.scores import read_docs, unannotated
from spacy_skd.training.annotation.annotate import Settings, annotate
from spacy_skd.training.corpora.items import Item
from spacy_skd.training.corpora.stream import StoredCorpus

CONFIGS = Path(__file__).parents[1] / "configs"
STUDENT_TO_TEACHER = {"sent": "senter", "tag": "tagger", "parser": "parser", "ner": "ner"}
KEPT = ("tag_acc", "sents_f", "dep_uas", "dep_las", "ents_f")
TRANSITIONS = "transitions"
HOW = {
    "parser": ("silver", "sampled", "projective", TRANSITIONS),
    "ner": ("silver", "sampled", TRANSITIONS),
}
LAYERS = {"parser": "parser", "ner": "ents"}
SCORES = {"dep_las": "LAS", "ents_f": "F1"}
STEP_WORDS = 1000


def read(name: str) -> Config:
    return Config().from_disk(CONFIGS / f"{name}.cfg", interpolate=False)


# A stock pipeline teaches


def split_raw(raw: Path, work: Path, *, words: int, held_out: int) -> None:
    """The first texts to measure on, the next to learn from."""
    work.mkdir(parents=True, exist_ok=True)
    lines = iter(raw.read_text(encoding="utf8").splitlines())
    for name, size in (("dev", held_out), ("train", words)):
        with (work / f"{name}.jsonl").open("w", encoding="utf8") as file:
            total = 0
            for line in lines:
                file.write(line + "\n")
                total += len(json.loads(line)["text"].split())
                if total >= size:
                    break


def student_config() -> Config:
    """The student's, with entities and without POS, from a store of raw text alone."""
    config, ner = from_store(read("student")), read("ner_student")
    config["components"]["ner"] = ner["components"]["ner"]
    del config["components"]["pos"]
    config["nlp"]["pipeline"] = ["teacher", "tok2vec", *STUDENT_TO_TEACHER]
    config["components"]["teacher"]["student_to_teacher"] = STUDENT_TO_TEACHER
    config["initialize"]["after_init"] = None
    weights = {"tag_acc": 0.25, "sents_f": 0.1, "dep_uas": 0.2, "dep_las": 0.25, "ents_f": 0.2}
    config["training"]["score_weights"] = weights
    return config


def silver_dev(teacher: Path, work: Path) -> None:
    """What the teacher says of the held-out text, as the reference."""
    nlp = spacy.load(teacher)
    texts = [json.loads(line)["text"] for line in (work / "dev.jsonl").open(encoding="utf8")]
    DocBin(docs=list(nlp.pipe(texts))).to_disk(work / "dev.spacy")


def agreement(pipeline: Path, dev: Path) -> dict[str, Any]:
    """Scores of a student with the teacher's annotation as gold."""
    nlp = spacy.load(pipeline)
    references = read_docs(dev, nlp)
    predicted = nlp.pipe(unannotated(nlp, references))
    examples = [Example(doc, gold) for doc, gold in zip(predicted, references)]
    scores = Scorer(nlp).score(examples)
    return {"dev": {name: scores[name] for name in KEPT if scores.get(name) is not None}}


def teach(cells: Cells, teacher: Path, args: argparse.Namespace) -> None:
    work = cells.work
    if not (work / "dev.spacy").exists():
        split_raw(args.raw, work, words=args.raw_words, held_out=args.held_out)
        silver_dev(teacher, work)
    measure = partial(agreement, dev=work / "dev.spacy")
    pipes = tuple(STUDENT_TO_TEACHER.values())
    for width in args.beams:
        store = work / f"annotated_{width}"
        settings = Settings(pipes=pipes, beam_width=width)
        annotate(teacher, [str(work / "train.jsonl")], store, settings=settings)
        for seed in args.seeds:
            paths = {"paths.store": str(store), "paths.dev": str(work / "dev.spacy")}
            overrides = {**paths, **settings_for(args.words), "system.seed": seed}
            name = f"student_beam{width}_{seed}"
            cells.train(name, student_config(), overrides, measure)


# Stock components learn


@registry.readers("benchmarks.SilverCorpus.v1")
def make_silver_corpus(store: Path, ratio: float = 4.0, seed: int = 0) -> StoredCorpus:
    """As `spacy-skd.SampledCorpus.v1`, but with the teacher's best guess."""
    return SilverCorpus(store, None, ratio=ratio, buffer=2000, max_length=0, seed=seed)


def crossing(store: Path, *, n_docs: int = 1500) -> None:
    """Prints the share of trees with crossing arcs, gold included: best guesses and drawn ones."""
    nlp = spacy.blank("en")
    for name in ("benchmarks.SilverCorpus.v1", "spacy-skd.SampledCorpus.v1"):
        examples = islice(registry.readers.get(name)(store=store)(nlp), n_docs)
        trees = [
            [token.head.i - sent.start for token in sent]
            for eg in examples
            if eg.reference.has_annotation("DEP")
            for sent in eg.reference.sents
        ]
        print(f"{name}: {sum(map(is_nonproj_tree, trees)) / len(trees):.1%} of {len(trees)}")


class SilverCorpus(StoredCorpus):
    def _example(self, nlp: spacy.Language, item: Item, number: int) -> Example:
        example = item.example(nlp)
        if item.is_gold:
            return example
        (guess,) = item.bin.get_docs(nlp.vocab)
        guess.user_data.clear()
        return Example(example.predicted, guess)


def stock_config(kind: str, corpus: str) -> Config:
    """One stock component over the stock tok2vec. kind: "parser" or "ner". corpus: "silver",
    "sampled", "projective", sampled trees without crossing arcs, or "transitions"."""
    if corpus.startswith(TRANSITIONS):
        return transitions_config(kind, driver=corpus.partition(":")[2])
    config, settings = read("stock"), {}
    parser = config["components"].pop("parser")
    for name in list(config["components"]):
        if name != "tok2vec":
            del config["components"][name]
    parser["factory"] = parser["model"]["state_type"] = kind
    if kind == "ner":
        parser = {"factory": kind, "model": parser["model"]}
    config["components"][kind] = parser
    config["nlp"]["pipeline"] = ["tok2vec", kind]
    if corpus == "projective":
        corpus, settings = "sampled", {"projective": True}
    reader = {"sampled": "spacy-skd.SampledCorpus.v1", "silver": "benchmarks.SilverCorpus.v1"}
    train = {"@readers": reader[corpus], "store": "${paths.train}", "seed": "${system.seed}"}
    config["corpora"]["train"] = {**train, **settings}
    config["training"]["max_epochs"] = -1
    scores = {"parser": {"dep_las": 1.0}, "ner": {"ents_f": 1.0}}
    config["training"]["score_weights"] = scores[kind]
    return config


def transitions_config(kind: str, *, driver: str = "") -> Config:
    """The same component and text, which learns beliefs."""
    config = stock_config(kind, "silver")
    stock = config["components"][kind]
    block = {key: stock[key] for key in ("model", "min_action_freq") if key in stock}
    block.update(factory="distilling_transitions", layer=LAYERS[kind], distill_weight=0.7)
    config["components"][kind] = {**block, **({"driver": driver} if driver else {})}
    teacher = {"factory": "skd_teacher", "teacher": None, "store": "${paths.train}"}
    config["components"]["teacher"] = teacher
    config["nlp"]["pipeline"] = ["teacher", "tok2vec", kind]
    train = {"@readers": "spacy-skd.DistillationCorpus.v1", "store": "${paths.train}"}
    config["corpora"]["train"] = {**train, "seed": "${system.seed}"}
    config["training"]["frozen_components"] = ["teacher"]
    config["training"]["before_to_disk"] = {"@callbacks": "spacy-skd.drop_teacher.v1"}
    return config


def with_labels(config: Config, store: Path, folder: Path, names: Sequence[str]) -> Config:
    """With the labels of components as they stand in a pass over labelled docs and as many words of
    the teacher's best guesses. A streamed corpus is initialized with its first 100 examples, which
    have few of them.

    folder (Path): of the labels, written if they are not there.
    """
    config = config.copy()
    paths = {name: folder / f"{name}.json" for name in names}
    if not all(path.exists() for path in paths.values()):
        whole = config.copy()
        block = {"@readers": "benchmarks.SilverCorpus.v1", "store": str(store), "ratio": 1.0}
        whole["corpora"]["train"] = block
        whole["paths"]["dev"] = str(store)  # not read
        whole["training"]["max_epochs"] = 0
        nlp = init_nlp(whole)
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in paths.items():
            srsly.write_json(path, nlp.get_pipe(name).label_data)
    for name, path in paths.items():
        labels = {"@readers": "spacy.read_labels.v1", "path": str(path)}
        config["initialize"].setdefault("components", {})[name] = {"labels": labels}
    return config


def drawn(cells: Cells, store: Path, dev: Path, args: argparse.Namespace) -> None:
    labels = cells.work / "labels"
    for seed in args.seeds:
        for corpus in args.how or HOW[args.kind]:
            config = stock_config(args.kind, corpus)
            config = with_labels(config, store, labels, [args.kind])
            if corpus.startswith(TRANSITIONS):
                asked = {args.kind: args.layer or args.kind}
                config["components"]["teacher"]["student_to_teacher"] = asked
            elif corpus != "silver" and args.layer:
                config["corpora"]["train"]["layers"] = {args.layer: LAYERS[args.kind]}
            paths = {"paths.train": str(store), "paths.dev": str(dev)}
            overrides = {**paths, **settings_for(args.words), "system.seed": seed}
            name = f"{args.kind}_{corpus.replace(':', '_')}_{seed}"
            cells.train(name, config, overrides, partial(agreement, dev=dev))
    compare(cells, args)


def compare(cells: Cells, args: argparse.Namespace) -> None:
    """Print the scores of each, and how far it is from silver, seed by seed, with a paired t-test's
    p."""
    from scipy.stats import ttest_rel

    key = {"parser": "dep_las", "ner": "ents_f"}[args.kind]
    hows = [corpus.replace(":", "_") for corpus in args.how or HOW[args.kind]]
    scores = {}
    for how in hows:
        of_seeds = [cells.read(f"{args.kind}_{how}_{seed}") for seed in args.seeds]
        scores[how] = [cell["dev"][key] for cell in of_seeds if cell]
    for how, own in scores.items():
        line = f"{how}: {SCORES[key]} {spread(own) if len(own) > 1 else percent(own[0])}"
        if how != "silver" and len(own) == len(scores.get("silver", ())) > 1:
            apart = [100 * (a - b) for a, b in zip(own, scores["silver"])]
            p = ttest_rel(own, scores["silver"]).pvalue
            line += f"; minus silver {', '.join(f'{each:+.2f}' for each in apart)}, p = {p:.3f}"
        print(line)


def settings_for(words: int) -> dict[str, Any]:
    """Settings of a training that sees as many words."""
    steps = schedule(words // STEP_WORDS, evaluations=5)
    return {**steps, "training.patience": 0, "training.batcher.size": STEP_WORDS}


class Tables:
    """Of docs/stock.md; KeyError where cells are missing."""

    def __init__(self, folders: list[Path]):
        self.found: dict[str, list[dict[str, float]]] = {}
        for path in sorted(p for folder in folders for p in (folder / "cells").glob("*.json")):
            name = path.stem.rstrip("0123456789").rstrip("_")
            self.found.setdefault(name, []).append(json.loads(path.read_text())["dev"])

    def teach(self) -> list[str]:
        rows = []
        for name in sorted(name for name in self.found if name.startswith("student_beam")):
            width = name.removeprefix("student_beam")
            rows.append([width, *(self._shown(name, key) for key in KEPT)])
        if not rows:
            raise KeyError("student_beam")
        return table(["beam", "TAG", "SENTS", "UAS", "LAS", "ENTS"], rows)

    def drawn(self) -> list[str]:
        rows = []
        for kind, corpus, key in (("parser", "UD English EWT", "dep_las"),
                                  ("ner", "WikiANN English", "ents_f")):  # fmt: skip
            shown = {how: self._shown(f"{kind}_{how}", key) for how in HOW[kind]}
            columns = [shown.get(how, "") for how in HOW["parser"]]
            seeds = str(len(self.found[f"{kind}_silver"]))
            rows.append([f"`{kind}`, {corpus}", SCORES[key], *columns, seeds])
        titles = ["silver", "sampled", "without crossing arcs", "action by action"]
        return table(["", "", *titles, "seeds"], rows)

    def _shown(self, name: str, key: str) -> str:
        scores = [dev[key] for dev in self.found[name]]
        return spread(scores) if len(scores) > 1 else percent(scores[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["teach", "drawn", "crossing", "table"])
    parser.add_argument("work", type=Path, help="crossing: store; table: page")
    parser.add_argument(
        "rest", type=Path, nargs="*", help="teach: pipeline; drawn: store, dev.spacy; table: works"
    )
    parser.add_argument("--raw", type=Path, help="teach: a .jsonl file")
    parser.add_argument("--raw-words", type=int, default=1_000_000)
    parser.add_argument("--held-out", type=int, default=30_000, help="words to measure on")
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 16], help="1: greedy")
    parser.add_argument("--kind", choices=["parser", "ner"], default="parser")
    parser.add_argument("--how", nargs="+", help="drawn: of silver, sampled, ...; all by default")
    parser.add_argument("--layer", help="drawn: the stored component to draw from, of several")
    parser.add_argument("--words", type=int, default=5_000_000, help="that are learnt from")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    if args.action == "teach":
        teach(Cells(args.work), args.rest[0], args)
    elif args.action == "crossing":
        crossing(args.work)
    elif args.action == "drawn":
        drawn(Cells(args.work), args.rest[0], args.rest[1], args)
    else:
        tables = Tables(args.rest)
        makers = {"teach": tables.teach, "drawn": tables.drawn}
        page, missing = fill(args.work.read_text(), makers)
        args.work.write_text(page)
        if missing:
            raise SystemExit("missing: " + ", ".join(missing))


if __name__ == "__main__":
    main()
