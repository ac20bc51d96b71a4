"""spaCy's MultiHashEmbed of words instead of tokens: it sees nothing of a token but some attributes
and the row of its static vector."""

from dataclasses import dataclass
from itertools import repeat
from typing import Any, List, Optional

import numpy
from spacy.attrs import ORTH
from spacy.tokens import Doc
from spacy.vectors import Mode, Vectors
from thinc.api import Model, Ragged
from thinc.types import Floats2d, Ints1d, Ints2d

_MIX = "with_array(maxout>>layernorm>>dropout)"


@dataclass(frozen=True, eq=False)
class HashEmbedding:
    """The layers of a spacy.MultiHashEmbed.v2.

    extract (Model): docs to attributes, (tokens, attributes) each. hashes (Model): attributes to
    their embeddings side by side. static (Optional[Model]): of static vectors. mix (Model): all
    of these to the vectors.
    """

    extract: Model
    hashes: Model
    mix: Model
    static: Optional[Model]

    def words(self, docs: List[Doc]) -> Ints2d:
        """RETURNS (Ints2d): (tokens of the batch, attributes) uint64, all that decides a token's
        vector; of static vectors the row, the largest number for none, is the last column."""
        rows = numpy.concatenate(self.extract.predict(docs))
        if self.static is not None:
            rows = numpy.concatenate([rows, _vector_rows(docs)[:, None].view("uint64")], axis=1)
        return numpy.ascontiguousarray(rows)

    def embed(self, words: Ints2d, data: Optional[Floats2d]) -> Floats2d:
        """What the model predicts, but for rounding.

        words (Ints2d): (W, attributes), see `words`. data (Optional[Floats2d]): the static vectors.
        RETURNS (Floats2d): (W, width).
        """
        lengths = numpy.asarray([len(words)], dtype="int32")
        if self.static is None or data is None:
            mixed = self.mix.predict(self.hashes.predict(Ragged(words, lengths)))
            return mixed.dataXd
        attrs = numpy.ascontiguousarray(words[:, :-1])
        hashed = self.hashes.predict(Ragged(attrs, lengths)).dataXd
        rows = words[:, -1].view("int64")
        static = self.static.ops.gemm(data[rows], self.static.get_param("W"), trans2=True)
        static[rows < 0] = 0
        both = Ragged(numpy.concatenate([hashed, static], axis=1), lengths)
        return self.mix.predict(both).dataXd


def find_hash_embedding(embed: Model[List[Doc], List[Floats2d]]) -> Optional[HashEmbedding]:
    """RETURNS (Optional[HashEmbedding]): None for any other architecture."""
    layers = embed.layers
    if len(layers) == 5 and _is_features(layers[:3]) and layers[3].name == _MIX:
        return HashEmbedding(layers[0], layers[2], layers[3], None)
    if len(layers) != 3 or layers[1].name != _MIX or len(layers[0].layers) != 2:
        return None
    features, static = layers[0].layers
    if len(features.layers) != 3 or not _is_features(features.layers):
        return None
    if static.name != "static_vectors":
        return None
    return HashEmbedding(features.layers[0], features.layers[2], layers[1], static)


def static_data(docs: List[Doc]) -> Optional[Floats2d]:
    """RETURNS (Optional[Floats2d]): the static vectors of the docs' vocab, (rows, width); None
    unless they are a plain table on the CPU."""
    vectors = docs[0].vocab.vectors
    if not isinstance(vectors, Vectors) or vectors.mode != Mode.default:
        return None
    data = vectors.data
    return data if isinstance(data, numpy.ndarray) and len(data) else None


def _vector_rows(docs: List[Doc]) -> Ints1d:
    """(tokens of the batch,) int64, -1 for none. Faster than `Vectors.find`."""
    vectors: Any = docs[0].vocab.vectors
    attr = getattr(vectors, "attr", ORTH)
    keys = numpy.concatenate([doc.to_array(attr) for doc in docs])
    found = map(vectors.key2row.get, keys.tolist(), repeat(-1))
    return numpy.fromiter(found, dtype="int64", count=len(keys))


def _is_features(layers: List[Model]) -> bool:
    names = [layer.name for layer in layers]
    start = names[:2] == ["extract_features", "list2ragged"]
    return start and names[2].startswith("with_array(") and "hashembed" in names[2]
