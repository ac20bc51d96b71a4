"""The closed classes: determiners, pronouns, auxiliaries, prepositions, punctuation."""

from .tree import TIGHT_LEFT, TIGHT_RIGHT, Node

_PRONOUNS: dict[tuple[str, str], tuple[str, str, str, str]] = {
    # (person+number or gender, case) -> form, Person, Number, Gender
    ("1s", "Nom"): ("I", "1", "Sing", ""), ("1s", "Acc"): ("me", "1", "Sing", ""),
    ("1p", "Nom"): ("we", "1", "Plur", ""), ("1p", "Acc"): ("us", "1", "Plur", ""),
    ("2", "Nom"): ("you", "2", "", ""), ("2", "Acc"): ("you", "2", "", ""),
    ("Masc", "Nom"): ("he", "3", "Sing", "Masc"), ("Masc", "Acc"): ("him", "3", "Sing", "Masc"),
    ("Fem", "Nom"): ("she", "3", "Sing", "Fem"), ("Fem", "Acc"): ("her", "3", "Sing", "Fem"),
    ("Neut", "Nom"): ("it", "3", "Sing", "Neut"), ("Neut", "Acc"): ("it", "3", "Sing", "Neut"),
    ("3p", "Nom"): ("they", "3", "Plur", ""), ("3p", "Acc"): ("them", "3", "Plur", ""),
}  # fmt: skip
_POSSESSIVES = {
    "1s": ("my", "1", "Sing", ""), "1p": ("our", "1", "Plur", ""), "2": ("your", "2", "", ""),
    "Masc": ("his", "3", "Sing", "Masc"), "Fem": ("her", "3", "Sing", "Fem"),
    "Neut": ("its", "3", "Sing", "Neut"), "3p": ("their", "3", "Plur", ""),
}  # fmt: skip
_DETERMINERS = {
    "the": ("the", "DT", "Definite=Def|PronType=Art"),
    "a": ("a", "DT", "Definite=Ind|PronType=Art"),
    "an": ("a", "DT", "Definite=Ind|PronType=Art"),
    "this": ("this", "DT", "Number=Sing|PronType=Dem"),
    "that": ("that", "DT", "Number=Sing|PronType=Dem"),
    "these": ("this", "DT", "Number=Plur|PronType=Dem"),
    "those": ("that", "DT", "Number=Plur|PronType=Dem"),
    "some": ("some", "DT", "PronType=Ind"), "any": ("any", "DT", "PronType=Ind"),
    "every": ("every", "DT", "PronType=Tot"), "each": ("each", "DT", "PronType=Tot"),
    "no": ("no", "DT", "PronType=Neg"), "both": ("both", "DT", "PronType=Tot"),
    "all": ("all", "DT", "PronType=Tot"), "another": ("another", "DT", "PronType=Ind"),
    "which": ("which", "WDT", "PronType=Int"), "what": ("what", "WDT", "PronType=Int"),
}  # fmt: skip
_MARKS = {"to": ("PART", "TO")}
_CLOSING = frozenset((".", "!", "?", ",", ";", ":", "...", ")"))
_PUNCTUATION_TAGS = {",": ",", ";": ":", ":": ":", "...": ":", "(": "-LRB-", ")": "-RRB-"}


def pronoun(kind: str, case: str) -> Node:
    """A personal pronoun: kind 1s 1p 2 Masc Fem Neut 3p, case Nom or Acc."""
    form, person, number, gender = _PRONOUNS[kind, case]
    node = Node(form, _PRONOUNS[kind, "Nom"][0], "PRON", "PRP", _prs(case, person, number, gender))
    node.person = int(person)
    node.number = number or "Plur"
    node.gender = gender
    return node


def possessive(kind: str) -> Node:
    """A possessive pronoun before its noun."""
    form, person, number, gender = _POSSESSIVES[kind]
    feats = _prs("", person, number, gender, poss=True)
    return Node(form, form, "PRON", "PRP$", feats, "nmod:poss")


def determiner(form: str) -> Node:
    """A determiner with its features."""
    lemma, tag, feats = _DETERMINERS[form]
    return Node(form, lemma, "DET", tag, feats, "det")


def relative(form: str) -> Node:
    """A relative pronoun: who, which, that, whom; person and number are its antecedent's."""
    tag = "WP" if form in ("who", "whom") else "WDT"
    lemma = "who" if form == "whom" else form
    return Node(form, lemma, "PRON", tag, "PronType=Rel")


def wh_word(form: str) -> Node:
    """A question word: who, what, where, when, why, how."""
    if form in ("who", "what", "whom"):
        return Node(form, "who" if form == "whom" else form, "PRON", "WP", "PronType=Int")
    return Node(form, form, "ADV", "WRB", "PronType=Int", "advmod")


def case(form: str) -> Node:
    """A preposition."""
    return Node(form, form, "ADP", "IN", "_", "case")


def mark(form: str) -> Node:
    """A subordinating conjunction, or the `to` of an infinitive."""
    upos, tag = _MARKS.get(form, ("SCONJ", "IN"))
    if form in ("when", "where", "why", "how"):
        return Node(form, form, "ADV", "WRB", "PronType=Int", "advmod")
    return Node(form, form, upos, tag, "_", "mark")


def conjunction(form: str) -> Node:
    """and, or, but."""
    return Node(form, form, "CCONJ", "CC", "_", "cc")


def particle(form: str) -> Node:
    """The particle of a verb: up in `pick up`."""
    return Node(form, form, "ADP", "RP", "_", "compound:prt")


def genitive() -> Node:
    """The possessive 's."""
    node = Node("'s", "'s", "PART", "POS", "_", "case")
    node.tight = TIGHT_LEFT
    return node


def negation(contracted: bool) -> Node:
    """not, or n't written to the word before it."""
    node = Node("n't" if contracted else "not", "not", "PART", "RB", "Polarity=Neg", "advmod")
    node.tight = TIGHT_LEFT if contracted else 0
    return node


def punctuation(form: str) -> Node:
    """A punctuation mark with the spacing that it has in running text."""
    tag = _PUNCTUATION_TAGS.get(form, "." if form in _CLOSING else ",")
    node = Node(form, form, "PUNCT", tag, "_", "punct")
    if form in _CLOSING:
        node.tight = TIGHT_LEFT
    elif form == "(":
        node.tight = TIGHT_RIGHT
    return node


def quote(opening: bool) -> Node:
    """A straight double quote."""
    node = Node('"', '"', "PUNCT", "``" if opening else "''", "_", "punct")
    node.tight = TIGHT_RIGHT if opening else TIGHT_LEFT
    return node


def _prs(case_: str, person: str, number: str, gender: str, *, poss: bool = False) -> str:
    parts = [f"Case={case_}"] if case_ and not (person == "2") else []
    parts += [f"Gender={gender}"] if gender else []
    parts += [f"Number={number}"] if number else []
    parts.append(f"Person={person}")
    parts += ["Poss=Yes"] if poss else []
    return "|".join([*parts, "PronType=Prs"])
