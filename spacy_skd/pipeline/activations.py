"""`doc._.activations`: the probabilities behind a component's annotation, on request.

spaCy v4 has `Doc.activations` for it; spaCy 3.8 has no such attribute, so it is an extension, which
`Doc.to_bytes` and processes carry along.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from spacy.tokens import Doc

Activations = dict[str, Any]
EXTENSION = "activations"


class Predictions(NamedTuple):
    """What `predict` returns and `set_annotations` writes.

    best (list[Any]): per doc, what the component annotates.
    activations (list[Activations] | None): per doc; None unless `save_activations` is on.
    """

    best: list[Any]
    activations: list[Activations] | None = None


def register_extension() -> None:
    if not Doc.has_extension(EXTENSION):
        Doc.set_extension(EXTENSION, default={})


def store(docs: Sequence[Doc], activations: Sequence[Activations] | None, *, name: str) -> None:
    """name (str): of the component."""
    for doc, found in zip(docs, activations or ()):
        doc._.get(EXTENSION)[name] = found
