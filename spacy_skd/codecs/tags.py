"""Independent labels of tokens: every token is a unit of its own, `unary` is (T, 1, C)."""

from typing import Dict, List, Optional, Sequence, Tuple

import numpy
from thinc.types import Ints1d

from ..structures import Parts


def encode_tags(
    tags: Sequence[Optional[str]], labels: Sequence[str]
) -> Tuple[Parts, "numpy.ndarray"]:
    """Labels of tokens as indicators.

    tags (Sequence[Optional[str]]): one label a token, None or "" where it is not known.
    labels (Sequence[str]): the inventory; a tag outside it counts as not known.
    RETURNS (Tuple[Parts, ndarray]): indicators, unary (T, 1, C), float32; known (T,), bool.
    """
    index: Dict[Optional[str], int] = {label: i for i, label in enumerate(labels)}
    columns = numpy.asarray([index.get(tag, -1) for tag in tags], dtype="int64")
    known = columns >= 0
    unary = numpy.zeros((len(columns), 1, len(labels)), dtype="float32")
    unary[numpy.nonzero(known)[0], 0, columns[known]] = 1.0
    return Parts({"unary": unary}, numpy.ones(len(columns), dtype="int64")), known


def decode_tags(indicators: Parts) -> Ints1d:
    """RETURNS (Ints1d): (T,) the index of each token's label."""
    return indicators.arrays["unary"][:, 0].argmax(axis=-1)


def split_by_lengths(flat: Ints1d, lengths: Sequence[int]) -> List[Ints1d]:
    """Rows of a batch back to its docs: (sum of lengths, ...) to one array a doc."""
    ends = numpy.cumsum(lengths, dtype="int64").tolist()
    return [flat[end - n : end] for end, n in zip(ends, lengths)]
