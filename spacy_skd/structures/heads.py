"""Head selection: each token has one head, P(y) = prod_i softmax(scores[i])[head_i]."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy

from ..arrays import Floats1d, Floats2d, Floats3d
from .base import ArcStructure, check_k
from .draws import draw_rows
from .k_best import best_rows
from .numerics import IMPOSSIBLE, clean_scores, softmax
from .parts import Parts
from .tokens import check_rows, indicate, one_hot


@dataclass(frozen=True)
class HeadSelection(ArcStructure):
    """One head (or ROOT) for each token, chosen on its own; the heads need not form a tree.

    Parts: arc (B, N, N + 1). A token is never its own head. Dozat & Manning (2017), section 2.2.
    """

    family: ClassVar[str] = "arcs"

    def infer(self, scores: Parts) -> tuple[Floats1d, Parts]:
        arc, mask = masked_arcs(scores, what="head selection")
        log_sums, probabilities = softmax(arc)
        log_z = (log_sums * mask).sum(axis=1)
        return log_z, Parts({"arc": probabilities * mask[..., None]}, scores.lengths)

    def argmax(self, scores: Parts) -> Parts:
        arc, mask = masked_arcs(scores, what="head selection")
        return Parts({"arc": one_hot(scores.xp, arc, mask)}, scores.lengths)

    def k_best(self, scores: Parts, *, k: int) -> tuple[Floats2d, list[Parts]]:
        check_k("head selection", k)
        arc, mask = masked_arcs(scores, what="head selection")
        totals, heads = best_rows(scores.xp, arc, mask, k)
        found = [indicate(scores.xp, heads[:, rank], like=arc) for rank in range(k)]
        return totals, [Parts({"arc": array}, scores.lengths) for array in found]

    def sample(self, scores: Parts, *, rng: numpy.random.Generator) -> Parts:
        arc, mask = masked_arcs(scores, what="head selection")
        return Parts({"arc": draw_rows(scores.xp, arc, mask, rng)}, scores.lengths)


def masked_arcs(scores: Parts, *, what: str) -> tuple[Floats3d, Any]:
    """Scores with `IMPOSSIBLE` where the head is the token itself or lies in the padding.

    RETURNS (tuple[Floats3d, Any]): arc (B, N, N + 1); (B, N) bool, False in the padding.
    RAISES (ValueError): if a score is NaN or +inf, or a token has no possible head.
    """
    xp, mask = scores.xp, scores.mask
    arc = clean_scores(scores.arrays["arc"], what=what)
    n = scores.n_tokens
    allowed = ~xp.eye(n, n + 1, k=1, dtype=bool)[None]
    if not mask.all():
        inside = xp.concatenate([xp.ones((len(mask), 1), dtype=bool), mask], axis=1)
        allowed = allowed & inside[:, None] & mask[:, :, None]
    arc = xp.where(allowed, arc, xp.asarray(IMPOSSIBLE, dtype=arc.dtype))
    check_rows(what, arc, mask, "all heads of a token are impossible")
    return arc, mask
