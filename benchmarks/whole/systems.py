"""The systems that learn GUM: a teacher, its student, and stock pipelines on gold and on silver."""

import json
import shutil
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy
import spacy
from cells import Cells, schedule
from thinc.api import Config

from spacy_skd.cli.init import init
from spacy_skd.cli.prepare import student_words
from spacy_skd.cli.silver import silver
from spacy_skd.report.bootstrap import f1
from spacy_skd.report.scores import SETTINGS, read_docs, score
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.annotation.vectors import VectorSettings, make_vectors
from spacy_skd.training.conversion.raw_text import read_raw

from . import configs
from .lemmas import known_words, lemma_report
from .scores import annotated, by_document, count

RIVALS = ("stock_gold", "stock_silver")
SYSTEMS = ("teacher", *RIVALS, "small")
# What is to be closed of the gap, and what rivals are chosen by on dev.
COMPARED = ("lemma", "morph", "UPOS", "LAS", "spans", "category")
PATIENCE = 1100  # steps, of a rival on gold, which may have its best long before the end
RATE = 0.002
EVALUATIONS = 5


class Systems:
    """corpus (Path): what gum.py wrote. words (int): that the student, and rivals on silver, see in
    training; 0 for what `spacy skd init` chooses. resume (str): the folder from which the
    teacher's training goes on, with `teacher_steps` more; "" to begin."""

    def __init__(
        self,
        corpus: Path,
        work: Path,
        *,
        words: int = 0,
        teacher_steps: int = 1300,
        resume: str = "",
    ):
        self.corpus, self.work = corpus, work
        self.words, self.teacher_steps, self.resume = words, teacher_steps, resume
        self.cells = Cells(work)
        self.teacher_folder = work / "teacher" / "model-best"
        self.store, self.vectors_folder = work / "annotated", work / "vectors"
        self.silver_folder = work / "silver"

    @cached_property
    def known(self) -> set[str]:
        """What lemmas may be: see `known_words`."""
        nlp = spacy.blank("en")
        splits = ("train", "dev", "test")
        gold = [doc for name in splits for doc in read_docs(self.corpus / f"{name}.spacy", nlp)]
        raw = (nlp.make_doc(text.text) for text in read_raw(self.corpus / "raw.jsonl"))
        return known_words(gold, raw)

    def documents(self, split: str) -> list[str]:
        """The document that each piece of a split is of."""
        found: dict[str, list[str]] = json.loads((self.corpus / "documents.json").read_text())
        return found[split]

    def measure(self, pipeline: Path, split: str) -> dict[str, Any]:
        """spaCy's scores, counts by document, and the report on lemmas."""
        nlp = spacy.load(pipeline)
        references = read_docs(self.corpus / f"{split}.spacy", nlp)
        docs = annotated(nlp, references)
        documents = self.documents(split)
        counts = {k: by_document(v, documents) for k, v in count(docs, references).items()}
        return {
            "scores": score(nlp, references, setting=SETTINGS[0]),
            "counts": counts,
            "lemmas": lemma_report(docs, references, self.known),
        }

    def train(self, name: str, config: Config, overrides: dict[str, Any]) -> None:
        settings = {"paths.dev": str(self.corpus / "dev.spacy"), **overrides}
        self.cells.train(name, config, settings, lambda best: {"dev": self.measure(best, "dev")})

    def teacher(self) -> None:
        """Train it, or score one that was trained before."""
        own = (self.work / "teacher.cfg").exists()
        if self.teacher_folder.exists() and not own:
            best = self.teacher_folder
            self.cells.run("teacher", "trained before", lambda: {"dev": self.measure(best, "dev")})
        else:
            settings = {"paths.train": str(self.corpus / "train.spacy")}
            if self.resume:
                settings["paths.resume"] = self.resume
            self.train("teacher", configs.teacher(self.teacher_steps), settings)

    def silver(self) -> None:
        """Gold, and the teacher's best guesses of the raw text."""
        self.silver_folder.mkdir(exist_ok=True)
        shutil.copy(self.corpus / "train.spacy", self.silver_folder)
        output = self.silver_folder / "raw.spacy"
        if not output.exists():
            silver(self.teacher_folder, self.corpus / "raw.jsonl", output)

    @property
    def texts(self) -> list[Path]:
        return [self.corpus / name for name in ("train.spacy", "raw.jsonl")]

    def annotate(self) -> None:
        """Resumes by itself."""
        annotate(self.teacher_folder, [str(path) for path in self.texts], self.store)

    def vectors(self) -> None:
        if not self.vectors_folder.exists():
            settings = VectorSettings()
            make_vectors(self.teacher_folder, self.texts, self.vectors_folder, settings=settings)

    def student(self, seed: int) -> None:
        """What `spacy skd init` makes of the teacher."""
        config, _ = init(
            str(self.teacher_folder),
            preset="small",
            store=str(self.store),
            vectors=str(self.vectors_folder),
            dev=str(self.corpus / "dev.spacy"),
        )
        overrides: dict[str, Any] = {"system.seed": seed}
        if self.words:
            overrides.update(self.schedule(config, self.words))
        self.train(f"small_{seed}", config, overrides)

    def rival(self, name: str, seed: int) -> None:
        """A stock pipeline, NAME@LEARNING_RATE, on gold or on gold and silver."""
        system, _, rate = name.partition("@")
        config = configs.stock()
        overrides: dict[str, Any] = {
            "training.optimizer.learn_rate.initial_rate": float(rate or RATE),
            **self.schedule(config, self.words or self.most_words()),
            "system.seed": seed,
        }
        if system == "stock_gold":
            overrides["paths.train"] = str(self.corpus / "train.spacy")
            overrides["training.patience"] = PATIENCE
        else:
            overrides["paths.train"] = str(self.silver_folder)
        self.train(f"{name}_{seed}", config, overrides)

    def most_words(self) -> int:
        """What `spacy skd init` has a student see of gold and raw text."""
        gold = sum(map(len, read_docs(self.corpus / "train.spacy", spacy.blank("en"))))
        raw = sum(text.n_words for text in read_raw(self.corpus / "raw.jsonl"))
        return int(student_words(gold + raw))

    @staticmethod
    def schedule(config: Config, words: int) -> dict[str, Any]:
        return schedule(words // config["training"]["batcher"]["size"], evaluations=EVALUATIONS)

    def chosen(self, system: str) -> list[str]:
        """The cells of a system, one a seed: of a rival those of the learning rate that does best
        on dev."""
        if system == "teacher":
            return [system] if self.cells.read(system) else []
        by_rate: dict[str, list[str]] = {}
        for path in sorted((self.work / "cells").glob(f"{system}*.json")):
            name, _, seed = path.stem.rpartition("_")
            if seed.isdigit() and name.partition("@")[0] == system:
                by_rate.setdefault(name, []).append(path.stem)
        return max(by_rate.values(), key=self._quality, default=[])

    def _quality(self, names: list[str]) -> float:
        """The mean score of dev over the compared layers and the cells."""
        counts = [self.read(name, "dev")["counts"] for name in names]
        sums = numpy.asarray([[numpy.sum(c[k], axis=0) for k in COMPARED] for c in counts])
        return float(f1(sums).mean())

    def read(self, name: str, split: str) -> dict[str, Any]:
        """RAISES (KeyError): if the cell is not there."""
        cell = self.cells.read(name if split == "dev" else f"{split}_{name}")
        if cell is None:
            raise KeyError(name if split == "dev" else f"{split}_{name}")
        found: dict[str, Any] = cell[split]
        return found

    def test(self) -> None:
        """Score each chosen cell on test, once a training."""
        for name in [name for system in SYSTEMS for name in self.chosen(system)]:
            path = self.work / name / "model-best"
            trained = self.cells.read(name) or {}
            self.cells.run(
                f"test_{name}",
                [trained.get("key"), trained.get("commit")],
                lambda path=path: {"test": self.measure(path, "test")},
            )


def first_texts(raw: Path, *, words: int, skip: int = 0) -> list[str]:
    """Texts of about so many words between spaces, after `skip` texts."""
    texts: list[str] = []
    total = 0
    for text in islice(read_raw(raw), skip, None):
        if total >= words:
            break
        texts.append(text.text)
        total += text.n_words
    return texts
