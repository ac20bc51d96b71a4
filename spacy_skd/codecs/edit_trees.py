"""Edit trees: what makes a lemma of a form (Chrupala 2008, Towards a machine-learning architecture
for lexical functional grammar parsing, section 4; Mueller et al. 2015, Joint lemmatization and
morphological tagging with Lemming).

The tree of a form and a lemma keeps their longest common substring and edits what is before and
behind it in the same way; what has nothing in common is replaced. Only the substring at the root
has a length that depends on the form, so that a tree is a row of steps:

    "leave/left"    replace what is exactly this form        leave -> left
    "* ing/"        keep all but the last three letters,     walking -> walk
                    which must be "ing"
    "ge/ * t/en"    also the first two                       gekauft -> kaufen
    "* a/i 2"       the last letter but two                  sang -> sing

As text a step is a replacement "old/new", the number of letters that are kept, or "*".
"""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

REST = "*"
_ESCAPED = {"\\": "\\\\", "/": "\\s", " ": "\\_", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_PLAIN = {escape: letter for letter, escape in _ESCAPED.items()}

Step = tuple[str, str] | int  # what is replaced by what, or how many letters are kept


@dataclass(frozen=True)
class EditTree:
    """Steps from both ends of a form towards the letters that are kept between them.

    left, right (tuple[Step, ...]): from the left to the right. keeps (bool): whether anything may
    stand between; if not, `right` is empty and `left` one replacement, of the whole form.
    """

    left: tuple[Step, ...] = ()
    right: tuple[Step, ...] = ()
    keeps: bool = True

    @cached_property
    def lengths(self) -> tuple[int, int]:
        """The letters that both ends take."""
        left, right = (sum(map(_length, steps)) for steps in (self.left, self.right))
        return left, right

    @cached_property
    def text(self) -> str:
        middle = [REST] if self.keeps else []
        return " ".join([*map(_step_text, self.left), *middle, *map(_step_text, self.right)])

    @property
    def edge(self) -> tuple[str, str]:
        """What a form must begin and end with, "" for anything."""
        first, last = self.left[:1], self.right[-1:]
        return _replaced(first), _replaced(last)

    def apply(self, form: str, *, kept: str | None = None) -> str | None:
        """Return the lemma; None if the tree does not apply to the form.

        kept (str | None): another form of as many letters, of which those are taken that stay.
        """
        kept = form if kept is None else kept
        n_left, n_right = self.lengths
        end = len(form) - n_right
        if n_left > end or not (self.keeps or n_left == end):
            return None
        left = _edited(self.left, form, kept, 0)
        right = None if left is None else _edited(self.right, form, kept, end)
        return None if left is None or right is None else left + kept[n_left:end] + right


def make_tree(form: str, lemma: str) -> EditTree:
    """Return the tree that makes a lemma of a form."""
    a, b, n = _longest(form, lemma)
    if not n:
        return EditTree() if form == lemma else EditTree(((form, lemma),), keeps=False)
    return EditTree(_steps(form[:a], lemma[:b]), _steps(form[a + n :], lemma[b + n :]))


def parse_tree(text: str) -> EditTree:
    """Read what `EditTree.text` says. RAISES (ValueError): if it is no tree."""
    parts = text.split(" ") if text else []
    keeps = REST in parts
    at = parts.index(REST) if keeps else len(parts)
    tree = EditTree(
        tuple(map(_parse_step, parts[:at])), tuple(map(_parse_step, parts[at + 1 :])), keeps
    )
    if tree.text != text or not (keeps or [type(step) for step in tree.left] == [tuple]):
        raise ValueError(f"expected an edit tree such as '* ing/' or 'went/go', got {text!r}")
    return tree


def _longest(form: str, lemma: str) -> tuple[int, int, int]:
    """Return where the first longest common substring is in both, and its length."""
    a, b, n = SequenceMatcher(None, form, lemma, autojunk=False).find_longest_match()
    return a, b, n


def _steps(form: str, lemma: str) -> tuple[Step, ...]:
    a, b, n = _longest(form, lemma)
    if n:
        return (*_steps(form[:a], lemma[:b]), n, *_steps(form[a + n :], lemma[b + n :]))
    return ((form, lemma),) if form or lemma else ()


def _edited(steps: tuple[Step, ...], form: str, kept: str, at: int) -> str | None:
    edited = ""
    for step in steps:
        if isinstance(step, int):
            edited += kept[at : at + step]
        elif form.startswith(step[0], at):
            edited += step[1]
        else:
            return None
        at += _length(step)
    return edited


def _length(step: Step) -> int:
    return step if isinstance(step, int) else len(step[0])


def _replaced(steps: tuple[Step, ...]) -> str:
    """Return what the one step replaces, "" if there is none or it keeps what is there."""
    return "".join(step[0] for step in steps if not isinstance(step, int))


def _step_text(step: Step) -> str:
    if isinstance(step, int):
        return str(step)
    return "/".join("".join(_ESCAPED.get(letter, letter) for letter in side) for side in step)


def _parse_step(text: str) -> Step:
    if text.isascii() and text.isdigit():
        return int(text)
    old, slash, new = text.partition("/")
    if not slash:
        raise ValueError(f"expected a step of an edit tree, 'old/new' or a number, got {text!r}")
    return _unescaped(old), _unescaped(new)


def _unescaped(text: str) -> str:
    return re.sub(r"\\.", lambda match: _PLAIN.get(match[0], match[0]), text)
