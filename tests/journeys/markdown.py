"""Commands and code in Markdown: fenced blocks, and what stands in backticks in a paragraph."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from journeys.commands import resolve

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"python -m spacy( [a-z][a-z-]*)+ \S")
CALL = re.compile(r"(nlp|spacy|student|teacher|optimizer)\.[\w.]+\(.*\)", re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """kind (str): of a fenced block its language, of others "command" or "call". text (str): what
    is run. place (str): file and line. section (str): the heading above."""

    kind: str
    text: str
    place: str
    section: str

    @property
    def is_code(self) -> bool:
        return self.kind in ("bash", "python", "ini", "command", "call")


def snippets(path: Path) -> list[Snippet]:
    """All of a file, in its order."""
    text = path.read_text(encoding="utf8")
    located = sorted([*_blocks(text), *_inline(text)])
    return [
        Snippet(kind, code, _place(path, text, start), f"{path.name}: {_heading(text, start)}")
        for start, kind, code in located
    ]  # fmt: skip


def _blocks(text: str) -> Iterator[tuple[int, str, str]]:
    for match in FENCE.finditer(text):
        yield match.start(), match.group(1), match.group(2)


def _inline(text: str) -> Iterator[tuple[int, str, str]]:
    """Whole command lines and calls: a command's bare name is a name, and no command line."""
    for start, code in _in_backticks(text):
        if COMMAND.match(code) and has_arguments(code):
            yield start, "command", code
        elif CALL.fullmatch(code):
            yield start, "call", code


def _in_backticks(text: str) -> Iterator[tuple[int, str]]:
    """Place and code of what no fence is around, in one line."""
    blank = FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    for match in INLINE.finditer(blank):
        yield match.start(), " ".join(match.group(1).split())


def inline_code(path: Path) -> list[tuple[str, str]]:
    """All that a file has in backticks, with its file and line."""
    text = path.read_text(encoding="utf8")
    return [(_place(path, text, start), code) for start, code in _in_backticks(text)]


def _place(path: Path, text: str, start: int) -> str:
    return f"{path.name}:{text.count(chr(10), 0, start) + 1}"


def has_arguments(line: str) -> bool:
    """Whether more than names of commands follow `python -m spacy`."""
    _, _, arguments = resolve(line)
    return bool(arguments) and not arguments[0].startswith("...")


def _heading(text: str, start: int) -> str:
    headings = [match for match in HEADING.finditer(text, 0, start) if not _in_block(text, match)]
    return headings[-1].group(1) if headings else ""


def _in_block(text: str, heading: re.Match) -> bool:
    """Whether it is a comment of a block."""
    blocks = FENCE.finditer(text)
    return any(block.start() < heading.start() < block.end() for block in blocks)


def command_lines(block: str) -> list[list[str]]:
    """Of a bash block: its paragraphs' lines, continued ones joined, comments left out."""
    joined = re.sub(r"\\\n\s*", " ", block)
    paragraphs = [
        [line for line in paragraph.splitlines() if line.strip() and line.lstrip()[0] != "#"]
        for paragraph in re.split(r"\n\s*\n", joined)
    ]
    return [lines for lines in paragraphs if lines]
