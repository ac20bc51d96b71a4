"""Units of a doc: its sentences, as (start, end) words."""

from collections.abc import Sequence

import numpy
from spacy.attrs import SENT_START
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc
from spacy.training import Example

from ..arrays import Array, Ints2d
from ..codecs.words import Words

START_LABELS = ("I", "S")  # of a token within a sentence, and of one that starts it


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
    flat, values = numpy.concatenate(values), values[1:]
    starts, ends = flat == 1, numpy.cumsum([len(row) for row in values], dtype="int64")
    first = ends - numpy.asarray([len(row) for row in values], dtype="int64")
    starts[first[first < ends]] = True
    known = numpy.append(0, numpy.cumsum(flat != 0))
    bare = (ends > first + 1) & (known[ends] == known[numpy.minimum(first + 1, ends)])
    cut = [starts[a:b] for a, b in zip(first.tolist(), ends.tolist())]
    return cut, numpy.flatnonzero(bare).tolist()


def punctuation_starts(doc: Doc) -> Array:
    """Return (tokens,) bool, where spaCy's `sentencizer` begins sentences."""
    return numpy.asarray(Sentencizer().predict([doc])[0], dtype=bool)


def units_of(starts: Sequence[Array], words: Sequence[Words], *, max_length: int) -> list[Ints2d]:
    """Return the sentences of docs, the long ones cut.

    starts (Sequence[ndarray]): of each doc (tokens,) bool.
    RETURNS (list[Ints2d]): of each doc (U, 2) start and end word.
    """
    lengths = [len(each) for each in words]
    ends = numpy.cumsum(lengths, dtype="int64")
    if not sum(lengths):
        return [numpy.zeros((0, 2), dtype="int64") for _ in words]
    flat = numpy.concatenate([each.starts_of_tokens(row) for each, row in zip(words, starts)])
    offsets = ends - lengths
    flat[offsets[offsets < ends]] = True
    units = units_from_starts(flat)
    cuts = numpy.searchsorted(units[:, 0], ends).tolist()
    of_docs = [units[a:b] - o for a, b, o in zip([0, *cuts], cuts, offsets.tolist())]
    if max_length and (units[:, 1] - units[:, 0]).max() > max_length:
        return [split_long_units(each, max_length=max_length) for each in of_docs]
    return of_docs
