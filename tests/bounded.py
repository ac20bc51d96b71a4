"""A structure of heads that the package does not have, with a support of its own: trees of short
arcs. By enumeration, so for sentences of a few tokens."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy
import oracle

from spacy_skd.structures import HeadSelection, Parts, SpanningTrees, Trees
from spacy_skd.structures.base import check_k
from spacy_skd.structures.draws import draw
from spacy_skd.structures.heads import masked_arcs
from spacy_skd.structures.parts import POSSIBLE_ABOVE, no_structure
from spacy_skd.transfer.conversions.table import arc_rows

WHAT = "bounded trees"


@dataclass(frozen=True)
class BoundedTrees(Trees):
    """Trees whose arcs between tokens are of at most `reach` tokens."""

    reach: int = 3
    name: ClassVar[str] = "bounded_tree"

    def infer(self, scores):
        log_z, marginals = numpy.zeros(scores.n_units), self._like(scores)
        for unit, n, totals, members in self._units(scores):
            highest = totals.max()
            weights = numpy.exp(totals - highest)
            log_z[unit] = highest + numpy.log(weights.sum())
            marginals[unit, :n, : n + 1] = numpy.tensordot(weights / weights.sum(), members, 1)
        return log_z, Parts({"arc": marginals}, scores.lengths)

    def argmax(self, scores):
        return self.k_best(scores, k=1)[1][0]

    def k_best(self, scores, *, k):
        check_k(WHAT, k)
        best, arrays = numpy.full((scores.n_units, k), -numpy.inf), []
        arrays = [self._like(scores) for _ in range(k)]
        for unit, n, totals, members in self._units(scores):
            for rank, member in enumerate(numpy.argsort(-totals, kind="stable")[:k]):
                if totals[member] > -numpy.inf:
                    best[unit, rank] = totals[member]
                    arrays[rank][unit, :n, : n + 1] = members[member]
        return best, [Parts({"arc": array}, scores.lengths) for array in arrays]

    def sample(self, scores, *, rng):
        drawn = self._like(scores)
        for unit, n, totals, members in self._units(scores):
            drawn[unit, :n, : n + 1] = members[draw(numpy, totals[None], rng)[0]]
        return Parts({"arc": drawn}, scores.lengths)

    def contains(self, heads, lengths):
        token = numpy.arange(1, heads.shape[1] + 1)
        inside = token[None] <= numpy.asarray(lengths)[:, None]
        long = inside & (heads > 0) & (abs(heads - token) > self.reach)
        trees = SpanningTrees(single_root=self.single_root).contains(heads, lengths)
        return trees & ~long.any(axis=1)

    def _like(self, scores):
        return numpy.zeros_like(scores.arrays["arc"])

    def _units(self, scores) -> Iterator[tuple[int, int, numpy.ndarray, numpy.ndarray]]:
        """Of each unit its number, tokens, the (M,) scores of its structures, -inf for those that
        are impossible, and their (M, n, n + 1) indicators."""
        arc, _ = masked_arcs(scores, what=WHAT)
        for unit, n in enumerate(scores.lengths.tolist()):
            members = _members(self, n)
            own = arc[unit, :n, : n + 1].astype("float64")
            own = numpy.where(own > POSSIBLE_ABOVE, own, -numpy.inf)
            with numpy.errstate(invalid="ignore"):
                totals = numpy.where(members > 0, own, 0.0).sum(axis=(1, 2))
            if not (totals > -numpy.inf).any():
                raise no_structure(WHAT, unit, "no tree of short arcs")
            yield unit, n, totals, members


@lru_cache
def _members(structure: BoundedTrees, n: int) -> numpy.ndarray:
    return numpy.stack(list(bounded_trees(n, structure.reach, structure.single_root)))


def bounded_trees(n: int, reach: int, single_root: bool) -> Iterator[numpy.ndarray]:
    """(n, n + 1) indicators, written without the package's `contains`."""
    near = [[h for h in range(n + 1) if h == 0 or 0 < abs(h - d) <= reach] for d in range(1, n + 1)]
    for heads in itertools.product(*near):
        if oracle.forms_tree(heads, single_root=single_root):
            yield oracle.arcs(heads)


ROWS = arc_rows(
    BoundedTrees, wider={HeadSelection: "given short arcs", SpanningTrees: "given short arcs"}
)
