"""A lexicon, read from JSONL.

A phrase is cut by the pipeline's own tokenizer, between two spaces, within brackets and before a
full stop: where it is cut in several ways, each is looked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spacy.language import Language

from ...disk import files_of
from ...models.embedding.lexicon import Lexicon
from ..conversion.lines import numbered_lines
from ..conversion.raw_text import Unfit
from .cutting import Cutter
from .entries import Entry, Words, parse_entry

SUFFIXES = (".jsonl",)
SHOWN = 3


@dataclass
class ReadLexicon:
    """What was read. uneven (list[str]): phrases that some text cuts otherwise than they are cut
    alone, or joins with what is beside them. unfit (list[Unfit]): lines that were left out.
    lines (int): of all files, but blank ones."""

    lexicon: Lexicon
    uneven: list[str] = field(default_factory=list)
    unfit: list[Unfit] = field(default_factory=list)
    lines: int = 0

    def doubts(self) -> list[str]:
        """Return what is to be told of it."""
        told = []
        if self.unfit:
            first = "; ".join(f"line {u.number}: {u.reason}" for u in self.unfit[:SHOWN])
            told.append(
                f"{len(self.unfit)} of {self.lines} lines of the lexicon are unfit and left out, "
                f"such as {self.unfit[0].file}, {first}"
            )
        if self.uneven:
            shown = ", ".join(map(repr, self.uneven[:SHOWN]))
            told.append(
                f"{len(self.uneven)} phrases of the lexicon are cut otherwise within some texts "
                f"than alone, such as {shown}: each way is looked for, but not a part of a token"
            )
        return told


def read_lexicon(
    path: str | Path,
    nlp: Language,
    *,
    attr: str = "LOWER",
    known: Sequence[str] | None = None,
) -> ReadLexicon:
    """Read a lexicon.

    path (Union[str, Path]): a .jsonl file or a folder of some. A line is an object with a text, one
        of "phrase", "pattern" (as of spaCy's `entity_ruler`; a string, or tokens that are each
        compared by LOWER or ORTH alone) and "form" (of a single token, whatever a tokenizer makes
        of it), and "classes" (a string or several) or "label". Several lines of one phrase give it
        all their classes.
    nlp (Language): whose tokenizer cuts phrases.
    attr (str): LOWER or ORTH, what has to be the same.
    known (Sequence[str] | None): all classes that there may be; those of the file by default.
    RAISES (ValueError): if the files have no entry that is fit, or another class;
        (FileNotFoundError): if there is no file.
    """
    result = ReadLexicon(Lexicon.of(attr, {}, known=known or ()))
    phrases: dict[Words, set[str]] = {}
    uneven: dict[str, None] = {}
    cutter = Cutter(nlp)
    with nlp.memory_zone():  # the vocab need not remember what no text may have
        for entry in _entries(files_of(Path(path), suffixes=SUFFIXES), attr, result):
            ways = [entry.words] if entry.words else cutter.ways(entry.text)
            if None in ways or len(ways) > 1:
                uneven[entry.text] = None
            for words in ways:
                if words:
                    phrases.setdefault(words, set()).update(entry.classes)
    if not phrases:
        said = f": line {result.unfit[0].number}: {result.unfit[0].reason}" if result.unfit else ""
        raise ValueError(
            f"{path}: expected a lexicon, lines such as "
            f'{{"phrase": "New York", "classes": ["GPE"]}}, found {len(result.unfit)} unfit lines '
            f"and no entry{said}"
        )
    classes = sorted(set().union(*phrases.values()))
    if known is not None and not known:
        raise ValueError(
            f"{path}: expected a pipeline that was trained with a lexicon, found one that was "
            f"trained without: train it again, with --paths.lexicon {path}"
        )
    if known is not None and (more := sorted(set(classes).difference(known))):
        raise ValueError(
            f"{path}: expected the classes that the pipeline was trained with, "
            f"{', '.join(known)}, got {', '.join(more[:SHOWN])}: train again for new ones"
        )
    result.lexicon = Lexicon.of(attr, phrases, known=classes if known is None else known)
    result.uneven = list(uneven)
    return result


def _entries(files: Sequence[Path], attr: str, result: ReadLexicon) -> Iterator[Entry]:
    """Yield the entries of files; note in `result` the lines that there are and that are unfit."""
    for path in files:
        for line in numbered_lines(path):
            try:
                text = line.text()
                if not text.strip():
                    continue
                result.lines += 1
                yield parse_entry(text, attr)
            except ValueError as error:
                result.lines += line.data is None
                result.unfit.append(Unfit(str(path), line.number, str(error)))
