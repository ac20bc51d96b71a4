"""Entities in IOB, as spaCy's converters `ner` (CoNLL-2003 and alike) and `iob` read them: a token
a line with its tag last, or a sentence a line with `|` between word and tag.

    -DOCSTART- -X- O O          Ann|B-PER Lee|I-PER sleeps|O
                                Ann|NNP|B-PER Lee|NNP|I-PER sleeps|VBZ|O
    Ann NNP I-NP B-PER
    Lee NNP I-NP I-PER
    sleeps VBZ I-VP O

Tags are IOB (1 or 2), BILUO, BIOES or BMES; "-" is an unknown one. Of lines of three or four
columns the second is the word's tag. Between words stand spaces that the file does not have: they
are unknown.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from spacy.tokens import Doc
from spacy.vocab import Vocab

from .annotated import Annotated
from .conllu_entities import EntityColumn, column_of_tags

DOCUMENT_START = "-DOCSTART-"
TAG = re.compile(r"O|-|[BIOLUESM]-\S+")
_PAIR = re.compile(rf"\S+\|({TAG.pattern})")
_NO_TAG = ("-", "_", "-X-")
_WITH_TAGS = (3, 4)  # columns: word, tag, (chunk,) entity
_UNKNOWN = "-"

NumberedLines = Iterable[tuple[int, str]]


class Word(NamedTuple):
    """tag, entity: "" and "-" where unknown."""

    text: str
    tag: str
    entity: str


class BadSentence(ValueError):
    """line (int): where it is malformed."""

    def __init__(self, line: int, reason: str):
        super().__init__(reason)
        self.line = line


def is_token_line(line: str) -> bool:
    """Tell whether a line is a word with a tag in its last column."""
    columns = _columns(line)
    return len(columns) > 1 and TAG.fullmatch(columns[-1]) is not None


def is_sentence_line(line: str) -> bool:
    """Tell whether all of a line are words with tags behind "|"."""
    return bool(line.split()) and all(_PAIR.fullmatch(word) for word in line.split())


def is_document_start(line: str) -> bool:
    return line.lstrip().startswith(DOCUMENT_START)


def numbers_words(sentences: Sequence[Sequence[Word]]) -> bool:
    """Tell whether the first column counts the words of each sentence, as in CoNLL-U and GermEval,
    so that the words themselves stand in another."""
    counted = sum(_counts(words) for words in sentences)
    return any(len(words) > 1 for words in sentences) and counted == len(sentences)


def _counts(words: Sequence[Word]) -> bool:
    firsts = [word.text for word in words]
    start = 0 if firsts[:1] == ["0"] else 1
    return firsts == [str(i) for i in range(start, start + len(firsts))]


def read_tokens(lines: NumberedLines) -> Iterator[list[tuple[int, str]]]:
    """Yield the lines of each sentence, where a token is a line; those of `-DOCSTART-` alone."""
    rows: list[tuple[int, str]] = []
    for number, line in lines:
        is_start = is_document_start(line)
        if rows and (is_start or not line.strip()):
            yield rows
            rows = []
        if is_start:
            yield [(number, line)]
        elif line.strip() and not _is_comment(line):
            rows.append((number, line))
    if rows:
        yield rows


def read_sentences(lines: NumberedLines) -> Iterator[list[tuple[int, str]]]:
    """Yield the words of each sentence as lines, where a sentence is a line."""
    for number, line in lines:
        words = line.split()
        if words:
            # A word may be or have a "|", too.
            n_columns = min(word.count("|") for word in words)
            yield [(number, "\t".join(word.rsplit("|", n_columns))) for word in words]


def parse_sentence(rows: Sequence[tuple[int, str]]) -> list[Word]:
    """Parse a sentence. RAISES (BadSentence): naming the line, if one is no word with a tag."""
    return [_word(number, line) for number, line in rows]


def _word(number: int, line: str) -> Word:
    columns = _columns(line)
    if len(columns) < 2 or not columns[0].strip():
        raise BadSentence(number, f"expected a word and a tag, found {line!r}")
    entity = columns[-1]
    if not TAG.fullmatch(entity):
        raise BadSentence(
            number, f"expected a tag like O or B-PER in the last column, found {entity!r}"
        )
    tag = columns[1] if len(columns) in _WITH_TAGS else _UNKNOWN
    return Word(columns[0], "" if tag in _NO_TAG else tag, entity)


def _columns(line: str) -> list[str]:
    line = line.rstrip("\r\n\t ")
    if "\t" in line:
        return [column.strip(" ") for column in line.split("\t")]
    return [column for column in line.split(" ") if column]


def _is_comment(line: str) -> bool:
    return line.startswith("#") and not is_token_line(line)


def scheme_of(sentences: Iterable[Sequence[Word]]) -> EntityColumn:
    """Return how the tags of a file are read."""
    return column_of_tags([_tag(word) for word in words] for words in sentences)


def annotate_sentence(
    words: Sequence[Word], vocab: Vocab, scheme: EntityColumn, *, document: int, line: int
) -> Annotated:
    """Make a Doc of a sentence: words, tags if there are some, entities."""
    tags, n_repaired = scheme.to_biluo([_tag(word) for word in words])
    doc = Doc(
        vocab,
        words=[word.text for word in words],
        tags=[word.tag for word in words] if any(word.tag for word in words) else None,
        ents=[_iob(tag) for tag in tags],
        sent_starts=[True, *[False] * (len(words) - 1)],
    )
    return Annotated(doc, document, line, n_repaired=n_repaired)


def _tag(word: Word) -> str | None:
    return None if word.entity == _UNKNOWN else word.entity


def _iob(tag: str | None) -> str:
    """Return the tag in IOB, "" where unknown."""
    return "" if tag is None else {"L": "I", "U": "B"}.get(tag[0], tag[0]) + tag[1:]
