"""Unlabelled text from .jsonl and .txt files, streamed one text at a time.

One reader for every command: what is unfit comes with its file, number and reason, and it is the
caller who sets it aside (rejects.py) or stops.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...disk import files_of, suffix_of, unique_files
from ...disk.atomic import cannot_write
from .lines import numbered_lines
from .spaceless import count_words

SUFFIXES = (".jsonl", ".txt")
REJECTS = "rejects.jsonl"  # gets a line for each `Unfit` that is a fault
MAX_DIGITS = 4000  # of an integer; Python refuses 4300

PathLike = str | Path
# A string, or what Python's reader of JSON takes for a number though it is none.
_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')


@dataclass(frozen=True)
class RawText:
    """One unlabelled text.

    text: never empty and never only whitespace.
    meta: the record's "meta" object, {} where the file has none.
    line: of JSON that it stood in, "" for a line of a `.txt` file.
    """

    text: str
    meta: dict[str, Any] = field(default_factory=dict)
    line: str = ""

    @property
    def n_words(self) -> int:
        """How many words stand between the spaces of the text (no tokenizer runs); where a script
        has none, its characters."""
        return count_words(self.text)

    def to_json(self) -> tuple[str, int]:
        """Return the record as a line of JSON, each number as it was written, and how many `NaN`
        and `Infinity`, which JSON cannot hold, are null in it."""
        line, n_nulls = self.line.strip(), 0
        if not line:
            return json.dumps({"text": self.text}, ensure_ascii=False), 0
        if "NaN" not in line and "Infinity" not in line:
            return line, 0

        def replace(match: "re.Match[str]") -> str:
            nonlocal n_nulls
            if match[0][0] == '"':
                return match[0]
            n_nulls += 1
            return "null"

        return _STRING_OR_CONSTANT.sub(replace, line), n_nulls


@dataclass(frozen=True)
class Placed:
    """A text and its place. number: of its line, from 1. end: bytes of the file up to its end."""

    file: str
    number: int
    raw: RawText
    end: int


@dataclass(frozen=True)
class Unfit:
    """A line or doc that is set aside. reason: "" for a blank one, which is no fault."""

    file: str
    number: int
    reason: str

    def to_json(self) -> str:
        # Names of files that are no UTF-8 cannot be written as they are.
        line = json.dumps(asdict(self), ensure_ascii=False)
        return line if line.isprintable() else json.dumps(asdict(self))


def append_reject(unfit: Unfit, file: Path) -> None:
    """Add a line to a file of rejects. RAISES (OSError): naming it."""
    try:
        with file.open("a", encoding="utf8") as rejects:
            rejects.write(unfit.to_json() + "\n")
    except OSError as error:
        raise cannot_write(file, error) from error


def read_raw(paths: PathLike | Sequence[PathLike]) -> Iterator[RawText]:
    """Stream the texts of files, or of every .jsonl and .txt file below folders.

    A `.jsonl` file holds one object a line, `{"text": ..., "meta": {...}}` (meta may be missing);
    a `.txt` file holds one text a line. Both are UTF-8. Texts that are empty or only whitespace
    are skipped. Files of a folder are read in the order of their names.

    Raises ValueError that names the file and line of a malformed record or of bytes that are not
    UTF-8, and for other suffixes; FileNotFoundError for a path that does not exist.
    """
    for path in find_raw_files(paths):
        for item in read_texts(path):
            if isinstance(item, Placed):
                yield item.raw
            elif item.reason:
                raise ValueError(f"{path}, line {item.number}: {item.reason}")


def read_texts(path: Path) -> Iterator[Placed | Unfit]:
    """Yield every line of a `.jsonl` or `.txt` file, in order, blank ones too."""
    parse = _parse_text if suffix_of(path) == ".txt" else _parse_record
    for line in numbered_lines(path):
        try:
            text = line.text()
            if "\0" in text:
                raise ValueError("no text but binary: it has a byte 0")
            raw = parse(text) if text.strip() else RawText("")
        except ValueError as error:
            yield Unfit(str(path), line.number, str(error))
            continue
        if raw.text.strip():
            yield Placed(str(path), line.number, raw, line.end)
        else:
            yield Unfit(str(path), line.number, "")


def find_raw_files(paths: PathLike | Sequence[PathLike]) -> list[Path]:
    """Return every file that `read_raw` would read of these paths, in order, each file once.

    Raises FileNotFoundError for a missing path or a folder without raw text, and ValueError for
    a file that is neither .jsonl nor .txt.
    """
    each = [paths] if isinstance(paths, (str, Path)) else list(paths)
    files: list[Path] = []
    for path in map(Path, each):
        files += files_of(path, suffixes=SUFFIXES)
    return unique_files(files)


def _parse_text(line: str) -> RawText:
    return RawText(line)


def _parse_record(line: str) -> RawText:
    """Parse a line of a `.jsonl` file. RAISES (ValueError): saying what is malformed in it."""
    try:
        record = json.loads(line, parse_int=_integer)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not valid JSON ({error})") from error
    if not isinstance(record, dict):
        raise ValueError(
            f'expected an object like {{"text": "..."}}, one a line, found {type(record).__name__}'
        )
    if "text" not in record:
        raise ValueError(f'the record has no "text", only {sorted(record)}')
    text, meta = record["text"], record.get("meta")
    if not isinstance(text, str):
        raise ValueError(f'expected "text" to be a string, found {type(text).__name__}')
    if meta is not None and not isinstance(meta, dict):
        raise ValueError(f'expected "meta" to be an object, found {type(meta).__name__}')
    try:
        text.encode("utf8")
    except UnicodeEncodeError as error:
        raise ValueError(f"the text cannot be stored: {error}") from None
    return RawText(text, meta or {}, line)


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"expected integers of at most {MAX_DIGITS} digits, found {len(digits)}")
    return int(digits)
