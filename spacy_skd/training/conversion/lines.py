"""Numbered lines of a file, however they end: with "\\n", "\\r\\n", "\\r\\r\\n" (what Windows makes
of "\\r\\n" that is written as text) or, as on an old Mac, "\\r".

A stray "\\r" inside a line of raw text ends none, nor do the other line separators of Unicode,
which occur inside real texts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ...disk import refuse_stream

MAX_LINE = 10_000_000  # bytes; a longer line is no text but a damaged file
_BLOCK = 2**20
# Returns for each line feed from which on they are taken for line ends.
_RETURNS = 0.1
_LONE_RETURN = re.compile(rb"\r(?!\r?\n)")
_LINE = re.compile(rb"[^\r\n]*(?:\r{0,2}\n|\r)|[^\r\n]+")
_MARK = "\ufeff"  # of the byte order, which stands within a file that was put together of several


@dataclass(frozen=True)
class Line:
    """number: from 1. data: without its line end; None for a line of more than `MAX_LINE` bytes,
    which is never held whole. end: bytes of the file up to its end."""

    number: int
    data: bytes | None
    end: int

    def text(self) -> str:
        """Decode the line, without byte order marks before it. RAISES (ValueError): saying what is
        wrong."""
        if self.data is None:
            raise ValueError(f"the line is longer than {MAX_LINE} bytes")
        try:
            return self.data.decode("utf-8").lstrip(_MARK)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"not UTF-8: the byte 0x{self.data[error.start]:02x} at {error.start}. Convert the "
                f"file to UTF-8"
            ) from None


def numbered_lines(path: Path, *, returns: bool = False) -> Iterator[Line]:
    """Yield every line of a file, also empty ones.

    returns (bool): whether each "\\r" ends a line; else only in a file that has as many of them.
    RAISES (OSError): if it cannot be read.
    """
    with path.open("rb") as file:
        returns = returns or _ends_by_returns(file)
        file.seek(0)
        end = 0
        for number, (data, n_skipped) in enumerate(_split(file, returns=returns), start=1):
            end += n_skipped + len(data)
            data = data.rstrip(b"\r\n")
            too_long = n_skipped or len(data) > MAX_LINE
            yield Line(number, None if too_long else data, end)


def read_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield the line number from 1 and text of every line of a UTF-8 file.

    RAISES (ValueError): naming file and line, for bytes that are not UTF-8;
        (FileNotFoundError): for a missing file.
    """
    path = Path(path)
    refuse_stream(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    for line in numbered_lines(path, returns=True):
        try:
            yield line.number, line.text()
        except ValueError as error:
            raise ValueError(
                f"{path}, line {line.number}: expected UTF-8, found {error}"
            ) from error


def _ends_by_returns(file: BinaryIO) -> bool:
    """Tell by the first block that has any line end."""
    for block in _blocks(file):
        n_returns, n_feeds = len(_LONE_RETURN.findall(block)), block.count(b"\n")
        if n_returns or n_feeds:
            return n_returns > _RETURNS * n_feeds
    return False


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        # A "\r" at the end of a block may be half of a "\r\n".
        while block.endswith(b"\r") and (following := file.read(1)):
            block += following
        yield block


def _split(file: BinaryIO, *, returns: bool) -> Iterator[tuple[bytes, int]]:
    """Yield each line with its end, and how many bytes before them were skipped, of one too
    long."""
    pending, n_skipped = b"", 0
    for block in _blocks(file):
        lines = _LINE.findall(pending + block) if returns else _line_feeds(pending + block)
        pending = b"" if lines[-1].endswith((b"\n", b"\r")) else lines.pop()
        for line in lines:
            yield line, n_skipped
            n_skipped = 0
        if len(pending) > MAX_LINE:
            n_skipped, pending = n_skipped + len(pending), b""
    if pending or n_skipped:
        yield pending, n_skipped


def _line_feeds(data: bytes) -> list[bytes]:
    *lines, last = data.split(b"\n")
    return [*(line + b"\n" for line in lines), *([last] if last else [])]
