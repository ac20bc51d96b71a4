"""Which labels the corpus of a reference knows: predictions with others do not count on it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from spacy.tokens import Doc

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
