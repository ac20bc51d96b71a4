"""Structures of spans, and their parts: one unit a doc."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy
from thinc.api import Model

from ..arrays import Array, Ints2d
from ..codecs.bioes import Legality
from ..codecs.units import Bucket, batch_spans
from ..structures import (
    FlatSegments,
    IndependentLabels,
    LinearChain,
    Parts,
    Structure,
    tie,
)

# The architecture that scores the parts of each structure.
SCORERS = {
    IndependentLabels.name: "TokenScorer",
    LinearChain.name: "ChainScorer",
    FlatSegments.name: "SegmentScorer",
}


def structure_of(structure: str, model: Model) -> Structure:
    """RAISES (ValueError): if there is no such structure, or the model scores another."""
    if structure not in SCORERS:
        raise ValueError(f"structure: expected one of {', '.join(SCORERS)}, got {structure!r}")
    scored = _scored_by(model)
    if scored.name != structure:
        raise ValueError(
            f"structure {structure!r} needs the architecture spacy-skd.{SCORERS[structure]}.v1, "
            f"got the model {model.name!r}; change `structure` or `model`"
        )
    return scored


def _scored_by(model: Model) -> Structure:
    """The structure whose parts a model scores."""
    if "transition" in model.param_names:
        return LinearChain()
    return FlatSegments(model.get_dim("nW")) if model.has_dim("nW") else IndependentLabels()


def doc_rows(lengths: Sequence[int]) -> Ints2d:
    """(docs, 2) first and end row of each doc in the batch's concatenated words."""
    return batch_spans([numpy.asarray([[0, n]]) for n in lengths], lengths)


def as_chain(parts: Parts) -> Parts:
    """Scores of independent labels as those of a chain whose transitions are free."""
    if "transition" in parts.arrays:
        return parts
    unary = parts.arrays["unary"]
    free = tie(parts.xp.zeros((unary.shape[2], unary.shape[2]), dtype=unary.dtype), len(unary))
    return Parts({"unary": unary, "transition": free}, parts.lengths)


def read_as(
    structure: Structure, parts: Parts, *, rules: Legality | None
) -> tuple[Structure, Parts]:
    """The distribution that spans are read from: of tags, that over their legal sequences."""
    if rules is None:
        return structure, parts
    return LinearChain(), rules.add_to(as_chain(parts))


def without_blocked(
    scored: Iterable[tuple[Bucket, Parts]],
    blocked: Sequence[Array],
    *,
    block: Callable[[Parts, Any], Parts],
) -> Iterator[tuple[Bucket, Parts]]:
    """The scores of buckets of docs, in which no span has a token that is blocked.

    blocked (Sequence[ndarray]): per doc, (N,) bool. block: scores, given (B, N) bool.
    """
    for bucket, parts in scored:
        rows = [blocked[unit] for unit in bucket.units.tolist()]
        if any(row.any() for row in rows):
            padded = numpy.zeros((len(rows), parts.n_tokens), dtype=bool)
            for i, row in enumerate(rows):
                padded[i, : len(row)] = row
            parts = block(parts, parts.xp.asarray(padded))
        yield bucket, parts
