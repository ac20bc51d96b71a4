"""French: a student of a stock pipeline, from the text of a treebank's train part alone."""

import json
from pathlib import Path
from typing import Any

import spacy
from cells import Cells, schedule
from spacy.tokens import DocBin

from spacy_skd.cli.init import init
from spacy_skd.report.scores import SETTINGS, read_docs, score, unannotated
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.conversion.convert import convert


class French:
    """teacher (Path): folder of the pipeline. words (int): that the student sees in training; 0 for
    what `spacy skd init` chooses."""

    def __init__(self, teacher: Path, treebank: Path, work: Path, *, words: int = 0):
        self.teacher, self.treebank, self.work, self.words = teacher, treebank, work, words
        self.cells = Cells(work)
        self.corpus, self.raw = work / "corpus", work / "raw.jsonl"
        self.dev = {"gold": self.corpus / "dev.spacy", "teacher": work / "dev_teacher.spacy"}

    def prepare(self) -> None:
        """Raw text of train, and dev as gold has it and as the teacher does, on the same tokens."""
        if not self.corpus.exists():
            files = (next(self.treebank.glob(f"*{s}.conllu")) for s in ("train", "dev", "test"))
            convert(*files, self.corpus, lang="fr", merge_subtokens=True)
        nlp = spacy.load(self.teacher)
        docs = read_docs(self.corpus / "train.spacy", nlp)
        texts = [json.dumps({"text": doc.text}, ensure_ascii=False) + "\n" for doc in docs]
        self.raw.write_text("".join(texts), encoding="utf8")
        references = read_docs(self.dev["gold"], nlp)
        DocBin(docs=list(nlp.pipe(unannotated(nlp, references)))).to_disk(self.dev["teacher"])

    def student(self, seed: int) -> None:
        store, dev = self.work / "annotated", str(self.dev["teacher"])
        annotate(self.teacher, [str(self.raw)], store)
        config, _ = init(str(self.teacher), store=str(store), dev=dev)
        overrides: dict[str, Any] = {"system.seed": seed, "paths.dev": dev}
        if self.words:
            overrides.update(schedule(self.words // config["training"]["batcher"]["size"]))
        self.cells.train(f"student_{seed}", config, overrides, self.measure)

    def measure(self, pipeline: Path) -> dict[str, Any]:
        """Scores against gold, and against what the teacher says."""
        nlp = spacy.load(pipeline)
        return {
            name: score(nlp, read_docs(path, nlp), setting=SETTINGS[0])
            for name, path in self.dev.items()
        }

    def run(self, seeds: list[int]) -> None:
        if not self.dev["teacher"].exists():
            self.prepare()
        self.cells.run("teacher", str(self.teacher), lambda: self.measure(self.teacher))
        for seed in seeds:
            self.student(seed)
