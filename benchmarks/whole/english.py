"""A pipeline as it is shipped, and a student with all of its components: time.

The student learns from raw text alone, of which the teacher says what it believes.
"""

import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy
import spacy
from cells import Cells, schedule
from spacy.attrs import DEP, ENT_IOB, ENT_TYPE, HEAD, LEMMA, MORPH, NORM, POS, SENT_START, TAG
from spacy.tokens import Doc, DocBin
from threadpoolctl import threadpool_limits

from spacy_skd.cli.init import init
from spacy_skd.models.blas import on_blas
from spacy_skd.report.scores import SETTINGS, score
from spacy_skd.report.speed import words_per_second
from spacy_skd.training.annotation.annotate import annotate

from .systems import first_texts

ATTRIBUTES = [TAG, POS, MORPH, LEMMA, NORM, DEP, HEAD, SENT_START, ENT_IOB, ENT_TYPE]
RULES = ("attribute_ruler", "lemmatizer")
BATCH_SIZES = (32, 128, 512)  # of docs


class English:
    """teacher (Path): folder of the pipeline. raw (Path): text; the first `held_out` words are
    measured on, the next `raw_words` learnt from. words (int): that the student sees."""

    def __init__(
        self, teacher: Path, raw: Path, work: Path, *, raw_words: int, held_out: int, words: int
    ):
        self.teacher, self.work, self.words = teacher, work, words
        self.cells = Cells(work)
        self.held_out = first_texts(raw, words=held_out)
        self.texts = first_texts(raw, words=raw_words, skip=len(self.held_out))
        self.folder = work / "student" / "model-best"

    def student(self) -> None:
        """Train what `spacy skd init` makes of the teacher; its agreement on held-out text."""
        for name, texts in (("train", self.texts), ("dev", self.held_out)):
            if not (self.work / f"{name}.spacy").exists():
                nlp = spacy.load(self.teacher) if name == "dev" else spacy.blank("en")
                docs = list(nlp.pipe(texts))
                DocBin(docs=docs).to_disk(self.work / f"{name}.spacy")
        store, dev = self.work / "annotated", self.work / "dev.spacy"
        annotate(self.teacher, [str(self.work / "train.spacy")], store)
        config, _ = init(str(self.teacher), store=str(store), dev=str(dev))
        overrides = schedule(self.words // config["training"]["batcher"]["size"])
        overrides["paths.dev"] = str(dev)
        self.cells.train("student", config, overrides, self.agreement)

    def agreement(self, best: Path) -> dict[str, Any]:
        nlp = spacy.load(best)
        references = list(DocBin().from_disk(self.work / "dev.spacy").get_docs(nlp.vocab))
        return {"agreement": score(nlp, references, setting=SETTINGS[0])}

    def rules(self, *, rounds: int) -> dict[str, Any]:
        """CPU time of the rules of both pipelines on the same docs, in turns, and how many tokens
        they annotate in the same way. The docs have what stands before the rules."""
        both = {"teacher": spacy.load(self.teacher), "student": spacy.load(self.folder)}
        with both["teacher"].select_pipes(disable=[*RULES]):
            before = DocBin(docs=list(both["teacher"].pipe(self.held_out))).to_bytes()
        seconds: dict[str, list[float]] = {name: [] for name in both}
        arrays: dict[str, list[numpy.ndarray]] = {}
        with threadpool_limits(1):
            for turn in range(rounds + 1):
                for name in sorted(both, reverse=bool(turn % 2)):
                    docs = list(DocBin().from_bytes(before).get_docs(both[name].vocab))
                    taken = apply_rules(both[name], docs)
                    if turn:  # the first is not timed: what is met anew is not met twice
                        seconds[name].append(taken)
                    arrays[name] = [doc.to_array(ATTRIBUTES) for doc in docs]
        n_words = sum(map(len, arrays["teacher"]))
        same = [
            (a == b).all(axis=1) for a, b in zip(arrays["teacher"], arrays["student"], strict=True)
        ]
        first = {"words": n_words, "differing": int(n_words - sum(s.sum() for s in same))}
        times = {name: 1e6 * median(values) / n_words for name, values in seconds.items()}
        ratios = [s / t for s, t in zip(seconds["student"], seconds["teacher"])]
        return {**first, "microseconds": times, "ratio": median(ratios), "ratios": ratios}

    def speed(self) -> dict[str, Any]:
        """Words per second of all components, in turns, and without the rules."""
        pipelines = {"teacher": spacy.load(self.teacher), "student": spacy.load(self.folder)}
        pipelines["teacher, better BLAS"] = spacy.load(self.teacher)
        for _, pipe in pipelines["teacher, better BLAS"].pipeline:
            if hasattr(pipe, "model") and pipe.model not in (None, True):
                on_blas(pipe.model)
        pipelines["student, no rules"] = spacy.load(self.folder, exclude=[*RULES])
        speeds = words_per_second(pipelines, self.held_out, batch_sizes=BATCH_SIZES)
        return {"components": pipelines["student"].pipe_names, "words_per_second": speeds}


def apply_rules(nlp: spacy.Language, docs: list[Doc]) -> float:
    """RETURNS (float): seconds of CPU."""
    start = time.process_time()
    stream: Any = docs
    for name in RULES:
        stream = nlp.get_pipe(name).pipe(stream, batch_size=128)
    for _ in stream:
        pass
    return time.process_time() - start
