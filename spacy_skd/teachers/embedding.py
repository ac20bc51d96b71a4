"""The component of a pipeline that embeds tokens: how to listen to it, and its vectors of docs."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from spacy import registry
from spacy.language import Language
from spacy.tokens import Doc

from ..arrays import Floats2d

Block = dict[str, Any]


def _listener(architecture: str, **settings: Any) -> Block:
    return {"@architectures": architecture, **settings, "upstream": "*"}


def _pooled(architecture: str, **settings: Any) -> Block:
    pooling = {"@layers": "reduce_mean.v1"}
    return _listener(architecture, **settings, pooling=pooling, grad_factor=1.0)


# By factory, the likeliest to be worth it first: how to listen to a component of some width.
LISTENERS: dict[str, Callable[[int], Block]] = {
    "transformer": lambda width: _pooled("spacy-transformers.TransformerListener.v1"),
    "curated_transformer": lambda width: _pooled(
        "spacy-curated-transformers.LastTransformerLayerListener.v1", width=width
    ),
    "tok2vec": lambda width: _listener("spacy.Tok2VecListener.v1", width=width),
}


def find_listener(nlp: Language) -> tuple[str, Block]:
    """Tell how to build on a pipeline's embedding component.

    RETURNS (tuple[str, Dict]): its name, and the config of an architecture that listens to it and
        gives a token the mean of its pieces' vectors.
    RAISES (ValueError): if there is none.
    """
    for factory, listen in LISTENERS.items():
        for name in nlp.pipe_names:
            if nlp.get_pipe_meta(name).factory == factory:
                model: Any = nlp.get_pipe(name).model  # type: ignore[attr-defined]
                return name, listen(model.get_dim("nO"))
    raise ValueError(
        f"the pipeline has no component to build on: expected one of the factories "
        f"{', '.join(LISTENERS)}, found {nlp.pipe_names}. (If its components have a transformer "
        f"each, their listeners were replaced; train it without replace_listeners.)"
    )


class Embedder:
    """The vectors of a trained pipeline's embedding component.

    RAISES (ValueError): if the pipeline has none.
    """

    def __init__(self, nlp: Language):
        name, block = find_listener(nlp)
        self.pipe = cast(Any, nlp.get_pipe(name))
        self.width: int = self.pipe.model.get_dim("nO")
        self._listener = registry.resolve({"listener": block})["listener"]
        for node in self._listener.walk():
            if hasattr(node, "upstream_name") and node.has_dim("nO") is None:
                node.set_dim("nO", self.width)  # as linking does
        self._listener.initialize()

    def vectors(self, docs: Sequence[Doc]) -> list[Floats2d]:
        """Return per doc (tokens, width) float32, on the CPU. The docs are left without what the
        component set in them."""
        with_tokens = [doc for doc in docs if len(doc)]
        if with_tokens:
            self.pipe.set_annotations(with_tokens, self.pipe.predict(with_tokens))
        vectors = self.read(docs)
        for doc in with_tokens:
            drop_vectors(doc)
        return vectors

    def read(self, docs: Sequence[Doc]) -> list[Floats2d]:
        """Return the same of docs on which the component has run."""
        ops = self._listener.ops
        with_tokens = [doc for doc in docs if len(doc)]
        vectors = iter(self._listener.predict(with_tokens) if with_tokens else [])
        none = ops.alloc2f(0, self.width)
        return [ops.to_numpy(next(vectors) if len(doc) else none) for doc in docs]


def cleaners(nlp: Language) -> list[str]:
    """Return the components that take vectors out of docs, to be disabled where others are asked
    of the docs afterwards."""
    return [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == "doc_cleaner"]


def drop_vectors(doc: Doc) -> Doc:
    """Take out of a doc what a transformer or tok2vec left in it, which is large. RETURNS (Doc):
    the same."""
    if Doc.has_extension("trf_data"):
        doc._.trf_data = None
    if doc.tensor is not None:  # a `doc_cleaner` may have set that
        doc.tensor = doc.tensor[:0]
    return doc
