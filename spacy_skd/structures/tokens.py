"""Independent labels: each token has one label, P(y) = prod_i softmax(scores[i])[y_i]."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy

from ..arrays import Array, ArrayModule, Floats1d, Floats2d, Floats3d, Ints2d
from .base import Structure, check_k
from .draws import draw_rows
from .k_best import best_rows
from .parts import Parts, check_rows, clean_scores, softmax


@dataclass(frozen=True)
class IndependentLabels(Structure):
    """One label for each token, chosen on its own (MaxEnt). Parts: unary (B, N, C)."""

    family: ClassVar[str] = "tokens"
    name: ClassVar[str] = "tokens"
    annotates: ClassVar[str] = "labels of tokens"
    parts: ClassVar[tuple[str, ...]] = ("unary",)
    independent: ClassVar[bool] = True
    has_positions: ClassVar[bool] = True

    @property
    def emissions(self) -> "IndependentLabels":
        return self

    # As what docs have: each doc is a unit

    def of_label_scores(self, scores: Floats2d) -> Parts:
        """Return the parts of docs that have one label each. scores: (B, labels), nats."""
        return Parts({"unary": scores[:, None]}, numpy.ones(len(scores), dtype="int64"))

    def of_label_chances(self, chances: Floats2d) -> Parts:
        """Return the marginals. chances: (B, labels), the probability of each label."""
        return self.of_label_scores(chances)

    def label_scores(self, scores: Parts) -> Floats2d:
        """Return (B, labels) scores of which `of_label_scores` makes the same distribution."""
        return scores.arrays["unary"][:, 0]

    def label_chances(self, marginals: Parts) -> Floats2d:
        """Return (B, labels), the probability of each label; of a loss's gradient at the parts,
        that at the labels' scores."""
        return marginals.arrays["unary"][:, 0]

    def has_labels(self, chosen: Array) -> Array:
        """Return (B,) bool, whether the labels of a doc are one of its structures. chosen: (B,
        labels) bool."""
        single: Array = chosen.sum(axis=1) == 1
        return single

    def silent_units(self, lacking: Array) -> Array:
        """Return (units of a doc,) bool, of which a teacher says nothing. lacking: (labels,) bool,
        that it lacks."""
        return numpy.zeros(1, dtype=bool)

    def infer(self, scores: Parts) -> tuple[Floats1d, Parts]:
        unary, mask = _checked(scores)
        log_sums, probabilities = softmax(unary)
        log_z = (log_sums * mask).sum(axis=1)
        return log_z, Parts({"unary": probabilities * mask[..., None]}, scores.lengths)

    def argmax(self, scores: Parts) -> Parts:
        unary, mask = _checked(scores)
        return Parts({"unary": one_hot(scores.xp, unary, mask)}, scores.lengths)

    def k_best(self, scores: Parts, *, k: int) -> tuple[Floats2d, list[Parts]]:
        check_k("independent labels", k)
        unary, mask = _checked(scores)
        totals, labels = best_rows(scores.xp, unary, mask, k)
        found = [indicate(scores.xp, labels[:, rank], like=unary) for rank in range(k)]
        return totals, [Parts({"unary": array}, scores.lengths) for array in found]

    def sample(self, scores: Parts, *, rng: numpy.random.Generator) -> Parts:
        unary, mask = _checked(scores)
        return Parts({"unary": draw_rows(scores.xp, unary, mask, rng)}, scores.lengths)


def one_hot(xp: ArrayModule, scores: Floats3d, mask: Any) -> Floats3d:
    """Return indicators of the best column of each row. scores: (B, N, C), mask: (B, N)."""
    best = xp.zeros_like(scores)
    unit, token = xp.nonzero(mask)
    if len(unit):
        best[unit, token, scores[unit, token].argmax(axis=-1)] = 1
    return best


def indicate(xp: ArrayModule, columns: Ints2d, *, like: Floats3d) -> Floats3d:
    """Return indicators of one column for each token. columns: (B, N), negative for none."""
    indicators = xp.zeros_like(like)
    unit, token = xp.nonzero(columns >= 0)
    indicators[unit, token, columns[unit, token]] = 1
    return indicators


def _checked(scores: Parts) -> tuple[Floats3d, Any]:
    mask = scores.mask
    unary = clean_scores(scores.arrays["unary"], what="independent labels")
    check_rows("independent labels", unary, mask, "all labels of a token are impossible")
    return unary, mask
