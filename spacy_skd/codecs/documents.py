"""Categories of docs: numbers of labels as indicators, with what of them is not known."""

from dataclasses import dataclass
from typing import Any

import numpy

from ..arrays import Array, Floats2d
from ..structures import IMPOSSIBLE, IndependentLabels, Parts
from .trees import Gold


@dataclass(frozen=True, eq=False)
class DocGold(Gold):
    """Gold of units of one token, of which it may be known that some labels do not hold.

    possible (ndarray): (B, labels) bool, on the CPU.
    """

    possible: Array

    @property
    def empty(self) -> Any:
        return ~self.known[:, 0] & self.possible.all(axis=1)

    def restrict(self, scores: Parts, units: Any) -> Parts:
        xp = scores.xp
        closed = xp.where(xp.asarray(self.possible[units]), 0.0, IMPOSSIBLE)
        return Parts({"unary": scores.arrays["unary"] + closed[:, None]}, scores.lengths)


def encode_categories(values: Floats2d, structure: IndependentLabels) -> DocGold:
    """Encode labels of docs.

    values (Floats2d): (B, labels), 0 to 1, NaN where nothing is known. Where one label holds, they
        sum to 1, or those that are known are 0.
    RETURNS (DocGold): units as of `doc_target` (transfer/conversions/documents.py).
    """
    rows = structure.of_label_chances(values).arrays["unary"]
    rows = rows.reshape((-1, rows.shape[2]))
    unknown = numpy.isnan(rows)
    known = numpy.asarray(~unknown.any(axis=1))
    possible = unknown | (rows > 0) | known[:, None]
    indicators = numpy.where(known[:, None], rows, 0)[:, None]
    gold = Parts({"unary": indicators}, numpy.ones(len(rows), dtype="int64"))
    return DocGold(gold, known[:, None], possible)
