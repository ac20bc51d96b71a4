"""What a lexicon says of words in their place: an embedding of words, and added to it one of the
classes of the phrases that a word is in, and of its place in them.

The vectors of words are a table in prediction (`word_table`), to which what depends on a word's
neighbours is no part: so it is added to what the table gives.
"""

import logging
from collections.abc import Callable
from typing import Any

import numpy
from spacy.tokens import Doc
from thinc.api import Model, deserialize_attr, serialize_attr

from ...arrays import Floats2d, Ints1d
from ...errors import check_between, check_one_of
from ...registry import architecture
from ..words import concatenate_rows, split_rows
from .lexicon import ATTRS, N_POSITIONS, Lexicon

NAME = "lexicon_embed"
ENOUGH = 20_000  # tokens of a training in which some phrase should have occurred

_Vectors = list[Floats2d]
_Predict = Callable[[Model[list[Doc], _Vectors], list[Doc]], _Vectors]
logger = logging.getLogger("spacy.skd")


class OwnLexicon:
    """An attribute of a model. lexicon (Lexicon | None): None before one was read. It is not
    changed in place: copies share it.

    tokens, matched (int): seen in training, and those of them in a phrase. told (bool): whether it
    was said that there are none. unfit, uneven (int): of what was read, lines that were left out
    and phrases that text cuts otherwise. path (str | None): of what was read. None of
    these is saved.
    """

    def __init__(
        self,
        lexicon: Lexicon | None = None,
        *,
        unfit: int = 0,
        uneven: int = 0,
        path: str | None = None,
    ):
        self.lexicon = lexicon
        self.tokens = self.matched = 0
        self.told = False
        self.unfit, self.uneven = unfit, uneven
        self.path = path

    def __deepcopy__(self, memo: Any) -> "OwnLexicon":
        return OwnLexicon(self.lexicon, path=self.path)

    def count(self, *, tokens: int, matched: int) -> None:
        """Note a batch of a training, and say once that nothing of it is in the lexicon."""
        self.tokens += tokens
        self.matched += matched
        if not self.told and not self.lexicon:
            self.told = True
            logger.warning(
                "lexicon: it is empty, so that nothing of it is learnt: name the file by "
                "--paths.lexicon, or the pipeline that has one by --paths.resume"
            )
        if not self.told and not self.matched and self.tokens >= ENOUGH:
            self.told = True
            logger.warning("lexicon: none of its phrases occurs in %d tokens of text", self.tokens)


@serialize_attr.register(OwnLexicon)
def _serialize(_: OwnLexicon, value: OwnLexicon, name: str, model: Model[Any, Any]) -> bytes:
    return b"" if value.lexicon is None else value.lexicon.to_bytes()


@deserialize_attr.register(OwnLexicon)
def _deserialize(_: OwnLexicon, value: bytes, name: str, model: Model[Any, Any]) -> OwnLexicon:
    return OwnLexicon(Lexicon.from_bytes(value) if value else None)


@architecture("spacy-skd.LexiconEmbed.v1")
def build_lexicon_embed(
    embed: Model[list[Doc], list[Floats2d]], attr: str = "LOWER", dropout: float = 0.2
) -> Model[list[Doc], list[Floats2d]]:
    """Add to vectors of words what a lexicon has of the phrases that they are in, for `embed` of
    spacy-skd.Tok2Vec.v1: for each class a vector of the word that begins such a phrase, of one
    inside, of the last, and of one that is a phrase alone. The lexicon is read by the callback
    spacy-skd.lexicon.v1 before the model is initialized, and saved with it.

    embed (Model[list[Doc], list[Floats2d]]): such as spacy-skd.WordEmbed.v2.
    attr (str): what a phrase and a text have to share: LOWER, or ORTH for the same case.
    dropout (float): the share of phrases that are left out in training, so that what is in no
        lexicon is learnt, too.
    RAISES (ValueError): if a setting is out of range; when initialized, if no lexicon was read.
    """
    check_one_of("attr", attr, list(ATTRS))
    check_between("dropout", dropout, low=0, high=1)
    return Model(
        NAME,
        _forward,
        init=_init,
        layers=[embed],
        params={"E": None},
        dims={"nO": None},
        attrs={"lexicon": OwnLexicon(), "attr": attr, "lexicon_dropout": dropout},
    )


def _init(
    model: Model[list[Doc], _Vectors], X: list[Doc] | None = None, Y: _Vectors | None = None
) -> None:
    embed = model.layers[0]
    embed.initialize(X=X, Y=Y)
    lexicon = model.attrs["lexicon"].lexicon
    if lexicon is None:
        raise ValueError(
            "spacy-skd.LexiconEmbed.v1: expected a lexicon, found none: let [initialize] "
            "before_init be the callback spacy-skd.lexicon.v1, with the path of one"
        )
    if embed.has_dim("nO"):
        width = embed.get_dim("nO")
    elif X:
        width = embed.predict(X[:1])[0].shape[1]
    else:
        return
    model.set_dim("nO", width)
    if not model.has_param("E"):
        model.set_param("E", model.ops.alloc2f(N_POSITIONS * len(lexicon.classes), width))


def _forward(
    model: Model[list[Doc], _Vectors], docs: list[Doc], is_train: bool
) -> tuple[_Vectors, Callable[[_Vectors], list[Doc]]]:
    vectors, embed_backprop = model.layers[0](docs, is_train)
    tokens, features = _features(model, docs, is_train=is_train)
    ops = model.ops

    def backprop(d_vectors: _Vectors) -> list[Doc]:
        d_rows = concatenate_rows(ops, d_vectors)
        d_E = ops.alloc2f(*model.get_param("E").shape)
        ops.scatter_add(d_E, ops.asarray1i(features), d_rows[ops.asarray1i(tokens)])
        model.inc_grad("E", d_E)
        d_docs: list[Doc] = embed_backprop(d_vectors)
        return d_docs

    return _added(model, vectors, tokens, features), backprop


def predict_with(predict: _Predict, embed: Model[list[Doc], _Vectors], docs: list[Doc]) -> _Vectors:
    """Return what `embed.predict(docs)` does, whose vectors of words come from somewhere.

    predict (Callable): of an embedding of words and docs. embed (Model): such a one, or a
        spacy-skd.LexiconEmbed.v1 of one.
    """
    if embed.name != NAME:
        return predict(embed, docs)
    tokens, features = _features(embed, docs, is_train=False)
    return _added(embed, predict(embed.layers[0], docs), tokens, features)


def _features(
    model: Model[list[Doc], _Vectors], docs: list[Doc], *, is_train: bool
) -> tuple[Ints1d, Ints1d]:
    """Return (N,) tokens of the batch, and (N,) rows of E that are added to their vectors."""
    own: OwnLexicon = model.attrs["lexicon"]
    if own.lexicon is None:
        raise ValueError("spacy-skd.LexiconEmbed.v1: expected a lexicon: initialize it, or load it")
    phrases = own.lexicon.find(docs)
    if is_train:
        matched = numpy.unique(phrases.positions()[0])
        own.count(tokens=sum(map(len, docs)), matched=len(matched))
        phrases = phrases.chosen(
            numpy.random.random(len(phrases)) >= model.attrs["lexicon_dropout"]
        )
    return phrases.positions()


def _added(
    model: Model[list[Doc], _Vectors], vectors: _Vectors, tokens: Ints1d, features: Ints1d
) -> _Vectors:
    """Return new vectors: one of a word may be another's, or somebody keeps it."""
    if not len(tokens):
        return vectors
    ops, rows, E = model.ops, concatenate_rows(model.ops, vectors), model.get_param("E")
    added = rows.copy()
    last = numpy.empty(len(rows), dtype="int64")
    while len(tokens):
        # Words that are in phrases of several classes get one of them after the other.
        last[tokens] = features
        now = last[tokens] == features
        added[ops.asarray1i(tokens[now])] += E[ops.asarray1i(features[now])]
        tokens, features = tokens[~now], features[~now]
    return split_rows(added, vectors)


def lexicon_layers(model: Model[Any, Any]) -> list[Model[Any, Any]]:
    """Return the layers within a model that have a lexicon."""
    return [node for node in model.walk() if node.name == NAME]
