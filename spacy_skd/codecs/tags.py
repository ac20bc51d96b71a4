"""Independent labels of tokens: every token is a unit of its own, `unary` is (T, 1, C)."""

from collections.abc import Sequence

import numpy

from ..arrays import Array, Ints1d
from ..structures import Parts


def encode_tags(tags: Sequence[str | None], labels: Sequence[str]) -> tuple[Parts, Array]:
    """Encode labels of tokens as indicators.

    tags (Sequence[str | None]): one label a token, None or "" where it is not known.
    labels (Sequence[str]): the inventory; a tag outside it counts as not known.
    RETURNS (tuple[Parts, ndarray]): indicators, unary (T, 1, C), float32; known (T,), bool.
    """
    index: dict[str | None, int] = {label: i for i, label in enumerate(labels)}
    columns = numpy.asarray([index.get(tag, -1) for tag in tags], dtype="int64")
    known = columns >= 0
    unary = numpy.zeros((len(columns), 1, len(labels)), dtype="float32")
    unary[numpy.nonzero(known)[0], 0, columns[known]] = 1.0
    return Parts({"unary": unary}, numpy.ones(len(columns), dtype="int64")), known


def decode_tags(indicators: Parts) -> Ints1d:
    """Return (T,) the index of each token's label."""
    ids: Ints1d = indicators.arrays["unary"][:, 0].argmax(axis=-1)
    return ids
