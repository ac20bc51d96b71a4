"""How fast and how large a candidate is: before it is trained, and after."""

from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training.initialize import init_nlp
from spacy.util import resolve_dot_names
from spacy.vocab import Vocab
from thinc.api import Config

from ...report.speed import words_per_second
from ...shards.store import BeliefStore
from ...teachers.loading import load_trained
from ...training.callbacks import without_teacher
from ...training.configs.presets import Preset, resized

SPEED_WORDS = 12_000  # of which speed is measured
FEW = 100  # examples, by which spaCy initializes
_TURNS = 8  # texts that a measurement needs at least


class Untrained:
    """Candidates with the weights that they begin with, and the labels of a whole training.

    Sentences are those of spaCy's `sentencizer`: what was not trained finds one in each word, or
    none, of which trees are cheap, or dear. So speeds are compared with that of the preset, and
    what is decided is measured again once a candidate is trained.

    config (Config): of the preset. sentences (Sequence[str]): components that set them.
    scratch (Path): a folder, of which `preset` is made.
    """

    def __init__(self, config: Config, *, sentences: Sequence[str], scratch: Path):
        self.sentences, self.scratch = sentences, scratch
        whole = init_nlp(config)
        self.config = _with_labels(config, whole)
        DocBin(docs=_first_examples(whole)).to_disk(scratch / "first.spacy")
        self.config["corpora"]["train"] = {
            "@readers": "spacy.Corpus.v1",
            "path": str(scratch / "first.spacy"),
            "gold_preproc": False,
            "max_length": 0,
            "limit": 0,
            "augmenter": None,
        }
        self.preset = self._saved(self.config, "preset")

    def make(self, size: Preset) -> Path:
        """Make a candidate in the place of the one before. RETURNS (Path): its folder."""
        return self._saved(resized(self.config, size), "candidate")

    def _saved(self, config: Config, name: str) -> Path:
        nlp = without_teacher(init_nlp(config))
        for component in self.sentences:
            nlp.replace_pipe(component, "sentencizer")
        nlp.to_disk(self.scratch / name)
        return self.scratch / name


def _with_labels(config: Config, nlp: Language) -> Config:
    """Return a config with the labels that an initialized pipeline has, so that another one has
    them without reading all examples."""
    config = config.copy()
    frozen = config["training"]["frozen_components"]
    for name, pipe in nlp.components:
        labels = getattr(pipe, "label_data", None)
        if labels and name not in frozen:
            given: dict[str, Any] = config["initialize"]["components"].setdefault(name, {})
            given.setdefault("labels", labels)
    return config


def _first_examples(nlp: Language) -> list[Doc]:
    (corpus,) = resolve_dot_names(
        nlp.config.interpolate(), [nlp.config["training"]["train_corpus"]]
    )
    docs = [eg.reference for eg in islice(corpus(nlp), FEW)]
    for doc in docs:
        doc.user_data = {}  # beliefs are not learnt here
    return docs


def texts_of(stores: Sequence[Path], *, seed: int) -> list[str]:
    """Return some texts of annotated folders, of which speed is measured."""
    texts: list[str] = []
    for folder in stores:
        store = BeliefStore(folder, memory=0, name="search")
        names = [*store.names(labelled=False), *store.names(labelled=True)]
        n_words = 0
        for name in names:
            for doc in store.read(name).get_docs(Vocab()):
                if n_words < SPEED_WORDS / len(stores) and doc.text.strip():
                    texts.append(doc.text)
                    n_words += len(doc)
            if n_words >= SPEED_WORDS / len(stores):
                break
    Random(seed).shuffle(texts)
    return list(islice(cycle(texts), max(_TURNS, len(texts))))


def ratio(pipeline: Path, reference: Path, texts: Sequence[str], *, rounds: int) -> float:
    """Return how many times as fast as another one a pipeline is: both take turns, so that what
    else the machine does hits both. Both are loaded anew: a pipeline that has met a text before
    knows its words.

    pipeline, reference (Path): folders.
    """
    pipelines = {
        "reference": load_trained(reference, what="preset"),
        "candidate": load_trained(pipeline, what="student"),
    }
    speeds = words_per_second(pipelines, texts, batch_sizes=(256,), rounds=rounds)
    return speeds["candidate"] / speeds["reference"]


def speed_of(pipeline: Path, texts: Sequence[str]) -> float:
    """Return words per second of a trained pipeline, by itself."""
    nlp = load_trained(pipeline, what="student")
    return words_per_second({"preset": nlp}, texts, batch_sizes=(256,), rounds=8)["preset"]


def widest(widths: Sequence[int], fits: Callable[[int], bool]) -> int | None:
    """Return the largest width that fits, None if none does: wider ones cost more.

    widths (Sequence[int]): rising. fits (Callable[[int], bool]): asked log2 of them.
    """
    low, high = 0, len(widths)  # all below low fit, none from high on
    while low < high:
        middle = (low + high) // 2
        if fits(widths[middle]):
            low = middle + 1
        else:
            high = middle
    return widths[low - 1] if low else None
