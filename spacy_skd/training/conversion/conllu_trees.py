"""The trees of CoNLL-U: HEAD and DEPREL, known or not."""

import re
from collections.abc import Sequence
from typing import NoReturn, Protocol

ROOT = "root"
# What spaCy calls an arc without a label (`Doc(..., heads=)` and its `displacy`).
UNLABELLED = "dep"
Row = tuple[int, list[str]]


class Fail(Protocol):
    def __call__(self, line: int, message: str) -> NoReturn: ...


def read_tree(words: Sequence[Row], fail: Fail) -> tuple[list[int | None], list[str]]:
    """Read heads, 0-based, the root its own, None where HEAD is "_"; and deprels.

    The root's HEAD is 0 or, as in spaCy, itself; its deprel is "root", however the file writes it
    (spaCy's exporters: "ROOT"). A word without a head has none. An arc whose DEPREL is "_" is
    `UNLABELLED`.
    fail (Fail): called for a tree that is none.
    """
    heads = [_head(number, row, n_words=len(words), fail=fail) for number, row in words]
    _check_tree(words, heads, fail)
    deps = [_deprel(row[7], head) for (_, row), head in zip(words, heads)]
    return [i if head == 0 else head and head - 1 for i, head in enumerate(heads)], deps


def usable(heads: Sequence[int | None]) -> bool:
    """Tell whether spaCy can hold the heads that are known: it takes the first word below a root
    for the start of the sentence."""
    if None not in heads:
        return True
    roots = [i for i, head in enumerate(heads) if head == i]
    word: int | None = 0
    while word is not None and heads[word] != word:
        word = heads[word]
    return bool(roots) and word is not None


def _head(line: int, row: Sequence[str], *, n_words: int, fail: Fail) -> int | None:
    if row[6] == "_":
        return None
    if not re.fullmatch(r"\d+", row[6], flags=re.ASCII):
        fail(line, f"expected HEAD to be an integer from 0, or _, found {row[6]!r}")
    head = int(row[6])
    if head > n_words:
        fail(line, f"HEAD {head} is out of range: the sentence has {n_words} words")
    is_root = row[7].lower().split(":")[0] == ROOT  # "root:vtma", a subtype
    if is_root and head == int(row[0]):  # as in spaCy, where a root is its own head
        head = 0
    if (head == 0) != is_root and row[7] != "_":
        fail(
            line,
            f"HEAD 0 and DEPREL root go together, found HEAD {head}, DEPREL {row[7]!r}. Write root "
            f"for the word whose HEAD is 0, and for no other",
        )
    return head


def _deprel(column: str, head: int | None) -> str:
    if head is None:
        return ""
    if head == 0:
        return ROOT
    return UNLABELLED if column == "_" else column


def _check_tree(words: Sequence[Row], heads: list[int | None], fail: Fail) -> None:
    roots = [words[i][0] for i, head in enumerate(heads) if head == 0]
    if not roots and None not in heads:
        fail(words[0][0], "the sentence that starts here has no root (no HEAD is 0)")
    if len(roots) > 1:
        fail(roots[1], f"a second root: line {roots[0]} has HEAD 0 already")
    cycle = _find_cycle([head or 0 for head in heads])
    if cycle:
        path = " -> ".join(str(i) for i in [*cycle, cycle[0]])
        fail(words[cycle[0] - 1][0], f"the heads form a cycle: {path}")


def _find_cycle(heads: Sequence[int]) -> list[int]:
    """Return the 1-based words of one cycle of 1-based heads (0 = root), [] where there is none."""
    done = [True] + [False] * len(heads)
    for start in range(1, len(heads) + 1):
        path: dict[int, None] = {}
        word = start
        while not done[word]:
            if word in path:
                walked = list(path)
                return walked[walked.index(word) :]
            path[word] = None
            word = heads[word - 1]
        for word in path:
            done[word] = True
    return []
