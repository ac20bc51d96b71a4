"""Files of what annotators have: JSON with offsets of characters, and IOB."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from .annotated import Annotated, annotate_text, join_annotated
from .conllu import is_word_line
from .convert_counts import SplitCounts
from .gold_file import GoldFile
from .iob import (
    BadSentence,
    Word,
    annotate_sentence,
    is_document_start,
    is_sentence_line,
    is_token_line,
    numbers_words,
    parse_sentence,
    read_sentences,
    read_tokens,
    scheme_of,
)
from .lines import Line, numbered_lines
from .offsets import OffsetRecord, has_group, parse_offsets
from .raw_text import Unfit
from .record_categories import RecordCategories, agree

LEFT_OUT = ("rejected", "ignored", "without_spans")
_SNIFFED = 100  # lines


class AnnotatedFile(GoldFile):
    """Texts, or sentences, of which spans are known.

    left_out: records that are not learnt, by why: their answer is "reject" or "ignore", or they do
        not say which spans or categories their text has.
    """

    sentences: list[Annotated]

    def __init__(self, path: Path):
        super().__init__(path)
        self.left_out: dict[str, int] = dict.fromkeys(LEFT_OUT, 0)

    def make_docs(
        self,
        pieces: Iterable[Sequence[Annotated]],
        nlp: Language,
        counts: SplitCounts,
        *,
        merge_subtokens: bool,
    ) -> Iterator[Doc]:
        counts.answers = {why: self.left_out[why] for why in LEFT_OUT[:2]}
        counts.without_spans = self.left_out["without_spans"]
        for piece in pieces:
            for text in piece:
                counts.sentences += 1
                counts.misaligned += text.n_misaligned
                counts.overlapping += text.n_overlapping
                counts.negative += text.n_negative
                counts.unread_spans += text.n_unread
                counts.unread_tokens += text.has_tokens
                counts.repaired_entities += text.n_repaired
                counts.add_categories(text.doc.cats)
            yield join_annotated(piece)

    def set_aside(self, number: int, reason: object) -> None:
        self.unfit.append(Unfit(str(self.path), number, str(reason)))

    def checked(self, expected: str) -> "AnnotatedFile":
        """Return the file. RAISES (ValueError): if there is nothing to learn from."""
        if self.sentences:
            return self
        if self.unfit:
            first = self.unfit[0]
            raise ValueError(f"{self.path}, line {first.number}: {first.reason}")
        counts = ", ".join(f"{n} {why}" for why, n in self.left_out.items() if n)
        counts = counts or "the file is empty"
        raise ValueError(f"{self.path}: expected {expected}, found none ({counts})")


def read_offset_file(path: Path, nlp: Language, *, spans_key: str | None = None) -> AnnotatedFile:
    """Read texts with character offsets, a JSON object a line or a whole file of JSON
    (`offsets.py`).

    A record that annotators rejected or ignored is left out, but for the spans or the category of a
    single decision that was "reject" (Prodigy's `_is_binary`): those are known to be none. Records
    of one text that are about categories make one doc.

    spans_key (str | None): see `annotate_text`. If some record has a group of that name, only such
        groups are read.
    RAISES (ValueError): naming file and line, if no record can be learnt from.
    """
    file = AnnotatedFile(path)
    lines = list(_records(path))
    is_grouped = spans_key is not None and any(has_group(row, spans_key) for _, row, _ in lines)
    group = spans_key if is_grouped else None
    records: list[tuple[int, OffsetRecord]] = []
    for number, record, reason in lines:
        try:
            if reason:
                raise ValueError(reason)
            records.append((number, parse_offsets(record, spans_key=spans_key, group=group)))
        except ValueError as error:
            file.set_aside(number, error)
    if any(record.categories and record.categories.is_complete for _, record in records):
        records = [(number, record.of_categories()) for number, record in records]
    kept: list[tuple[int, OffsetRecord]] = []
    for number, parsed in records:
        why = _left_out(parsed, spans_key=spans_key)
        if why is not None:
            file.left_out[why] += 1
        if why is None or _is_negative(parsed):
            kept.append((number, parsed))
    cats = _categories(kept)
    for number, parsed in _once(kept):
        text = annotate_text(parsed, nlp, document=number, line=number, spans_key=spans_key)
        text.doc.cats = cats.get(parsed.text, {})
        text.n_unread, text.has_tokens = parsed.n_unread, parsed.has_tokens
        file.sentences.append(text)
    return file.checked("texts with spans or categories")


def _left_out(record: OffsetRecord, *, spans_key: str | None) -> str | None:
    if record.answer != "accept":
        return {"reject": "rejected", "ignore": "ignored"}[record.answer]
    # A group of spans cannot be known in part.
    is_partial = record.is_binary and spans_key is not None
    has_spans = record.spans is not None and not is_partial
    has_words = bool(record.text.strip())
    return None if has_words and (has_spans or record.categories) else "without_spans"


def _is_negative(record: OffsetRecord) -> bool:
    """Tell whether a record was rejected that then says what does not hold."""
    if record.answer != "reject":
        return False
    is_decision = record.categories is not None and record.categories.is_decision
    return is_decision or bool(record.is_binary and record.spans)


def _categories(records: Sequence[tuple[int, OffsetRecord]]) -> dict[str, dict[str, float]]:
    """Return what all the records of each text say of its categories."""
    of_text: dict[str, list[RecordCategories]] = {}
    for _, record in records:
        if record.categories is not None:
            of_text.setdefault(record.text, []).append(record.categories)
    known = [categories for each in of_text.values() for categories in each]
    labels = list(dict.fromkeys(label for each in known for label in each.values))
    return {text: agree(each, labels) for text, each in of_text.items()}


def _once(records: Sequence[tuple[int, OffsetRecord]]) -> Iterator[tuple[int, OffsetRecord]]:
    """Yield the records with spans, and of the other texts one each."""
    texts = {record.text for _, record in records if record.spans is not None}
    for number, record in records:
        if record.spans is None:
            if record.text in texts:
                continue
            texts.add(record.text)
        yield number, record


def _records(path: Path) -> Iterator[tuple[int, Any, str]]:
    """Yield the number of each line (of a whole file of JSON: of each record), what it holds, or
    why that cannot be read."""
    whole = _whole(path)
    if whole is not None:
        yield from ((number, record, "") for number, record in enumerate(whole, start=1))
        return
    for line in numbered_lines(path):
        try:
            text = line.text()
            if text.strip():
                yield line.number, json.loads(text), ""
        except (ValueError, RecursionError) as error:
            is_json = isinstance(error, (json.JSONDecodeError, RecursionError))
            yield line.number, None, f"not valid JSON ({error})" if is_json else str(error)


def _whole(path: Path) -> list[Any] | None:
    """Read the records of a file that is one JSON array, None if it is not."""
    with path.open("rb") as file:
        start = file.read(100).decode("utf-8-sig", errors="ignore").lstrip()
    if not start.startswith("["):
        return None
    try:
        records = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        return None  # pairs of text and annotations, a line each
    is_pair = len(records) == 2 and isinstance(records[0], str)
    return [records] if is_pair else list(records)


def read_iob_file(path: Path, nlp: Language) -> AnnotatedFile:
    """Read sentences with a tag of an entity for each word (`iob.py`).

    RAISES (ValueError): naming file and line, if no sentence can be learnt from.
    """
    file = AnnotatedFile(path)
    document = 0
    lines = list(_texts_of(path, file))
    broken = {unfit.number for unfit in file.unfit}
    sentences: list[tuple[Sequence[Word], int, int]] = []  # words, document, line
    read = read_sentences if _share(lines, is_sentence_line) > 0.5 else read_tokens
    for rows in read(lines):
        number, line = rows[0]
        if is_document_start(line):
            document += 1
            continue
        if any(number in broken for number, _ in rows):
            continue  # whole: without a word it is another sentence
        try:
            words = parse_sentence(rows)
        except BadSentence as error:
            file.set_aside(error.line, error)
            continue
        sentences.append((words, document, number))
    all_words = [words for words, _, _ in sentences]
    if numbers_words(all_words):
        raise ValueError(
            f"{path}: expected words in the first column, found their numbers in the sentence. "
            "Leave that column out, and put the tags that are to be learnt in the last"
        )
    scheme = scheme_of(all_words)
    for of_sentence, document, number in sentences:
        text = annotate_sentence(of_sentence, nlp.vocab, scheme, document=document, line=number)
        file.sentences.append(text)
    return file.checked("words with tags like B-PER")


def _texts_of(path: Path, file: AnnotatedFile) -> Iterator[tuple[int, str]]:
    for line in numbered_lines(path, returns=True):
        try:
            yield line.number, line.text()
        except ValueError as error:
            file.set_aside(line.number, error)
            yield line.number, _decoded(line)


def _share(lines: list[tuple[int, str]], is_kind: Callable[[str], bool]) -> float:
    filled = [line for _, line in lines[:_SNIFFED] if line.strip()]
    return sum(map(is_kind, filled)) / max(1, len(filled))


def is_iob(path: Path) -> bool:
    """Tell whether most of a file's first lines are words with tags, and not of CoNLL-U, whose last
    column may be such a tag, too."""
    lines = _start(path)
    if _share([pair for pair in lines if pair[1][:1] != "#"], is_word_line) > 0.5:
        return False
    return _share(lines, is_token_line) > 0.5 or _share(lines, is_sentence_line) > 0.5


def is_json(path: Path) -> bool:
    """Tell whether a file begins as JSON does."""
    text = "".join(line for _, line in _start(path)).lstrip()
    return text[:1] == "{" or (text[:1] == "[" and text[1:].lstrip()[:1] in ("[", "{", '"'))


def _start(path: Path) -> list[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    for line in numbered_lines(path, returns=True):
        if len(lines) == _SNIFFED:
            break
        lines.append((line.number, _decoded(line)))
    return lines


def _decoded(line: Line) -> str:
    return (line.data or b"").decode("utf-8-sig", errors="replace")
