"""Vectors of a component that is frozen, and runs as an annotating component in training."""

from collections.abc import Callable
from typing import Any

from spacy.tokens import Doc
from thinc.api import Model

from ..arrays import Floats2d
from ..registry import architecture

_NAME = "frozen_listener"


@architecture("spacy-skd.FrozenListener.v1")
def build_frozen_listener(
    listener: Model[list[Doc], list[Floats2d]],
) -> Model[list[Doc], list[Floats2d]]:
    """Make a listener that reads the vectors from the docs, in training as in prediction, and sends
    no gradient. List the component that it listens to in `training.frozen_components` and in
    `training.annotating_components`.

    spaCy's own listeners read docs in training only if their component was never updated and no doc
    is empty, those of spacy-curated-transformers never do.

    listener (Model[list[Doc], list[Floats2d]]): such as spacy.Tok2VecListener.v1,
        spacy-transformers.TransformerListener.v1 or
        spacy-curated-transformers.LastTransformerLayerListener.v1.
    """
    return Model(_NAME, _forward, init=_init, layers=[listener], dims={"nO": None})


def _init(
    model: Model[list[Doc], list[Floats2d]], X: list[Doc] | None = None, Y: Any = None
) -> None:
    (listener,) = model.layers
    listener.initialize(X=X)
    if not model.has_dim("nO"):
        model.set_dim("nO", listener.get_dim("nO"))


def _forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[..., Any]]:
    if is_train and not all(has_vectors(doc) for doc in docs):
        raise ValueError(
            "spacy-skd.FrozenListener.v1: a doc has no vectors. List the component that this one "
            "listens to in training.annotating_components, before it in the pipeline."
        )
    none = model.ops.alloc2f(0, model.get_dim("nO"))
    with_tokens = [doc for doc in docs if len(doc)]
    vectors = iter(model.layers[0].predict(with_tokens) if with_tokens else [])
    return [next(vectors) if len(doc) else none for doc in docs], _no_gradient


def frozen_layers(model: Model[Any, Any]) -> list[Model[Any, Any]]:
    """Return all layers within the frozen listeners of a model."""
    frozen = [node for node in model.walk() if node.name == _NAME]
    return [layer for node in frozen for layer in node.walk() if layer is not node]


def listeners(model: Model[Any, Any]) -> list[Model[Any, Any]]:
    """Return the layers of a model that are fed by another component, spaCy's or a plugin's. Names
    do not say which: those of the layers around one keep its name where it was replaced
    (`nlp.replace_listeners`)."""
    return [n for n in model.walk() if hasattr(n, "upstream_name") or "_upstream_name" in n.attrs]


def has_vectors(doc: Doc) -> bool:
    """Tell whether a tok2vec or a transformer has run."""
    by_transformer = Doc.has_extension("trf_data") and doc._.trf_data is not None
    has_tensor = doc.tensor is not None and doc.tensor.size > 0  # a `doc_cleaner` may set None
    return by_transformer or has_tensor or not len(doc)


def _no_gradient(d_vectors: list[Floats2d]) -> list[Doc]:
    return []
