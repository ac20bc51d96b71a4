"""Scores of docs: attention over the words' vectors, and a linear model of n-grams.

Each head has a query q_h, by which it weighs the words x_i of a doc,

    a_h = softmax_i(q_h . x_i)        v = [sum_i a_h[i] x_i of each head]

and the scores are W hidden(v) + b + sum_g n_g S_g, with a number n_g of each n-gram of the doc and
its row S_g of the linear model. Queries start at 0: each head begins as the mean. A doc without
words has v = 0 and no n-grams.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy
from spacy.attrs import ORTH
from spacy.tokens import Doc
from thinc.api import Model, NumpyOps, SparseLinear_v2

from ..arrays import Array, Floats1d, Floats2d, Ints1d, Ints2d
from ..codecs.words import Words
from ..errors import check_between
from ..registry import architecture
from .growth import GROW, grown
from .scoring import hidden, init_hidden
from .tokens import linear_scores
from .words import word_rows, words_of

_NGRAMS = NumpyOps().ngrams


@architecture("spacy-skd.DocScorer.v1")
def build_doc_scorer(
    tok2vec: Model[list[Doc], list[Floats2d]],
    heads: int = 4,
    hidden_width: int = 64,
    dropout: float = 0.2,
    ngram_size: int = 2,
    length: int = 65536,
    nO: int | None = None,
) -> Model[list[Doc], Floats2d]:
    """Make a model of docs to scores of labels, (docs, labels), in nats.

    tok2vec (Model[list[Doc], list[Floats2d]]): vectors of tokens.
    heads (int): of the attention, at least 1.
    hidden_width (int): of the hidden layer.
    dropout (float): of the hidden layer; training.dropout does not change it.
    ngram_size (int): words of the longest n-gram of the linear model; 0 for no such model.
    length (int): rows of the linear model, in which each n-gram has two by its hash.
    nO (int | None): labels; set by the component.
    RAISES (ValueError): if a setting is out of range.
    """
    check_between("heads", heads, low=1, high=10**3)
    check_between("hidden_width", hidden_width, low=1, high=10**5)
    check_between("dropout", dropout, low=0, high=0.99)
    check_between("ngram_size", ngram_size, low=0, high=10)
    check_between("length", length, low=1, high=2**31)
    output = linear_scores(nO=nO, nI=hidden_width)
    sparse = [SparseLinear_v2(nO=nO, length=length)] if ngram_size else []
    return Model(
        "doc_scorer",
        _forward,
        init=_init,
        layers=[tok2vec, _pooling(heads, hidden_width, dropout), output, *sparse],
        refs={"tok2vec": tok2vec, "output_layer": output},
        attrs={GROW: _grow, "ngram_size": ngram_size},
    )


def _init(
    model: Model[list[Doc], Floats2d], X: list[Doc] | None = None, Y: Floats2d | None = None
) -> None:
    tok2vec, pooling, *linear = model.layers
    tok2vec.initialize(X=X)
    pooling.set_dim("nI", tok2vec.get_dim("nO"))
    pooling.initialize()
    for layer in linear:
        if Y is not None and not layer.has_dim("nO"):
            layer.set_dim("nO", Y.shape[1])
        layer.initialize()


def _grow(model: Model[list[Doc], Floats2d], copies: Ints2d) -> Model[list[Doc], Floats2d]:
    old = model.get_ref("output_layer")
    new = linear_scores(nO=copies.shape[1], nI=old.get_dim("nI"))
    for name in old.param_names:
        new.set_param(name, grown(old.get_param(name), copies))
    model.replace_node(old, new)
    for sparse in model.layers[3:]:
        length = sparse.get_dim("length")
        wide = SparseLinear_v2(nO=copies.shape[1], length=length)
        rows = sparse.get_param("W").reshape((-1, length))
        wide.set_param("W", grown(rows, copies).ravel())
        wide.set_param("b", grown(sparse.get_param("b"), copies))
        model.replace_node(sparse, wide)
    return model


def _forward(
    model: Model[list[Doc], Floats2d], docs: list[Doc], is_train: bool
) -> tuple[Floats2d, Callable[..., Any]]:
    tok2vec, pooling, output, *sparse = model.layers
    vectors, backprop_vectors = tok2vec(docs, is_train)
    words = words_of(docs)
    rows, backprop_rows = word_rows(model.ops, words, vectors)
    pooled, backprop_pooled = pooling((rows, [len(each) for each in words]), is_train)
    scores, backprop_scores = output(pooled, is_train)
    backprop_sparse: Callable[..., Any] | None = None
    if sparse:
        ngrams = count_ngrams(docs, words, size=model.attrs["ngram_size"])
        linear, backprop_sparse = sparse[0](ngrams, is_train)
        scores = scores + linear

    def backprop(d_scores: Floats2d) -> list[Doc]:
        d_scores = model.ops.as_contig(d_scores.astype(scores.dtype))
        if backprop_sparse is not None:
            backprop_sparse(d_scores)
        d_rows = backprop_rows(backprop_pooled(backprop_scores(d_scores)))
        result: list[Doc] = backprop_vectors(d_rows)
        return result

    return scores, backprop


# N-grams


def count_ngrams(
    docs: Sequence[Doc], words: Sequence[Words], *, size: int
) -> tuple[Array, Floats1d, Ints1d]:
    """Return what thinc's sparse layers read: n-grams of up to `size` words, (G,) uint64, of all
    docs one after the other; (G,) float32, how often each occurs, by the root of the doc's words,
    so that long docs are no more certain; (docs,) int32, how many of each doc."""
    keys, counts = zip(*(_ngrams_of(*pair, size) for pair in zip(docs, words)))
    roots = [numpy.sqrt(max(1, len(each))) for each in words]
    values = [count / root for count, root in zip(counts, roots)]
    lengths = numpy.asarray([len(each) for each in keys], dtype="int32")
    return numpy.concatenate(keys), numpy.concatenate(values).astype("float32"), lengths


def _ngrams_of(doc: Doc, words: Words, size: int) -> tuple[Array, Array]:
    single = words.of_tokens(doc.to_array([ORTH]).reshape(-1))
    longer = [_NGRAMS(n, single) for n in range(2, size + 1) if n <= len(single)]
    keys, counts = numpy.unique(numpy.concatenate([single, *longer]), return_counts=True)
    return keys, counts


# Attention


def _pooling(heads: int, hidden_width: int, dropout: float) -> Model[Any, Any]:
    return Model(
        "doc_pooling",
        _pool,
        init=_init_pooling,
        dims={"nI": None, "nO": hidden_width, "nH": heads},
        params=dict.fromkeys(("Q", "hidden_W", "hidden_b")),
        attrs={"hidden_dropout": dropout},
    )


def _init_pooling(model: Model[Any, Any], X: Any = None, Y: Any = None) -> None:
    width, heads = model.get_dim("nI"), model.get_dim("nH")
    model.set_param("Q", model.ops.alloc2f(heads, width))
    init_hidden(model, "hidden", nO=model.get_dim("nO"), nI=heads * width)


def _pool(
    model: Model[Any, Any], X: tuple[Floats2d, list[int]], is_train: bool
) -> tuple[Floats2d, Callable[..., Any]]:
    """X: rows (T, width) of the words of all docs; words of each doc. RETURNS: (docs, hidden)."""
    rows, lengths = X
    xp, Q = model.ops.xp, model.get_param("Q")
    ends = numpy.cumsum(lengths, dtype="int64").tolist()
    cuts = [slice(end - n, end) for end, n in zip(ends, lengths)]
    logits = rows @ Q.T
    weights = xp.empty_like(logits)
    pooled = xp.zeros((len(lengths), *Q.shape), dtype=rows.dtype)
    for i, cut in enumerate(cuts):
        if lengths[i]:
            powers = xp.exp(logits[cut] - logits[cut].max(axis=0))
            weights[cut] = powers / powers.sum(axis=0)
            pooled[i] = weights[cut].T @ rows[cut]
    dropout = model.attrs["hidden_dropout"] if is_train else 0.0
    output, backprop_hidden = hidden(
        model, "hidden", pooled.reshape((len(lengths), -1)), dropout=dropout
    )

    def backprop(d_output: Floats2d) -> Floats2d:
        d_pooled = backprop_hidden(d_output).reshape(pooled.shape)
        d_rows, d_logits = xp.empty_like(rows), xp.empty_like(logits)
        for i, cut in enumerate(cuts):
            d_rows[cut] = weights[cut] @ d_pooled[i]
            d_weights = rows[cut] @ d_pooled[i].T
            inner = (d_weights * weights[cut]).sum(axis=0)
            d_logits[cut] = (d_weights - inner) * weights[cut]
        model.inc_grad("Q", d_logits.T @ rows)
        result: Floats2d = d_rows + d_logits @ Q
        return result

    return output, backprop
