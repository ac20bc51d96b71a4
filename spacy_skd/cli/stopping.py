"""Commands that are stopped, by Ctrl-C or by the system: what is said, and the exit code."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import typer
from wasabi import msg

INTERRUPTED, TERMINATED = 130, 143  # as a shell has it: 128 and the signal's number
BEGINS_ANEW = "Nothing was written, what was there is as it was. The same command begins anew"
# What else holds of a command.
SAYS: dict[str, str] = {
    "annotate": "The shards that are written stay: the same command goes on where it stopped",
    "calibrate": "Each component is calibrated or as it was. The same command begins anew",
    "check": "Nothing is written. The same command begins anew",
    "inspect": "Nothing is written",
    "distill": "What is done stays: the same command goes on where it stopped",
    "silver": "The parts that are written stay: the same command goes on where it stopped",
    "report": "The same command begins anew",
    "search": "What is done stays: the same command goes on where it stopped",
    "stream": "What is done stays: the same command goes on where it stopped",
    "teacher": "What the training saved stays; the same command trains anew",
}


class Terminated(KeyboardInterrupt):
    """The system asked the process to end, as containers do."""


def stoppable(name: str, command: Callable[..., None]) -> Callable[..., None]:
    """Return the command; if it is stopped, it says whether it goes on where it stopped."""

    @wraps(command)
    def run(*args: Any, **settings: Any) -> None:
        try:
            with _terminable():
                command(*args, **settings)
        except KeyboardInterrupt as stop:
            msg.warn("Stopped", SAYS.get(name, BEGINS_ANEW))
            code = TERMINATED if isinstance(stop, Terminated) else INTERRUPTED
            raise typer.Exit(code) from None

    return run


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM raise `Terminated`, so that drafts and locks are removed, for the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: Any) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
