"""The reader of an annotated file, chosen by its suffix."""

from pathlib import Path
from typing import Callable, Dict, Iterator

from spacy.language import Language

from .conllu import read_conllu
from .sentence import Sentence

Reader = Callable[[Path, Language], Iterator[Sentence]]


def read_gold(path: Path, nlp: Language) -> Iterator[Sentence]:
    """Stream the sentences of an annotated file.

    nlp (Language): a blank pipeline of the file's language, for formats that hold text without
        tokens.
    RAISES (ValueError): naming file and line of what is malformed; (FileNotFoundError).
    """
    return READERS.get(path.suffix.lower(), _read_conllu)(path, nlp)


def _read_conllu(path: Path, nlp: Language) -> Iterator[Sentence]:
    return read_conllu(path)


# By suffix, in lower case. Any other is read as CoNLL-U, which is strict.
READERS: Dict[str, Reader] = {".conllu": _read_conllu}
