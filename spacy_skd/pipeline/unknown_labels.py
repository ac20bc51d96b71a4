"""Labels that one side lacks, gold's or a teacher's: named once, never silently dropped."""

import logging
from collections.abc import Collection, Iterable, Sequence

from ..codecs.labels import LabelMatch, match_labels

logger = logging.getLogger("spacy.skd")
MOST_SHOWN = 50  # labels that are named


class UnknownLabels:
    """Reports for one component.

    tokens (int): gold labels of tokens so far that the component lacks.
    """

    def __init__(self, name: str):
        self.name = name
        self.tokens = 0
        self._named: set[str] = set()
        self._waiting: set[str] = set()

    def add(self, gold: Iterable[str], labels: Collection[str]) -> None:
        """Count, and name labels of later batches when they are half as many as those before, so
        that a long training is not full of them.

        gold (Iterable[str]): of the tokens of a batch, "" for none. labels (Collection[str]): the
            component's."""
        lacking = [label for label in gold if label and label not in labels]
        self.tokens += len(lacking)
        left = MOST_SHOWN - len(self._named)
        if left <= 0:
            return
        self._waiting.update(set(lacking) - self._named)
        if len(self._waiting) >= max(1, min(left, len(self._named) / 2)):
            new = sorted(self._waiting)
            self._named |= self._waiting
            self._waiting.clear()
            logger.warning(
                "%s: the annotation has the labels %s, which the component lacks; they are taken "
                "as not annotated (counted in `unknown_labels.tokens`)",
                self.name,
                _shown(new, most=left),
            )

    def match(
        self, teacher_labels: Sequence[str], labels: Sequence[str], *, teacher_pipe: str
    ) -> LabelMatch:
        """Match a teacher's labels and the component's, by name. What only one side has is told.

        RAISES (ValueError): if they have nothing in common.
        """
        what = f"{self.name} (layer of the teacher: {teacher_pipe})"
        match = match_labels(teacher=teacher_labels, student=labels, what=what)
        self._tell("the teacher", match.only_teacher)
        self._tell("the student", match.only_student)
        return match

    def _tell(self, side: str, labels: Sequence[str]) -> None:
        if labels:
            logger.warning("%s: only %s has the labels %s", self.name, side, _shown(labels))


def _shown(labels: Sequence[str], *, most: int = MOST_SHOWN) -> list[str]:
    return [*labels[:most], *["..."] * (len(labels) > most)]
