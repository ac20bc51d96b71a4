"""The option `--lexicon` of commands, and what they say of what it names."""

from collections.abc import Sequence
from typing import Any

import typer
from wasabi import msg

from ...training.configs.plan import Plan
from .rejects import HAS_REJECTS

LEXICON: Any = typer.Option(
    [], "--lexicon", help="Phrases and their classes, .jsonl or a folder, that students are to know"
)


def one_lexicon(given: Sequence[str]) -> str | None:
    """Return the lexicon that is given; None without any. RAISES (ValueError): for several, of
    which a command line would else take the last."""
    if len(given) > 1:
        raise ValueError(
            f"--lexicon: expected one, got {', '.join(given)}: put the files into one folder, and "
            f"name that"
        )
    return given[0] if given else None


def tell_lexicon(plan: Plan, *, accept: bool, to_stderr: bool = False) -> None:
    """Say what was read of a lexicon; leave with `HAS_REJECTS` if lines of it are unfit, unless
    they are accepted. to_stderr (bool): doubts alone, where a config was printed."""
    if plan.lexicon is None:
        return
    read = plan.lexicon
    classes = ", ".join(read.lexicon.classes)
    if not to_stderr:
        msg.good(f"The lexicon has {len(read.lexicon):,} phrases of the classes {classes}")
    for doubt in read.doubts():
        if to_stderr:
            typer.echo(doubt, err=True)
        else:
            msg.warn(doubt)
    if read.unfit and not accept:
        raise typer.Exit(HAS_REJECTS)
