"""Docs of files."""

from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc
from spacy.training.corpus import walk_corpus
from spacy.vocab import Vocab

from ...shards.files import unpacked


def files_in(corpus: Path) -> list[Path]:
    """Return the `.spacy` files of a folder, or the one file that is named."""
    return sorted(walk_corpus(corpus, ".spacy")) if corpus.is_dir() else [corpus]


def docs_in(corpus: Path) -> Iterator[Doc]:
    """Read the docs of a `.spacy` file or a folder of them. RAISES (ValueError): if it is none."""
    vocab = Vocab()
    for path in files_in(corpus):
        yield from (doc for _, doc in unpacked(path, vocab))
