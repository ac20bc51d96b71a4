"""A scorer of tag sequences: a linear score of each token's tag, and a table of transitions."""

from collections.abc import Callable
from typing import Any

from spacy.tokens import Doc
from thinc.api import Model

from ..arrays import Floats2d, Ints1d, Ints2d
from ..registry import architecture
from .growth import GROW, grow_output, grown, grown_pairs
from .tokens import build_token_scorer
from .words import word_lengths

ChainScores = tuple[Floats2d, Floats2d]


@architecture("spacy-skd.ChainScorer.v1")
def build_chain_scorer(
    tok2vec: Model[list[Doc], list[Floats2d]], nO: int | None = None
) -> Model[list[Doc], ChainScores]:
    """Make a model of docs to scores of tags (words of the batch, tags) and of transitions (tags,
    tags), in nats.

    The scores of first and last tags are added to those of the first and last word of each doc.

    tok2vec (Model[list[Doc], list[Floats2d]]): vectors of tokens.
    nO (int | None): tags; set by the component.
    """
    return _chain_scorer(build_token_scorer(tok2vec, nO))


def _chain_scorer(tokens: Model[list[Doc], Floats2d]) -> Model[list[Doc], ChainScores]:
    return Model(
        "chain_scorer",
        _forward,
        init=_init,
        layers=[tokens],
        params={"start": None, "end": None, "transition": None},
        refs={name: tokens.get_ref(name) for name in ("tok2vec", "output_layer")},
        attrs={GROW: _grow},
    )


def _grow(model: Model[list[Doc], ChainScores], copies: Ints2d) -> Model[list[Doc], ChainScores]:
    new = _chain_scorer(grow_output(model.layers[0], copies))
    new.set_param("start", grown(model.get_param("start"), copies))
    new.set_param("end", grown(model.get_param("end"), copies))
    new.set_param("transition", grown_pairs(model.get_param("transition"), copies))
    return new


def _init(
    model: Model[list[Doc], ChainScores],
    X: list[Doc] | None = None,
    Y: Floats2d | None = None,
) -> None:
    model.layers[0].initialize(X=X, Y=Y)
    n = model.get_ref("output_layer").get_dim("nO")
    model.set_param("start", model.ops.alloc1f(n))
    model.set_param("end", model.ops.alloc1f(n))
    model.set_param("transition", model.ops.alloc2f(n, n))


def _forward(
    model: Model[list[Doc], ChainScores], docs: list[Doc], is_train: bool
) -> tuple[ChainScores, Callable[..., Any]]:
    scores, backprop_scores = model.layers[0](docs, is_train)
    first, last = _ends(model, docs, n_words=len(scores))
    scores = scores.copy()
    scores[first] += model.get_param("start")
    scores[last] += model.get_param("end")

    def backprop(d_output: ChainScores) -> list[Doc]:
        d_scores, d_transition = d_output
        d_scores = d_scores.astype(scores.dtype)
        model.inc_grad("start", d_scores[first].sum(axis=0))
        model.inc_grad("end", d_scores[last].sum(axis=0))
        model.inc_grad("transition", d_transition.astype(scores.dtype))
        result: list[Doc] = backprop_scores(d_scores)
        return result

    return (scores, model.get_param("transition")), backprop


def _ends(model: Model[Any, Any], docs: list[Doc], *, n_words: int) -> tuple[Ints1d, Ints1d]:
    """Return rows of the first and of the last word of each doc that has one."""
    lengths = [n for n in word_lengths(docs, n_words=n_words) if n]
    ends = model.ops.xp.cumsum(model.ops.asarray1i(lengths))
    return ends - model.ops.asarray1i(lengths), ends - 1
