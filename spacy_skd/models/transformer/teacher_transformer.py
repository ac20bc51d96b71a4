"""The teacher's transformer: spacy-transformers' model with bfloat16 on CPUs that have it.

This module alone needs torch and spacy-transformers (extra `[teacher]`), and imports them when an
architecture is built, so that importing the package never does.
"""

import copy
from collections.abc import Callable
from typing import Any

from spacy import registry
from spacy.ml.models.tok2vec import MultiHashEmbed
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Ragged

from ...arrays import Floats2d
from ...registry import architecture
from ..blas import on_blas
from ..prediction.word_table import WordTable

BFLOAT16 = ("auto", "on", "off")


@architecture("spacy-skd.TransformerModel.v1")
def build_transformer_model(
    name: str,
    get_spans: Callable[..., Any],
    tokenizer_config: dict[str, Any] = {},  # noqa: B006  (confection wants a dict; copied below)
    transformer_config: dict[str, Any] = {},  # noqa: B006
    bfloat16: str = "auto",
    learn_rate_scale: float = 1.0,
) -> Model[Any, Any]:
    """Make a transformer for spaCy's `transformer` component.

    name (str): a hub name, a local folder, or `package:NAME` for the folder `model` inside an
        installed Python package.
    get_spans (Callable): docs to the spans that the transformer sees at once.
    tokenizer_config, transformer_config (dict[str, Any]): for the transformers library.
    bfloat16 (str): "auto" (autocast where the CPU has instructions for it), "on" or "off".
    learn_rate_scale (float): the backbone's learning rate over the optimizer's.
    The backbone is looked for when the model is initialized: a trained one needs it no more.
    RAISES (ValueError): if spacy-transformers is missing or a setting is none of the above; when
        initialized, if the backbone is missing or incomplete.
    """
    if bfloat16 not in BFLOAT16:
        raise ValueError(f"bfloat16: expected one of {', '.join(BFLOAT16)}, got {bfloat16!r}")
    try:
        from ._autocast import CpuTransformerModel
    except ImportError as error:
        raise ValueError(
            f"spacy-skd.TransformerModel.v1 needs: pip install torch spacy-transformers ({error})"
        ) from error

    return CpuTransformerModel(
        name,
        get_spans,
        copy.deepcopy(tokenizer_config),
        copy.deepcopy(transformer_config),  # spacy-transformers adds to it
        bfloat16=bfloat16,
        learn_rate_scale=learn_rate_scale,
    )


@architecture("spacy-skd.TransformerFeatures.v1")
def build_transformer_features(
    pooling: Model[Ragged, Floats2d],
    width: int = 64,
    attrs: list[str] = ["NORM", "SHAPE", "PREFIX", "SUFFIX"],  # noqa: B006
    rows: list[int] = [5000, 2500, 1000, 2500],  # noqa: B006
    grad_factor: float = 1.0,
    upstream: str = "*",
) -> Model[list[Doc], list[Floats2d]]:
    """Put the vectors of the pipeline's transformer beside a small hash embedding, which sees what
    the transformer may not: case, in an uncased backbone.

    pooling (Model[Ragged, Floats2d]): the vectors of a word's pieces to one.
    width (int): of the hash embedding, 0 for none. attrs, rows: as in spacy.MultiHashEmbed.v2.
    grad_factor (float): weight of this component's gradient in the transformer.
    upstream (str): the name of the transformer component, "*" for any.
    """
    make_listener = registry.architectures.get("spacy-transformers.TransformerListener.v1")
    listener = make_listener(
        pooling=_empty_as_zeros(pooling), grad_factor=grad_factor, upstream=upstream
    )
    if not width:
        result: Model[list[Doc], list[Floats2d]] = listener
        return result
    embed = MultiHashEmbed(width, attrs, rows, include_static_vectors=False)
    return Model(
        "transformer_features",
        _beside,
        init=_init_beside,
        layers=[listener, embed],
        dims={"nO": None},
        attrs={"words": WordTable()},
    )


def _empty_as_zeros(pooling: Model[Ragged, Floats2d]) -> Model[Ragged, Floats2d]:
    """Give zeros to a word of which the transformer sees no piece (whitespace, control characters);
    `reduce_first` raises."""
    return Model("empty_as_zeros", _pool, layers=[pooling], dims={"nO": None})


def _pool(
    model: Model[Ragged, Floats2d], pieces: Ragged, is_train: bool
) -> tuple[Floats2d, Callable[..., Any]]:
    has_pieces = pieces.lengths > 0
    vectors, backprop = model.layers[0](Ragged(pieces.data, pieces.lengths[has_pieces]), is_train)
    full = model.ops.alloc2f(len(pieces.lengths), vectors.shape[1])
    full[has_pieces] = vectors

    def backprop_pool(d_full: Floats2d) -> Ragged:
        return Ragged(backprop(d_full[has_pieces]).data, pieces.lengths)

    return full, backprop_pool


def _init_beside(model: Model[Any, Any], X: list[Doc] | None = None, Y: Any = None) -> None:
    for layer in model.layers:
        layer.initialize(X=X)
    if not model.has_dim("nO"):
        model.set_dim("nO", sum(layer.get_dim("nO") for layer in model.layers))


def _beside(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[..., Any]]:
    """Join both layers' vectors. (thinc's `concatenate` adds up the gradients of its input, which
    docs do not have.)"""
    on_blas(model)
    listener, embed = model.layers
    left, backprop_left = listener(docs, is_train)
    if not is_train:
        return _join(model, left, model.attrs["words"].predict(embed, docs)), backprop_left
    right, backprop_right = embed(docs, is_train)

    def backprop(d_vectors: list[Floats2d]) -> list[Doc]:
        backprop_left([d[:, : a.shape[1]] for d, a in zip(d_vectors, left)])
        backprop_right([d[:, a.shape[1] :] for d, a in zip(d_vectors, left)])
        return docs

    return _join(model, left, right), backprop


def _join(model: Model[Any, Any], left: list[Floats2d], right: list[Floats2d]) -> list[Floats2d]:
    empty = model.ops.alloc2f(0, model.get_dim("nO"))  # the listener gives an empty doc no width
    join = model.ops.xp.concatenate
    return [join([a, b], axis=1) if len(b) else empty for a, b in zip(left, right)]
