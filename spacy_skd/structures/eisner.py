"""Projective dependency trees: Eisner's algorithm."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy

from ..arrays import ArrayModule, Bools, Floats1d, Floats2d, Floats3d, Ints1d, Ints2d, Ints3d
from .base import check_k
from .heads import Trees, is_tree, masked_arcs
from .parts import POSSIBLE_ABOVE, Parts, no_structure, to_numpy
from .projective.best import best_heads
from .projective.charts import total_of
from .projective.exact import infer_trees, log_charts
from .projective.sample import sample_heads
from .tokens import indicate

WHAT = "projective trees"
# Units go through the charts in batches of similar length: of a chart's entries (nodes x nodes x
# units x k) at most so many, and no unit shorter than this share of the longest, but a few tokens.
MOST_ENTRIES, SHORTEST, FEW_TOKENS = 2**19, 0.8, 4


@dataclass(frozen=True)
class ProjectiveTrees(Trees):
    """Dependency trees without crossing arcs, where ROOT stands before the first token.

    Parts: arc (B, N, N + 1), as those of `SpanningTrees`.
    """

    name: ClassVar[str] = "projective_tree"

    def infer(self, scores: Parts) -> tuple[Floats1d, Parts]:
        xp = scores.xp
        arc, _ = masked_arcs(scores, what=WHAT)
        log_z, marginals = xp.zeros(len(arc)), xp.zeros_like(arc)
        for units, some, lengths in _batches(xp, arc, scores.lengths):
            totals, found = infer_trees(xp, some, lengths, single_root=self.single_root)
            _check_possible(xp, totals, units)
            log_z[units] = totals
            n = found.shape[1]
            marginals[units, :n, : n + 1] = found
        return log_z, Parts({"arc": marginals}, scores.lengths)

    def argmax(self, scores: Parts) -> Parts:
        """Greedy heads where they are a projective tree already, Eisner's algorithm elsewhere."""
        xp = scores.xp
        arc, mask = masked_arcs(scores, what=WHAT)
        heads = numpy.where(to_numpy(mask), to_numpy(arc.argmax(axis=-1)), 0)
        lengths = to_numpy(scores.lengths)
        done = self.contains(heads, lengths)
        rest = numpy.nonzero(~done)[0]
        heads, rest = xp.asarray(heads), xp.asarray(rest)
        heads[rest] = self._best(xp, arc, scores.lengths, units=rest, k=1)[1][:, 0]
        return Parts({"arc": indicate(xp, xp.where(mask, heads, -1), like=arc)}, scores.lengths)

    def k_best(self, scores: Parts, *, k: int) -> tuple[Floats2d, list[Parts]]:
        check_k(WHAT, k)
        xp = scores.xp
        arc, _ = masked_arcs(scores, what=WHAT)
        totals, heads = self._best(xp, arc, scores.lengths, units=xp.arange(len(arc)), k=k)
        found = [indicate(xp, heads[:, rank], like=arc) for rank in range(k)]
        return totals, [Parts({"arc": array}, scores.lengths) for array in found]

    def sample(self, scores: Parts, *, rng: numpy.random.Generator) -> Parts:
        """From the whole unit down: how each item of the chart was made, given the item."""
        xp = scores.xp
        arc, _ = masked_arcs(scores, what=WHAT)
        heads = xp.full(arc.shape[:2], -1)
        for units, some, lengths in _batches(xp, arc, scores.lengths):
            charts = log_charts(xp, some, lengths, single_root=self.single_root)
            _check_possible(xp, total_of(xp, charts, lengths), units)
            heads[units, : some.shape[1]] = sample_heads(xp, charts, lengths, rng)
        return Parts({"arc": indicate(xp, heads, like=arc)}, scores.lengths)

    def contains(self, heads: Ints2d, lengths: Ints1d) -> Bools:
        inside = numpy.arange(heads.shape[1])[None] < lengths[:, None]
        trees = is_tree(heads, lengths, single_root=self.single_root)
        return trees & is_projective(numpy.where(inside, heads, 0))

    def _best(
        self, xp: ArrayModule, arc: Floats3d, lengths: Ints1d, *, units: Ints1d, k: int
    ) -> tuple[Floats2d, Ints3d]:
        """Of some units. RETURNS: (units, k) totals; (units, k, N) heads, -1 in the padding."""
        totals, heads = xp.zeros((len(units), k)), xp.full((len(units), k, arc.shape[1]), -1)
        for rows, some, few in _batches(xp, arc[units], xp.asarray(lengths)[units], k=k):
            weights = xp.full((some.shape[2], some.shape[2], len(rows)), -xp.inf)
            weights[1:] = xp.where(some > POSSIBLE_ABOVE, some, -xp.inf).transpose(1, 2, 0)
            found = best_heads(xp, weights, few, k=k, single_root=self.single_root)
            _check_possible(xp, found[0][:, 0], units[rows])
            totals[rows] = found[0]
            heads[rows, :, : some.shape[1]] = found[1]
        return totals, heads


def is_projective(heads: Ints2d) -> Bools:
    """Whether no two arcs of a unit cross, those from ROOT included, which is before all tokens.

    heads (Ints2d): (B, N) 0 = ROOT, j + 1 = token j; 0 in the padding.
    RETURNS (Bools): (B,).
    """
    token = numpy.arange(1, heads.shape[1] + 1)
    first, last = numpy.minimum(heads, token), numpy.maximum(heads, token)
    starts_in = (first[:, :, None] < first[:, None]) & (first[:, None] < last[:, :, None])
    crosses = starts_in & (last[:, :, None] < last[:, None])
    return numpy.asarray(~crosses.any(axis=(1, 2)))


def _batches(
    xp: ArrayModule, arc: Floats3d, lengths: Ints1d, *, k: int = 1
) -> Iterator[tuple[Ints1d, Floats3d, Ints1d]]:
    """Units of similar length, longest first. YIELDS: where they are; float64 scores (b, N, N + 1)
    padded to the longest alone; lengths (b,)."""
    sizes = to_numpy(lengths)
    order = numpy.argsort(-sizes, kind="stable")
    start = 0
    while start < len(order):
        n = int(sizes[order[start]])
        most = max(1, MOST_ENTRIES // ((n + 1) ** 2 * k))
        similar = sizes[order[start : start + most]] >= SHORTEST * n - FEW_TOKENS
        end = start + int(similar.sum())
        units = xp.asarray(order[start:end])
        yield units, arc[units, :n, : n + 1].astype("float64"), xp.asarray(sizes[order[start:end]])
        start = end


def _check_possible(xp: ArrayModule, totals: Floats1d, units: Ints1d) -> None:
    """Raise ValueError if a total is -inf. totals: (b,), units: (b,) where they are."""
    impossible = ~xp.isfinite(totals)
    if impossible.any():
        raise no_structure(WHAT, int(units[impossible].min()), "no tree without crossing arcs")
