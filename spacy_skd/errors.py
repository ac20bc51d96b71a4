"""Checks of settings, where they enter."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

# Scores of impossible parts, divided by it, are still told from others (structures/parts.py).
HOTTEST = 1000


class DamagedError(ValueError):
    """A model's scores are no numbers: its weights are damaged, or its training diverged."""


def check_between(name: str, value: float, *, low: float, high: float) -> float:
    """Return the value. RAISES (ValueError): if it is NaN or outside [low, high]."""
    if not low <= value <= high:
        raise ValueError(f"{name}: expected a number from {low} to {high}, got {value}")
    return float(value)


def check_positive(name: str, value: float) -> float:
    """Return the value. RAISES (ValueError): if it is no number above 0, or infinite."""
    if not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ValueError(f"{name}: expected a number above 0, got {value}")
    return float(value)


def check_temperature(value: float) -> float:
    """Return the value. RAISES (ValueError): if it is NaN, not above 0 or above `HOTTEST`."""
    if not 0 < value <= HOTTEST:
        raise ValueError(f"temperature: expected a number above 0, at most {HOTTEST}, got {value}")
    return float(value)


def check_applied(
    settings: dict[str, Any], defaults: dict[str, Any], *, applied: Collection[str], of: str
) -> None:
    """Refuse settings that would change nothing. Defaults stand in every config.

    applied (Collection[str]): those that apply. of (str): to what.
    RAISES (ValueError): if another one has a value that is not its default.
    """
    for name, value in settings.items():
        if name not in applied and value != defaults[name]:
            default = "null" if defaults[name] is None else repr(defaults[name])
            raise ValueError(
                f"{name}: does not apply to {of}, and would change nothing; expected its default, "
                f"{default}, got {value!r}. Remove the setting"
            )


@contextmanager
def named(name: str) -> Iterator[None]:
    """Let errors of settings begin with the name of the component."""
    try:
        yield
    except ValueError as error:
        if str(error).startswith(f"{name}: "):
            raise
        raise ValueError(f"{name}: {error}") from error


def check_one_of(name: str, value: str, known: Sequence[str]) -> str:
    """Return the value. RAISES (ValueError): if it is not one of those that are known."""
    if value not in known:
        raise ValueError(f"{name}: expected one of {', '.join(known)}, got {value!r}")
    return value
