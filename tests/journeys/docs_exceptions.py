"""What of the docs cannot run in a test, and what a snippet needs that no command before it made.

test_docs.py keeps both short, and true: an entry that is in no snippet is an error.
"""

from collections.abc import Callable
from pathlib import Path

# A part of a snippet: why it does not run.
CANNOT_RUN: dict[str, str] = {
    "make distill": "make sets up an environment; tests/cli/test_project.py runs the project",
    "--vars.backbone roberta-base": "a model of the hub",
    "pip install": "an index",
    "raw.jsonl mine --gold train.spacy": "README.md's own command, which is run there",
}


# What runs in a process of its own: a cluster that this one is part of stays with it, and its
# threads do not outlive a fork.
APART = ("--engine ray", "import ray")


def without_dev(folder: Path) -> None:
    (folder / "dev.spacy").unlink()


# A part of a snippet: what is done to its folder before.
BEFORE: dict[str, Callable[[Path], None]] = {
    "skd silver path/or/package heldout.jsonl dev.spacy": without_dev,
}
