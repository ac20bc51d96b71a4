"""Docs of files."""

from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ...shards.files import files_of_docs, unpacked


def docs_in(corpus: Path) -> Iterator[Doc]:
    """Read the docs of a `.spacy` file or a folder of them. RAISES (ValueError): if it is none."""
    vocab = Vocab()
    for path in files_of_docs(corpus):
        yield from (doc for _, doc in unpacked(path, vocab))
