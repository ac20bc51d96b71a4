"""Confidences of what components annotated: arrays in one extension of docs, and getters over them.

`doc.user_data` has a record a component, see `Record`. A getter compares what is annotated now with
what was when the record was made: where they differ, its probability says nothing of what is there,
and there is none (None).
"""

import warnings
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Protocol, TypedDict

import numpy
from spacy.tokens import Doc, Span, Token

from ..arrays import Array, Floats1d

RECORDS = "skd_confidences"
_KEY: Any = (
    "._.",
    RECORDS,
    None,
    None,
)  # under which spaCy keeps the value of an extension of docs
_NO_RECORDS: "dict[str, Record]" = {}


class Record(TypedDict):
    """What one component annotated.

    layer (str): full name. order (float): of the layer. n_tokens (int): of the doc.
    of_spans (bool): whether the rows are spans; else the doc's tokens.
    annotated (ndarray): (rows, columns) uint64: of spans start and end token and the label's
        hash; of tokens what the layer says, see `Layer.annotation_of`.
    confidences (Floats1d): (rows,) float32, the probability of each; NaN where there is none.
    """

    layer: str
    order: float
    n_tokens: int
    of_spans: bool
    annotated: Array
    confidences: Floats1d


class Recorded(Protocol):
    """What the getter of a layer of tokens needs of its class."""

    def annotation_of(self, token: Token) -> tuple[int, ...]:
        """Return what is annotated of a token now, as a row of `Record`."""


def records_of(doc: Doc) -> dict[str, Record]:
    """Return the records of a doc, by component, not to be changed."""
    records: dict[str, Record] = doc.user_data.get(_KEY) or _NO_RECORDS
    return records


def set_records(doc: Doc, records: dict[str, Record]) -> None:
    """Put records in the place of all that there are."""
    doc.user_data[_KEY] = records


def add_records(docs: Iterable[Doc], component: str, records: Iterable[Record]) -> None:
    """Put the record of a component, one a doc, in the place of an earlier one."""
    for doc, record in zip(docs, records):
        earlier = {name: each for name, each in records_of(doc).items() if name != component}
        doc.user_data[_KEY] = {**earlier, component: record}


def _valid(doc: Doc, *, of_spans: bool) -> Iterator[Record]:
    """Yield the records of tokens or of spans, the last component's first; those of a doc whose
    tokens have been merged or split are of others."""
    for record in reversed(records_of(doc).values()):
        if record["of_spans"] == of_spans and record["n_tokens"] == len(doc):
            yield record


# Getters


def token_confidence(token: Token, *, layer: Recorded, name: str) -> float | None:
    """Return the probability of what a layer says of a token. name (str): of the layer."""
    for record in _valid(token.doc, of_spans=False):
        if record["layer"] != name:
            continue
        chance = float(record["confidences"][token.i])
        row = tuple(record["annotated"][token.i].tolist())
        if chance == chance and row == layer.annotation_of(token):
            return chance
    return None


def chances_told(doc: Doc, name: str, *, annotated: Array) -> Floats1d | None:
    """Return (tokens,) the probability of what a layer says of each token, NaN where that is
    something else than what is annotated; None if no component tells.

    name (str): of the layer. annotated (ndarray): (tokens, columns), see `Record`.
    """
    for record in _valid(doc, of_spans=False):
        if record["layer"] == name:
            is_same = (record["annotated"] == annotated).all(axis=1)
            chances: Floats1d = numpy.where(is_same, record["confidences"], numpy.nan)
            return chances
    return None


def span_confidence(span: Span) -> float | None:
    """Return the probability of a span with its label: of entities, else of a span group."""
    row = numpy.asarray([span.start, span.end, span.label], dtype="uint64")
    for record in sorted(_valid(span.doc, of_spans=True), key=lambda record: record["order"]):
        places = numpy.flatnonzero((record["annotated"] == row).all(axis=1))
        if len(places):
            return float(record["confidences"][places[0]])
    return None


# Extensions


def register_layer(layer: Recorded, layer_name: str, extension: str) -> None:
    """Give tokens the getter of a layer, `token._.EXTENSION`."""
    getter = partial(token_confidence, layer=layer, name=layer_name)
    add_extension(Token, extension, getter=getter)


def add_extension(kind: type[Doc] | type[Span] | type[Token], name: str, **how: Any) -> None:
    """Register an extension; one of that name which is the user's own stays, with a warning."""
    if kind.has_extension(name):
        if not any(_is_ours(function) for function in kind.get_extension(name)):
            warnings.warn(
                f"{kind.__name__}._.{name} is an extension of your own, which spacy-skd leaves as "
                f"it is; confidences are in doc._.confidences and doc._.{RECORDS}. To have both, "
                f"give yours another name",
                stacklevel=2,
            )
            return
        kind.remove_extension(name)
    kind.set_extension(name, **how)


def _is_ours(function: Any) -> bool:
    module = getattr(getattr(function, "func", function), "__module__", None) or ""
    return callable(function) and module.startswith(__package__.partition(".")[0] + ".")


if not Doc.has_extension(RECORDS):
    Doc.set_extension(RECORDS, default=None)
add_extension(Span, "confidence", getter=span_confidence)
