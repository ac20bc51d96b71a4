"""Dependency trees under construction, and the flat sentences they become."""

import re
from dataclasses import dataclass
from typing import NamedTuple

_OTHER = re.compile(r"[\W_]+")
TIGHT_LEFT = 1
TIGHT_RIGHT = 2


class Node:
    """One word of a tree that is being built; its dependents stand in surface order.

    `left` and `right` are the dependents before and after the word. `governor` replaces the head
    of a word that stands elsewhere than its head's other dependents (a non-projective arc).
    `tight` says whether the space before (TIGHT_LEFT) or after (TIGHT_RIGHT) is missing.
    `sem`, `number`, `person`, `gender` are the synthesised attributes of the grammar.
    """

    __slots__ = (
        "form", "lemma", "upos", "xpos", "feats", "deprel", "left", "right", "ne", "tight",
        "governor", "sem", "number", "person", "gender", "proper", "index",
    )  # fmt: skip

    def __init__(
        self, form: str, lemma: str, upos: str, xpos: str, feats: str = "_", deprel: str = "root"
    ) -> None:
        self.form = form
        self.lemma = lemma
        self.upos = upos
        self.xpos = xpos
        self.feats = feats
        self.deprel = deprel
        self.left: list[Node] = []
        self.right: list[Node] = []
        self.ne = ""
        self.tight = 0
        self.governor: Node | None = None
        self.sem = ""
        self.number = "Sing"
        self.person = 3
        self.gender = ""
        self.proper = False
        self.index = 0

    def as_(self, deprel: str) -> "Node":
        """Set the relation to the head; returns the node itself."""
        self.deprel = deprel
        return self


class Token(NamedTuple):
    """One line of a CoNLL-U sentence. `head` is 1-based, 0 is the root; `ne` is BILUO or ""."""

    form: str
    lemma: str
    upos: str
    xpos: str
    feats: str
    head: int
    deprel: str
    ne: str
    space_after: bool


@dataclass(frozen=True)
class Sentence:
    """A finished sentence: its tokens in surface order."""

    tokens: tuple[Token, ...]

    @property
    def text(self) -> str:
        """The sentence as running text, without the space that may follow it."""
        return "".join([t.form + " " if t.space_after else t.form for t in self.tokens]).rstrip(" ")

    @property
    def key(self) -> str:
        """What two sentences that count as the same share: letters and digits in lower case."""
        return _OTHER.sub("", "".join([t.form for t in self.tokens]).lower())


def surface(root: Node) -> list[Node]:
    """The nodes below (and with) `root` in surface order."""
    order: list[Node] = []
    _walk(root, order)
    return order


def linearise(root: Node, *, capital: bool) -> Sentence:
    """Turn a tree into a sentence; `capital` says whether its first letter is made upper case."""
    order = _without_idle_commas(surface(root))
    heads = {id(root): 0}
    for position, node in enumerate(order, start=1):
        node.index = position
    for node in order:
        for child in node.left:
            heads[id(child)] = node.index
        for child in node.right:
            heads[id(child)] = node.index
    last = len(order) - 1
    tokens = []
    for i, node in enumerate(order):
        head = node.governor.index if node.governor is not None else heads[id(node)]
        tight = node.tight & TIGHT_RIGHT or (i < last and order[i + 1].tight & TIGHT_LEFT)
        form, feats = node.form, node.feats
        tokens.append(
            Token(
                form, node.lemma, node.upos, node.xpos, feats, head, node.deprel, node.ne, not tight
            )
        )
    if capital:
        tokens = _capitalised(tokens)
    return Sentence(tuple(tokens))


_AFTER_COMMA = frozenset((",", ".", "!", "?", ";", ":", "...", ")"))


def _without_idle_commas(order: list[Node]) -> list[Node]:
    """Drop a comma at the start, at the end, and before another mark (asides bring their own)."""
    while order and order[0].form == ",":
        order = order[1:]
    kept = []
    for i, node in enumerate(order):
        following = order[i + 1].form if i + 1 < len(order) else "."
        if node.form != "," or following not in _AFTER_COMMA:
            kept.append(node)
    return kept


def _walk(node: Node, order: list[Node]) -> None:
    for child in node.left:
        _walk(child, order)
    order.append(node)
    for child in node.right:
        _walk(child, order)


def _capitalised(tokens: list[Token]) -> list[Token]:
    """Make the first word that is not punctuation upper case, unless it is a brand (iPhone)."""
    for i, token in enumerate(tokens):
        if token.upos == "PUNCT":
            continue
        form = token.form
        if form[:1].islower() and not any(c.isupper() for c in form):
            tokens[i] = token._replace(form=form[0].upper() + form[1:])
        break
    return tokens
