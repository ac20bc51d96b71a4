"""Unlabelled text from .jsonl and .txt files, streamed one text at a time."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple, Union

SUFFIXES = (".jsonl", ".txt")

PathLike = Union[str, Path]


@dataclass(frozen=True)
class RawText:
    """One unlabelled text.

    text: never empty and never only whitespace.
    meta: the record's "meta" object, {} where the file has none.
    """

    text: str
    meta: Dict[str, Any] = field(default_factory=dict)

    @property
    def n_words(self) -> int:
        """How many words stand between the spaces of the text (no tokenizer runs)."""
        return len(self.text.split())


def read_raw(paths: Union[PathLike, Sequence[PathLike]]) -> Iterator[RawText]:
    """Stream the texts of files, or of every .jsonl and .txt file below folders.

    A `.jsonl` file holds one object a line, `{"text": ..., "meta": {...}}` (meta may be missing);
    a `.txt` file holds one text a line. Both are UTF-8. Texts that are empty or only whitespace
    are skipped. Files of a folder are read in the order of their names.

    Raises ValueError that names the file and line of a malformed record or of bytes that are not
    UTF-8, and for other suffixes; FileNotFoundError for a path that does not exist.
    """
    for path in find_raw_files(paths):
        yield from _read_jsonl(path) if path.suffix == ".jsonl" else _read_txt(path)


def find_raw_files(paths: Union[PathLike, Sequence[PathLike]]) -> List[Path]:
    """Every file that `read_raw` would read of these paths, in order, each file once.

    Raises FileNotFoundError for a missing path or a folder without raw text, and ValueError for
    a file that is neither .jsonl nor .txt.
    """
    each = [paths] if isinstance(paths, (str, Path)) else list(paths)
    found: Dict[Path, None] = {}
    for path in map(Path, each):
        found.update(dict.fromkeys(files_of(path, suffixes=SUFFIXES)))
    return list(found)


def files_of(path: Path, *, suffixes: Sequence[str]) -> List[Path]:
    """A file, or those of such suffixes below a folder, in the order of their names.

    Raises FileNotFoundError for a missing path or a folder without such files, and ValueError for
    a file of another suffix.
    """
    kinds = f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix in suffixes and p.is_file())
        if not files:
            raise FileNotFoundError(f"{path}: the folder holds no {kinds} file")
        return files
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.suffix not in suffixes:
        raise ValueError(
            f"{path}: expected {kinds}, found the suffix {path.suffix or '(none)'!r}. "
            "Rename or convert the file."
        )
    return [path]


def read_lines(path: PathLike) -> Iterator[Tuple[int, str]]:
    """Yield (line number from 1, line without its line end) of a UTF-8 file, BOM or not.

    Only "\\n" and "\\r\\n" end a line: other Unicode line separators occur inside real texts.
    Raises ValueError that names the line whose bytes are not UTF-8.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with path.open("rb") as file:
        for number, data in enumerate(file, start=1):
            try:
                line = data.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}, line {number}: expected UTF-8, found the byte "
                    f"0x{data[error.start]:02x} (byte {error.start + 1} of the line). "
                    "Convert the file to UTF-8."
                ) from error
            yield number, line.rstrip("\r\n")


def _read_txt(path: Path) -> Iterator[RawText]:
    for _, line in read_lines(path):
        if line.strip():
            yield RawText(line)


def _read_jsonl(path: Path) -> Iterator[RawText]:
    for number, line in read_lines(path):
        if not line.strip():
            continue
        raw = parse_record(line, place=f"{path}, line {number}")
        if raw.text.strip():
            yield raw


def parse_record(line: str, *, place: str) -> RawText:
    """A line of a `.jsonl` file. RAISES (ValueError): naming the place, for a malformed one."""
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{place}: not valid JSON ({error})") from error
    if not isinstance(record, dict):
        raise ValueError(
            f'{place}: expected an object like {{"text": "..."}}, found {type(record).__name__}'
        )
    if "text" not in record:
        raise ValueError(f'{place}: the record has no "text", only {sorted(record)}')
    if not isinstance(record["text"], str):
        raise ValueError(
            f'{place}: expected "text" to be a string, found {type(record["text"]).__name__}'
        )
    meta = record.get("meta")
    if meta is not None and not isinstance(meta, dict):
        raise ValueError(f'{place}: expected "meta" to be an object, found {type(meta).__name__}')
    return RawText(record["text"], meta or {})
