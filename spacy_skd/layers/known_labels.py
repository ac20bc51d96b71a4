"""Which labels the corpus of a reference knows: predictions with others do not count on it."""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from spacy.tokens import Doc
from spacy.training import Example

if TYPE_CHECKING:
    from .base import Layer

KEY = "spacy_skd_known"  # in doc.user_data of a reference: labels, by the name of a layer


def note_known(doc: Doc, labels: Mapping[str, Iterable[str]]) -> None:
    """Note in a reference which labels its corpus knows. labels (Mapping): by the full name of a
    layer; of the others all count."""
    user_data: dict[Any, Any] = doc.user_data
    user_data[KEY] = {layer: sorted(known) for layer, known in labels.items()}


def known_labels(doc: Doc, layer: str) -> Collection[str] | None:
    """Return the labels of a layer that were noted; None where all count."""
    noted: Mapping[str, Collection[str]] = doc.user_data.get(KEY, {})
    return noted.get(layer)


def countable(layer: "Layer", examples: Iterable[Example]) -> list[Example]:
    """Return the examples without what is predicted with labels that the corpus of the reference
    does not know. Docs are not changed."""
    return [_countable(layer, eg, known_labels(eg.reference, layer.full_name)) for eg in examples]


def _countable(layer: "Layer", eg: Example, known: Collection[str] | None) -> Example:
    if known is None:
        return eg
    predicted = eg.predicted.copy()
    layer.keep_labels(predicted, known)
    return Example(predicted, eg.reference)
