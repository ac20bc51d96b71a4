"""A few texts with entities, as examples and as span groups."""

from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

ENTITIES = [
    ("Ann Lee saw Bob in New York City .", "B-PER I-PER O B-PER O B-LOC I-LOC I-LOC O"),
    ("Paris is nice", "B-LOC O O"),
    ("Go !", "O O"),
]


def blank_doc(nlp: Language, text: str) -> Doc:
    return Doc(nlp.vocab, text.split())


def examples(nlp: Language, *, gold: bool = True) -> list[Example]:
    found = []
    for text, tags in ENTITIES:
        reference = Doc(nlp.vocab, text.split(), ents=tags.split() if gold else None)
        found.append(Example(blank_doc(nlp, text), reference))
    return found


def tokenized_examples(nlp: Language) -> list[Example]:
    """Without gold, as annotated text has them."""
    docs = [nlp.make_doc(text) for text, _ in ENTITIES]
    return [Example(doc, doc.copy()) for doc in docs]


def span_examples(nlp: Language) -> list[Example]:
    found = examples(nlp)
    for eg in found:
        eg.reference.spans["sc"] = list(eg.reference.ents)
        eg.reference.set_ents([])
    return found


def texts(doc: Doc) -> list[Any]:
    return [(ent.text, ent.label_) for ent in doc.ents]
