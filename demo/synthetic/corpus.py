"""The demo corpus: labelled train, dev and test, and raw text that shares no test sentence."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from .conllu import document_lines
from .documents import Document, documents_of_size

DEMO_SEED = 1
TRAIN_WORDS = 12_000
DEV_WORDS = 6_000
TEST_WORDS = 6_000
RAW_WORDS = 120_000
FILES = {"train": "train.conllu", "dev": "dev.conllu", "test": "test.conllu", "raw": "raw.jsonl"}
_ORDER = ("test", "dev", "train", "raw")  # a split avoids the sentences of test and dev before it


@dataclass(frozen=True)
class Counts:
    """How much a file holds; words are tokens, punctuation included."""

    documents: int
    sentences: int
    words: int

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)


def generate(
    output: str | Path,
    *,
    seed: int = DEMO_SEED,
    train_words: int = TRAIN_WORDS,
    dev_words: int = DEV_WORDS,
    test_words: int = TEST_WORDS,
    raw_words: int = RAW_WORDS,
) -> dict[str, Counts]:
    """Write train.conllu, dev.conllu, test.conllu and raw.jsonl; returns the counts by split.

    Each split holds whole documents of at least the given number of tokens (none for 0), from a
    seed derived from `seed` and the name of the split. No sentence of test or dev occurs in train
    or raw, none of test in dev (see `Sentence.key`). With test and dev the same, a larger train
    or raw begins with the smaller one. Raises ValueError for a negative size, FileExistsError for
    a folder that is not empty.
    """
    sizes = {"train": train_words, "dev": dev_words, "test": test_words, "raw": raw_words}
    for name, size in sizes.items():
        if size < 0:
            raise ValueError(f"Expected {name}_words of 0 or more, got {size}.")
    folder = Path(output)
    _check_empty(folder)
    folder.mkdir(parents=True, exist_ok=True)
    counts: dict[str, Counts] = {}
    held: set[str] = set()
    for name in _ORDER:
        seen = frozenset(held)
        documents = documents_of_size(seed, name, words=sizes[name], forbidden=seen)
        if name in ("test", "dev"):
            documents = _noting(documents, held)
        to_lines = _json_lines if name == "raw" else document_lines
        counts[name] = _write(folder / FILES[name], documents, to_lines)
    return {name: counts[name] for name in FILES}


def _noting(documents: Iterable[Document], held: set[str]) -> Iterator[Document]:
    for document in documents:
        held.update(sentence.key for sentence in document.sentences)
        yield document


def _json_lines(document: Document) -> Iterator[str]:
    record = {"text": document.text, "meta": {"source": "synthetic"}}
    yield json.dumps(record, ensure_ascii=False) + "\n"


def _check_empty(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"Expected a folder, got the file {folder}. Choose another path.")
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(
            f"Expected an empty or new folder, got {folder} with files in it. "
            f"Choose another folder."
        )


def _write(
    path: Path, documents: Iterable[Document], to_lines: Callable[[Document], Iterable[str]]
) -> Counts:
    n_documents = n_sentences = n_words = 0
    with path.open("w", encoding="utf8", newline="\n") as out:
        for document in documents:
            out.writelines(to_lines(document))
            n_documents += 1
            n_sentences += len(document.sentences)
            n_words += document.n_words
    return Counts(n_documents, n_sentences, n_words)
