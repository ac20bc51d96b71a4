"""Docs whose entities are illegal BIO, as a `.spacy` file may have them."""

import numpy
from spacy.attrs import ENT_IOB, ENT_TYPE
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

NUMBERS = {"": 0, "I": 1, "O": 2, "B": 3}
TAGS = ["I-PER", "O", "B-PER", "I-LOC", "I-LOC", "O"]
REPAIRED = ["B-PER", "O", "B-PER", "B-LOC", "I-LOC", "O"]
WORDS = ["Ann", "saw", "Bob", "New", "York", "today"]


def illegal_doc(tags=TAGS, vocab=None):
    """With these very tags."""
    words = WORDS if len(tags) == len(WORDS) else ["x"] * len(tags)
    doc = Doc(Vocab() if vocab is None else vocab, words)
    rows = [(NUMBERS[tag[:1]], doc.vocab.strings.add(tag[2:]) if tag[2:] else 0) for tag in tags]
    array = numpy.asarray(rows, dtype="uint64").reshape(-1, 2)
    return doc.from_array([ENT_IOB, ENT_TYPE], array) if tags else doc


def tags_of(doc):
    return [f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type_ else t.ent_iob_ for t in doc]


def illegal_file(folder):
    """Of two docs, each with two wrong tags."""
    DocBin(docs=[illegal_doc(), illegal_doc()]).to_disk(folder / "illegal.spacy")
    return folder / "illegal.spacy"


def told(log, *, where, n):
    """Whether there is one line of it, that says so many tags."""
    lines = [record.getMessage() for record in log.records if "no legal BIO" in record.msg]
    return len(lines) == 1 and lines[0].startswith(f"{where}: {n} tags of entities")
