"""spaCy's `Tok2Vec`, on numpy's BLAS."""

from collections.abc import Callable
from typing import Any

from spacy.ml.models.tok2vec import build_Tok2Vec_model
from spacy.tokens import Doc
from thinc.api import Model

from ..arrays import Floats2d
from ..registry import architecture
from .blas import on_blas
from .embedding.lexicon_embedding import predict_with
from .prediction.word_table import WordTable

_Vectors = list[Floats2d]


@architecture("spacy-skd.Tok2Vec.v1")
def build_tok2vec(
    embed: Model[list[Doc], list[Floats2d]], encode: Model[list[Floats2d], list[Floats2d]]
) -> Model[list[Doc], list[Floats2d]]:
    """Embed tokens, then encode their context: `spacy.Tok2Vec.v2`, two to three times faster.

    embed (Model[list[Doc], list[Floats2d]]): vectors of words, such as spacy.MultiHashEmbed.v2.
    encode (Model[list[Floats2d], list[Floats2d]]): such as spacy-skd.ContextEncoder.v1 or
        spacy.MaxoutWindowEncoder.v2.
    """
    inner = build_Tok2Vec_model(embed, encode)
    model: Model[list[Doc], list[Floats2d]] = Model(
        "blas_tok2vec",
        _forward,
        init=_init,
        layers=[inner],
        dims={"nO": None},
        refs={"embed": embed, "encode": encode},
        attrs={"words": WordTable()},
    )
    if inner.has_dim("nO"):
        model.set_dim("nO", inner.get_dim("nO"))
    return model


def _init(
    model: Model[list[Doc], _Vectors], X: list[Doc] | None = None, Y: _Vectors | None = None
) -> None:
    model.layers[0].initialize(X=X, Y=Y)
    if not model.has_dim("nO"):
        model.set_dim("nO", model.layers[0].get_dim("nO"))


def _forward(
    model: Model[list[Doc], _Vectors], docs: list[Doc], is_train: bool
) -> tuple[_Vectors, Callable[..., Any]]:
    if is_train:
        on_blas(model)
        return model.layers[0](docs, is_train)
    embed, encode = model.layers[0].layers
    vectors = predict_with(model.attrs["words"].predict, embed, docs)
    return encode.predict(vectors), _no_backprop


def _no_backprop(d_vectors: _Vectors) -> list[Doc]:
    raise RuntimeError("the forward pass was not run for training")
