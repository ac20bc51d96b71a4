"""`--code`: what registers the parts of a pipeline, as spaCy's own commands take it."""

import shlex
from pathlib import Path

import typer

CODE = typer.Option(
    None, "--code", "-c", help="Python file with registered functions that a pipeline needs"
)
CODE_FILES = typer.Option(
    "", "--code", "-c", help="Python files, comma-separated, that become part of the package"
)


def with_code(code_path: Path | None) -> str:
    """Return what a command that follows must be given, too."""
    return f" --code {shlex.quote(str(code_path))}" if code_path else ""
