"""A strict reader of CoNLL-U (https://universaldependencies.org/format.html).

Every error names the file and the line, so that a broken treebank is mended where it is broken.
Syntactic words become tokens; a multiword range only says which words share one surface form,
and empty nodes (1.1) belong to the enhanced graph and are left out.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from .conllu_entities import EntityColumn, find_entities
from .conllu_trees import Row, read_tree, usable
from .lines import read_lines
from .sentence import Multiword, Sentence

COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
Range = tuple[int, int, Row]
# CONJ and SPACE are spaCy's, and in what it exports.
UPOS = frozenset(
    "ADJ ADP ADV AUX CCONJ CONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SPACE SYM VERB X "
    "_".split()
)
SPACE = "SPACE"
_TEXT = re.compile(r"#\s*text\s*=\s*(.*\S)")


def is_word_line(line: str) -> bool:
    """Tell whether a line has the columns of a word, a multiword token or an empty node."""
    columns = line.split("\t")
    return len(columns) == len(COLUMNS) and re.match(r"\d", columns[0], re.ASCII) is not None


def read_conllu(path: str | Path) -> Iterator[Sentence]:
    """Stream the sentences of a CoNLL-U file.

    Raises ValueError that names file and line for: a wrong number of columns, IDs that are not
    consecutive, an unknown UPOS, malformed FEATS, a HEAD that is no integer or out of range, no
    root or several, a cycle, a malformed `NE=` tag, bytes that are not UTF-8, and for a file
    without sentences. FileNotFoundError for a missing file.
    """
    path = Path(path)
    reader = _Reader(path, find_entities(path))
    n_sentences = 0
    for sentence in reader.sentences():
        n_sentences += 1
        yield sentence
    if not n_sentences:
        raise ValueError(f"{path}: expected CoNLL-U, found no sentence in the file")


@dataclass
class _Reader:
    path: Path
    entity_column: EntityColumn
    document: int = 0
    text: str | None = None

    def fail(self, line: int, message: str) -> NoReturn:
        raise ValueError(f"{self.path}, line {line}: {message}")

    def sentences(self) -> Iterator[Sentence]:
        rows: list[Row] = []
        for number, line in read_lines(self.path):
            if line.startswith("#"):
                if rows:
                    self.fail(number, "a comment inside a sentence. Is a blank line missing?")
                self.document += re.match(r"#\s*newdoc\b", line) is not None
                text = _TEXT.match(line)
                self.text = text[1] if text else self.text
            elif line.strip():
                rows.append((number, self.columns(number, line)))
            elif rows:
                yield self.sentence(rows)
                rows, self.text = [], None
        if rows:
            yield self.sentence(rows)

    def columns(self, number: int, line: str) -> list[str]:
        columns = line.split("\t")
        if len(columns) != len(COLUMNS):
            self.fail(number, f"expected {len(COLUMNS)} columns between tabs, found {len(columns)}")
        # A token of whitespace, of which spaCy's exporters write a row as of any other.
        spaces = ("FORM", "LEMMA") if columns[3] == SPACE else ()
        for name, value in zip(COLUMNS, columns):
            if not value or (value.isspace() and name not in spaces):
                self.fail(number, f"the column {name} is empty. Write _ for no value.")
        return columns

    def sentence(self, rows: list[Row]) -> Sentence:
        words, ranges = self.sort_rows(rows)
        heads, deps = read_tree(words, self.fail)
        lost_heads = not usable(heads) and any(head is not None for head in heads)
        for number, row in words:
            self.check_morphology(number, row)
        multiwords = [_multiword(first, last, row, words) for first, last, row in ranges]
        spaces, text_differs = self.spaces(words, ranges)
        entities, n_repaired, unread = self.entities(words, ranges)
        return Sentence(
            words=[row[1] for _, row in words],
            spaces=spaces,
            lemmas=["" if row[2] == "_" != row[1] else row[2] for _, row in words],
            pos=[_value(row[3]) for _, row in words],
            tags=[_value(row[4]) for _, row in words],
            morphs=[_value(row[5]) for _, row in words],
            heads=[None] * len(words) if lost_heads else heads,
            deps=[""] * len(words) if lost_heads else deps,
            entities=entities,
            document=self.document,
            line=rows[0][0],
            multiwords=tuple(multiwords),
            n_repaired=n_repaired,
            lost_heads=lost_heads,
            text_differs=text_differs,
            unread=unread,
        )

    def sort_rows(self, rows: list[Row]) -> tuple[list[Row], list[Range]]:
        """Return words' rows, and (first, last, row) of ranges with 1-based inclusive word IDs."""
        words: list[Row] = []
        ranges: list[Range] = []
        covered = empties = 0
        for number, row in rows:
            match = re.fullmatch(r"(\d+)(?:([-.])(\d+))?", row[0], flags=re.ASCII)
            if match is None:
                self.fail(number, f"expected an ID like 1, 1-2 or 1.1, found {row[0]!r}")
            first, kind, second = int(match[1]), match[2], int(match[3] or 0)
            if kind is None:
                self.check_next(number, row[0], expected=len(words) + 1, found=first)
                words.append((number, row))
                empties = 0
            elif kind == "-":
                self.check_next(number, row[0], expected=len(words) + 1, found=first)
                if first <= covered or second < first:
                    self.fail(number, f"the range {row[0]} overlaps another or ends too early")
                covered = second
                ranges.append((first, second, (number, row)))
            else:
                self.check_next(number, row[0], expected=len(words), found=first)
                empties += 1
                self.check_next(number, row[0], expected=empties, found=second)
        if not words:
            self.fail(rows[0][0], "the sentence has no words")
        if covered > len(words):
            number, row = ranges[-1][2]
            self.fail(number, f"the range {row[0]} ends beyond the {len(words)} words")
        return words, ranges

    def check_next(self, line: int, identifier: str, *, expected: int, found: int) -> None:
        if found != expected:
            self.fail(
                line,
                f"IDs must be consecutive: expected {expected}, found {found} in {identifier!r}",
            )

    def spaces(self, words: list[Row], ranges: list[Range]) -> tuple[list[bool], bool]:
        """Tell whether a space follows each word, and whether `# text` says something else.

        The spaces are those of `# text` where its words are the sentence's, for not every file
        that has it has `SpaceAfter=No`, too.
        """
        spaces = [_has_space(row) for _, row in words]
        forms = {i: row[1] for i, (_, row) in enumerate(words)}
        for first, last, (_, row) in ranges:
            spaces[first - 1 : last] = [False] * (last - first) + [_has_space(row)]
            if row[1] != "_":
                forms.update({first - 1: "", **dict.fromkeys(range(first, last - 1), "")})
                forms[last - 1] = row[1]
        if self.text is None:
            return spaces, False
        if any(form.isspace() for form in forms.values()):
            pairs = zip(forms.values(), spaces)
            return spaces, "".join(form + " " * space for form, space in pairs).strip() != self.text
        read = _spaces_of(self.text, list(forms.values()))
        return (spaces, True) if read is None else ([*read[:-1], spaces[-1]], False)

    def check_morphology(self, line: int, row: Sequence[str]) -> None:
        if row[3] not in UPOS:
            self.fail(line, f"unknown UPOS {row[3]!r}, expected one of {' '.join(sorted(UPOS))}")
        if row[5] != "_" and not re.fullmatch(r"[^=|]+=[^=|]+(\|[^=|]+=[^=|]+)*", row[5]):
            self.fail(line, f"expected FEATS like Case=Nom|Number=Sing, found {row[5]!r}")

    def entities(
        self, words: list[Row], ranges: list[Range]
    ) -> tuple[list[str | None], int, dict[str, int]]:
        """Return BILUO tags, how many of them were repaired, and how many values are not read, by
        key."""
        tags: list[str | None] = []
        unread: Counter[str] = Counter()
        for number, row in [*words, *(row for _, _, row in ranges)]:
            try:
                tag, more_unread = self.entity_column.tag(row[9])
            except ValueError as error:
                self.fail(number, str(error))
            tags.append(tag)
            unread.update(more_unread)
            unread.update(self.entity_column.unread_elsewhere(row))
        on_ranges = sum(tag not in (None, "O") for tag in tags[len(words) :])
        if on_ranges:
            unread["tags of multiword tokens"] += on_ranges
        return (*self.entity_column.to_biluo(tags[: len(words)]), dict(unread))


def _multiword(first: int, last: int, row: Row, words: list[Row]) -> Multiword:
    joined = "".join(word[1] for _, word in words[first - 1 : last])
    form = joined if row[1][1] == "_" else row[1][1]
    return Multiword(first - 1, last, form, is_spelled=form == joined)


def _spaces_of(text: str, forms: Sequence[str]) -> list[bool] | None:
    """Tell whether a space follows each form in a text; None if the text is not theirs."""
    spaces: list[bool] = []
    place = 0
    for form in forms:
        if not text.startswith(form, place):
            return None
        place += len(form)
        remaining = text[place:].lstrip()
        spaces.append(bool(form) and len(remaining) < len(text) - place)
        place = len(text) - len(remaining) if form else place
    return spaces if place == len(text) else None


def _has_space(row: Sequence[str]) -> bool:
    return "SpaceAfter=No" not in row[9].split("|")


def _value(column: str) -> str:
    return "" if column == "_" else column
