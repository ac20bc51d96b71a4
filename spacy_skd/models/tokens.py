"""A linear scorer of token labels."""

from collections.abc import Callable
from typing import Any

from spacy.tokens import Doc
from thinc.api import Model

from ..arrays import Floats2d, Ints2d
from ..registry import architecture
from .growth import GROW, grown
from .words import word_rows, words_of


@architecture("spacy-skd.TokenScorer.v1")
def build_token_scorer(
    tok2vec: Model[list[Doc], list[Floats2d]], nO: int | None = None
) -> Model[list[Doc], Floats2d]:
    """Make a model of docs to scores of labels, (words of the batch, labels), in nats.

    tok2vec (Model[list[Doc], list[Floats2d]]): vectors of tokens.
    nO (int | None): labels; set by the component.
    """
    output = linear_scores(nO=nO, nI=tok2vec.maybe_get_dim("nO"))
    return Model(
        "token_scorer",
        _forward,
        init=_init,
        layers=[tok2vec, output],
        refs={"tok2vec": tok2vec, "output_layer": output},
        attrs={GROW: _grow},
    )


def linear_scores(*, nO: int | None, nI: int | None) -> Model[Floats2d, Floats2d]:
    """Make a layer of W x + b, which starts at 0."""
    return Model(
        "linear_scores",
        _linear,
        init=_init_linear,
        dims={"nO": nO, "nI": nI},
        params={"W": None, "b": None},
    )


def _grow(model: Model[list[Doc], Floats2d], copies: Ints2d) -> Model[list[Doc], Floats2d]:
    old = model.get_ref("output_layer")
    new = linear_scores(nO=copies.shape[1], nI=old.get_dim("nI"))
    for name in old.param_names:
        new.set_param(name, grown(old.get_param(name), copies))
    model.replace_node(old, new)
    return model


def _init(
    model: Model[list[Doc], Floats2d],
    X: list[Doc] | None = None,
    Y: Floats2d | None = None,
) -> None:
    tok2vec, output = model.layers
    tok2vec.initialize(X=X)
    if not output.has_dim("nI"):
        output.set_dim("nI", tok2vec.get_dim("nO"))
    if Y is not None and not output.has_dim("nO"):
        output.set_dim("nO", Y.shape[1])
    output.initialize()


def _forward(
    model: Model[list[Doc], Floats2d], docs: list[Doc], is_train: bool
) -> tuple[Floats2d, Callable[..., Any]]:
    tok2vec, output = model.layers
    vectors, backprop_vectors = tok2vec(docs, is_train)
    rows, backprop_rows = word_rows(model.ops, words_of(docs), vectors)
    scores, backprop_scores = output(rows, is_train)

    def backprop(d_scores: Floats2d) -> list[Doc]:
        result: list[Doc] = backprop_vectors(backprop_rows(backprop_scores(d_scores)))
        return result

    return scores, backprop


def _init_linear(
    model: Model[Floats2d, Floats2d], X: Floats2d | None = None, Y: Floats2d | None = None
) -> None:
    shape = (model.get_dim("nO"), model.get_dim("nI"))
    model.set_param("W", model.ops.alloc2f(*shape))
    model.set_param("b", model.ops.alloc1f(shape[0]))


def _linear(
    model: Model[Floats2d, Floats2d], X: Floats2d, is_train: bool
) -> tuple[Floats2d, Callable[..., Any]]:
    W, b = model.get_param("W"), model.get_param("b")

    def backprop(d_scores: Floats2d) -> Floats2d:
        d_scores = d_scores.astype(X.dtype)
        model.inc_grad("W", d_scores.T @ X)
        model.inc_grad("b", d_scores.sum(axis=0))
        result: Floats2d = d_scores @ W
        return result

    return X @ W.T + b, backprop
