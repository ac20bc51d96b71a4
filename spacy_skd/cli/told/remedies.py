"""What `spacy skd init` says of components that teach little or are left behind."""

import shlex

from thinc.api import Config
from wasabi import msg

from ...training.configs.plan import Plan, Row


def print_remedies(teacher: str, config: Config, plan: Plan, *, code: str) -> None:
    """Say what to do about components that teach little, and about those that are left behind."""
    if plan.by_beam:
        names = ", ".join(plan.by_beam)
        msg.warn(f"{names}: a beam is nearly always certain, and slow to ask.")
    if plan.by_beam and plan.embedding:
        msg.info(f"Heads on {plan.embedding!r} teach more:")
        chosen = ",".join(plan.by_beam)
        print(f"python -m spacy skd rehead {shlex.quote(teacher)} heads --pipes {chosen}{code}")
    for row in (row for row in plan.rows if row.is_lost):
        msg.warn(
            f"{row.name} is left behind. Annotate and init with --retrain {shlex.quote(row.name)}, "
            f"and it is trained with the student; or train one with vectors of its own on what the "
            f"teacher says of raw text, and add it to the student (docs/students.md, 'What is left "
            f"behind'):"
        )
        lang = config["nlp"]["lang"]
        print("\n".join(replacement(row, teacher=teacher, lang=lang, code=code)))


def replacement(row: Row, *, teacher: str, lang: str, code: str = "") -> list[str]:
    """Return the commands that train a component in place of one of the teacher's.

    code (str): the option that they need.
    """
    name = shlex.quote(row.name)
    silver = f"python -m spacy skd silver {shlex.quote(teacher)}"
    paths = f"--paths.train {name}.spacy --paths.dev {name}_dev.spacy"
    return [
        f"{silver} raw.jsonl {name}.spacy{code}",
        f"{silver} heldout.jsonl {name}_dev.spacy{code}",
        f"python -m spacy init config {name}.cfg --lang {lang} --pipeline {row.factory}",
        f"python -m spacy train {name}.cfg --output {name} {paths}{code}",
    ]
