"""What stands before a noun: determiners, adjectives, participles, compounds, numbers."""

from .entity_phrases import entity_phrase
from .function_words import determiner, possessive
from .lexicon import Adjective, Noun
from .morphology import article
from .sampling import Weighted, between, pick
from .scene import Scene
from .tree import Node

_COMPOUNDS = {
    "furniture": ("building", "material"), "document": ("field", "event"),
    "person": ("field", "building", "event", "music"), "event": ("field", "artwork"),
    "dish": ("ingredient",), "container": ("drink", "material", "ingredient"),
    "group": ("event", "field"), "housepart": ("building", "material"),
    "clothing": ("material",), "area": ("vehicle", "animal", "plant"),
    "building": ("material", "field", "drink"), "device": ("building",), "idea": ("event", "field"),
    "vehicle": ("substance", "material"), "possession": ("material", "event"),
    "illness": ("body",), "artwork": ("nature", "animal"), "nature": ("plant", "animal"),
}  # fmt: skip
_NAMED = frozenset(("person", "building", "document", "event", "device", "group", "vehicle"))
_QUANTIFIERS = ("many", "several", "few", "more", "most")
_NUMBERS = "two three four five six seven eight nine ten twelve fifteen twenty forty".split()

_SINGULAR = Weighted(("this", "that", "every", "each", "another", "no"), (4, 4, 3, 1, 2, 2))
_PLURAL = Weighted(("some", "these", "those", "all", "both", "no", "any"), (5, 3, 3, 2, 1, 1, 0.5))
BARE = frozenset(("field", "emotion", "material"))
_OWNED = frozenset(("kin", "body"))


def adjective(word: Adjective, *, degree: str = "Pos") -> Node:
    """An adjective in a degree (Pos, Cmp, Sup) that it has as a word."""
    form = {"Pos": word.lemma, "Cmp": word.comparative, "Sup": word.superlative}[degree]
    tag = {"Pos": "JJ", "Cmp": "JJR", "Sup": "JJS"}[degree]
    return Node(form, word.lemma, "ADJ", tag, f"Degree={degree}", "amod")


def adverb(form: str, deprel: str = "advmod") -> Node:
    """An adverb."""
    return Node(form, form, "ADV", "RB", "_", deprel)


def number_word(s: Scene) -> Node:
    """A number above one, as a word or in digits."""
    if s.chance(0.55):
        form = pick(s.rand, _NUMBERS)
        return Node(form, form, "NUM", "CD", "NumForm=Word|NumType=Card", "nummod")
    return digits(s, 2, pick(s.rand, (20, 100, 900, 5000)))


def digits(s: Scene, low: int, high: int) -> Node:
    """A number in digits."""
    form = str(between(s.rand, low, high))
    if len(form) > 3 and s.chance(0.6):
        form = f"{form[:-3]},{form[-3:]}"
    return Node(form, form, "NUM", "CD", "NumForm=Digit|NumType=Card", "nummod")


def premodifiers(s: Scene, noun: Noun, sem: str, *, plural: bool) -> list[Node]:
    """Adjectives, participles and compound nouns, in surface order."""
    nodes: list[Node] = []
    kind = s.vocabulary.adjective_class(sem)
    if kind != "none":
        if s.chance(0.14 + 0.3 * s.richness):
            nodes.append(_attribute(s, kind, sem))
            if s.rich(0.2):
                second = s.vocabulary.adjectives[kind].draw(s.rand)
                if second.lemma != nodes[0].lemma:
                    nodes.append(adjective(second))
        if s.chance(0.05) and sem not in ("emotion", "body", "time"):
            form = s.vocabulary.names["nation"].draw(s.rand)
            nodes.append(Node(form, form, "ADJ", "JJ", "Degree=Pos", "amod"))
    if sem in _NAMED and s.chance(0.06):
        name = entity_phrase(s, s.entity("ORG" if s.chance(0.6) else "LOC"))
        if not name.left and not name.right:
            return [*nodes, name.as_("compound")]
    if sem in _COMPOUNDS and s.chance(0.11):
        first = s.vocabulary.nouns[s.choose_class(_COMPOUNDS[sem])].draw(s.rand)
        if first.lemma != noun.lemma and not first.plural_only:
            nodes.append(Node(first.lemma, first.lemma, "NOUN", "NN", "Number=Sing", "compound"))
    return nodes


def _attribute(s: Scene, kind: str, sem: str) -> Node:
    roll = s.rand()
    if roll < 0.06 and s.vocabulary.has_sense("t", f"object:{sem}"):
        verb = s.vocabulary.sense(s.topic, "t", f"object:{sem}").draw(s.rand).verb
        return Node(verb.participle, verb.lemma, "VERB", "VBN", "Tense=Past|VerbForm=Part", "amod")
    if roll < 0.12 and s.vocabulary.has_sense("i", f"subject:{sem}"):
        verb = s.vocabulary.sense(s.topic, "i", f"subject:{sem}").draw(s.rand).verb
        return Node(verb.gerund, verb.lemma, "VERB", "VBG", "Tense=Pres|VerbForm=Part", "amod")
    word = s.vocabulary.adjectives[kind].draw(s.rand)
    if roll > 0.95 and len(word.comparative) > 1:
        return adjective(word, degree="Cmp")
    node = adjective(word)
    if 0.85 < roll <= 0.95 and word.derives:
        node.left.append(adverb(s.vocabulary.adverbs["degree"].draw(s.rand)))
    return node


def determine(s: Scene, noun: Noun, sem: str, modifiers: list[Node], *, plural: bool) -> list[Node]:
    """The determiner or possessive pronoun, and a number or quantifier; may be empty."""
    known = noun.lemma in s.introduced
    s.introduced.add(noun.lemma)
    if noun.plural_only:
        return [_either(s, "the", "some", 0.6)] if s.chance(0.7) else []
    if not noun.plural:
        return _mass(s, sem, known)
    if sem in _OWNED and s.chance(0.55) or s.chance(0.08):
        return [possessive(_owner(s))]
    return _many(s, known) if plural else _one(s, noun, modifiers, known)


def _mass(s: Scene, sem: str, known: bool) -> list[Node]:
    roll = s.rand()
    if sem in BARE or roll < 0.45:
        return []
    if roll < 0.85 or known:
        return [determiner("the")]
    return [determiner("some")] if roll < 0.94 else [possessive(_owner(s))]


def _many(s: Scene, known: bool) -> list[Node]:
    roll = s.rand()
    if roll < (0.5 if known else 0.32):
        return [determiner("the")] + ([number_word(s)] if s.chance(0.08) else [])
    if roll < 0.62:
        return []
    if roll < 0.74:
        return [number_word(s)]
    if roll < 0.84:
        form = pick(s.rand, _QUANTIFIERS)
        degree = {"more": "Cmp", "most": "Sup"}.get(form, "Pos")
        lemma = "many" if degree != "Pos" else form
        tag = {"Pos": "JJ", "Cmp": "JJR", "Sup": "JJS"}[degree]
        return [Node(form, lemma, "ADJ", tag, f"Degree={degree}", "amod")]
    return [determiner(_PLURAL.draw(s.rand))]


def _one(s: Scene, noun: Noun, modifiers: list[Node], known: bool) -> list[Node]:
    roll = s.rand()
    if roll < 0.1:
        return [determiner(_SINGULAR.draw(s.rand))]
    if roll < (0.85 if known else 0.55):
        _superlative(s, modifiers)
        return [determiner("the")]
    following = modifiers[0].left[0] if modifiers and modifiers[0].left else None
    word = following or (modifiers[0] if modifiers else None)
    return [determiner(article(word.form if word else noun.lemma))]


def _superlative(s: Scene, modifiers: list[Node]) -> None:
    """Sometimes turn the first adjective into its superlative: the oldest house."""
    if not modifiers or modifiers[0].xpos != "JJ" or modifiers[0].left or not s.chance(0.08):
        return
    for word in s.vocabulary.lexicon.adjectives:
        if word.lemma == modifiers[0].form and len(word.superlative) > 1:
            modifiers[0] = adjective(word, degree="Sup")
            return


def _owner(s: Scene) -> str:
    """The pronoun of a possessor: one that the text has mentioned, or a speaker."""
    options = [kind for kind in ("Masc", "Fem", "3p") if kind in s.mentioned]
    if options and s.chance(0.8):
        return pick(s.rand, options)
    return pick(s.rand, ("1s", "1p", "2", "Masc", "Fem"))


def _either(s: Scene, one: str, other: str, probability: float) -> Node:
    return determiner(one if s.chance(probability) else other)
