"""Matching two label inventories by name, never by index."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy

from ..arrays import FloatsXd, Ints1d, array_module
from ..structures import IMPOSSIBLE


@dataclass(frozen=True, eq=False)
class LabelMatch:
    """Where a student's labels stand among a teacher's.

    columns (Ints1d): (student labels,) the teacher's column of each student label, -1 for none.
    only_student (tuple[str, ...]): labels that the teacher lacks; the teacher never votes for them.
    only_teacher (tuple[str, ...]): labels that the student lacks; they are masked in the
        teacher's scores, so its belief is conditioned on what the student can express.
    """

    columns: Ints1d
    only_student: tuple[str, ...]
    only_teacher: tuple[str, ...]

    @cached_property
    def is_identity(self) -> bool:
        """Whether both have the same labels in the same order."""
        same = numpy.array_equal(self.columns, numpy.arange(len(self.columns)))
        return same and not self.only_teacher

    def gather(self, scores: FloatsXd) -> FloatsXd:
        """Return teacher's scores, columns reordered to the student's labels.

        scores (FloatsXd): (..., teacher labels).
        RETURNS (FloatsXd): (..., student labels), `IMPOSSIBLE` where the teacher has no such label.
        """
        xp = array_module(scores)
        columns = xp.asarray(self.columns)
        gathered = scores[..., xp.maximum(columns, 0)]
        return xp.where(columns < 0, xp.asarray(IMPOSSIBLE, dtype=scores.dtype), gathered)


def match_labels(*, teacher: Sequence[str], student: Sequence[str], what: str) -> LabelMatch:
    """Match two inventories by name.

    what (str): whose labels these are, for the error message.
    RAISES (ValueError): if no label is shared.
    """
    where = {label: i for i, label in enumerate(teacher)}
    columns = numpy.asarray([where.get(label, -1) for label in student], dtype="int64")
    if not (columns >= 0).any():
        raise ValueError(
            f"{what}: teacher and student share no label. Teacher: {_few(teacher)}; student: "
            f"{_few(student)}. Point `student_to_teacher` at a teacher component of the same "
            f"layer, or leave out the student's own labels so that it copies the teacher's."
        )
    known = set(student)
    return LabelMatch(
        columns=columns,
        only_student=tuple(label for label in student if label not in where),
        only_teacher=tuple(label for label in teacher if label not in known),
    )


def _few(labels: Sequence[str]) -> str:
    shown = ", ".join(repr(label) for label in labels[:8])
    return f"[{shown}{', ...' if len(labels) > 8 else ''}] ({len(labels)})"
