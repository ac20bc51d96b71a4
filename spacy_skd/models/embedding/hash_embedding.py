"""spaCy's MultiHashEmbed and our WordEmbed, of words instead of tokens: they see nothing of a token
but some attributes, of which one is the key of its static vector."""

from dataclasses import dataclass
from typing import Any

import numpy
from spacy.tokens import Doc
from spacy.vectors import Mode, Vectors
from spacy.vocab import Vocab
from thinc.api import Model, Ragged

from ...arrays import Floats2d, Ints1d, Ints2d
from . import word_embedding
from .own_vectors import vectors_of
from .static_rows import key_attr

_MIX = "with_array(maxout>>layernorm>>dropout)"


@dataclass(frozen=True, eq=False)
class HashEmbedding:
    """The layers of a spacy.MultiHashEmbed.v2 or spacy-skd.WordEmbed.v1 or v2.

    extract (Model): docs to attributes, (tokens, attributes) each. features (Model | None): what
    makes more of the attributes, of the latter, see `word_features`. hashes (Model): attributes to
    their embeddings side by side. static (Model | None): of static vectors. mix (Model): all
    of these to the vectors.
    """

    extract: Model[Any, Any]
    features: Model[Any, Any] | None
    hashes: Model[Any, Any]
    mix: Model[Any, Any]
    static: Model[Any, Any] | None

    def vectors(self, vocab: Vocab) -> Any:
        """Return the static vectors, None if there are none."""
        return None if self.static is None else vectors_of(self.static, vocab)

    def words(self, docs: list[Doc]) -> Ints2d:
        """Return (tokens of the batch, attributes) uint64, all of a token that decides its vector;
        the last column is the key of its static vector, if there are any."""
        columns = list(self.extract.attrs["columns"])
        if self.static is not None:
            columns.append(key_attr(self.vectors(docs[0].vocab)))
        attrs = [doc.to_array(columns).reshape((-1, len(columns))) for doc in docs]
        return numpy.concatenate(attrs)

    def embed(
        self,
        words: Ints2d,
        rows: Ints1d,
        data: Floats2d | None,
        strings: word_embedding.Strings,
    ) -> Floats2d:
        """Return what the model predicts, but for rounding.

        words (Ints2d): (W, attributes), see `words`. rows (Ints1d): (W,) of their static vectors,
        -1 for none. data (Floats2d | None): the static vectors. strings (Strings): of the
        docs.
        RETURNS (Floats2d): (W, width).
        """
        lengths = numpy.asarray([len(words)], dtype="int32")
        attrs = words if self.static is None else words[:, :-1]
        if self.features is not None:
            attrs = word_embedding.expand(self.features, attrs, strings, rows)
        hashed = self.hashes.predict(Ragged(numpy.ascontiguousarray(attrs), lengths)).dataXd
        if self.static is None or data is None:
            return self._mixed(hashed, lengths)
        static = self.static.ops.gemm(data[rows], self.static.get_param("W"), trans2=True)
        static[rows < 0] = 0
        return self._mixed(numpy.concatenate([hashed, static], axis=1), lengths)

    def _mixed(self, rows: Floats2d, lengths: Ints1d) -> Floats2d:
        mixed: Floats2d = self.mix.predict(Ragged(rows, lengths)).dataXd
        return mixed


def find_hash_embedding(embed: Model[list[Doc], list[Floats2d]]) -> HashEmbedding | None:
    """Return the parts of a hash embedding, None for any other architecture."""
    layers = embed.layers
    if len(layers) == 5 and _is_features(layers[:3]) and layers[3].name == _MIX:
        return HashEmbedding(*_extraction(layers[0]), layers[2], layers[3], None)
    if len(layers) != 3 or layers[1].name != _MIX or len(layers[0].layers) != 2:
        return None
    features, static = layers[0].layers
    if len(features.layers) != 3 or not _is_features(features.layers):
        return None
    if static.name != "static_vectors":
        return None
    extraction = _extraction(features.layers[0])
    return HashEmbedding(*extraction, features.layers[2], layers[1], static)


def static_data(vectors: Any) -> Floats2d | None:
    """Return the static vectors, (rows, width); None unless they are a plain table on the CPU."""
    if not isinstance(vectors, Vectors) or vectors.mode != Mode.default:
        return None
    data = vectors.data
    return data if isinstance(data, numpy.ndarray) and len(data) else None


def _extraction(layer: Model[Any, Any]) -> tuple[Model[Any, Any], Model[Any, Any] | None]:
    """Return what extracts the attributes, and what makes more of them."""
    return (layer.layers[0], layer) if layer.name == word_embedding.NAME else (layer, None)


def _is_features(layers: list[Model[Any, Any]]) -> bool:
    names = [layer.name for layer in layers]
    start = names[0] in ("extract_features", word_embedding.NAME) and names[1] == "list2ragged"
    return start and names[2].startswith("with_array(") and "hashembed" in names[2]
