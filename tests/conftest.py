"""A small teacher and student that need no transformer."""

import logging
import os
import signal
from pathlib import Path
from typing import Any

# Tests fetch nothing. Read when the library is imported, which importing spaCy may do.
os.environ["HF_HUB_OFFLINE"] = "1"

import catalogue
import pytest
import spacy
from hypothesis import settings
from spacy.lang.en import English
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from srsly import msgpack

# Catalogue looks through the entry points of all packages at each message that is unpacked: half a
# millisecond, a tenth of the suite's time. By group they are found at once.
POINTS = catalogue.AVAILABLE_ENTRY_POINTS
if hasattr(POINTS, "groups"):  # pytest imports this module, and tests do once more
    catalogue.AVAILABLE_ENTRY_POINTS = {g: list(POINTS.select(group=g)) for g in POINTS.groups}
# It also goes through all that is registered at each message: as much again. Nothing is added to
# these two.
for codecs in (msgpack.msgpack_encoders, msgpack.msgpack_decoders):
    codecs.get_all = codecs.get_all().copy

# The same examples in every run: a failure is one of the change under test.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

TOK2VEC = {
    "@architectures": "spacy-skd.Tok2Vec.v1",
    "embed": {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 32,
        "attrs": ["NORM", "SUFFIX"],
        "rows": [500, 500],
        "include_static_vectors": False,
    },
    "encode": {
        "@architectures": "spacy-skd.ContextEncoder.v1",
        "width": 32,
        "depth": 1,
        "attention_depth": 1,
        "heads": 4,
        "block": 16,
        "halo": 8,
    },
}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32}
SENTENCES = [
    (
        ["The", "cat", "sees", "Ann", "."],
        [1, 2, 2, 2, 2],
        "det nsubj ROOT obj punct",
        "DT NN VBZ NNP .",
    ),
    (["Dogs", "sleep", "well"], [1, 1, 1], "nsubj ROOT advmod", "NNS VBP RB"),
    (["Go", "!"], [0, 0], "ROOT punct", "VB ."),
    (
        ["She", "gave", "him", "the", "book"],
        [1, 1, 1, 4, 1],
        "nsubj ROOT iobj det obj",
        "PRP VBD PRP DT NN",
    ),
]
POS = {"DT": "DET", "NN": "NOUN", "NNS": "NOUN", "NNP": "PROPN", "VBZ": "VERB", "VBP": "VERB",
       "VBD": "VERB", "VB": "VERB", "RB": "ADV", "PRP": "PRON", ".": "PUNCT"}  # fmt: skip
LAYERS = ("sent", "tag", "pos")
JOURNEYS = "tests/journeys"
# Of the exceptions of spaCy's English tokenizer: all 1,300, which every new pipeline compiles for
# itself, were a quarter of the suite's time. Journeys, folders of before, and processes of their
# own, and what counts a whole treebank, have all.
ALL_EXCEPTIONS = English.Defaults.tokenizer_exceptions
WITH_ALL = (
    JOURNEYS,
    "tests/test_written_before.py",
    "tests/test_end_to_end.py",
    "tests/cli/test_convert.py::test_ewt",
)
EXCEPTIONS = {
    word: ALL_EXCEPTIONS[word]
    for word in (" ", "\t", "\n", "don't", "Don't", "can't", "Can't", "isn't", "it's", "It's",
                 "I'm", "'s", "cannot", "gonna", "Mr.", "Dr.", "Jan.", "Inc.", "a.m.", "e.g.",
                 "and/or", ":)", ":-)", ":(")
}  # fmt: skip


def make_doc(nlp: Language, sentences: list[Any]) -> Doc:
    words: list[str] = []
    heads: list[int] = []
    deps: list[str] = []
    tags: list[str] = []
    for sentence_words, sentence_heads, sentence_deps, sentence_tags in sentences:
        heads.extend(h + len(words) for h in sentence_heads)
        words.extend(sentence_words)
        deps.extend(sentence_deps.split())
        tags.extend(sentence_tags.split())
    pos = [POS[tag] for tag in tags]
    return Doc(nlp.vocab, words=words, heads=heads, deps=deps, tags=tags, pos=pos)


def make_docs(nlp: Language) -> list[Doc]:
    a, b, c, d = SENTENCES
    return [make_doc(nlp, s) for s in ([a, b], [c, d, a], [d], [b, c], [a], [d, b, c])]


def gold_examples(nlp: Language) -> list[Example]:
    return [
        Example(Doc(nlp.vocab, [t.text for t in doc], [bool(t.whitespace_) for t in doc]), doc)
        for doc in make_docs(nlp)
    ]


def raw_examples(nlp: Language) -> list[Example]:
    docs = [nlp.make_doc(t) for t in ("Ann sees the dogs . They sleep", "Go home", "The book !")]
    return [Example(doc, doc.copy()) for doc in docs]


def build(*, weight: Any = 0.0, lang: str = "en", **settings: Any) -> Language:
    """A pipeline of all layers, not initialized. settings: of all distilling components."""
    nlp = spacy.blank(lang)
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    model: dict[str, Any] = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": LISTENER}
    for layer in LAYERS:
        config = {"layer": layer, "model": model, "distill_weight": weight, **settings}
        nlp.add_pipe("distilling_tagger", layer, config=config)
    parser = {
        "@architectures": "spacy-skd.BiaffineParser.v1",
        "tok2vec": LISTENER,
        "arc_hidden": 16,
        "label_hidden": 8,
        "dropout": 0.0,
    }
    config = {"model": parser, "distill_weight": weight, **settings}
    nlp.add_pipe("distilling_parser", "parser", config=config)
    return nlp


def train(nlp: Language, examples: list[Example], steps: int) -> dict[str, float]:
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    losses: dict[str, float] = {}
    for _ in range(steps):
        losses = {}
        frozen = [name for name in nlp.pipe_names if name == "teacher"]
        nlp.update(examples, sgd=optimizer, losses=losses, exclude=frozen)
    return losses


def student_of(teacher: Path, *, weight: Any = 0.7, **settings: Any) -> Language:
    """A student that is linked to a teacher; not initialized."""
    nlp = build(weight=weight, **settings)
    nlp.add_pipe("skd_teacher", "teacher", config={"teacher": str(teacher)}, first=True)
    return nlp


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    """See `EXCEPTIONS`."""
    has_all = item.nodeid.startswith(WITH_ALL)
    English.Defaults.tokenizer_exceptions = ALL_EXCEPTIONS if has_all else EXCEPTIONS
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of a file run in one worker, and so do all journeys: what they share is made once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(nodeid).partition("::")[0]
            return JOURNEYS if file.startswith(f"{JOURNEYS}/") else file

    config.option.loadscopereorder = False  # the longest file need not have the most tests
    return ByFile(config, log)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """What a test draws and does not seed itself is the same in every run: models too, whose
    finite differences are wrong where a kink of an activation lies within their step."""
    spacy.util.fix_random_seed(0)


@pytest.fixture(scope="session")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a teacher that has learnt the examples."""
    spacy.util.fix_random_seed(0)
    nlp = build()
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    train(nlp, examples, 80)
    folder = tmp_path_factory.mktemp("teacher")
    nlp.to_disk(folder)
    return folder


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A .spacy file of the labelled examples."""
    path = tmp_path / "train.spacy"
    DocBin(docs=make_docs(spacy.blank("en"))).to_disk(path)
    return path


@pytest.fixture
def log(caplog, monkeypatch):
    """What the package's logger says, each line once, whatever was done to spaCy's before."""
    monkeypatch.setattr(logging.getLogger("spacy"), "propagate", True)
    return caplog


@pytest.fixture
def interruptible():
    """Ctrl-C ends a test and what it starts, which a shell makes background jobs ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
