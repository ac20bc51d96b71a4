"""Finite and non-finite verb groups: auxiliaries, agreement, negation, contractions."""

from dataclasses import dataclass
from typing import NamedTuple

from .function_words import negation
from .lexicon import Verb
from .tree import TIGHT_LEFT, Node

BE = Verb("be", "is", "was", "been", "being")
HAVE = Verb("have", "has", "had", "had", "having")
DO = Verb("do", "does", "did", "done", "doing")
_INF = "VerbForm=Inf"
_PART = "Tense=Past|VerbForm=Part"
_PROG = "Tense=Pres|VerbForm=Part"
_SHORT = {
    "will": "'ll", "is": "'s", "are": "'re", "am": "'m", "have": "'ve", "has": "'s", "had": "'d",
    "would": "'d",
}  # fmt: skip
_NEGATED = {"will": "wo", "can": "ca", "shall": "sha"}


@dataclass(frozen=True)
class Shape:
    """What is said by the verb group beside the verb itself.

    `tense` Pres or Past; `modal` "" or a modal; `voice` active or passive; `mood` Ind, Imp, Inf,
    Ger or Part (the last three without agreement).
    """

    tense: str = "Past"
    modal: str = ""
    perfect: bool = False
    progressive: bool = False
    passive: bool = False
    negated: bool = False
    contracted: bool = False
    mood: str = "Ind"


class Agreement(NamedTuple):
    """Person (1, 2, 3) and number (Sing, Plur) of a subject."""

    person: int = 3
    number: str = "Sing"


@dataclass
class Group:
    """A verb (or copula) with the words before it, in surface order; the last is the verb."""

    words: list[Node]

    @property
    def main(self) -> Node:
        return self.words[-1]

    @property
    def before(self) -> list[Node]:
        return self.words[:-1]


def verb_group(
    verb: Verb, agreement: Agreement, shape: Shape, *, support: bool = False, copula: bool = False
) -> Group:
    """The words of the group, from the first auxiliary to the verb.

    `support` asks for an auxiliary in front (questions), with `do` if there is no other. With
    `copula` the verb is the auxiliary `be` and gets no do-support.
    """
    chain = _chain(verb, shape)
    lone = len(chain) == 1 and not shape.modal and shape.mood in ("Ind", "Imp")
    if lone and (support or shape.negated) and (not copula or shape.mood == "Imp"):
        chain.insert(0, (DO, "aux"))
    words: list[Node] = []
    form = shape.mood
    if shape.modal:
        words.append(_modal(shape))
        form = "Inf"
    for item, role in chain:
        words.append(_word(item, role, form, agreement, shape.tense))
        form = _after(item, chain, role, shape)
    if copula:
        words[-1].upos = "AUX"
        words[-1].deprel = "cop"
    elif shape.passive and words[-1].feats.startswith("Tense=Past"):
        words[-1].feats += "|Voice=Pass"
    return Group(_negate(words, shape, copula))


def contract(node: Node) -> bool:
    """Write an auxiliary as 's, 'll, 're ...; False if it has no such form."""
    short = _SHORT.get(node.form)
    if short is None:
        return False
    node.form = short
    node.tight |= TIGHT_LEFT
    return True


def _chain(verb: Verb, shape: Shape) -> list[tuple[Verb, str]]:
    chain: list[tuple[Verb, str]] = []
    if shape.perfect:
        chain.append((HAVE, "aux"))
    if shape.progressive:
        chain.append((BE, "aux"))
    if shape.passive:
        chain.append((BE, "aux:pass"))
    chain.append((verb, ""))
    return chain


def _after(item: Verb, chain: list[tuple[Verb, str]], role: str, shape: Shape) -> str:
    """The form that the next word of the chain must have."""
    if item is DO and role == "aux":
        return "Inf"
    if item is HAVE and role == "aux":
        return "Part"
    return "Part" if role == "aux:pass" else "Prog"


def _modal(shape: Shape) -> Node:
    return Node(shape.modal, shape.modal, "AUX", "MD", "VerbForm=Fin", "aux")


def _word(verb: Verb, role: str, form: str, agreement: Agreement, tense: str) -> Node:
    surface, tag, feats = _inflect(verb, form, agreement, tense)
    node = Node(surface, verb.lemma, "AUX" if role else "VERB", tag, feats)
    node.deprel = role
    return node


def _inflect(verb: Verb, form: str, agreement: Agreement, tense: str) -> tuple[str, str, str]:
    if form == "Inf":
        return verb.lemma, "VB", _INF
    if form == "Imp":
        return verb.lemma, "VB", "Mood=Imp|VerbForm=Fin"
    if form == "Part":
        return verb.participle, "VBN", _PART
    if form in ("Prog", "Ger"):
        return verb.gerund, "VBG", _PROG if form == "Prog" else "VerbForm=Ger"
    person, number = agreement
    agree = f"|Number={number}|Person={person}"
    if tense == "Past":
        surface = verb.past if verb.lemma != "be" else _be_past(agreement)
        return surface, "VBD", f"Mood=Ind{agree}|Tense=Past|VerbForm=Fin"
    feats = f"Mood=Ind{agree}|Tense=Pres|VerbForm=Fin"
    if person == 3 and number == "Sing":
        return verb.third, "VBZ", feats
    if verb.lemma == "be":
        return ("am" if person == 1 and number == "Sing" else "are"), "VBP", feats
    return verb.lemma, "VBP", feats


def _be_past(agreement: Agreement) -> str:
    return "was" if agreement.number == "Sing" and agreement.person != 2 else "were"


def _negate(words: list[Node], shape: Shape, copula: bool) -> list[Node]:
    if not shape.negated:
        return words
    if shape.mood in ("Inf", "Ger", "Part"):
        return [negation(False), *words]
    first = words[0]
    short = shape.contracted and first.form not in ("may", "might", "am", "shall")
    if short:
        first.form = _NEGATED.get(first.form, first.form)
    return [first, negation(short), *words[1:]]


def first_auxiliary(group: Group) -> Node | None:
    """The word that moves before the subject in a question."""
    return group.words[0] if group.words[0].upos == "AUX" else None
