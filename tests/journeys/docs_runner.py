"""What README.md and docs/ say, run: the snippets of a section one after the other, in a folder."""

import contextlib
import io
import re
import shutil
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from journeys.commands import (
    PREFIX,
    inside,
    resolve,
    run,
    run_process,
    users_code_forgotten,
    words,
    written,
)
from journeys.docs_configs import try_config
from journeys.docs_exceptions import APART, BEFORE, CANNOT_RUN
from journeys.markdown import Snippet, command_lines
from journeys.workshop import SHORT

# What a section finds in its folder; what its own commands write is not there before them.
MADE = ["annotated", "vectors", "student.cfg", "out", "packages"]
GIVEN = ["path", "train.spacy", "dev.spacy", "test.spacy", "raw.jsonl", "heldout.jsonl", "house.py",
         "treebank", "backbones", "train.jsonl", "dev.jsonl", "test.jsonl", "textcat"]  # fmt: skip
PRELUDE = Path(__file__).with_name("prelude.py")


def furnish(folder: Path, made: Path, section: Sequence[Snippet] = ()) -> Path:
    """folder (Path): gets what is `GIVEN` of the workshop, the student as `student`, and, if the
    section speaks of something that is `MADE` there before its own commands write it, all that is
    made and that they do not write first."""
    folder.mkdir(parents=True, exist_ok=True)
    reads = {name: is_read(name, section) for name in MADE}
    missing = [name for name in MADE if reads[name] is not False and any(reads.values())]
    for name in (*GIVEN, *missing):
        copy(made / name, folder / name)
    copy(made / "out" / "model-best", folder / "student")
    return folder


def is_read(name: str, section: Sequence[Snippet]) -> bool | None:
    """Whether it is read before it is written; None if neither."""
    for snippet in section:
        if snippet.kind not in ("bash", "command"):
            if re.search(rf"\b{re.escape(name)}\b", snippet.text):
                return True
            continue
        for line in (line for lines in command_lines(snippet.text) for line in lines):
            if words(line)[:3] != PREFIX:
                continue
            if name in written(line):
                return False
            if any(word.split("/")[0] == name for word in words(line)):
                return True
    return None


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def runnable(snippet: Snippet) -> bool:
    return snippet.is_code and not any(text in snippet.text for text in CANNOT_RUN)


def is_apart(text: str) -> bool:
    return any(part in text for part in APART)


class Runner:
    """Runs the snippets of one section, in this process: a new one spends its first seconds on
    imports, and that commands run in processes of their own the workshop shows, and test_code.py.

    folder (Path): of the section.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, snippet: Snippet) -> None:
        """RAISES (AssertionError): if it fails, with its place."""
        for text, prepare in BEFORE.items():
            if text in snippet.text:
                prepare(self.folder)
        try:
            KINDS[snippet.kind](self, snippet)
        except BaseException as error:
            raise AssertionError(f"{snippet.place}, {snippet.section}:\n{error}") from error

    def commands(self, snippet: Snippet) -> None:
        """A paragraph of a block that begins with the command of the one before is another way to
        do the same, and starts from the same folder."""
        paragraphs = command_lines(snippet.text)
        before = self.folder.with_name(f"{self.folder.name}_before")
        if len(paragraphs) > 1:
            shutil.copytree(self.folder, before)
        for i, lines in enumerate(paragraphs):
            if i and command_name(lines[0]) == command_name(paragraphs[i - 1][0]):
                shutil.rmtree(self.folder)
                shutil.copytree(before, self.folder)
            for line in lines:
                self.line(line)
        shutil.rmtree(before, ignore_errors=True)

    def line(self, line: str) -> str:
        """Run one command."""
        start = run_process if is_apart(line) else run
        return start(line, self.folder, env=SHORT)

    def python(self, snippet: Snippet) -> None:
        if is_apart(snippet.text):
            code = f"{PRELUDE.read_text(encoding='utf8')}\n{snippet.text}"
            (self.folder / "snippet.py").write_text(code, encoding="utf8")
            run_process(f"python {self.folder / 'snippet.py'}", self.folder)
            return
        said = io.StringIO()
        with inside(self.folder), contextlib.redirect_stdout(said), users_code_forgotten():
            scope: dict[str, object] = {}
            try:
                exec(compile(PRELUDE.read_text(encoding="utf8"), str(PRELUDE), "exec"), scope)
                exec(compile(snippet.text, snippet.place, "exec"), scope)
            except Exception:
                raise AssertionError(f"{snippet.text}\n{traceback.format_exc()}") from None

    def ini(self, snippet: Snippet) -> None:
        try_config(snippet.text, self.folder)


KINDS: dict[str, Callable[[Runner, Snippet], None]] = {
    "bash": Runner.commands,
    "command": Runner.commands,
    "python": Runner.python,
    "call": Runner.python,
    "ini": Runner.ini,
}


def command_name(line: str) -> str:
    """`skd annotate` of `python -m spacy skd annotate ...`."""
    command = words(line)
    return resolve(line)[0] if command[:3] == PREFIX else command[0]


def by_section(snippets: list[Snippet]) -> dict[str, list[Snippet]]:
    sections: dict[str, list[Snippet]] = {}
    for snippet in filter(runnable, snippets):
        sections.setdefault(snippet.section, []).append(snippet)
    return sections
