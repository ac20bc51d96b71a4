"""A strict reader of CoNLL-U (https://universaldependencies.org/format.html).

Every error names the file and the line, so that a broken treebank is mended where it is broken.
Syntactic words become tokens; a multiword range only says which words share one surface form,
and empty nodes (1.1) belong to the enhanced graph and are left out.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, NoReturn, Optional, Sequence, Tuple, Union

from ..pipeline.entity_tags import repair_biluo
from .lines import read_lines

COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
UPOS = frozenset(
    "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X _".split()
)
ENTITY_TAG = re.compile(r"O|[BILU]-\S+")

Row = Tuple[int, List[str]]


@dataclass(frozen=True)
class Sentence:
    """One sentence of N syntactic words; every list has one entry a word.

    heads: 0-based index of the head inside the sentence; the root is its own head.
    deps: deprels, of the root too ("root"). tags, pos, lemmas, morphs: "" where the file has "_".
    entities: BILUO tags from MISC `NE=`; None for a word without one.
    document: number of the `# newdoc` block it stands in, 0 before the first.
    n_unspelled: multiword tokens whose words do not spell their surface form ("du": "de" "le").
    n_repaired: tags of entities that were no legal BILUO, and are now.
    """

    words: List[str]
    spaces: List[bool]
    lemmas: List[str]
    pos: List[str]
    tags: List[str]
    morphs: List[str]
    heads: List[int]
    deps: List[str]
    entities: List[Optional[str]]
    document: int
    line: int
    n_unspelled: int = 0
    n_repaired: int = 0

    @property
    def text(self) -> str:
        """The words joined by the spaces of the file, without the space after the last."""
        pairs = zip(self.words, self.spaces)
        return "".join(word + " " * space for word, space in pairs).rstrip(" ")


def read_conllu(path: Union[str, Path]) -> Iterator[Sentence]:
    """Stream the sentences of a CoNLL-U file.

    Raises ValueError that names file and line for: a wrong number of columns, IDs that are not
    consecutive, an unknown UPOS, malformed FEATS, a HEAD that is no integer or out of range, no
    root or several, a cycle, a malformed `NE=` tag, bytes that are not UTF-8, and for a file
    without sentences. FileNotFoundError for a missing file.
    """
    reader = _Reader(Path(path))
    n_sentences = 0
    for sentence in reader.sentences():
        n_sentences += 1
        yield sentence
    if not n_sentences:
        raise ValueError(f"{path}: expected CoNLL-U, found no sentence in the file")


@dataclass
class _Reader:
    path: Path
    document: int = 0

    def fail(self, line: int, message: str) -> NoReturn:
        raise ValueError(f"{self.path}, line {line}: {message}")

    def sentences(self) -> Iterator[Sentence]:
        rows: List[Row] = []
        for number, line in read_lines(self.path):
            if line.startswith("#"):
                if rows:
                    self.fail(number, "a comment inside a sentence. Is a blank line missing?")
                self.document += re.match(r"#\s*newdoc\b", line) is not None
            elif line.strip():
                rows.append((number, self.columns(number, line)))
            elif rows:
                yield self.sentence(rows)
                rows = []
        if rows:
            yield self.sentence(rows)

    def columns(self, number: int, line: str) -> List[str]:
        columns = line.split("\t")
        if len(columns) != len(COLUMNS):
            self.fail(number, f"expected {len(COLUMNS)} columns between tabs, found {len(columns)}")
        for name, value in zip(COLUMNS, columns):
            if not value.strip():
                self.fail(number, f"the column {name} is empty. Write _ for no value.")
        return columns

    def sentence(self, rows: List[Row]) -> Sentence:
        words, ranges = self.sort_rows(rows)
        heads = [self.head(number, row, n_words=len(words)) for number, row in words]
        self.check_tree(words, heads)
        spaces = ["SpaceAfter=No" not in row[9].split("|") for _, row in words]
        n_unspelled = self.apply_ranges(ranges, words, spaces)
        for number, row in words:
            self.check_morphology(number, row)
        entities, n_repaired = self.entities(words)
        return Sentence(
            words=[row[1] for _, row in words],
            spaces=spaces,
            lemmas=["" if row[2] == "_" != row[1] else row[2] for _, row in words],
            pos=[_value(row[3]) for _, row in words],
            tags=[_value(row[4]) for _, row in words],
            morphs=[_value(row[5]) for _, row in words],
            heads=[i if head == 0 else head - 1 for i, head in enumerate(heads)],
            deps=[row[7] for _, row in words],
            entities=entities,
            document=self.document,
            line=rows[0][0],
            n_unspelled=n_unspelled,
            n_repaired=n_repaired,
        )

    def sort_rows(self, rows: List[Row]) -> Tuple[List[Row], List[Tuple[int, int, Row]]]:
        """The rows of words, and (first, last, row) of ranges with 1-based inclusive word IDs."""
        words: List[Row] = []
        ranges: List[Tuple[int, int, Row]] = []
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

    def head(self, line: int, row: Sequence[str], *, n_words: int) -> int:
        if not re.fullmatch(r"\d+", row[6], flags=re.ASCII):
            self.fail(line, f"expected HEAD to be an integer from 0, found {row[6]!r}")
        head = int(row[6])
        if head > n_words:
            self.fail(line, f"HEAD {head} is out of range: the sentence has {n_words} words")
        if (head == 0) != (row[7] == "root"):
            self.fail(
                line, f"HEAD 0 and DEPREL root go together, found HEAD {head}, DEPREL {row[7]!r}"
            )
        return head

    def check_tree(self, words: List[Row], heads: List[int]) -> None:
        roots = [words[i][0] for i, head in enumerate(heads) if head == 0]
        if not roots:
            self.fail(words[0][0], "the sentence that starts here has no root (no HEAD is 0)")
        if len(roots) > 1:
            self.fail(roots[1], f"a second root: line {roots[0]} has HEAD 0 already")
        cycle = _find_cycle(heads)
        if cycle:
            path = " -> ".join(str(i) for i in [*cycle, cycle[0]])
            self.fail(words[cycle[0] - 1][0], f"the heads form a cycle: {path}")

    def apply_ranges(
        self, ranges: List[Tuple[int, int, Row]], words: List[Row], spaces: List[bool]
    ) -> int:
        """Write the ranges' spaces to `spaces`; how many ranges their words do not spell."""
        n_unspelled = 0
        for first, last, (_, row) in ranges:
            spaces[first - 1 : last - 1] = [False] * (last - first)
            spaces[last - 1] = "SpaceAfter=No" not in row[9].split("|")
            n_unspelled += row[1] != "".join(word[1] for _, word in words[first - 1 : last])
        return n_unspelled

    def check_morphology(self, line: int, row: Sequence[str]) -> None:
        if row[3] not in UPOS:
            self.fail(line, f"unknown UPOS {row[3]!r}, expected one of {' '.join(sorted(UPOS))}")
        if row[5] != "_" and not re.fullmatch(r"[^=|]+=[^=|]+(\|[^=|]+=[^=|]+)*", row[5]):
            self.fail(line, f"expected FEATS like Case=Nom|Number=Sing, found {row[5]!r}")

    def entities(self, words: List[Row]) -> Tuple[List[Optional[str]], int]:
        """BILUO tags of MISC `NE=`, and how many of them were repaired (see `repair_biluo`)."""
        tags: List[Optional[str]] = []
        for number, row in words:
            tag = _misc(row[9]).get("NE")
            if tag is not None and not ENTITY_TAG.fullmatch(tag):
                self.fail(number, f"expected a BILUO tag like NE=B-PER, found NE={tag}")
            tags.append(tag)
        return repair_biluo(tags)


def _find_cycle(heads: Sequence[int]) -> List[int]:
    """The 1-based words of one cycle of 1-based heads (0 = root), [] where there is none."""
    done = [True] + [False] * len(heads)
    for start in range(1, len(heads) + 1):
        path: Dict[int, None] = {}
        word = start
        while not done[word]:
            if word in path:
                walked = list(path)
                return walked[walked.index(word) :]
            path[word] = None
            word = heads[word - 1]
        for word in path:
            done[word] = True
    return []


def _misc(column: str) -> Dict[str, str]:
    return {key: value for key, _, value in (item.partition("=") for item in column.split("|"))}


def _value(column: str) -> str:
    return "" if column == "_" else column
