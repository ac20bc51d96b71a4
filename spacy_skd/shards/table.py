"""A table of annotated folders from which one student learns: the setting `stores` of readers and
of `skd_teacher`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import check_between

Table = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class StoreEntry:
    """A row of the table.

    name (str): of the row. path (str): folder that `spacy skd annotate` wrote.
    ratio (float): words of its unlabelled docs for each labelled word.
    share (float): by which the loss of what its teacher says is multiplied; where several know a
        doc, their distributions are mixed in proportion to it. With 0 it says nothing: of its
        labelled docs gold alone is learnt.
    teacher (str | None): folder or package of the pipeline that annotated it, which runs over docs
        that are not in it; None: of those nothing is known.
    student_to_teacher (Mapping[str, str | None]): a student's component to the teacher's, where the
        names differ and the setting of `skd_teacher` does not say so; to None, if it does not ask
        this teacher.
    """

    name: str
    path: str
    ratio: float = 4.0
    share: float = 1.0
    teacher: str | None = None
    student_to_teacher: Mapping[str, str | None] = field(default_factory=dict)


SETTINGS = tuple(name for name in StoreEntry.__dataclass_fields__ if name != "name")


def read_table(table: Table) -> list[StoreEntry]:
    """Check a table. RAISES (ValueError): naming the row that is wrong; if all ratios or all
    shares are 0."""
    entries = [_entry(name, row) for name, row in table.items()]
    if entries and not sum(entry.ratio for entry in entries) > 0:
        raise ValueError(
            f"stores: expected a ratio above 0 in one of {', '.join(table)}, got 0 in each: no "
            f"unlabelled doc would be read. Set a ratio, such as 4.0"
        )
    if entries and not any(entry.share for entry in entries):
        raise ValueError(
            f"stores: expected a share above 0 in one of {', '.join(table)}, got 0 in each: no "
            f"teacher would be heard. Set a share, such as 1.0"
        )
    return entries


def _entry(name: str, row: Any) -> StoreEntry:
    if not isinstance(row, Mapping):
        raise ValueError(f"stores.{name}: expected a block with a path, got {row!r}")
    unknown = set(row) - set(SETTINGS)
    if unknown or not row.get("path"):
        raise ValueError(
            f"stores.{name}: expected a path, and of {', '.join(SETTINGS)} alone, got {dict(row)}"
        )
    ratio, asked = row.get("ratio", 4.0), row.get("student_to_teacher", {})
    for key, value in (("ratio", ratio), ("share", row.get("share", 1.0))):
        if not isinstance(value, (int, float)):
            raise ValueError(f"stores.{name}.{key}: expected a number, got {value!r}")
    if not isinstance(asked, Mapping) or not all(isinstance(n, str | None) for n in asked.values()):
        raise ValueError(
            f"stores.{name}.student_to_teacher: expected names, or null, got {asked!r}"
        )
    entry = StoreEntry(name, **{**row, "path": str(row["path"])})
    check_between(f"stores.{name}.ratio", entry.ratio, low=0, high=10**6)
    check_between(f"stores.{name}.share", entry.share, low=0, high=10**6)
    if entry.ratio and not entry.share:
        raise ValueError(
            f"stores.{name}: expected ratio = 0 beside share = 0, got {entry.ratio}: of its "
            f"unlabelled docs nothing would be learnt"
        )
    return entry


def check_one_of_two(store: object, table: Table, *, name: str) -> None:
    """Check that a store and a table are not both given. name (str): of who is asked.
    RAISES (ValueError): if they are."""
    if store is not None and table:
        raise ValueError(
            f"{name}: expected one of `store` and `stores`, got {str(store)!r} beside "
            f"{', '.join(table)}. Make it a row of the table"
        )
