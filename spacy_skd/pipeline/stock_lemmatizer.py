"""Labels of lemmas as trees of spaCy's `trainable_lemmatizer`, which are of forms as they are.

A label is there once for the forms in lower case, and once for each capital that one may begin
with; all have the label's score. Those of a capital apply to such forms alone, and are tried first.
Words in capitals have trees only where a label replaces the whole form.
"""

from collections.abc import Iterator, Sequence
from string import ascii_lowercase
from typing import Any

from ..codecs.edit_trees import EditTree, Step
from ..codecs.lemma_labels import LemmaLabel, parse_lemma_label

FIRST = 1e-3  # nats by which a tree of a few forms is before that of all
_KEPT = "\ue000\ue001\ue002"  # letters without case: what a tree keeps, however long that is


def add_trees(trees: Any, labels: Sequence[str]) -> tuple[list[int], list[int], list[float]]:
    """Add the trees of labels to a stock component's.

    RETURNS: (columns,) the tree of each; the label whose score it has; and what is added to that,
        in nats.
    """
    letters = sorted({*ascii_lowercase, *(c for label in labels for c in label if c.isalpha())})
    columns: list[tuple[int, int, float]] = []
    for i, label in enumerate(map(parse_lemma_label, labels)):
        general = label.tree.apply(form_of(label.tree))
        base = trees.add(form_of(label.tree), general) if general is not None else -1
        pairs = ((form, label.apply(form)) for form in _forms(label, letters))
        added = dict.fromkeys(trees.add(form, lemma) for form, lemma in pairs if lemma)
        columns += [(tree, i, 0.0 if tree == base else FIRST) for tree in added]
    ids, of_labels, shifts = (list(column) for column in zip(*columns))
    return ids, of_labels, shifts


def form_of(tree: EditTree) -> str:
    """Return a form to which a tree applies, in lower case."""
    kept = _KEPT if tree.keeps else ""
    return _side(tree.left) + kept + _side(tree.right)


def _side(steps: Sequence[Step]) -> str:
    return "".join(_KEPT[0] * step if isinstance(step, int) else step[0] for step in steps)


def _forms(label: LemmaLabel, letters: Sequence[str]) -> Iterator[str]:
    """Yield forms to which a label applies, in the cases that a tree can tell."""
    form = form_of(label.tree)
    starts = letters if form[:1] in _KEPT else [form[:1]]
    for start in starts:
        yield start + form[1:]
        yield start.upper() + form[1:]
    if label.case == "upper" or not label.tree.keeps:
        yield form.upper()
