"""The student's encoder: spaCy's CNN, then light self-attention over blocks of the doc."""

from collections.abc import Callable
from typing import Any

import numpy
from spacy.ml.models.tok2vec import MaxoutWindowEncoder
from thinc.api import Model, noop, with_array

from ..arrays import Floats2d
from ..errors import check_between
from ..registry import architecture
from .attention import attention_layer, layer_norm
from .blas import on_blas
from .blocks import BLOCKS, Blocks, plan_blocks
from .prediction.encoder import Encoder
from .prediction.kept import KEPT, Kept
from .words import concatenate_rows, split_rows

_Vectors = list[Floats2d]


@architecture("spacy-skd.ContextEncoder.v1")
def build_context_encoder(
    width: int,
    depth: int = 4,
    window_size: int = 1,
    maxout_pieces: int = 3,
    attention_depth: int = 2,
    heads: int = 8,
    hidden_multiple: int = 2,
    block: int = 64,
    halo: int = 32,
    max_distance: int = 64,
) -> Model[list[Floats2d], list[Floats2d]]:
    """Encode the context of word vectors; for `encode` of spacy-skd.Tok2Vec.v1 or spacy.Tok2Vec.v2.

    width (int): of the vectors, in and out.
    depth, window_size, maxout_pieces (int): as in spacy.MaxoutWindowEncoder.v2; a depth of 0 is
        attention alone.
    attention_depth (int): self-attention layers after it; 0 for none.
    heads (int): of each; they divide the width. hidden_multiple (int): feed-forward over width.
    block, halo (int): a token sees its block of `block` tokens and `halo` tokens on both sides;
        a doc of at most block + 2 * halo tokens sees all of itself.
    max_distance (int): positions further apart share one bias.
    RAISES (ValueError): if a setting is out of range.
    """
    for name, size in (("width", width), ("maxout_pieces", maxout_pieces), ("heads", heads)):
        check_between(name, size, low=1, high=10**5)
    check_between("depth", depth, low=0, high=100)
    check_between("window_size", window_size, low=0, high=100)
    check_between("hidden_multiple", hidden_multiple, low=1, high=100)
    check_between("attention_depth", attention_depth, low=0, high=100)
    check_between("block", block, low=1, high=10**6)
    check_between("halo", halo, low=0, high=10**6)
    check_between("max_distance", max_distance, low=1, high=10**6)
    cnn: Model[Any, Any] = with_array(noop(), pad=0)
    if depth:
        cnn = MaxoutWindowEncoder(width, window_size, maxout_pieces, depth)
    layers: list[Model[Any, Any]] = [cnn]
    if attention_depth:
        layers += [
            attention_layer(
                width=width, heads=heads, hidden=hidden_multiple * width, max_distance=max_distance
            )
            for _ in range(attention_depth)
        ]
    return Model(
        "context_encoder",
        _forward,
        init=_init,
        layers=layers,
        dims={"nO": width, "nI": width},
        params={"norm_G": None, "norm_b": None},
        attrs={BLOCKS: Blocks(block, halo), KEPT: Kept()},
    )


def _init(
    model: Model[_Vectors, _Vectors], X: _Vectors | None = None, Y: _Vectors | None = None
) -> None:
    cnn, *attention = model.layers
    cnn.initialize(X=X)
    for layer in attention:
        layer.initialize()
    width = model.get_dim("nO")
    model.set_param("norm_G", model.ops.alloc1f(width) + 1)
    model.set_param("norm_b", model.ops.alloc1f(width))


def _forward(
    model: Model[_Vectors, _Vectors], X: _Vectors, is_train: bool
) -> tuple[_Vectors, Callable[..., Any]]:
    if not is_train and model.ops.xp is numpy:
        return _predict(model, X), _no_backprop
    on_blas(model)
    cnn, *attention = model.layers
    encoded, backprop_cnn = cnn(X, is_train)
    if not attention:
        return encoded, backprop_cnn
    blocks: Blocks = model.attrs[BLOCKS]
    groups = plan_blocks([len(rows) for rows in X], block=blocks.block, halo=blocks.halo)
    state = (concatenate_rows(model.ops, encoded), groups)
    backprops: list[Callable[..., Any]] = []
    for layer in attention:
        state, backprop_layer = layer(state, is_train)
        backprops.append(backprop_layer)
    rows, backprop_norm = layer_norm(model, "norm", state[0])

    def backprop(d_vectors: _Vectors) -> _Vectors:
        d_state = (backprop_norm(concatenate_rows(model.ops, d_vectors)), groups)
        for backprop_layer in reversed(backprops):
            d_state = backprop_layer(d_state)
        result: _Vectors = backprop_cnn(split_rows(d_state[0], encoded))
        return result

    return split_rows(rows, encoded), backprop


def _predict(model: Model[_Vectors, _Vectors], X: _Vectors) -> _Vectors:
    """Return what `_forward` does, but for rounding, in half the time."""
    encoder = model.attrs[KEPT].of(model, Encoder.of)
    rows = concatenate_rows(model.ops, X)
    return split_rows(encoder.encode(rows, [len(vectors) for vectors in X]), X)


def _no_backprop(d_vectors: Any) -> _Vectors:
    raise RuntimeError("the forward pass was not run for training")
