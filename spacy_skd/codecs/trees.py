"""Dependency trees: heads of tokens to and from arc indicators, and pairs of a word and its head.

The latter are rows of the batch's concatenated tokens (see `Heads`), so that one array holds a
whole batch whatever its sentences are.
"""

from dataclasses import dataclass
from typing import Any

import numpy

from ..arrays import Array, Ints1d, Ints2d
from ..structures import IMPOSSIBLE, Parts, to_numpy
from .units import ROOT_HEAD, head_rows


@dataclass(frozen=True, eq=False)
class Gold:
    """What the annotation says of a batch of units.

    indicators (Parts): 0/1; all 0 for a token without annotation.
    known (ndarray): (B, N) bool, whether a token is annotated; False in the padding. On the CPU,
        wherever the indicators are.
    """

    indicators: Parts
    known: Array

    @property
    def complete(self) -> Any:
        """(B,) bool: every token of the unit is annotated."""
        return self.known.sum(axis=1) == to_numpy(self.indicators.lengths)

    @property
    def empty(self) -> Any:
        """(B,) bool: no token of the unit is annotated."""
        return ~self.known.any(axis=1)

    def restrict(self, scores: Parts, units: Any) -> Parts:
        """Return scores of some units in which every structure that contradicts the annotation is
        impossible.

        scores (Parts): of these units alone. units (ndarray): (U,) which of the batch's they are.
        """
        xp = scores.xp
        known = xp.asarray(self.known[units])[..., None]
        indicators = self.indicators[xp.asarray(units)]
        arrays = {
            k: v
            if k == "transition"
            else v + xp.where(known & (indicators.arrays[k] == 0), IMPOSSIBLE, 0.0)
            for k, v in scores.arrays.items()
        }
        return Parts(arrays, scores.lengths)

    def settle(self, marginals: Parts, units: Any) -> Parts:
        """Return marginals under the scores of `restrict`, with all that the annotation fixes."""
        return marginals


def gold_tokens(indicators: Parts, known: Array) -> Gold:
    """Make gold of units of one token each. known: (T,) bool."""
    return Gold(indicators, known[:, None])


def encode_heads(local: Ints2d, lengths: Ints1d) -> Gold:
    """Make arc indicators of the units of a bucket.

    local (Ints2d): (B, N) heads within units, negative where unknown, see `Heads.to_local`.
    lengths (Ints1d): (B,) tokens of each unit.
    RETURNS (Gold): arc (B, N, N+1).
    """
    known = local >= 0
    arc = numpy.zeros((*local.shape, local.shape[1] + 1), dtype="float32")
    unit, token = numpy.nonzero(known)
    arc[unit, token, local[unit, token]] = 1.0
    return Gold(Parts({"arc": arc}, numpy.asarray(lengths, dtype="int64")), known)


def decode_trees(indicators: Parts, *, rows: Ints1d) -> Ints2d:
    """Return dependent and head rows of the arcs of a bucket.

    indicators (Parts): arc (B, N, N+1), one head a token.
    rows (Ints1d): (B,) first row of each unit in the batch.
    RETURNS (Ints2d): (tokens of the bucket, 2) dependent row and head row, `ROOT_HEAD` for a root.
    """
    heads = indicators.arrays["arc"].argmax(axis=-1)
    return head_rows(heads, rows=rows, lengths=indicators.lengths)


# Pairs of a dependent and its head


def in_batch(pairs: Ints2d, offset: int) -> Ints2d:
    """Return pairs of a doc's words as rows of the batch. pairs (Ints2d): (P, 2), head `ROOT_HEAD`
    for ROOT. offset (int): first row of the doc."""
    heads = numpy.where(pairs[:, 1] >= 0, pairs[:, 1] + offset, ROOT_HEAD)
    return numpy.stack([pairs[:, 0] + offset, heads], axis=1)


def find_pairs(pairs: Ints2d, *, among: Ints2d) -> Ints1d:
    """Return which of other pairs each is, -1 for none. Both (P, 2), rows of a batch."""
    base = int(max(among.max(initial=0), pairs.max(initial=0))) + 2
    known, wanted = (p[:, 0].astype("int64") * base + p[:, 1] + 1 for p in (among, pairs))
    if not len(known):
        return numpy.full(len(wanted), -1)
    order = numpy.argsort(known)
    where = numpy.searchsorted(known, wanted, sorter=order)
    where = order[numpy.minimum(where, len(known) - 1)]
    return numpy.where(known[where] == wanted, where, -1)
