"""The likeliest lemmas of docs, and the values that are written for them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy
from spacy.tokens import Doc

from ...arrays import Array, Floats1d, Ints1d
from ...layers.token_layer import TokenLayer

BACKOFFS = ("orth", "lower", None)


class Lemmas(NamedTuple):
    """names (list[str]): lemmas, the same list for docs that follow each other. ids (Ints1d):
    (words,) the lemma of each word."""

    names: list[str]
    ids: Ints1d


class BestOfDocs(NamedTuple):
    """lemmas (list[Lemmas]): per doc. chances (Floats1d): (words,) of all, see `BestLemmas`."""

    lemmas: list[Lemmas]
    chances: Floats1d


def check_backoff(backoff: str | None) -> str | None:
    """Return the setting. RAISES (ValueError): if it is none."""
    if backoff not in BACKOFFS:
        raise ValueError(f"backoff: expected 'orth', 'lower' or null, got {backoff!r}")
    return backoff


def values_of(
    layer: TokenLayer, docs: Sequence[Doc], best: Sequence[Lemmas]
) -> Iterator[tuple[Doc, Array]]:
    """Yield docs, and of each (words,) as made by `TokenLayer.value`, 0 for no lemma."""
    names: list[str] = []
    vocab, values = None, numpy.zeros(0, dtype="uint64")
    for doc, lemmas in zip(docs, best):
        if lemmas.names is not names or doc.vocab is not vocab:
            names, vocab = lemmas.names, doc.vocab
            table = [layer.value(doc, name) if name else 0 for name in names]
            values = numpy.asarray(table, dtype="uint64")
        yield doc, values[lemmas.ids]
