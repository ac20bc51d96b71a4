"""Words and sentences of docs: which tokens are words; vectors of tokens, and of words alone, as
rows of a batch; the units of a parser, its sentences as (start, end) words."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from itertools import accumulate

import numpy
from spacy.attrs import IS_SPACE, NORM, SENT_START
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Ops

from ..arrays import Array, Floats2d, Ints1d, Ints2d
from ..codecs.units import batch_spans
from ..codecs.words import Words

START_LABELS = ("I", "S")  # of a token within a sentence, and of one that starts it


def plain_copy(doc: Doc, vocab: Vocab) -> Doc:
    """Return the same tokens, without annotation, in a vocab."""
    plain = Doc(vocab, [token.text for token in doc], [bool(token.whitespace_) for token in doc])
    # A tokenizer's special cases ("n't" is "not") are norms of tokens, not of words.
    norms = [vocab.strings.add(token.norm_) for token in doc]
    plain.from_array([NORM], numpy.asarray(norms, dtype="uint64").reshape(-1, 1))
    return plain


def one_of_each_vocab(docs: Sequence[Doc]) -> list[Doc]:
    """Return a doc of each vocab of a batch, mostly of the one."""
    return list({id(doc.vocab): doc for doc in docs}.values())


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
    RAISES (ValueError): if there are not as many vectors as tokens: those of the docs behind would
        be taken for others'.
    """
    rows = vectors[0] if len(vectors) == 1 else concatenate_rows(ops, vectors)
    if vectors and len(rows) != (expected := sum(each.n_tokens for each in words)):
        raise ValueError(
            f"expected a vector for each of {expected} tokens, got {len(rows)}: has a component "
            f"after the one that embeds them changed tokens or doc.tensor? Put it behind those "
            f"that listen"
        )
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
    first = following = arrays[0].ctypes.data
    for array in arrays:
        same = array.base is base and array.dtype == base.dtype and array.flags.c_contiguous
        if not same or array.shape[1:] != base.shape[1:] or array.ctypes.data != following:
            return None
        following += array.nbytes
    size = max(1, base.shape[1] * base.itemsize)
    start, remainder = divmod(first - base.ctypes.data, size)
    return None if remainder else base[start : start + (following - first) // size]


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


# Sentences


def reference_starts(eg: Example) -> Array | None:
    """Return sentence starts of the annotation, on the predicted tokens; None without any."""
    if not eg.reference.has_annotation("SENT_START") or not len(eg.predicted):
        return None
    if len(eg.reference) == 1 and not eg.reference.has_annotation("DEP"):
        return None
    starts = aligned_starts(eg)
    starts[:1] = True
    return starts


def aligned_starts(eg: Example) -> Array:
    """Return which predicted tokens, (tokens,) bool, start a sentence of the reference: the first
    one that aligns with a sentence. spaCy's `get_aligned_sent_starts` fails where the first token
    of a sentence, a space, is not among the predicted tokens."""
    starts = numpy.zeros(len(eg.predicted), dtype=bool)
    aligned = eg.alignment.y2x
    for sent in eg.reference.sents:
        tokens = aligned[sent.start : sent.end]
        if len(tokens):
            starts[int(tokens[0])] = True
    return starts


def units_from_starts(starts: Array) -> Ints2d:
    """Return (U, 2), start and end word of each sentence. starts (ndarray): (words,) bool."""
    first = numpy.nonzero(starts)[0]
    return numpy.stack([first, numpy.append(first[1:], len(starts))], axis=1).astype("int64")


def split_long_units(units: Ints2d, *, max_length: int) -> Ints2d:
    """Cut units of more than `max_length` words into even pieces (`max_length` 0: never)."""
    lengths = units[:, 1] - units[:, 0]
    if not max_length or not len(units) or lengths.max() <= max_length:
        return units
    pieces: list[numpy.ndarray] = []
    for start, end in units.tolist():
        n = -(-(end - start) // max_length)
        cuts = numpy.linspace(start, end, n + 1).round().astype("int64")
        pieces.append(numpy.stack([cuts[:-1], cuts[1:]], axis=1))
    return numpy.concatenate(pieces)


def doc_starts(docs: Sequence[Doc]) -> tuple[list[Array], list[int]]:
    """Return of each doc (tokens,) bool, whether a token starts a sentence; and which docs of
    several tokens have no sentence annotation, so that only their first token does."""
    values = [numpy.zeros(0, dtype="uint64"), *(doc.to_array(SENT_START) for doc in docs)]
    flat, lengths = numpy.concatenate(values), list(map(len, values[1:]))
    ends = list(accumulate(lengths))
    first = [end - n for end, n in zip(ends, lengths)]
    starts, is_known = flat == 1, flat != 0
    opening = [start for start, n in zip(first, lengths) if n]
    starts[opening] = is_known[opening] = True
    cut = [starts[a:b] for a, b in zip(first, ends)]
    if is_known.all():
        return cut, []
    bare = (
        i for i, n in enumerate(lengths) if n > 1 and not is_known[first[i] + 1 : ends[i]].any()
    )
    return cut, list(bare)


def punctuation_starts(doc: Doc) -> Array:
    """Return (tokens,) bool, where spaCy's `sentencizer` begins sentences."""
    return numpy.asarray(Sentencizer().predict([doc])[0], dtype=bool)


def units_of(starts: Sequence[Array], words: Sequence[Words], *, max_length: int) -> list[Ints2d]:
    """Return the sentences of docs, the long ones cut.

    starts (Sequence[ndarray]): of each doc (tokens,) bool.
    RETURNS (list[Ints2d]): of each doc (U, 2) start and end word.
    """
    lengths = [len(each) for each in words]
    return split_units(spans_of(starts, words, max_length=max_length), lengths)


def spans_of(starts: Sequence[Array], words: Sequence[Words], *, max_length: int) -> Ints2d:
    """Return `units_of` docs as rows of the batch's concatenated words, (U, 2)."""
    lengths = [len(each) for each in words]
    if not sum(lengths):
        return numpy.zeros((0, 2), dtype="int64")
    flat = numpy.concatenate([each.starts_of_tokens(row) for each, row in zip(words, starts)])
    flat[[end - n for end, n in zip(accumulate(lengths), lengths) if n]] = True
    units = units_from_starts(flat)
    if max_length and (units[:, 1] - units[:, 0]).max() > max_length:
        of_docs = split_units(units, lengths)
        cut = [split_long_units(each, max_length=max_length) for each in of_docs]
        return batch_spans(cut, lengths)
    return units


def split_units(spans: Ints2d, lengths: Sequence[int]) -> list[Ints2d]:
    """Turn units as rows of a batch, (U, 2), into start and end word of each doc's, (U, 2) each:
    the inverse of `batch_spans`. lengths (Sequence[int]): words of each doc."""
    ends = list(accumulate(lengths))
    cuts = numpy.searchsorted(spans[:, 0], ends).tolist()
    return [spans[a:b] - (end - n) for a, b, end, n in zip([0, *cuts], cuts, ends, lengths)]
