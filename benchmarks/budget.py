"""What labels are worth: gold of texts that `select` chooses, and of as many random ones.

    python benchmarks/budget.py corpus/ewt path/to/teacher work/budget --words 20000 --seeds 0 1 2

The labelled text of a prepared corpus plays the raw text of a user: its documents are cut into
texts of whole sentences, which a teacher of another corpus (of `pipelines.py gum`, say) annotates.
Of these --words are labelled: those of the highest entropy, and by each seed random ones. On them
`stock` is trained, and a student (`small`), which learns the teacher's beliefs of all texts, too.
LAS and UPOS on dev, means and standard deviations.
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev

import spacy
import srsly
from ewt import Systems
from spacy.tokens import Doc, DocBin
from thinc.api import Config

from spacy_skd.cli.init import init
from spacy_skd.report.choosing import choose_texts
from spacy_skd.report.scores import SETTINGS, read_docs
from spacy_skd.shards.store import BeliefStore
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.annotation.settings import Settings

PIPES = ("sent", "tag", "pos", "parser")
SHOWN = {"LAS": "dep_las", "UPOS": "pos_acc", "SENTS": "sents_f"}


class Budget(Systems):
    """teacher (Path): whose components `PIPES` are asked. budget (int): words to label. patience
    (int): steps after the best in which `stock` may become better."""

    def __init__(
        self, corpus: Path, teacher: Path, work: Path, *, budget: int, words: int, patience: int
    ):
        super().__init__(corpus, work, words=words)
        self.teacher_folder, self.budget, self.patience = teacher, budget, patience
        nlp = spacy.blank("en")
        docs = read_docs(corpus / "train.spacy", nlp)
        # As `annotate` reads raw text: without the space behind it.
        self.gold = {text.text.strip(): text for doc in docs for text in texts_of(doc)}

    def chosen(self, by: str, seed: int) -> list[Doc]:
        """by (str): "random", or what `choose_texts` takes."""
        texts = list(self.gold)
        if by == "random":
            random.Random(seed).shuffle(texts)
        else:
            store = self.annotated("all", [])
            # More than enough: they are counted in the words of gold, below.
            choice = choose_texts(BeliefStore(store, memory=0), words=2 * self.budget, by=by)
            texts = [each.text for each in choice.chosen]
        docs: list[Doc] = []
        for text in texts:
            if sum(map(len, docs)) >= self.budget:
                break
            docs.append(self.gold[text])
        return docs

    def annotated(self, name: str, labelled: list[Doc]) -> Path:
        """Return the store of all texts, some of which are labelled."""
        folder = self.work / "texts" / name
        folder.mkdir(parents=True, exist_ok=True)
        known = {doc.text.strip() for doc in labelled}
        raw = [{"text": text} for text in self.gold if text not in known]
        srsly.write_jsonl(folder / "raw.jsonl", raw)
        DocBin(docs=labelled, store_user_data=True).to_disk(folder / "train.spacy")
        inputs = [str(folder / "raw.jsonl")]
        if labelled:
            inputs.append(str(folder / "train.spacy"))
        store = self.work / "stores" / name
        annotate(str(self.teacher_folder), inputs, store, settings=Settings(pipes=PIPES))
        return store

    def systems(self, by: str, seed: int) -> None:
        """Train both on what is chosen."""
        name = by if by != "random" else f"{by}_{seed}"
        store = self.annotated(name, self.chosen(by, seed))
        gold = self.work / "texts" / name / "train.spacy"
        stock = {"paths.train": str(gold), "training.patience": self.patience, "system.seed": seed}
        self.train(f"stock_{by}_{seed}", self.prepared("stock"), stock)
        config: Config = init(
            str(self.teacher_folder), store=str(store), pipes=PIPES,
            dev=str(self.corpus / "dev.spacy"),
        )[0]  # fmt: skip
        student = {"system.seed": seed, **self.shorter(config)}
        self.train(f"small_{by}_{seed}", config, student)

    def table(self, kinds: list[str], seeds: list[int]) -> None:
        for system in ("stock", "small"):
            for by in kinds:
                cells = [self.cells.read(f"{system}_{by}_{seed}") for seed in seeds]
                found = [cell["dev"][SETTINGS[0]] for cell in cells if cell]
                if not found:
                    continue
                row = {name: [100 * each[key] for each in found] for name, key in SHOWN.items()}
                said = (f"{name} {mean(v):.1f} ± {stdev(v) if len(v) > 1 else 0:.1f}"
                        for name, v in row.items())  # fmt: skip
                print(f"{system}, {by}, {len(found)} seeds: {', '.join(said)}")


def texts_of(doc: Doc, *, words: int = 60) -> Iterator[Doc]:
    """Cut at sentences into texts of at least so many words, but for the last."""
    start = 0
    for sentence in doc.sents:
        if sentence.end - start >= words or sentence.end == len(doc):
            yield doc[start : sentence.end].as_doc()
            start = sentence.end


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path, help="that `spacy skd prepare` made")
    parser.add_argument("teacher", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--words", type=int, default=20_000, help="to label")
    parser.add_argument("--seen", type=int, default=0, help="words that a student sees; 0: init's")
    parser.add_argument("--patience", type=int, default=2500, help="steps, of stock")
    parser.add_argument("--by", nargs="+", default=["random", "entropy"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    budget = Budget(options.corpus, options.teacher, options.work,
                    budget=options.words, words=options.seen,
                    patience=options.patience)  # fmt: skip
    for seed in options.seeds:
        for by in options.by:
            budget.systems(by, seed)
            budget.table(options.by, options.seeds)


if __name__ == "__main__":
    main()
