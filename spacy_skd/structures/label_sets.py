"""Sets of labels: each label of a unit holds or does not, with probability

P(y) = prod_l sigmoid(s[l])^y[l] (1 - sigmoid(s[l]))^(1 - y[l])
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy

from ..arrays import Array, Floats2d, array_module
from .parts import Parts
from .tokens import IndependentLabels


@dataclass(frozen=True)
class LabelSets(IndependentLabels):
    """Independent labels with two outcomes, of which a unit has one for each of its labels. Parts:
    unary (B, labels, 2), no and yes. A score s of a label is its log odds."""

    name: ClassVar[str] = "label_sets"
    annotates: ClassVar[str] = "sets of labels"

    def of_label_scores(self, scores: Floats2d) -> Parts:
        xp = array_module(scores)
        # The higher one is 0, so that log Z of what is all but certain is exact.
        rows = xp.stack([-xp.maximum(scores, 0), xp.minimum(scores, 0)], axis=-1)
        return _of_rows(rows)

    def of_label_chances(self, chances: Floats2d) -> Parts:
        return _of_rows(array_module(chances).stack([1 - chances, chances], axis=-1))

    def label_scores(self, scores: Parts) -> Floats2d:
        no, yes = (scores.arrays["unary"][..., column] for column in (0, 1))
        log_odds: Floats2d = yes - no
        return log_odds

    def label_chances(self, marginals: Parts) -> Floats2d:
        return marginals.arrays["unary"][..., 1]

    def has_labels(self, chosen: Array) -> Array:
        return numpy.ones(len(chosen), dtype=bool)

    def silent_units(self, lacking: Array) -> Array:
        return lacking


def _of_rows(rows: Array) -> Parts:
    return Parts({"unary": rows}, numpy.full(len(rows), rows.shape[1], dtype="int64"))
