"""Names under which configs find our functions: spaCy's registries, with types."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from spacy import registry

F = TypeVar("F", bound=Callable[..., Any])


class Decorator(Protocol):
    """What returns the function that it is given."""

    def __call__(self, function: F, /) -> F: ...


def architecture(name: str) -> Decorator:
    """Register a maker of a model."""
    return cast(Decorator, registry.architectures(name))


def reader(name: str) -> Decorator:
    """Register a maker of a corpus."""
    return cast(Decorator, registry.readers(name))


def callback(name: str) -> Decorator:
    """Register a maker of a callback."""
    return cast(Decorator, registry.callbacks(name))


def misc(name: str) -> Decorator:
    """Register what spaCy has no kind for."""
    return cast(Decorator, registry.misc(name))


def logger(name: str) -> Decorator:
    """Register a maker of a logger of trainings."""
    return cast(Decorator, registry.loggers(name))
