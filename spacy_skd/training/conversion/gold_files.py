"""The reader of an annotated file, chosen by its suffix, else by what it begins with."""

from collections.abc import Callable
from pathlib import Path

from spacy.language import Language

from ...disk import PACKED, suffix_of
from .annotated_files import is_iob, is_json, read_iob_file, read_offset_file
from .conllu import read_conllu
from .gold_file import GoldFile
from .treebank import Treebank

DOCS = ".spacy"
Reader = Callable[[Path, Language, str | None], GoldFile]


def read_gold(path: Path, nlp: Language, *, spans_key: str | None = None) -> GoldFile:
    """Read CoNLL-U, JSON with offsets of characters (`offsets.py`), or IOB (`iob.py`).

    nlp (Language): a blank pipeline of the file's language, for formats that hold text without
        tokens.
    spans_key (str | None): the group of `doc.spans` that spans of JSON go to; None for entities.
    RAISES (ValueError): naming file and line of what is malformed; (FileNotFoundError).
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    _check_text(path)
    reader = READERS.get(suffix_of(path))
    if reader is None:
        reader = _read_offsets if is_json(path) else _read_iob if is_iob(path) else _read_unknown
    return reader(path, nlp, spans_key)


def _check_text(path: Path) -> None:
    """Raise ValueError for what is no text, and would be read as some that is malformed."""
    if suffix_of(path) in PACKED:
        raise ValueError(f"{path}: expected a file that is not compressed: unpack it")
    if suffix_of(path) == DOCS:
        raise ValueError(
            f"{path}: expected CoNLL-U, JSON or IOB, found docs of spaCy, which need no "
            "conversion: name them where a .spacy file is asked for"
        )


def _read_conllu(path: Path, nlp: Language, spans_key: str | None) -> GoldFile:
    return Treebank(path, read_conllu(path))


def _read_unknown(path: Path, nlp: Language, spans_key: str | None) -> GoldFile:
    try:
        return _read_conllu(path, nlp, spans_key)
    except ValueError as error:
        raise ValueError(
            f"{error} (read as CoNLL-U, since its first lines are neither JSON nor words with tags "
            "like B-PER in the last column)"
        ) from error


def _read_offsets(path: Path, nlp: Language, spans_key: str | None) -> GoldFile:
    return read_offset_file(path, nlp, spans_key=spans_key)


def _read_iob(path: Path, nlp: Language, spans_key: str | None) -> GoldFile:
    return read_iob_file(path, nlp)


# By suffix, in lower case. What any other file is read as, its first lines tell; CoNLL-U, which is
# strict, if they tell nothing.
READERS: dict[str, Reader] = {
    ".conllu": _read_conllu,
    ".jsonl": _read_offsets,
    ".json": _read_offsets,
}
