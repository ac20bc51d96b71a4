"""Independent labels: each token has one label, P(y) = prod_i softmax(scores[i])[y_i]."""

from dataclasses import dataclass
from typing import Any, ClassVar, Tuple

from thinc.types import Floats1d, Floats3d

from .base import Structure, no_structure
from .numerics import POSSIBLE_ABOVE, clean_scores, softmax
from .parts import Parts


@dataclass(frozen=True)
class IndependentLabels(Structure):
    """One label for each token, chosen on its own (MaxEnt). Parts: unary (B, N, C)."""

    family: ClassVar[str] = "tokens"

    def infer(self, scores: Parts) -> Tuple[Floats1d, Parts]:
        unary, mask = _checked(scores)
        log_sums, probabilities = softmax(unary)
        log_z = (log_sums * mask).sum(axis=1)
        return log_z, Parts({"unary": probabilities * mask[..., None]}, scores.lengths)

    def argmax(self, scores: Parts) -> Parts:
        unary, mask = _checked(scores)
        return Parts({"unary": one_hot(scores.xp, unary, mask)}, scores.lengths)


def one_hot(xp: Any, scores: Floats3d, mask: Any) -> Floats3d:
    """Indicators of the best column of each row. scores: (B, N, C), mask: (B, N)."""
    best = xp.zeros_like(scores)
    unit, token = xp.nonzero(mask)
    if len(unit):
        best[unit, token, scores[unit, token].argmax(axis=-1)] = 1
    return best


def check_rows(what: str, rows: Floats3d, mask: Any, reason: str) -> None:
    """RAISES (ValueError): if some token has no possible column. rows: (B, N, C)."""
    if not rows.shape[0] or not mask.any():
        return
    if not rows.shape[2]:
        raise no_structure(what, 0, "there are no labels")
    empty = (rows.max(axis=-1) <= POSSIBLE_ABOVE) & mask
    if empty.any():
        raise no_structure(what, int(empty.any(axis=1).argmax()), reason)


def _checked(scores: Parts) -> Tuple[Floats3d, Any]:
    mask = scores.mask
    unary = clean_scores(scores.arrays["unary"], what="independent labels")
    check_rows("independent labels", unary, mask, "all labels of a token are impossible")
    return unary, mask
