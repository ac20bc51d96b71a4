"""Docs of files."""

from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.training.corpus import walk_corpus
from spacy.vocab import Vocab


def files_in(corpus: Path) -> list[Path]:
    """Return the `.spacy` files of a folder, or the one file that is named."""
    return sorted(walk_corpus(corpus, ".spacy")) if corpus.is_dir() else [corpus]


def docs_in(corpus: Path) -> Iterator[Doc]:
    """Read the docs of a `.spacy` file or a folder of them. RAISES (ValueError): if it is none."""
    vocab = Vocab()
    for path in files_in(corpus):
        try:
            docs = DocBin().from_disk(path).get_docs(vocab)
        except Exception as error:  # zlib's, msgpack's, the system's
            raise ValueError(
                f"{path}: expected docs as spaCy's DocBin writes them ({error})"
            ) from error
        yield from docs
