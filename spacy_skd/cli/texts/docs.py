"""Docs of files."""

from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ...shards.files import files_of_docs, unpacked
from ...training.annotation.inputs import DOCS


def docs_in(corpus: Path) -> Iterator[Doc]:
    """Read the docs of a `.spacy` file or a folder of them. RAISES (ValueError): if it is none, or
    a file of another name, in which spaCy's training finds no docs."""
    if corpus.is_file() and not corpus.name.endswith(DOCS):
        raise ValueError(
            f"{corpus}: expected docs as spaCy's DocBin writes them, in a file whose name ends in "
            f"{DOCS}: spaCy's training reads no other, and would evaluate on nothing. Rename it"
        )
    vocab = Vocab()
    for path in files_of_docs(corpus):
        yield from (doc for _, doc in unpacked(path, vocab))
