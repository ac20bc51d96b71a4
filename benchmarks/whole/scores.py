"""What a pipeline gets right of annotated docs, doc by doc, as spaCy counts it."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy
import spacy
from gum import SPANS_KEY
from spacy.tokens import Doc

from spacy_skd.report.scores import unannotated

Facts = set[tuple[Any, ...]]
PUNCTUATION = ("p", "punct")  # which spaCy's scores of arcs leave out


def _tokens(attribute: str) -> Callable[[Doc], Facts]:
    def facts(doc: Doc) -> Facts:
        if not doc.has_annotation(attribute.upper().rstrip("_")):
            return set()
        return {(token.i, str(getattr(token, attribute))) for token in doc}

    return facts


def _arcs(doc: Doc) -> Facts:
    labels = [token.dep_.lower() for token in doc]
    return {
        (token.i, token.head.i, label)
        for token, label in zip(doc, labels)
        if label and label not in PUNCTUATION
    }


def _sentences(doc: Doc) -> Facts:
    return {(s.start, s.end) for s in doc.sents} if doc.has_annotation("SENT_START") else set()


def _spans(spans: Iterable[Any]) -> Facts:
    return {(span.start, span.end, span.label_) for span in spans}


def _category(doc: Doc) -> Facts:
    return {(max(doc.cats, key=lambda label: doc.cats[label]),)} if doc.cats else set()


# By layer, what a doc says: what gold and a pipeline both say is right.
LAYERS: dict[str, Callable[[Doc], Facts]] = {
    "lemma": _tokens("lemma_"),
    "morph": _tokens("morph"),
    "UPOS": _tokens("pos_"),
    "XPOS": _tokens("tag_"),
    "SENTS": _sentences,
    "LAS": _arcs,
    "entities": lambda doc: _spans(doc.ents),
    "spans": lambda doc: _spans(doc.spans.get(SPANS_KEY, ())),
    "category": _category,
}


def annotated(nlp: spacy.Language, references: list[Doc]) -> list[Doc]:
    """Gold tokens, everything else predicted."""
    return list(nlp.pipe(list(unannotated(nlp, references))))


def count(docs: list[Doc], references: list[Doc]) -> dict[str, "numpy.ndarray"]:
    """By layer (docs, 3): facts that are right, that the pipeline says, that gold says."""
    return {
        layer: numpy.asarray([_row(facts(doc), facts(gold)) for doc, gold in zip(docs, references)])
        for layer, facts in LAYERS.items()
    }


def _row(predicted: Facts, gold: Facts) -> tuple[int, int, int]:
    return len(predicted & gold), len(predicted), len(gold)


def by_document(counts: "numpy.ndarray", documents: list[str]) -> list[list[int]]:
    """Sums over the pieces of each document. counts: (pieces, 3); documents: of each piece."""
    numbers = {name: i for i, name in enumerate(dict.fromkeys(documents))}
    sums = numpy.zeros((len(numbers), 3), dtype=int)
    numpy.add.at(sums, [numbers[name] for name in documents], counts)
    rows: list[list[int]] = sums.tolist()
    return rows
