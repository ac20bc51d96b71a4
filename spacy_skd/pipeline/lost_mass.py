"""What of a teacher's belief a student cannot express: reported once, never silently dropped."""

import logging
from typing import NamedTuple

from ..arrays import Array, Floats1d
from .meter import Meter

logger = logging.getLogger("spacy.skd")
# Less than this share is rounding of log Z in float32, or not worth a warning.
WORTH_NAMING = 1e-3


class Reason(NamedTuple):
    """what (str): a student cannot express. certain (str): of which a teacher is, if that is all it
    holds possible."""

    what: str
    certain: str


LABELS = Reason(
    "labels that it lacks, sequences that it excludes, spans that overlap or are too wide",
    "labels that the student lacks",
)
CATEGORIES = Reason(
    "labels that it lacks, several labels at once, or none",
    "labels that the student lacks, or of several at once",
)
HEADS = Reason("heads that form no tree of its kind", "heads that the student excludes")
TAGS = Reason(
    "arcs without a tag, or whose deprels the teacher did not score", "arcs without a tag"
)
LEMMAS = Reason("lemmas that none of its labels makes of the form", "such a lemma")


class LostMass:
    """Reports for one component.

    skipped (int): units so far of which the student could express nothing; the teacher does not
        count for them.
    meter (Meter | None): is told of all that is lost.
    """

    meter: Meter | None = None

    def __init__(self, name: str):
        self.name = name
        self.skipped = 0
        self._reported: set[Reason] = set()

    def add(
        self,
        lost: Floats1d,
        *,
        empty: Array | None = None,
        weights: Floats1d | None = None,
        reason: Reason = LABELS,
    ) -> None:
        """Note what is lost in a batch. The first that loses mass for a reason is reported.

        lost (Floats1d): (B,) shares of the teacher's mass. empty (ndarray | None): (B,) bool, see
            `Target`. weights (Floats1d | None): (B,) of the units; 1 if not given.
        """
        if empty is not None:
            self._skip(int(empty.sum()), reason)
        if self.meter is not None:
            self.meter.add_lost(lost, weights)
        if reason in self._reported or not len(lost):
            return
        total = len(lost) if weights is None else float(weights.sum())
        lost = lost if weights is None else lost * weights
        mean = float(lost.sum()) / max(total, 1e-9)
        if mean > WORTH_NAMING:
            self._reported.add(reason)
            logger.warning(
                "%s: %.1f %% of the teacher's probability in a batch lies on what the student "
                "cannot express (%s); it learns the rest, as if the teacher had ruled that out",
                self.name,
                100 * mean,
                reason.what,
            )

    def _skip(self, n: int, reason: Reason) -> None:
        if not self.skipped:
            logger.warning(
                "%s: the teacher is certain of %s for %d units of a batch; it does not count for "
                "such units (counted in `lost_mass.skipped`)",
                self.name,
                reason.certain,
                n,
            )
        self.skipped += n
