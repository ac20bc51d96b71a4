"""Which tokens of docs are words; vectors of tokens, and of words alone, as rows of a batch."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized

import numpy
from spacy.attrs import IS_SPACE
from spacy.tokens import Doc
from thinc.api import Ops

from ..arrays import Floats2d, Ints1d
from ..codecs.words import Words


def words_of(docs: Sequence[Doc], *, n_words: int | None = None) -> list[Words]:
    """Return the words of each doc.

    n_words (int | None): how many they are together, where that is known: if all tokens are
        words, which they mostly are, the docs need not be read.
    """
    lengths = [len(doc) for doc in docs]
    if sum(lengths) == n_words:
        return [Words(length) for length in lengths]
    # To ask whether a doc has a flag somewhere costs half of what an array of it does.
    return [
        Words(length, doc.to_array(IS_SPACE)) if doc.has_annotation(IS_SPACE) else Words(length)
        for doc, length in zip(docs, lengths)
    ]


def word_lengths(docs: Sequence[Doc], *, n_words: int | None = None) -> list[int]:
    """Return how many words each doc has. n_words (int | None): see `words_of`."""
    return [len(words) for words in words_of(docs, n_words=n_words)]


def word_rows(
    ops: Ops, words: Sequence[Words], vectors: Sequence[Floats2d]
) -> tuple[Floats2d, Callable[[Floats2d], list[Floats2d]]]:
    """Return the vectors of the words of a batch. Those of whitespace are no part of what is
    scored, so that their gradient is 0.

    words (Sequence[Words]): of each doc. vectors (Sequence[Floats2d]): (tokens, width) of each.
    RETURNS (tuple[Floats2d, Callable]): (words of the batch, width), and the way back: from its
        gradient to that of each doc's vectors.
    """
    rows = vectors[0] if len(vectors) == 1 else concatenate_rows(ops, vectors)
    if all(each.whole for each in words):
        return rows, lambda d_rows: split_rows(d_rows, vectors)
    index = ops.xp.asarray(word_index(words))

    def backprop(d_rows: Floats2d) -> list[Floats2d]:
        d_tokens = ops.xp.zeros((len(rows), d_rows.shape[1]), dtype=d_rows.dtype)
        d_tokens[index] = d_rows
        return split_rows(d_tokens, vectors)

    return rows[index], backprop


def word_index(words: Sequence[Words]) -> Ints1d:
    """Return (words of the batch,) the row of each among the batch's tokens."""
    is_word = numpy.ones(sum(each.n_tokens for each in words), dtype=bool)
    start = 0
    for each in words:
        if not each.whole:
            is_word[[start + token for token in each.spaces]] = False
        start += each.n_tokens
    return numpy.flatnonzero(is_word)


def concatenate_rows(ops: Ops, vectors: Sequence[Floats2d]) -> Floats2d:
    """Join one array a doc to (tokens of the batch, width), not to be changed: a view if they are
    rows of one array that follow each other, as `split_rows` makes them."""
    if not len(vectors):
        result: Floats2d = ops.alloc2f(0, 0)
        return result
    if len(vectors) == 1:
        return vectors[0]
    whole = _whole(vectors)
    return ops.xp.concatenate(list(vectors)) if whole is None else whole


def split_rows(rows: Floats2d, like: Sequence[Sized]) -> list[Floats2d]:
    """Split (tokens of the batch, width) into one array a doc, of the lengths of `like`."""
    split: list[Floats2d] = []
    start = 0
    for vectors in like:
        split.append(rows[start : start + len(vectors)])
        start += len(vectors)
    return split


def _whole(vectors: Sequence[Floats2d]) -> Floats2d | None:
    """Return what the arrays are consecutive rows of; None if nothing."""
    arrays = [array for array in vectors if len(array)]
    base = arrays[0].base if arrays else None
    if not isinstance(base, numpy.ndarray) or base.ndim != 2 or not base.flags.c_contiguous:
        return None
    first = following = _address(arrays[0])
    for array in arrays:
        same = array.base is base and array.dtype == base.dtype and array.flags.c_contiguous
        if not same or array.shape[1:] != base.shape[1:] or _address(array) != following:
            return None
        following += array.nbytes
    size = max(1, base.shape[1] * base.itemsize)
    start, remainder = divmod(first - _address(base), size)
    return None if remainder else base[start : start + (following - first) // size]


def _address(array: Floats2d) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def in_batches(docs: Iterable[Doc], *, most: int) -> Iterator[list[Doc]]:
    """Yield docs together that have at most so many tokens, or one that has more."""
    batch: list[Doc] = []
    n = 0
    for doc in docs:
        if batch and n + len(doc) > most:
            yield batch
            batch, n = [], 0
        batch.append(doc)
        n += len(doc)
    if batch:
        yield batch
