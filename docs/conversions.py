"""Write the tables of the conversions anew: conversions.md, and the matrix in teacher.md.

python docs/conversions.py
"""

from pathlib import Path

from spacy_skd.structures import Structure
from spacy_skd.transfer.conversions.table import CONVERSIONS

FOLDER = Path(__file__).parent
ABOUT = "# Conversions\n\nFrom a teacher of one family to a student of another.\n\n"
MARKS = ("<!-- matrix -->\n", "<!-- end -->")


def main() -> None:
    (FOLDER / "conversions.md").write_text(ABOUT + markdown_table(), encoding="utf8")
    page = (FOLDER / "teacher.md").read_text(encoding="utf8")
    before, _, rest = page.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    page = before + MARKS[0] + markdown_matrix() + MARKS[1] + after
    (FOLDER / "teacher.md").write_text(page, encoding="utf8")


def markdown_matrix() -> str:
    """Return teachers by students, for docs/teacher.md: the verb of each pair, or nothing."""
    kinds = list(_places())
    verbs = [[_verb(teacher, student) for student in kinds] for teacher in kinds]
    names = [kind.name.replace("_", " ") for kind in kinds]
    head = ["| teacher \\ student | " + " | ".join(names) + " |", "|---" * (len(kinds) + 1) + "|"]
    rows = [f"| {name} | " + " | ".join(row) + " |" for name, row in zip(names, verbs)]
    return "\n".join([*head, *rows]) + "\n"


def _places() -> dict[type[Structure], int]:
    """Return the kinds in the order in which they come into the table."""
    teachers = dict.fromkeys(teacher for teacher, _ in CONVERSIONS)
    return {kind: place for place, kind in enumerate(teachers)}


def _verb(teacher: type[Structure], student: type[Structure]) -> str:
    conversion = CONVERSIONS.get((teacher, student))
    return "" if conversion is None else conversion.verb


def markdown_table() -> str:
    """Return the conversions as a table for the documentation."""
    places = _places()
    pairs = sorted(CONVERSIONS, key=lambda pair: (places[pair[0]], places[pair[1]]))
    rows = [
        f"| {teacher.__name__} | {student.__name__} | {c.verb} | {c.note} |"
        for teacher, student in pairs
        for c in (CONVERSIONS[teacher, student],)
    ]
    return "\n".join(["| teacher | student | verb | how |", "|---|---|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    main()
