"""`spacy skd inspect`: one text through pipelines side by side, in the terminal."""

import re
import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from spacy.cli._util import import_code
from wasabi import msg

from ..report.inspection import NOT_ASKED, Section, inspect
from ..teachers.loading import load_trained
from .code import CODE
from .texts.names import named_path
from .told.failing import fail

STDIN = "-"
SURENESS = re.compile(r" [01]\.\d{2,3}(?=;|$)")


def show(sections: list[Section], names: list[str], console: Console) -> None:
    """Print a table of each layer. Cells that differ from the first pipeline's are marked,
    if both annotate the layer."""
    for section in sections:
        table = Table(title=section.title, title_justify="left", title_style="bold")
        table.add_column("")
        for name in names:
            table.add_column(name)
        for text, cells in section.rows:
            first = _said(cells[0])
            same = [_said(cell) == first or NOT_ASKED in (cell, cells[0]) for cell in cells]
            shown = [
                Text(cell) if is_same else Text(f"{cell} ≠", style="bold red")
                for cell, is_same in zip(cells, same)
            ]
            table.add_row(Text(text), *shown)
        console.print(table)
        for name, lines in section.runners_up.items():
            for line in lines:
                console.print(Text(f"  {name}  {line}", style="dim"))
        console.print()


def _named(items: list[str]) -> dict[str, str]:
    """Return pipelines by name. RAISES (ValueError): if two have the same."""
    parts = [named_path(item) for item in items]
    pairs = [(_name(*each, [path for _, path in parts]), each[1]) for each in parts]
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"expected a name for each pipeline, got {twice[0]!r} twice: NAME=FOLDER")
    return dict(pairs)


def _name(given: str, path: str, paths: list[str]) -> str:
    """Return the name of a pipeline: as given, else that of its folder if it is the only one."""
    folders = [Path(each).name for each in paths]
    folder = Path(path).name
    return given or (folder if folders.count(folder) == 1 else path)


def _said(cell: str) -> str:
    """Return what a cell says, without how sure it is."""
    return SURENESS.sub("", cell.split(" | ")[0])


def inspect_cli(
    arguments: list[str] = typer.Argument(
        ..., metavar="PIPELINE... TEXT", help="Folders, packages or NAME=FOLDER, then the text"
    ),
    k: int = typer.Option(3, "--k", min=1, max=50, help="Analyses of a sentence that are shown"),
    width: int = typer.Option(0, "--width", min=0, help="Columns of the output, 0: the terminal's"),
    code_path: Path = CODE,
) -> None:
    """Run one TEXT ("-": of standard input) through pipelines and show what each says side by side,
    with the probabilities of this package's components and the runner-up analyses. What differs
    from the first pipeline is marked."""
    import_code(code_path)
    *pipelines, text = arguments
    if not pipelines:
        msg.fail(f"Expected pipelines and a text, got {text!r} alone", exits=1)
    try:
        named = _named(pipelines)
        loaded = {name: load_trained(path) for name, path in named.items()}
        sections = inspect(loaded, sys.stdin.read() if text == STDIN else text, k=k)
    except (ValueError, OSError) as error:
        fail("Nothing to show", error)
    if not sections:
        msg.fail("Nothing to show", "none of the pipelines annotates this text", exits=1)
    show(sections, list(loaded), Console(width=width or None))
