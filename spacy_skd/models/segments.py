"""Biaffine scores of labelled spans up to a width, relative to "not an entity".

Yu, Bohnet & Poesio, "Named Entity Recognition as Dependency Parsing" (ACL 2020), section 3: with
separate hidden layers for a token as start (S) and as end (E) of a span,

    span[i, w, l] = [S_i; 1] W_l [E_(i + w); 1] + width[w, l]

whose last row and column are the linear terms and the bias. Spans wider than `max_width` have no
score, so the cost grows with the tokens, not with their square.
"""

from collections.abc import Callable
from typing import Any

import numpy
from spacy.tokens import Doc
from thinc.api import Model

from ..arrays import Floats2d, Floats3d, Ints1d, Ints2d
from ..errors import check_between
from ..registry import architecture
from ..structures import IMPOSSIBLE
from .growth import GROW, grown
from .scoring import hidden, init_hidden, with_one
from .words import word_rows, words_of


@architecture("spacy-skd.SegmentScorer.v1")
def build_segment_scorer(
    tok2vec: Model[list[Doc], list[Floats2d]],
    max_width: int = 10,
    hidden_width: int = 64,
    dropout: float = 0.33,
    nO: int | None = None,
) -> Model[list[Doc], Floats3d]:
    """Make a model of docs to scores of spans, (words of the batch, max_width, labels), in nats: of
    the span from a word on, one word wider in each column, with a label. `IMPOSSIBLE` beyond the
    doc's end.

    tok2vec (Model[list[Doc], list[Floats2d]]): vectors of tokens.
    max_width (int): words of the widest span that can be found; at least 1.
    hidden_width (int): of the two hidden layers.
    dropout (float): of the hidden layers; training.dropout does not change it.
    nO (int | None): labels; set by the component.
    RAISES (ValueError): if max_width is below 1.
    """
    if int(max_width) != max_width or max_width < 1:
        raise ValueError(f"max_width: expected a whole number of at least 1, got {max_width}")
    check_between("hidden_width", hidden_width, low=1, high=10**5)
    check_between("dropout", dropout, low=0, high=0.99)
    spans = _span_scorer(
        nI=tok2vec.maybe_get_dim("nO"), nH=hidden_width, nW=int(max_width), nO=nO, dropout=dropout
    )
    return Model(
        "segment_scorer",
        _forward,
        init=_init,
        layers=[tok2vec, spans],
        dims={"nW": int(max_width)},
        refs={"tok2vec": tok2vec, "output_layer": spans},
        attrs={GROW: _grow},
    )


def _span_scorer(
    *, nI: int | None, nH: int, nW: int, nO: int | None, dropout: float
) -> Model[Any, Any]:
    return Model(
        "biaffine_spans",
        _spans,
        init=_init_spans,
        dims={"nI": nI, "nH": nH, "nW": nW, "nO": nO},
        params=dict.fromkeys(("S_W", "S_b", "E_W", "E_b", "W", "width")),
        attrs={"hidden_dropout": dropout},
    )


def _grow(model: Model[list[Doc], Floats3d], copies: Ints2d) -> Model[list[Doc], Floats3d]:
    old = model.get_ref("output_layer")
    sizes = {dim: old.get_dim(dim) for dim in ("nI", "nH", "nW")}
    new = _span_scorer(**sizes, nO=copies.shape[1], dropout=old.attrs["hidden_dropout"])
    axes = {"W": 0, "width": 1}  # of the labels
    for name in old.param_names:
        param = old.get_param(name)
        new.set_param(name, grown(param, copies, axis=axes[name]) if name in axes else param.copy())
    model.replace_node(old, new)
    return model


def _init(
    model: Model[list[Doc], Floats3d],
    X: list[Doc] | None = None,
    Y: Floats2d | None = None,
) -> None:
    tok2vec, spans = model.layers
    tok2vec.initialize(X=X)
    if not spans.has_dim("nI"):
        spans.set_dim("nI", tok2vec.get_dim("nO"))
    if Y is not None and not spans.has_dim("nO"):
        spans.set_dim("nO", Y.shape[-1])
    spans.initialize()


def _forward(
    model: Model[list[Doc], Floats3d], docs: list[Doc], is_train: bool
) -> tuple[Floats3d, Callable[..., Any]]:
    tok2vec, spans = model.layers
    vectors, backprop_vectors = tok2vec(docs, is_train)
    words = words_of(docs)
    rows, backprop_rows = word_rows(model.ops, words, vectors)
    left = _words_left([len(each) for each in words])
    scores, backprop_spans = spans((rows, left), is_train)

    def backprop(d_scores: Floats3d) -> list[Doc]:
        result: list[Doc] = backprop_vectors(backprop_rows(backprop_spans(d_scores)))
        return result

    return scores, backprop


def _words_left(lengths: list[int]) -> Ints1d:
    """Return (words of the batch,) words from each on to the end of its doc, itself included."""
    left = [numpy.arange(n, 0, -1) for n in lengths]
    return numpy.concatenate(left) if left else numpy.zeros(0, dtype="int64")


def _init_spans(model: Model[Any, Any], X: Any = None, Y: Any = None) -> None:
    n_in, n_hidden, n_out = (model.get_dim(dim) for dim in ("nI", "nH", "nO"))
    init_hidden(model, "S", nO=n_hidden, nI=n_in)
    init_hidden(model, "E", nO=n_hidden, nI=n_in)
    # Zeros: random products of two hidden layers would start scores several nats apart.
    W = model.ops.alloc3f(n_out, n_hidden + 1, n_hidden + 1)
    model.set_param("W", W)
    model.set_param("width", model.ops.alloc2f(model.get_dim("nW"), n_out))


def _spans(
    model: Model[Any, Any], X: tuple[Floats2d, Ints1d], is_train: bool
) -> tuple[Floats3d, Callable[..., Any]]:
    """Score spans. X: rows (T, nI) of all docs one after the other; words left (T,)."""
    rows, left = X
    xp = model.ops.xp
    dropout = model.attrs["hidden_dropout"] if is_train else 0.0
    W, width = model.get_param("W"), model.get_param("width")
    S, backprop_s = hidden(model, "S", rows, dropout=dropout)
    E, backprop_e = hidden(model, "E", rows, dropout=dropout)
    starts, ends = with_one(xp, S), with_one(xp, E)
    n, n_labels, n_hidden = len(rows), len(W), starts.shape[1]
    flat = W.transpose(1, 0, 2).reshape(n_hidden, n_labels * n_hidden)
    SW = (starts @ flat).reshape(n, n_labels, n_hidden)
    beyond = xp.asarray(left)[:, None] <= xp.arange(len(width))
    windows = _windows(xp, ends, len(width))
    scores = windows @ SW.transpose(0, 2, 1) + width
    scores[beyond] = IMPOSSIBLE

    def backprop(d_scores: Floats3d) -> Floats2d:
        d_scores = xp.where(beyond[..., None], 0.0, d_scores).astype(SW.dtype)
        model.inc_grad("width", d_scores.sum(axis=0))
        d_sw = d_scores.transpose(0, 2, 1) @ windows
        d_sw = d_sw.reshape(n, n_labels * n_hidden)
        d_flat = (starts.T @ d_sw).reshape(n_hidden, n_labels, n_hidden)
        model.inc_grad("W", xp.ascontiguousarray(d_flat.transpose(1, 0, 2)))
        d_ends = _add_windows(xp, d_scores @ SW)
        d_starts = d_sw @ flat.T
        return backprop_s(d_starts[:, :-1]) + backprop_e(d_ends[:, :-1])

    return scores, backprop


def _windows(xp: Any, ends: Floats2d, widths: int) -> Floats3d:
    """View (T, H) as (T, widths, H): the rows where spans from each row on end, zeros beyond."""
    beyond = xp.zeros((widths - 1, ends.shape[1]), dtype=ends.dtype)
    padded = xp.concatenate([ends, beyond])
    by_row, by_column = padded.strides
    shape, strides = (len(ends), widths, ends.shape[1]), (by_row, by_row, by_column)
    result: Floats3d = xp.lib.stride_tricks.as_strided(padded, shape, strides)
    return result


def _add_windows(xp: Any, d_windows: Floats3d) -> Floats2d:
    """Return the gradient of `_windows`: (T, widths, H) to (T, H)."""
    d_ends = d_windows[:, 0].copy()
    for w in range(1, min(d_windows.shape[1], len(d_windows))):
        d_ends[w:] += d_windows[: len(d_windows) - w, w]
    return d_ends
