"""spaCy's MultiHashEmbed that says more of words that were never seen in training.

A word that was never seen has an embedding of its form that was learnt for other words, by chance.
So the form, in lower case, counts only of a word that has a static vector; all that has none, in
training as in prediction, is told apart by more prefixes and suffixes beside spaCy's own. A student
sees nothing of a word but these attributes, and keeps its vectors (`word_table`), so that they cost
no time. It does not see the norm: a tokenizer's exceptions ("n't" is "not") are norms of tokens
which docs that are made of words do not have.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, Protocol, cast

import numpy
from spacy.attrs import LOWER, intify_attr
from spacy.ml.featureextractor import FeatureExtractor
from spacy.ml.staticvectors import StaticVectors
from spacy.strings import StringStore, get_string_id
from spacy.tokens import Doc
from spacy.vectors import Mode, Vectors
from thinc.api import (
    HashEmbed,
    Maxout,
    Model,
    Ragged,
    chain,
    concatenate,
    list2ragged,
    ragged2list,
    with_array,
)

from ...arrays import Array, Floats2d, Ints1d, Ints2d
from ...errors import check_between
from ...registry import architecture
from ...structures import to_numpy
from ..words import one_of_each_vocab
from .own_vectors import own_vectors, static_vectors, vectors_of
from .static_rows import vector_rows

NAME = "word_features"
_UNKNOWN = 0  # in place of a form


@architecture("spacy-skd.WordEmbed.v1")
def build_word_embed(
    width: int,
    attrs: list[str],
    rows: list[int],
    include_static_vectors: bool,
    prefixes: Sequence[int] = (2, 3, 4),
    suffixes: Sequence[int] = (1, 2, 4, 5),
    affix_rows: int = 1000,
    known_words: bool = True,
) -> Model[list[Doc], list[Floats2d]]:
    """Embed as spacy.MultiHashEmbed.v2, for `embed` of spacy-skd.Tok2Vec.v1.

    width, attrs, rows, include_static_vectors: as there. `attrs` has LOWER.
    prefixes, suffixes (Sequence[int]): lengths in characters, in lower case; of a shorter word all
        of it. affix_rows (int): of the hash embedding of each.
    known_words (bool): whether LOWER of a word without a static vector is left out. It always stays
        if there are no static vectors, or they are those of floret, which all words have.
    RAISES (ValueError): if a setting is out of range, or `attrs` has no LOWER.
    """
    static = StaticVectors(width, dropout=0.0) if include_static_vectors else None
    return _build(width, attrs, rows, static, None, prefixes, suffixes, affix_rows, known_words)


@architecture("spacy-skd.WordEmbed.v2")
def build_word_embed_with_own_vectors(
    width: int,
    attrs: list[str],
    rows: list[int],
    include_static_vectors: bool,
    vectors: str | None = None,
    prefixes: Sequence[int] = (2, 3, 4),
    suffixes: Sequence[int] = (1, 2, 4, 5),
    affix_rows: int = 1000,
    known_words: bool = True,
) -> Model[list[Doc], list[Floats2d]]:
    """Embed as spacy-skd.WordEmbed.v1, with static vectors that the model holds itself: they are
    saved with it, go along where its component is sourced, and leave the vocab's to other
    components.

    vectors (str | None): folder or package that they are read from when the model is
        initialized, not when it is loaded; by default it reads the vocab's.
    For the others, see `build_word_embed`.
    RAISES (ValueError): if a setting is out of range, or `attrs` has no LOWER; when initialized, if
        there are no vectors, or some that are not included.
    """
    holder = own_vectors(vectors) if include_static_vectors else None
    static = None if holder is None else static_vectors(width, holder)
    embed = _build(width, attrs, rows, static, holder, prefixes, suffixes, affix_rows, known_words)
    if vectors is not None and holder is None:
        embed.init = partial(_refuse, vectors)
    return embed


def _refuse(vectors: str, model: Model[Any, Any], X: Any = None, Y: Any = None) -> None:
    raise ValueError(
        f"vectors: {vectors!r} would not be read, since include_static_vectors is false: set that "
        f"to true (`spacy skd init --vectors` does), or leave out --paths.vectors"
    )


def _build(
    width: int,
    attrs: list[str],
    rows: list[int],
    static: Model[Any, Any] | None,
    holder: Model[Any, Any] | None,
    prefixes: Sequence[int],
    suffixes: Sequence[int],
    affix_rows: int,
    known_words: bool,
) -> Model[list[Doc], list[Floats2d]]:
    """Make the layer.

    static (Model | None): the layer of static vectors. holder (Model | None): what holds them, if
        it is not the vocab.
    """
    if len(rows) != len(attrs):
        raise ValueError(f"rows: expected one number for each of {attrs}, got {rows}")
    check_between("width", width, low=1, high=10**5)
    for size in rows:
        check_between("rows", size, low=1, high=10**9)
    for name, lengths in (("prefixes", prefixes), ("suffixes", suffixes)):
        for length in lengths:
            check_between(name, length, low=1, high=100)
    check_between("affix_rows", affix_rows, low=1, high=10**9)
    sizes = [*rows, *[affix_rows] * (len(prefixes) + len(suffixes))]
    hashes = [
        HashEmbed(width, size, column=i, seed=8 + i, dropout=0.0) for i, size in enumerate(sizes)
    ]
    features = word_features(
        attrs,
        prefixes=prefixes,
        suffixes=suffixes,
        known_words=known_words and static is not None,
        holder=holder,
    )
    embedded: list[Model[Any, Any]] = [
        features,
        cast(Model[list[Ints2d], Ragged], list2ragged()),
        with_array(concatenate(*hashes)),
    ]
    n_in = width * (len(sizes) + (static is not None))
    mix: Model[Any, Any] = with_array(Maxout(width, n_in, nP=3, dropout=0.0, normalize=True))
    if static is not None:
        both = concatenate(chain(*embedded), static)
        return chain(both, mix, ragged2list())
    return chain(*embedded, mix, ragged2list())


def word_features(
    attrs: Sequence[str],
    *,
    prefixes: Sequence[int],
    suffixes: Sequence[int],
    known_words: bool,
    holder: Model[Any, Any] | None = None,
) -> Model[list[Doc], list[Ints2d]]:
    """Make a layer of docs to (tokens, attributes + affixes) uint64 each. See
    `build_word_embed`."""
    columns = [intify_attr(attr) for attr in attrs]
    if LOWER not in columns:
        raise ValueError(f"attrs: expected LOWER among them, got {list(attrs)}")
    return Model(
        NAME,
        _forward,
        layers=[FeatureExtractor(list(attrs)), *([] if holder is None else [holder])],
        attrs={
            "lower": columns.index(LOWER),
            "prefixes": list(prefixes),
            "suffixes": list(suffixes),
            "known_words": known_words,
        },
    )


def _forward(
    model: Model[list[Doc], list[Ints2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Ints2d], Callable[..., Any]]:
    attrs = [to_numpy(array) for array in model.layers[0].predict(docs)]
    split: list[Any] = []
    if attrs:
        vectors = vectors_of(model, docs[0].vocab)
        plain = isinstance(vectors, Vectors) and vectors.mode == Mode.default
        rows = vector_rows(docs, vectors) if plain and model.attrs["known_words"] else None
        words = expand(model, numpy.concatenate(attrs), strings_of(docs), rows)
        ends = numpy.cumsum([len(array) for array in attrs])[:-1]
        split = [model.ops.asarray2i(array, dtype="uint64") for array in numpy.split(words, ends)]
    return split, lambda d_words: []


class Strings(Protocol):
    """What tells the string of a hash, such as a `StringStore`."""

    def __contains__(self, form: Any) -> bool: ...

    def __getitem__(self, form: Any) -> Any: ...


class _StringsOfAll:
    """Those of several vocabs."""

    def __init__(self, stores: Sequence[StringStore]):
        self.stores = stores

    def __contains__(self, form: Any) -> bool:
        return any(form in store for store in self.stores)

    def __getitem__(self, form: Any) -> Any:
        return next(store for store in self.stores if form in store)[form]


def strings_of(docs: Sequence[Doc]) -> Strings:
    """Return the strings of the docs of a batch, whose vocabs need not be one."""
    stores = [doc.vocab.strings for doc in one_of_each_vocab(docs)]
    return stores[0] if len(stores) == 1 else _StringsOfAll(stores)


def expand(model: Model[Any, Any], attrs: Ints2d, strings: Strings, rows: Ints1d | None) -> Array:
    """Return what is embedded of some words.

    model (Model): see `word_features`. attrs (Ints2d): (W, attributes). rows (Ints1d | None):
    (W,) of their static vectors, -1 for none. strings (Strings): see `strings_of`.
    RETURNS (ndarray): (W, attributes + affixes) uint64.
    """
    column = model.attrs["lower"]
    hashes, index = numpy.unique(attrs[:, column], return_inverse=True)
    forms = [strings[form] if form in strings else "" for form in hashes.tolist()]
    table = _affixes(forms, prefixes=model.attrs["prefixes"], suffixes=model.attrs["suffixes"])
    words = numpy.concatenate([attrs, table[index]], axis=1)
    if rows is not None and model.attrs["known_words"]:
        words[rows < 0, column] = _UNKNOWN
    return words


def _affixes(forms: Sequence[str], *, prefixes: Sequence[int], suffixes: Sequence[int]) -> Ints2d:
    """Return (forms, affixes) uint64."""
    columns = [[form[:length] for form in forms] for length in prefixes]
    columns += [[form[-length:] for form in forms] for length in suffixes]
    ids = numpy.empty((len(forms), len(columns)), dtype="uint64")
    for i, column in enumerate(columns):
        ids[:, i] = numpy.fromiter(map(_string_id, column), dtype="uint64", count=len(forms))
    return ids


@lru_cache(maxsize=100_000)
def _string_id(affix: str) -> int:
    return int(get_string_id(affix))
