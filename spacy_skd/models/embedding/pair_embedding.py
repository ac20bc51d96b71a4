"""What a word's neighbours say: an embedding of words, and added to it a vector of each pair that a
word is in, with the word before it and with the one behind it.

Tables are read, not multiplied with: a student knows more, and is hardly slower. As with a lexicon,
what depends on neighbours is added to what the table of words (`word_table`) gives.
"""

from collections.abc import Callable, Sequence

import numpy
from spacy.tokens import Doc
from thinc.api import Model

from ...arrays import Array, Floats2d, Ints1d
from ...errors import check_between, check_one_of
from ...registry import architecture
from ..words import concatenate_rows, split_rows, word_index, words_of
from .lexicon import ATTRS

NAME = "pair_embed"
# Odd numbers of 64 bits, of which the bits are about half and without a pattern.
_LEFT, _RIGHT, _MIXED = (
    numpy.uint64(number) for number in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xFF51AFD7ED558CCD)
)
_HALF = numpy.uint64(32)

_Vectors = list[Floats2d]
_Predict = Callable[[Model[list[Doc], _Vectors], list[Doc]], _Vectors]


@architecture("spacy-skd.PairEmbed.v1")
def build_pair_embed(
    embed: Model[list[Doc], list[Floats2d]],
    rows: int = 16384,
    attr: str = "LOWER",
    dropout: float = 0.3,
) -> Model[list[Doc], list[Floats2d]]:
    """Add to vectors of words those of the pairs that they are in with the words beside them, for
    `embed` of spacy-skd.Tok2Vec.v1. Whitespace between words does not count. Pairs are hashed once:
    rare ones share a row with others.

    embed (Model[list[Doc], list[Floats2d]]): such as spacy-skd.WordEmbed.v2.
    rows (int): of each of two tables, one for the first word of a pair and one for its second.
    attr (str): what words are the same by: LOWER, or ORTH for the case, too.
    dropout (float): the share of pairs that are left out in training, so that what was never seen
        together is learnt, too.
    RAISES (ValueError): if a setting is out of range.
    """
    check_between("rows", rows, low=1, high=10**8)
    check_one_of("attr", attr, list(ATTRS))
    check_between("dropout", dropout, low=0, high=1)
    return Model(
        NAME,
        _forward,
        init=_init,
        layers=[embed],
        params={"first_E": None, "second_E": None},
        dims={"nO": None, "nV": rows},
        attrs={"attr": attr, "pair_dropout": dropout},
    )


def _init(
    model: Model[list[Doc], _Vectors], X: list[Doc] | None = None, Y: _Vectors | None = None
) -> None:
    embed = model.layers[0]
    embed.initialize(X=X, Y=Y)
    if embed.has_dim("nO"):
        width = embed.get_dim("nO")
    elif X:
        width = embed.predict(X[:1])[0].shape[1]
    else:
        return
    model.set_dim("nO", width)
    for name in ("first_E", "second_E"):
        if not model.has_param(name):
            model.set_param(name, model.ops.alloc2f(model.get_dim("nV"), width))


def _forward(
    model: Model[list[Doc], _Vectors], docs: list[Doc], is_train: bool
) -> tuple[_Vectors, Callable[[_Vectors], list[Doc]]]:
    vectors, embed_backprop = model.layers[0](docs, is_train)
    first, second, pairs = _pairs(model, docs)
    if is_train:
        kept = numpy.random.random(len(pairs)) >= model.attrs["pair_dropout"]
        first, second, pairs = first[kept], second[kept], pairs[kept]
    ops = model.ops

    def backprop(d_vectors: _Vectors) -> list[Doc]:
        d_rows = concatenate_rows(ops, d_vectors)
        for name, tokens in (("first_E", first), ("second_E", second)):
            d_E = ops.alloc2f(*model.get_param(name).shape)
            ops.scatter_add(d_E, ops.asarray1i(pairs), d_rows[ops.asarray1i(tokens)])
            model.inc_grad(name, d_E)
        d_docs: list[Doc] = embed_backprop(d_vectors)
        return d_docs

    return _added(model, vectors, first, second, pairs), backprop


def predict_with(predict: _Predict, embed: Model[list[Doc], _Vectors], docs: list[Doc]) -> _Vectors:
    """Return what `embed.predict(docs)` does, whose vectors of words come from somewhere.

    predict (Callable): of an embedding of words and docs. embed (Model): such a one, or a
        spacy-skd.PairEmbed.v1 of one.
    """
    if embed.name != NAME:
        return predict(embed, docs)
    return _added(embed, predict(embed.layers[0], docs), *_pairs(embed, docs))


def _pairs(model: Model[list[Doc], _Vectors], docs: Sequence[Doc]) -> tuple[Ints1d, Ints1d, Ints1d]:
    """Return of the P pairs of a batch (P,) tokens that are their first words, (P,) those that are
    their second ones, and (P,) rows of both tables."""
    words = words_of(docs)
    attr = ATTRS[model.attrs["attr"]]
    forms = [each.of_tokens(doc.to_array(attr)) for doc, each in zip(docs, words)]
    lengths = numpy.asarray([len(each) for each in forms], dtype="int64")
    hashes = numpy.concatenate([numpy.zeros(0, dtype="uint64"), *forms])
    goes_on = numpy.ones(len(hashes), dtype=bool)
    goes_on[numpy.cumsum(lengths)[lengths > 0] - 1] = False  # the last word of a doc
    first = numpy.flatnonzero(goes_on)
    pairs = hash_pairs(hashes[first], hashes[first + 1]) % numpy.uint64(model.get_dim("nV"))
    if all(each.whole for each in words):
        return first, first + 1, pairs.astype("int64")
    tokens = word_index(words)
    return tokens[first], tokens[first + 1], pairs.astype("int64")


def hash_pairs(first: Array, second: Array) -> Array:
    """Hash pairs of hashes, of 64 bits each, in which the order counts. RETURNS: (P,) uint64."""
    mixed = first * _LEFT ^ second * _RIGHT
    mixed ^= mixed >> _HALF
    mixed *= _MIXED
    hashed: Array = mixed ^ mixed >> _HALF
    return hashed


def _added(
    model: Model[list[Doc], _Vectors],
    vectors: _Vectors,
    first: Ints1d,
    second: Ints1d,
    pairs: Ints1d,
) -> _Vectors:
    """Return new vectors: one of a word may be another's, or somebody keeps it."""
    if not len(pairs):
        return vectors
    ops = model.ops
    added, rows = concatenate_rows(ops, vectors).copy(), ops.asarray1i(pairs)
    # A token is the first word of one pair at most, and the second of one.
    added[ops.asarray1i(first)] += model.get_param("first_E")[rows]
    added[ops.asarray1i(second)] += model.get_param("second_E")[rows]
    return split_rows(added, vectors)
