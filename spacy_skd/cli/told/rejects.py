"""Lines that are set aside: one exit code and one option of all commands that read raw text."""

from pathlib import Path

import typer
from wasabi import msg

HAS_REJECTS = 3  # exit code
ACCEPT: bool = typer.Option(
    False, "--accept-rejects", help="Exit code 0, not 3, if unfit lines were set aside"
)


def tell_rejects(n: int, file: Path | str, *, accept: bool) -> None:
    """Say how many lines stand in `file`; leave with `HAS_REJECTS` unless they are accepted."""
    if not n:
        return
    msg.warn(f"{n} lines are unfit, see {file}")
    if not accept:
        raise typer.Exit(HAS_REJECTS)
