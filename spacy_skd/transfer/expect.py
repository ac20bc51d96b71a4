"""Weighted structures as a target: a beam, the k best, the bests of several teachers, gold.

The student's target is the mean of their indicators, by their weights. At a temperature T a weight
w counts w^(1 / T), as the probability of a whole structure does. A candidate that the student
cannot express is dropped and its share reported as lost; a unit of which none is left is `empty`.
"""

from collections.abc import Sequence

import numpy

from ..arrays import Bools, Floats1d, Floats2d, FloatsXd, Ints1d, Ints2d
from ..codecs.trees import Gold, encode_heads
from ..codecs.units import UNKNOWN_HEAD, Heads
from ..errors import check_temperature
from ..structures import ArcStructure
from .posterior import Target


def expect(golds: Sequence[Gold], weights: Floats2d, *, temperature: float = 1.0) -> Target:
    """Return the mean of the candidates' indicators.

    golds (Sequence[Gold]): K times the annotation of B units, by one candidate each; what is not
        complete cannot be expressed.
    weights (Floats2d): (B, K), at least 0.
    RAISES (ValueError): if the temperature is not positive, a weight is negative or NaN, or all
        weights of a unit are 0.
    """
    complete = numpy.stack([gold.complete for gold in golds], axis=1)
    kept, lost, empty = kept_shares(weights, complete, temperature=temperature)
    xp = golds[0].indicators.xp
    total = golds[0].indicators * xp.asarray(kept[:, 0])
    for gold, share in zip(golds[1:], kept.T[1:]):
        total = total + gold.indicators * xp.asarray(share)
    return Target(total, xp.asarray(lost), empty)


def kept_shares(
    weights: Floats2d, complete: Bools, *, temperature: float
) -> tuple[Floats2d, Floats1d, Bools | None]:
    """Return (B, K) what each candidate that can be expressed counts of those of its unit; (B,) the
    share of the others; (B,) the units of which none is left, if there are some.

    weights (Floats2d), complete (Bools): (B, K), the latter whether one can be expressed.
    """
    shares = tempered_weights(weights, temperature=temperature)
    kept = shares * complete
    left = kept.sum(axis=1)
    empty = left <= 0
    kept = kept / numpy.where(empty, 1.0, left)[:, None]
    return kept, 1.0 - left, empty if empty.any() else None


def tempered_weights(weights: Floats2d, *, temperature: float) -> Floats2d:
    """Return (B, K) w^(1 / T), that sum to 1 for each unit. RAISES (ValueError): as `expect`."""
    check_temperature(temperature)
    weights = numpy.asarray(weights, dtype="float64")
    highest = weights.max(axis=1, keepdims=True, initial=0.0)
    if not ((weights >= 0).all() and (highest > 0).all() and numpy.isfinite(highest).all()):
        raise ValueError(
            f"expected weights of candidates of at least 0, of which one of each unit is above 0, "
            f"got {weights.tolist()[:3]} ..."
        )
    powers = (weights / highest) ** (1.0 / temperature)
    result: Floats2d = powers / powers.sum(axis=1, keepdims=True)
    return result


def expect_trees(
    structure: ArcStructure,
    heads: Ints2d,
    weights: Floats2d,
    *,
    rows: Ints1d,
    lengths: Ints1d,
    temperature: float = 1.0,
) -> Target:
    """Expect trees of the units of a bucket: arc (B, N, N + 1).

    structure (ArcStructure): the student's, which says what it can express.
    heads (Ints2d): (K, T) head rows of all tokens of the batch, see `Heads`.
    weights (Floats2d): (B, K) of the bucket's units. rows, lengths (Ints1d): (B,) first row and
        tokens of each.
    """
    golds = []
    for each in heads:
        local = Heads(each).to_local(rows=rows, lengths=lengths)
        fits = has_heads(structure, local, lengths)
        golds.append(encode_heads(numpy.where(fits[:, None], local, UNKNOWN_HEAD), lengths))
    return expect(golds, weights, temperature=temperature)


def has_heads(structure: ArcStructure, local: Ints2d, lengths: Ints1d) -> Bools:
    """Return (B,), whether the heads of a unit are known, and one of the structure's. Arguments as
    of `encode_heads`."""
    known: Bools = (local >= 0).sum(axis=1) == lengths
    return known & structure.contains(numpy.maximum(local, 0), lengths)


def padded_weights(weights: Sequence[Floats2d]) -> Floats2d:
    """Return (u, K) of each doc as one array, 0 where a doc has fewer candidates."""
    most = max(array.shape[1] for array in weights)
    rows = [numpy.pad(array, ((0, 0), (0, most - array.shape[1]))) for array in weights]
    joined: Floats2d = numpy.concatenate(rows)
    return joined


def heaviest(weights: Floats2d, k: int) -> Ints2d:
    """Return (U, at most k) which candidates of each unit weigh most."""
    return numpy.argsort(-weights, axis=1, kind="stable")[:, :k]


def equal_weights(weights: FloatsXd) -> FloatsXd:
    """Return 1 for each candidate that counts."""
    return (weights > 0).astype("float64")
