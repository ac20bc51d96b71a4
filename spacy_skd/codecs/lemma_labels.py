"""Labels of lemmas: an edit tree of the lower-cased form to the lower-cased lemma, with the case of
the lemma ("lower * ing/", "title *"), so that a word gets the same at the start of a sentence, in
capitals and elsewhere.

Of the cases that give a lemma, the first counts:

    lower   no capitals                               walking, Walking, WALKING -> walk
    title   the first letter alone                    Berlins, BERLINS -> Berlin
    upper   all letters                               NATO -> NATO
    form    each letter as the form has it,           McDonalds -> McDonald
            what is new in lower case
    0,2     the letters at these places of the lemma  phds -> PhD
"""

from collections.abc import Callable
from dataclasses import dataclass

from .edit_trees import EditTree, make_tree, parse_tree

CASES = ("lower", "title", "upper", "form")


@dataclass(frozen=True)
class LemmaLabel:
    """case (str): of `CASES`, or the places of capitals. tree (EditTree): in lower case."""

    case: str
    tree: EditTree

    @property
    def text(self) -> str:
        return f"{self.case} {self.tree.text}"

    def apply(self, form: str) -> str | None:
        """Return the lemma of a form; None if the label does not apply to it."""
        lower = self.tree.apply(form.lower())
        return None if lower is None else in_case(self.case, form, lower, self.tree)


def lemma_label(form: str, lemma: str) -> str | None:
    """Return the label that makes a lemma of a form; None if there is none, since a letter has no
    single counterpart in the other case."""
    tree = make_tree(form.lower(), lemma.lower())
    places = ",".join(str(i) for i, letter in enumerate(lemma) if letter != letter.lower())
    labels = (LemmaLabel(case, tree) for case in (*CASES, places) if case)
    return next((label.text for label in labels if label.apply(form) == lemma), None)


def parse_lemma_label(text: str) -> LemmaLabel:
    """Read what `LemmaLabel.text` says. RAISES (ValueError): if it is no label."""
    case, space, tree = text.partition(" ")
    places = case.split(",")
    if not space or not (case in CASES or all(p.isascii() and p.isdigit() for p in places)):
        raise ValueError(
            f"expected a label of lemmas, a case ({', '.join(CASES)} or places of capitals as in "
            f"'0,2') and an edit tree, such as 'lower * ing/', got {text!r}"
        )
    return LemmaLabel(case, parse_tree(tree))


def is_lemma_label(text: str) -> bool:
    try:
        return bool(parse_lemma_label(text))
    except ValueError:
        return False


def in_case(case: str, form: str, lemma: str, tree: EditTree) -> str | None:
    """Return a lemma in a case; None if that cannot be told.

    lemma (str): that the tree makes of the form, in lower case.
    """
    fixed = _FIXED.get(case)
    if fixed is not None:
        return fixed(lemma)
    if case == "form":
        return lemma if form.islower() else _as_form(form, tree)
    places = set(map(int, case.split(",")))
    if max(places) >= len(lemma):
        return None
    return "".join(_upper(letter) if i in places else letter for i, letter in enumerate(lemma))


def _title(lemma: str) -> str:
    at = next((i for i, letter in enumerate(lemma) if letter.isalpha()), 0)
    return lemma[:at] + _upper(lemma[at : at + 1]) + lemma[at + 1 :]


def _as_lower(lemma: str) -> str:
    return lemma


def _all_upper(lemma: str) -> str:
    return "".join(map(_upper, lemma))


_FIXED: dict[str, Callable[[str], str]] = {
    "lower": _as_lower,
    "title": _title,
    "upper": _all_upper,
}


def _as_form(form: str, tree: EditTree) -> str | None:
    lower = form.lower()
    return tree.apply(lower, kept=form) if len(lower) == len(form) else None


def _upper(letter: str) -> str:
    """Return a capital, the letter itself if it has none of one letter."""
    capital = letter.upper()
    return capital if len(capital) == 1 else letter
