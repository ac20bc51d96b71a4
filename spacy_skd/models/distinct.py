"""A hash embedding in prediction: of each distinct word of a batch once, since it sees nothing of a
token but its word. Half of the words of a batch are repetitions."""

from typing import Any, List, Tuple

from spacy.tokens import Doc
from thinc.api import Model, Ragged
from thinc.types import Floats2d, Ints1d, Ints2d

from .rows import split_rows


def embed_distinct(embed: Model[List[Doc], List[Floats2d]], docs: List[Doc]) -> List[Floats2d]:
    """What `embed.predict(docs)` returns, but for rounding.

    embed (Model[List[Doc], List[Floats2d]]): a spacy.MultiHashEmbed.v2 without static vectors.
    """
    extract, _, mix, reduce, _ = embed.layers
    xp = embed.ops.xp
    attrs = extract.predict(docs)
    rows, where = _distinct(xp, xp.concatenate(attrs))
    words = Ragged(rows, xp.asarray([len(rows)], dtype="int32"))
    return split_rows(reduce.predict(mix.predict(words)).dataXd[where], attrs)


def _distinct(xp: Any, rows: Ints2d) -> Tuple[Ints2d, Ints1d]:
    """RETURNS (Tuple[Ints2d, Ints1d]): distinct rows, and for each row which of them it is. Several
    times faster than `unique(axis=0)`."""
    order = xp.lexsort(rows.T)
    ordered = rows[order]
    is_new = xp.ones(len(rows), dtype=bool)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    where = xp.empty(len(rows), dtype="int64")
    where[order] = xp.cumsum(is_new) - 1
    return ordered[is_new], where
