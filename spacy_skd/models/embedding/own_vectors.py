"""Static vectors of words that a model holds itself, beside those of the vocab.

The vocab has one table, which components of other origin may read too; and a component that is
sourced into another pipeline leaves it behind.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from spacy.attrs import ORTH
from spacy.language import Language
from spacy.ml import staticvectors
from spacy.tokens import Doc
from spacy.util import load_model
from spacy.vectors import Mode, Vectors
from spacy.vocab import Vocab
from thinc.api import Model, deserialize_attr, get_current_ops, glorot_uniform_init, serialize_attr
from thinc.types import Ragged

NAME = "own_vectors"
STATIC = "static_vectors"  # spaCy's name of the layer that reads them


class OwnVectors:
    """An attribute of a model. table (Vectors | None): None to read those of the vocab. It is
    not changed in place: copies share it."""

    def __init__(self, table: Vectors | None = None):
        self.table = table

    def __deepcopy__(self, memo: Any) -> "OwnVectors":
        return OwnVectors(self.table)

    def of(self, vocab: Vocab) -> Any:
        """Return the table to look up in."""
        if self.table is None:
            return vocab.vectors
        if self.table.mode == Mode.floret:  # it spells words out
            self.table.strings = vocab.strings
        return self.table


@serialize_attr.register(OwnVectors)
def _serialize(_: OwnVectors, value: OwnVectors, name: str, model: Model[Any, Any]) -> bytes:
    none: bytes = b""
    return none if value.table is None else value.table.to_bytes(exclude=["strings"])


@deserialize_attr.register(OwnVectors)
def _deserialize(_: OwnVectors, value: bytes, name: str, model: Model[Any, Any]) -> OwnVectors:
    if not value:
        return OwnVectors()
    table = Vectors().from_bytes(value, exclude=["strings"])
    table.to_ops(model.ops)
    return OwnVectors(table)


def own_vectors(path: str | None) -> Model[Any, Any]:
    """Make a layer that holds a table for those that have it among their layers. It is never run.

    path (str | None): folder or package that it is read from when the model is initialized; a
        model that is loaded has it from its own bytes.
    """
    attrs = {"vectors": OwnVectors()}
    return Model(NAME, _never, init=partial(_read, path), attrs=attrs)


def _never(model: Model[Any, Any], X: Any, is_train: bool) -> Any:
    raise RuntimeError("holds vectors, and is not run")


def _read(path: str | None, model: Model[Any, Any], X: Any = None, Y: Any = None) -> None:
    if path is not None:
        table = load_vectors(path)
        table.to_ops(get_current_ops())
        model.attrs["vectors"] = OwnVectors(table)


def load_vectors(path: str) -> Vectors:
    """Read the static vectors of a pipeline: its vocab's, else those that one of its models holds.

    path (str): folder or package.
    RAISES (ValueError): if there is no such pipeline, or it has none.
    """
    try:
        nlp = load_model(path)
    except OSError as error:
        raise ValueError(
            f"cannot load the vectors {path!r}: {error} Name a folder or package by --paths.vectors"
        ) from error
    for table in (nlp.vocab.vectors, *_held(nlp)):
        if table.shape[0] and table.shape[1]:
            return cast(Vectors, table)
    raise ValueError(
        f"{path} has no vectors: expected a folder that `spacy skd vectors` or `spacy init "
        f"vectors` wrote, or a package with some"
    )


def _held(nlp: Language) -> Iterator[Vectors]:
    models = (getattr(pipe, "model", None) for _, pipe in nlp.components)
    for node in (node for model in models if isinstance(model, Model) for node in model.walk()):
        if node.name == NAME and node.attrs["vectors"].table is not None:
            yield node.attrs["vectors"].table


def vectors_of(layer: Model[Any, Any], vocab: Vocab) -> Any:
    """Return the table that a layer looks words up in: of an `own_vectors` among its layers, else
    the vocab's."""
    for holder in layer.layers:
        if holder.name == NAME:
            return holder.attrs["vectors"].of(vocab)
    return vocab.vectors


# spaCy's StaticVectors of such a table


def static_vectors(width: int, holder: Model[Any, Any]) -> Model[list[Doc], Ragged]:
    """Make a `spacy.ml.staticvectors.StaticVectors` of what another layer holds."""
    return Model(
        STATIC,
        _forward,
        init=_init,
        params={"W": None},
        attrs={"key_attr": "ORTH", "dropout_rate": 0.0},
        dims={"nO": width, "nM": None},
        layers=[holder],
    )


class _Seen:
    """A doc as the layer sees it, whose vocab has the table."""

    def __init__(self, doc: Doc, vectors: Any):
        self.doc = doc
        self.vectors = vectors
        self.vocab = self  # of which `vectors` is read alone

    def __len__(self) -> int:
        return len(self.doc)

    def to_array(self, attr: int = ORTH) -> Any:
        return self.doc.to_array(attr)


def _seen(layer: Model[Any, Any], docs: list[Doc]) -> list[Doc]:
    vectors = vectors_of(layer, docs[0].vocab) if docs else None
    return cast(list[Doc], [_Seen(doc, vectors) for doc in docs])


def _forward(
    model: Model[list[Doc], Ragged], docs: list[Doc], is_train: bool
) -> tuple[Ragged, Callable[..., Any]]:
    return staticvectors.forward(model, _seen(model, docs), is_train)


def _init(
    model: Model[list[Doc], Ragged], X: list[Doc] | None = None, Y: Ragged | None = None
) -> None:
    model.layers[0].initialize()
    if X and not vectors_of(model, X[0].vocab).shape[1]:
        raise ValueError(
            "include_static_vectors: expected vectors, found none: name a folder or package by "
            "--paths.vectors, or set include_static_vectors = false"
        )
    staticvectors.init(glorot_uniform_init, model, _seen(model, X) if X else None, Y)
