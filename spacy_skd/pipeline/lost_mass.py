"""What of a teacher's belief a student cannot express: reported once, never silently dropped."""

import logging
from typing import Optional

import numpy
from thinc.types import Floats1d

from ..transfer.convert import Target

logger = logging.getLogger("spacy.skd")
# Less than this share is rounding of log Z in float32, or not worth a warning.
WORTH_NAMING = 1e-3


class LostMass:
    """Reports for one component.

    what (str): what the student cannot express. certain (str): the same, of a certain teacher.
    skipped (int): units so far of which the student could express nothing; the teacher does not
        count for them.
    """

    def __init__(
        self,
        name: str,
        *,
        what: str = "labels that it lacks, sequences that it excludes",
        certain: str = "labels that the student lacks",
    ):
        self.name = name
        self.what = what
        self.certain = certain
        self.skipped = 0
        self._reported = False

    def add(self, target: Target, *, weights: Optional[Floats1d] = None) -> None:
        """Note a batch's target. The first that loses mass is reported.

        weights (Optional[Floats1d]): (B,) of the units; 1 if not given.
        """
        self.add_lost(target.lost, empty=target.empty, weights=weights)

    def add_lost(
        self,
        lost: Floats1d,
        *,
        empty: Optional["numpy.ndarray"] = None,
        weights: Optional[Floats1d] = None,
    ) -> None:
        """See `add`. lost (Floats1d): (B,) shares. empty (Optional[ndarray]): bool, of units that
        are skipped."""
        if empty is not None and empty.any():
            self._skip(int(empty.sum()))
        if self._reported or not len(lost):
            return
        total = len(lost) if weights is None else float(weights.sum())
        lost = lost if weights is None else lost * weights
        mean = float(lost.sum()) / max(total, 1e-9)
        if mean > WORTH_NAMING:
            self._reported = True
            logger.warning(
                "%s: %.1f %% of the teacher's probability in a batch lies on what the student "
                "cannot express (%s); it learns the rest, as if the teacher had ruled that out",
                self.name,
                100 * mean,
                self.what,
            )

    def _skip(self, n: int) -> None:
        if not self.skipped:
            logger.warning(
                "%s: the teacher is certain of %s for %d units of a batch; it does not count for "
                "such units (counted in `skipped`)",
                self.name,
                self.certain,
                n,
            )
        self.skipped += n


def supported(target: Target, *, n: int) -> "numpy.ndarray":
    """RETURNS (ndarray): (n,) bool, False for units of which the student can express none."""
    return numpy.ones(n, dtype=bool) if target.empty is None else ~target.empty
