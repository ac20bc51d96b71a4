"""`doc._.confidences`: the confidences of a doc as lists and dicts, which JSON holds.

By component the layer, how many tokens the doc had, and an entry for each token or span that has a
confidence: its start and end token, what was annotated, and the probability. Set to such a value,
as `Doc.from_json` does, it is what the getters of tokens and spans read.
"""

from contextlib import suppress
from typing import Any

import numpy
from spacy.tokens import Doc

from .base import Layer
from .confidences import Record, add_extension, records_of, set_records
from .known import find_layer

Json = dict[str, Any]


def confidences_of(doc: Doc) -> dict[str, Json]:
    """Return the confidences of a doc, by component; also those that are stale."""
    return {name: _to_json(doc, record) for name, record in records_of(doc).items()}


def set_confidences(doc: Doc, value: dict[str, Json] | None) -> None:
    """Set what `confidences_of` returned. RAISES (ValueError): naming the component, if it is
    something else, or that it is none by component."""
    if not isinstance(value or {}, dict):
        raise ValueError(
            f"expected confidences as doc._.confidences returns them, by component, got {value!r}"
        )
    set_records(doc, {name: _of_json(doc, name, each) for name, each in (value or {}).items()})


def _to_json(doc: Doc, record: Record) -> Json:
    layer, entries = find_layer(record["layer"]), list[Json]()
    rows = zip(record["annotated"].tolist(), record["confidences"].tolist())
    for i, (row, chance) in enumerate(rows):
        if chance == chance:
            with suppress(KeyError):  # what the vocab does not know is nowhere annotated
                entries.append({**layer.row_to_json(doc, i, row), "confidence": chance})
    return {"layer": record["layer"], "n_tokens": record["n_tokens"], "confidences": entries}


def _of_json(doc: Doc, name: str, value: Json) -> Record:
    try:
        layer, n_tokens, entries = (
            find_layer(value["layer"]),
            value["n_tokens"],
            value["confidences"],
        )
        rows = [layer.row_of_json(doc, entry) for entry in entries]
        chances = [float(entry["confidence"]) for entry in entries]
        places = [int(entry["start"]) for entry in entries]
        return _record(layer, int(n_tokens), rows, places, chances)
    except (KeyError, TypeError, IndexError, OverflowError) as error:
        raise ValueError(
            f"{name}: expected confidences as doc._.confidences returns them, got {value!r} "
            f"({error!r})"
        ) from error


def _record(
    layer: Layer, n: int, rows: list[tuple[int, ...]], places: list[int], chances: list[float]
) -> Record:
    if layer.of_spans:
        return layer.record(n, numpy.asarray(rows, dtype="uint64").reshape(-1, 3), chances)
    annotated = numpy.zeros((n, len(rows[0]) if rows else 1), dtype="uint64")
    confidences = numpy.full(n, numpy.nan, dtype="float32")
    annotated[places], confidences[places] = rows or 0, chances
    return layer.record(n, annotated, confidences)


add_extension(Doc, "confidences", getter=confidences_of, setter=set_confidences)
