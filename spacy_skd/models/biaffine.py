"""Biaffine scores of arcs, and of deprels for chosen arcs only.

Dozat & Manning, "Deep Biaffine Attention for Neural Dependency Parsing" (ICLR 2017), section 2.2:
with separate hidden layers for a token as dependent (D) and as head (H),

    arc[d, h] = D_d U H_h + u H_h            label[d, h] = ([L_d; 1] (x) [K_h; 1]) W

and, where there is a maximum distance, + (S D_d + s)[h - d], that distance clipped (`distances`).
ROOT is a learned vector that stands as one more token. No array of arcs times deprels exists.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc
from thinc.api import Model, glorot_uniform_init

from ..arrays import Floats2d, Floats3d, Ints2d
from ..codecs.units import Bucket, doc_rows, make_buckets
from ..errors import check_between
from ..registry import architecture
from ..structures import Parts
from .growth import GROW, grown
from .prediction.biaffine import Arcs, Labels
from .prediction.kept import KEPT, Kept
from .scoring import (
    arcs_of_distances,
    distances_of_arcs,
    hidden,
    init_hidden,
    no_backprop,
    with_one,
)
from .words import word_rows, words_of

ParserInput = tuple[list[Doc], Ints2d] | list[Doc]
ParserGradient = tuple[list[Parts], Floats2d]


class ParserScores(NamedTuple):
    """Scores of arcs, and of the deprels of such arcs as are asked for; in training once, since
    the gradient is that of these.

    buckets (list[Bucket]): of the units. arcs (list[Parts]): of each bucket, (B, N, N + 1).
    deprels (Callable): of pairs (P, 2) of dependent and head row, -1 for ROOT: (P, deprels), nats.
    """

    buckets: list[Bucket]
    arcs: list[Parts]
    deprels: Callable[[Ints2d], Floats2d]


@architecture("spacy-skd.BiaffineParser.v1")
def build_biaffine_parser(
    tok2vec: Model[list[Doc], list[Floats2d]],
    arc_hidden: int = 128,
    label_hidden: int = 48,
    dropout: float = 0.33,
    nO: int | None = None,
    max_distance: int = 0,
) -> Model[ParserInput, ParserScores]:
    """Make a model of docs and units to scores of arcs, and of the deprels of chosen arcs.

    Input: docs; spans (U, 2) of units as rows of the concatenated words. Of docs alone, as `spacy
    debug model` asks, each is a unit.
    Output: `ParserScores`. The backward pass takes the gradients of the arc scores of each bucket
    and of the deprel scores.

    arc_hidden, label_hidden (int): widths of the hidden layers.
    dropout (float): of the hidden layers; training.dropout does not change it.
    nO (int | None): deprels; set by the component.
    max_distance (int): arcs are also scored by the distance from dependent to head, in which heads
        further away are as far as this; 0 for no such scores. RAISES (ValueError): out of range.
    """
    width = tok2vec.maybe_get_dim("nO")
    arcs = biaffine_arcs(nI=width, nH=arc_hidden, dropout=dropout, max_distance=max_distance)
    return parser_model(tok2vec, arcs, label_hidden=label_hidden, dropout=dropout, nO=nO)


def parser_model(
    tok2vec: Model[list[Doc], list[Floats2d]],
    arcs: Model[Any, Any],
    *,
    label_hidden: int,
    dropout: float,
    nO: int | None,
) -> Model[ParserInput, ParserScores]:
    """See `build_biaffine_parser`. arcs (Model): rows of vectors (T, width) and buckets to the arc
    scores of each bucket."""
    check_between("label_hidden", label_hidden, low=1, high=10**5)
    labels = _label_scorer(nI=arcs.maybe_get_dim("nI"), nH=label_hidden, nO=nO, dropout=dropout)
    return Model(
        "biaffine_parser",
        _forward,
        init=_init,
        layers=[tok2vec, arcs, labels],
        refs={
            "tok2vec": tok2vec,
            "output_layer": labels,
            "arc_scorer": arcs,
            "label_scorer": labels,
        },
        attrs={GROW: _grow},
    )


def biaffine_arcs(
    *, nI: int | None, nH: int, dropout: float, max_distance: int = 0
) -> Model[Any, Any]:
    """Make a layer of rows of vectors and buckets to the arc scores of each bucket, (B, N, N + 1);
    see `build_biaffine_parser`, also of the errors."""
    check_between("max_distance", max_distance, low=0, high=10**4)
    check_between("arc_hidden", nH, low=1, high=10**5)
    check_between("dropout", dropout, low=0, high=0.99)
    names = ["D_W", "D_b", "H_W", "H_b", "U", "u", "root"]
    return Model(
        "biaffine_arcs",
        _arcs,
        init=_init_arcs,
        dims={"nI": nI, "nH": nH},
        params=dict.fromkeys([*names, "S", "s"] if max_distance else names),
        attrs={"hidden_dropout": dropout, "max_distance": max_distance, KEPT: Kept()},
    )


def _label_scorer(*, nI: int | None, nH: int, nO: int | None, dropout: float) -> Model[Any, Any]:
    return Model(
        "biaffine_labels",
        _labels,
        init=_init_labels,
        dims={"nI": nI, "nH": nH, "nO": nO},
        params=dict.fromkeys(("L_W", "L_b", "K_W", "K_b", "W", "root")),
        attrs={"hidden_dropout": dropout, KEPT: Kept()},
    )


def _grow(
    model: Model[ParserInput, ParserScores], copies: Ints2d
) -> Model[ParserInput, ParserScores]:
    old = model.get_ref("label_scorer")
    new = _label_scorer(
        nI=old.get_dim("nI"),
        nH=old.get_dim("nH"),
        nO=copies.shape[1],
        dropout=old.attrs["hidden_dropout"],
    )
    for name in old.param_names:
        W = old.get_param(name)
        new.set_param(name, grown(W, copies, axis=1) if name == "W" else W.copy())
    model.replace_node(old, new)
    return model


def _init(
    model: Model[ParserInput, ParserScores], X: ParserInput | None = None, Y: Any = None
) -> None:
    tok2vec = model.get_ref("tok2vec")
    tok2vec.initialize(X=X[0] if isinstance(X, tuple) else X)
    for scorer in (model.get_ref("arc_scorer"), model.get_ref("label_scorer")):
        if not scorer.has_dim("nI"):
            scorer.set_dim("nI", tok2vec.get_dim("nO"))
        scorer.initialize()


def _forward(
    model: Model[ParserInput, ParserScores], X: ParserInput, is_train: bool
) -> tuple[ParserScores, Callable[[ParserGradient], list[Doc]]]:
    docs, spans = X if isinstance(X, tuple) else (X, doc_rows([len(w) for w in words_of(X)]))
    tok2vec, arcs, labels = model.layers
    vectors, backprop_vectors = tok2vec(docs, is_train)
    words = words_of(docs, n_words=int(spans[:, 1].max(initial=0)))
    rows, backprop_rows = word_rows(model.ops, words, vectors)
    buckets = make_buckets(spans)
    arc_scores, backprop_arcs = arcs((rows, buckets), is_train)
    backprops: list[Callable[[Floats2d], Floats2d]] = []

    def deprels(pairs: Ints2d) -> Floats2d:
        scores, backprop_labels = labels((rows, pairs), is_train)
        backprops.append(backprop_labels)
        result: Floats2d = scores
        return result

    def backprop(d_scores: ParserGradient) -> list[Doc]:
        d_arcs, d_labels = d_scores
        d_rows = backprop_arcs(d_arcs)
        for backprop_labels in backprops:
            d_rows = d_rows + backprop_labels(d_labels)
        result: list[Doc] = backprop_vectors(backprop_rows(d_rows))
        return result

    return ParserScores(buckets, arc_scores, deprels), backprop


def _init_arcs(model: Model[Any, Any], X: Any = None, Y: Any = None) -> None:
    n_in, n_hidden = model.get_dim("nI"), model.get_dim("nH")
    init_hidden(model, "D", nO=n_hidden, nI=n_in)
    init_hidden(model, "H", nO=n_hidden, nI=n_in)
    # Zeros: random products of two hidden layers would start scores 5 nats apart.
    model.set_param("U", model.ops.alloc2f(n_hidden, n_hidden))
    model.set_param("u", model.ops.alloc1f(n_hidden))
    model.set_param("root", glorot_uniform_init(model.ops, (1, n_in)))
    if limit := model.attrs["max_distance"]:
        model.set_param("S", model.ops.alloc2f(2 * limit + 1, n_hidden))
        model.set_param("s", model.ops.alloc1f(2 * limit + 1))


def _arcs(
    model: Model[Any, Any], X: tuple[Floats2d, list[Bucket]], is_train: bool
) -> tuple[list[Parts], Callable[..., Any]]:
    rows, buckets = X
    xp = model.ops.xp
    if not is_train and xp is numpy:
        return model.attrs[KEPT].of(model, Arcs.of).score(rows, buckets), no_backprop
    dropout = model.attrs["hidden_dropout"] if is_train else 0.0
    U, u = model.get_param("U"), model.get_param("u")
    D, backprop_d = hidden(model, "D", rows, dropout=dropout)
    H, backprop_h = hidden(model, "H", rows, dropout=dropout, root=True)
    DU = D @ U
    limit = len(model.get_param("S")) // 2 if model.has_param("S") else 0
    by_distance = D @ model.get_param("S").T + model.get_param("s") if limit else None
    root_row = len(rows)
    scores: list[Parts] = []
    kept: list[tuple[Floats3d, Floats3d]] = []
    for bucket in buckets:
        index = xp.asarray(bucket.index(padding=0))
        left = DU[index]
        right = H[xp.asarray(bucket.heads(root_row))]
        arc = left @ right.transpose(0, 2, 1) + (right @ u)[:, None]
        if by_distance is not None:
            arc[:, :, 1:] += arcs_of_distances(xp, by_distance[index])
        scores.append(Parts({"arc": arc}, xp.asarray(bucket.lengths)))
        kept.append((left, right))

    def backprop(d_scores: list[Parts]) -> Floats2d:
        d_du, d_h = xp.zeros_like(DU), xp.zeros_like(H)
        d_by_distance = xp.zeros((len(D), 2 * limit + 1), dtype=D.dtype)
        for bucket, (left, right), parts in zip(buckets, kept, d_scores):
            d_arc = parts.arrays["arc"].astype(DU.dtype)
            inside = xp.asarray(bucket.inside)
            index = xp.asarray(bucket.index(padding=0))[inside]
            d_right = d_arc.transpose(0, 2, 1) @ left
            by_head = d_arc.sum(axis=1)
            d_right += by_head[..., None] * u
            d_du[index] = (d_arc @ right)[inside]
            d_h[index] = d_right[:, 1:][inside]
            d_h[root_row] += d_right[:, 0].sum(axis=0)
            model.inc_grad("u", xp.einsum("bh,bhk->k", by_head, right))
            if limit:
                d_by_distance[index] = distances_of_arcs(xp, d_arc[:, :, 1:], limit)[inside]
        model.inc_grad("U", D.T @ d_du)
        d_d = d_du @ U.T
        if limit:
            model.inc_grad("S", d_by_distance.T @ D)
            model.inc_grad("s", d_by_distance.sum(axis=0))
            d_d += d_by_distance @ model.get_param("S")
        return backprop_d(d_d) + backprop_h(d_h)

    return scores, backprop


def _init_labels(model: Model[Any, Any], X: Any = None, Y: Any = None) -> None:
    n_in, n_hidden, n_out = (model.get_dim(dim) for dim in ("nI", "nH", "nO"))
    init_hidden(model, "L", nO=n_hidden, nI=n_in)
    init_hidden(model, "K", nO=n_hidden, nI=n_in)
    model.set_param("W", model.ops.alloc2f((n_hidden + 1) ** 2, n_out))
    model.set_param("root", glorot_uniform_init(model.ops, (1, n_in)))


def _labels(
    model: Model[Any, Any], X: tuple[Floats2d, Ints2d], is_train: bool
) -> tuple[Floats2d, Callable[..., Any]]:
    rows, pairs = X
    xp = model.ops.xp
    if not is_train:
        return model.attrs[KEPT].of(model, Labels.of).score(rows, pairs), no_backprop
    dropout = model.attrs["hidden_dropout"] if is_train else 0.0
    W = model.get_param("W")
    L, backprop_l = hidden(model, "L", rows, dropout=dropout)
    K, backprop_k = hidden(model, "K", rows, dropout=dropout, root=True)
    dependent_rows, head_rows = pairs[:, 0], numpy.where(pairs[:, 1] < 0, len(rows), pairs[:, 1])
    dependents, heads = xp.asarray(dependent_rows), xp.asarray(head_rows)
    left, right = with_one(xp, L[dependents]), with_one(xp, K[heads])
    outer = (left[:, :, None] * right[:, None]).reshape((len(left), len(W)))

    def backprop(d_scores: Floats2d) -> Floats2d:
        d_scores = d_scores.astype(outer.dtype)
        model.inc_grad("W", outer.T @ d_scores)
        d_outer = (d_scores @ W.T).reshape((len(left), left.shape[1], right.shape[1]))
        d_left = (d_outer @ right[..., None])[..., 0]
        d_right = (left[:, None] @ d_outer)[:, 0]
        d_l, d_k = xp.zeros_like(L), xp.zeros_like(K)
        model.ops.scatter_add(d_l, dependents.astype("int32"), xp.ascontiguousarray(d_left[:, :-1]))
        model.ops.scatter_add(d_k, heads.astype("int32"), xp.ascontiguousarray(d_right[:, :-1]))
        return backprop_l(d_l) + backprop_k(d_k)

    return outer @ W, backprop
