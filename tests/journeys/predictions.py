"""What a pipeline says of texts, as plain values that can be compared."""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example


def texts(folder: Path, count: int = 12) -> list[str]:
    """Some of raw.jsonl."""
    lines = (folder / "raw.jsonl").read_text(encoding="utf8").splitlines()
    return [json.loads(line)["text"] for line in lines[:count]]


def wrapped(folder: Path, count: int = 40) -> str:
    """Running text in lines of 60 columns."""
    return textwrap.fill(" ".join(texts(folder, count)), 60)


def said(doc: Doc) -> list[Any]:
    """Every layer of a doc."""
    words = [[t.text, t.tag_, t.pos_, str(t.morph), t.dep_, t.head.i, t.is_sent_start, t.lemma_]
             for t in doc]  # fmt: skip
    spans = [sorted([s.start, s.end, s.label_] for s in doc.spans.get("sc", []))]
    return [words, [[e.start, e.end, e.label_] for e in doc.ents], spans]


def says(nlp: Language, some: list[str], **settings: Any) -> list[Any]:
    return [said(doc) for doc in nlp.pipe(some, **settings)]


def examples(nlp: Language, path: Path) -> list[Example]:
    """The docs of a `.spacy` file as gold."""
    return list(_examples(nlp, path))


def _examples(nlp: Language, path: Path) -> Iterator[Example]:
    for doc in DocBin().from_disk(path).get_docs(nlp.vocab):
        words, spaces = [t.text for t in doc], [bool(t.whitespace_) for t in doc]
        yield Example(Doc(nlp.vocab, words=words, spaces=spaces), doc)


def scores(nlp: Language, path: Path) -> Any:
    return nlp.evaluate(examples(nlp, path))


def best(made: Path) -> Language:
    return spacy.load(made / "out" / "model-best")
