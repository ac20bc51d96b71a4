"""Structures of spans, and their parts: one unit a doc."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy
from thinc.api import Model, Ops

from ..arrays import Array, Floats4d, Ints1d, Ints2d
from ..codecs.bioes import Legality
from ..codecs.units import Bucket
from ..layers.sentences import batch_spans
from ..structures import (
    IMPOSSIBLE,
    FlatSegments,
    IndependentLabels,
    LinearChain,
    Parts,
    Structure,
    tie,
)
from ..transfer.belief import ChainBelief, SegmentBelief, TokenBelief
from ..transfer.posterior import Posterior

SpanBelief = TokenBelief | ChainBelief | SegmentBelief

# The architecture that scores the parts of each structure.
SCORERS = {"tokens": "TokenScorer", "linear_chain": "ChainScorer", "segments": "SegmentScorer"}


def structure_of(structure: str, model: Model) -> Structure:
    """RAISES (ValueError): if there is no such structure, or the model scores another."""
    if structure not in SCORERS:
        raise ValueError(f"structure: expected one of {', '.join(SCORERS)}, got {structure!r}")
    if _scored_by(model) != structure:
        raise ValueError(
            f"structure {structure!r} needs the architecture spacy-skd.{SCORERS[structure]}.v1, "
            f"got the model {model.name!r}; change `structure` or `model`"
        )
    if structure == "segments":
        return FlatSegments(max_width=model.get_dim("nW"))
    return LinearChain() if structure == "linear_chain" else IndependentLabels()


def _scored_by(model: Model) -> str:
    """The structure whose parts a model scores."""
    if "transition" in model.param_names:
        return "linear_chain"
    return "segments" if model.has_dim("nW") else "tokens"


def labels_of(belief: SpanBelief) -> list[str]:
    """The labels of the spans."""
    if isinstance(belief, SegmentBelief):
        return list(belief.labels)
    return list(dict.fromkeys(tag[2:] for tag in belief.labels if tag[2:]))


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


def posterior_of(beliefs: Sequence[SpanBelief], ops: Ops) -> Posterior:
    """The beliefs of one teacher of some docs as one batch."""
    first = beliefs[0]
    lengths = numpy.asarray([len(belief.scores) for belief in beliefs])
    if isinstance(first, SegmentBelief):
        arrays = {"span": ops.asarray(_padded(beliefs, lengths))}
        structure: Structure = FlatSegments(max_width=arrays["span"].shape[2])
        return Posterior(structure, Parts(arrays, ops.xp.asarray(lengths)))
    unary = numpy.zeros((len(beliefs), int(lengths.max()), len(first.labels)), "float32")
    for row, belief in zip(unary, beliefs):
        row[: len(belief.scores)] = belief.scores
    arrays = {"unary": ops.asarray(unary)}
    if isinstance(first, ChainBelief):
        arrays["transition"] = tie(ops.asarray(first.transition), len(beliefs))
    return Posterior(first.structure, Parts(arrays, ops.xp.asarray(lengths)))


def _padded(beliefs: Sequence[SpanBelief], lengths: Ints1d) -> Floats4d:
    """(B, N, W, L) of docs whose spans may be of other widths."""
    widest = max(belief.scores.shape[1] for belief in beliefs)
    shape = (len(beliefs), int(lengths.max()), widest, len(beliefs[0].labels))
    span = numpy.full(shape, IMPOSSIBLE, dtype="float32")
    for row, belief in zip(span, beliefs):
        n, width = belief.scores.shape[:2]
        row[:n, :width] = belief.scores
    return span
