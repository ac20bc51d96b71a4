"""Vectors of words in prediction, kept from batch to batch: a hash embedding sees nothing of a
token but its word, and most words have been seen before.

A table is never stale: it holds what the parameters gave that it was computed with, and is emptied
as soon as they are others (see `kept`).
"""

import threading
from functools import cache
from itertools import repeat
from typing import Any

import numpy
from spacy.tokens import Doc
from thinc.api import Model

from ...arrays import Floats2d, Ints1d, Ints2d
from ..blas import nodes_on_blas, on_blas
from ..embedding.hash_embedding import HashEmbedding, find_hash_embedding, static_data
from ..embedding.static_rows import rows_of
from ..embedding.word_embedding import strings_of
from ..words import split_rows
from .kept import Snapshot

# 30 MB of a width of 96.
MAX_WORDS = 50_000
_FIRST_ROWS = 1024
# So few words of a batch are not looked through for those that are there twice.
_FEW = 200


class WordTable:
    """Vectors of at most `limit` words; a full table starts over.

    Lives in the attributes of a model. Copies and pickles of it are empty. A thread that finds it
    in use, which a fork may have made permanent, does without.
    """

    def __init__(self, limit: int = MAX_WORDS):
        self.limit = limit
        self._lock = threading.Lock()
        self._clear(None)
        # Of which parameters, and the layers that they are of.
        self._snapshot: Snapshot | None = None
        self._layers: HashEmbedding | None = None

    def __len__(self) -> int:
        return len(self._index)

    def __deepcopy__(self, memo: Any) -> "WordTable":
        return WordTable(self.limit)

    def __reduce__(self) -> tuple[Any, ...]:
        return WordTable, (self.limit,)

    def forget(self) -> None:
        """Start over: what is predicted then depends, to the last bit, on nothing before."""
        with self._lock:
            self._clear(None)

    def predict(self, embed: Model[list[Doc], list[Floats2d]], docs: list[Doc]) -> list[Floats2d]:
        """Return what `embed.predict(docs)` does, but for rounding.

        embed (Model[list[Doc], list[Floats2d]]): of a spacy.MultiHashEmbed.v2 or
            spacy-skd.WordEmbed.v1 or v2 words are kept, any other is run.
        """
        if embed.ops.xp is not numpy or not self._lock.acquire(blocking=False):
            return embed.predict(docs)
        try:
            rows = self._predict(embed, docs)
        finally:
            self._lock.release()
        if rows is None:
            on_blas(embed)
            return embed.predict(docs)
        return split_rows(rows, docs)

    def _predict(self, embed: Model[list[Doc], list[Floats2d]], docs: list[Doc]) -> Floats2d | None:
        """Return (T, width), or None if no words are kept."""
        if self._snapshot is None or not self._snapshot.is_of(embed):
            self._clear(None)
            self._snapshot, self._layers = Snapshot(embed), find_hash_embedding(embed)
        layers = self._layers
        if layers is None:
            return None
        if not any(map(len, docs)):  # spaCy's own fails if there are static vectors
            empty: Floats2d = embed.ops.alloc2f(0, layers.mix.get_dim("nO"))
            return empty
        vectors = layers.vectors(docs[0].vocab)
        data = static_data(vectors)
        if data is None and layers.static is not None:
            return None
        return self._rows(layers, layers.words(docs), data, vectors, docs)

    def _clear(self, data: Floats2d | None) -> None:
        self._index: dict[int, int] = {}
        self._vectors: Floats2d | None = None
        self._data = data
        # Of each word: the key, the row and a checksum of its static vector.
        self._static_keys: Ints1d = numpy.zeros(0, dtype="uint64")
        self._static_rows: Ints1d = numpy.zeros(0, dtype="int64")
        self._static_sums: Ints1d = numpy.zeros(0, dtype="uint64")

    def _rows(
        self,
        layers: HashEmbedding,
        words: Ints2d,
        data: Floats2d | None,
        vectors: Any,
        docs: list[Doc],
    ) -> Floats2d:
        """Return (T, width) vectors of `words`, (T, attributes)."""
        hashes = _hashes(words)
        where = self._find(hashes)
        if data is not None and not self._still_holds(where, data, vectors):
            self._clear(data)
            where[:] = -1
        if (where < 0).any():
            where = self._add(layers, words, hashes, where, data, vectors, docs)
        assert self._vectors is not None
        return self._vectors[where]

    def _find(self, hashes: list[int]) -> Ints1d:
        """Return (T,) row of each word, -1 for one that is new."""
        rows = map(self._index.get, hashes, repeat(-1))
        return numpy.fromiter(rows, dtype="int64", count=len(hashes))

    def _add(
        self,
        layers: HashEmbedding,
        words: Ints2d,
        hashes: list[int],
        where: Ints1d,
        data: Floats2d | None,
        vectors: Any,
        docs: list[Doc],
    ) -> Ints1d:
        new = {hashes[i]: i for i in numpy.nonzero(where < 0)[0].tolist()}
        if len(self) and len(self) + len(new) > self.limit:
            self._clear(data)
            where[:] = -1
            new = {word: i for i, word in enumerate(hashes)}
        new_words = words[list(new.values())]
        keys = new_words[:, -1]
        rows = numpy.full(len(new_words), -1) if data is None else rows_of(vectors, keys)
        if self._snapshot is not None:
            nodes_on_blas(self._snapshot.nodes)
        embedded = layers.embed(new_words, rows, data, strings_of(docs))
        start = len(self)
        self._vectors = _appended(self._vectors, embedded, start, limit=self.limit)
        if data is not None:
            # Cut, in case that a call was interrupted here.
            self._static_keys = numpy.append(self._static_keys[:start], keys)
            self._static_rows = numpy.append(self._static_rows[:start], rows)
            self._static_sums = numpy.append(self._static_sums[:start], _sums(data, rows))
        self._index.update(zip(new, range(start, start + len(new))))
        missing = numpy.nonzero(where < 0)[0]
        where[missing] = self._find([hashes[i] for i in missing.tolist()])
        return where

    def _still_holds(self, where: Ints1d, data: Floats2d, vectors: Any) -> bool:
        """Tell whether the static vectors of words are those that they were: `Vocab.set_vector`
        changes them in place, and may give a word another row."""
        if data is not self._data:
            return False
        used = where[where >= 0]
        if len(used) > _FEW:
            used = numpy.unique(used)
        rows = self._static_rows[used]
        return (
            numpy.array_equal(rows_of(vectors, self._static_keys[used]), rows)
            and numpy.array_equal(_sums(data, rows), self._static_sums[used])
        )  # fmt: skip


def forget_words(model: Model[Any, Any]) -> None:
    """Let the tables within a model start over."""
    for node in model.walk():
        table = node.attrs.get("words")
        if isinstance(table, WordTable):
            table.forget()


def _hashes(words: Ints2d) -> list[int]:
    """Hash each word's attributes: two words of 50,000 share one with a chance of about 1 in
    10**10. words: (T, attributes) uint64."""
    result: list[int] = (words @ _factors(words.shape[1])).tolist()
    return result


@cache
def _factors(n: int) -> Ints1d:
    """Return (n,) odd uint64, drawn once for all."""
    return numpy.random.default_rng(0).integers(2**64, size=n, dtype="uint64") | numpy.uint64(1)


def _appended(table: Floats2d | None, vectors: Floats2d, start: int, *, limit: int) -> Floats2d:
    """Append to a table of which `start` rows are in use; it has at most `limit` rows if these are
    enough."""
    end = start + len(vectors)
    if table is None or end > len(table):
        size = max(end, min(limit, 2 * end + _FIRST_ROWS))
        larger = numpy.empty((size, vectors.shape[1]), dtype=vectors.dtype)
        if table is not None:
            larger[:start] = table[:start]
        table = larger
    table[start:end] = vectors
    return table


def _sums(data: Floats2d, rows: Ints1d) -> Ints1d:
    """Return (W,) a checksum of the bits of some rows and of where they are, 0 for row -1."""
    vectors = numpy.ascontiguousarray(data[rows])
    # At most 32 bits a factor: a sign in the highest of 64 would count modulo 2.
    bits = vectors.view(f"u{min(4, vectors.itemsize)}").astype("uint64")
    return numpy.where(rows < 0, 0, bits @ _factors(bits.shape[1]))
