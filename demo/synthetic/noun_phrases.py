"""Noun phrases. The governor passes down the classes that it accepts; the phrase hands up class,
number, person and gender. Attachment is decided by meaning: a phrase modifies a noun only if the
noun licenses it and the verb that governs the noun phrase does not ask for it.
"""

from collections.abc import Sequence

from .entity_phrases import entity_phrase
from .function_words import case, conjunction, determiner, genitive, pronoun, punctuation
from .lexicon import Classes, Noun
from .modifiers import BARE, determine, number_word, premodifiers
from .morphology import article
from .sampling import pick
from .scene import Scene
from .tree import Node
from .vocabulary import ENTITY_CLASSES

Blocked = frozenset[tuple[str, str]]
NOTHING: Blocked = frozenset()
PEOPLE = frozenset(("person", "kin", "PER"))


def noun_phrase(
    s: Scene,
    classes: Classes,
    case_: str = "Acc",
    *,
    depth: int = 1,
    blocked: Blocked = NOTHING,
    pronouns: bool = True,
    coordinate: bool = True,
) -> Node:
    """A noun phrase of one of the classes.

    `case_` (Nom, Acc) is the case of a pronoun, `depth` how many phrases may nest in it, `blocked`
    the (preposition, class) pairs that belong to the governing verb.
    """
    if pronouns and s.chance(0.3):
        node = _pronoun(s, classes, case_)
        if node is not None:
            return node
    head = single_phrase(s, s.choose_class(classes), depth=depth, blocked=blocked)
    if coordinate and depth and s.rich(0.15):
        _coordinate(s, head)
    return head


def single_phrase(s: Scene, sem: str, *, depth: int = 1, blocked: Blocked = NOTHING) -> Node:
    """A noun phrase of one class, not coordinated and not a pronoun."""
    if sem in ENTITY_CLASSES:
        head = entity_phrase(s, s.entity(sem))
        if sem == "PER" and depth and not head.left and s.rich(0.12):
            _apposition(s, head)
        return head
    if sem in ("animal", "person", "building", "document") and depth and s.chance(0.03):
        return _measured(s, sem)
    head = _common(s, sem)
    if depth and s.rich(0.75):
        attach_phrase(s, head, depth=depth, blocked=blocked)
    return head


def attach_phrase(s: Scene, head: Node, *, depth: int, blocked: Blocked) -> bool:
    """Give a noun a prepositional phrase that it licenses; False if the verb would claim it."""
    if head.sem not in s.vocabulary.relations:
        return False
    relation = s.vocabulary.related(s.topic, head.sem).draw(s.rand)
    allowed = tuple(c for c in relation.classes if (relation.prep, c) not in blocked)
    if not allowed:
        return False
    dependent = single_phrase(s, s.choose_class(allowed), depth=depth - 1, blocked=blocked)
    if dependent.lemma == head.lemma:
        return False
    head.right.append(prepositional(relation.prep, dependent, "nmod"))
    if s.rich(0.12):
        _scoped_conjunct(s, head, dependent)
    return True


def prepositional(preposition: str, phrase: Node, deprel: str) -> Node:
    """Put a preposition before a noun phrase."""
    phrase.left.insert(0, case(preposition))
    return phrase.as_(deprel)


def _common(s: Scene, sem: str) -> Node:
    noun = s.noun(sem)
    plural = bool(noun.plural) and (noun.plural_only or s.chance(0.26))
    head = _noun_node(noun, plural)
    if sem in PEOPLE:
        head.gender = s.gender(noun)
    if s.chance(0.05) and sem not in BARE and sem != "emotion":
        head.left = [_genitive_phrase(s), *premodifiers(s, noun, sem, plural=plural)]
    else:
        modifiers = premodifiers(s, noun, sem, plural=plural)
        determiners = determine(s, noun, sem, modifiers, plural=plural)
        head.left = [*determiners, *modifiers]
        _agree(s, noun, head, determiners)
    s.mentioned["3p" if head.number == "Plur" else head.gender or "Neut"] = sem
    return head


def _noun_node(noun: Noun, plural: bool) -> Node:
    number = "Plur" if plural else "Sing"
    form = noun.plural if plural else noun.lemma
    head = Node(form, noun.lemma, "NOUN", "NNS" if plural else "NN", f"Number={number}")
    head.sem = noun.sem
    head.number = number
    return head


def _agree(s: Scene, noun: Noun, head: Node, determiners: Sequence[Node]) -> None:
    """Nothing but `both` and numbers needs the plural: repair a singular noun after one."""
    if not determiners or head.number == "Plur" or not noun.plural:
        return
    if determiners[-1].upos == "NUM" or determiners[0].form in ("these", "those", "both"):
        head.form, head.xpos, head.feats, head.number = noun.plural, "NNS", "Number=Plur", "Plur"


def _genitive_phrase(s: Scene) -> Node:
    if s.chance(0.6):
        owner = entity_phrase(s, s.entity("PER" if s.chance(0.7) else "LOC"))
    else:
        noun = s.noun("person" if s.chance(0.7) else "kin")
        owner = _noun_node(noun, False)
        owner.left = [determiner("the")]
    owner.right.append(genitive())
    return owner.as_("nmod:poss")


def _measured(s: Scene, sem: str) -> Node:
    """A group of tourists, two dozen ... : the measure is the head."""
    measure = s.vocabulary.nouns["measure"].draw(s.rand)
    head = _noun_node(measure, False)
    head.left = [determiner("a")]
    noun = s.noun(sem)
    inner = _noun_node(noun, bool(noun.plural))
    head.right.append(prepositional("of", inner, "nmod"))
    head.sem = sem
    head.number = "Sing"
    return head


def _pronoun(s: Scene, classes: Classes, case_: str) -> Node | None:
    """A pronoun that the classes accept and the text has prepared; None if there is none."""
    options = [kind for kind, sem in s.mentioned.items() if sem in classes and sem != "LOC"]
    if PEOPLE.intersection(classes):
        options += ["1s", "1p", "2"] if s.informal else ["1p"] if s.chance(0.3) else []
    if not options:
        return None
    kind = pick(s.rand, options)
    node = pronoun(kind, case_)
    node.sem = s.mentioned.get(kind, "person") if kind not in ("1s", "1p", "2") else "person"
    return node


def _apposition(s: Scene, head: Node) -> None:
    """Anna Torres, a young chemist, ..."""
    noun = s.noun("person")
    inner = _noun_node(noun, False).as_("appos")
    modifiers = premodifiers(s, noun, "person", plural=False)
    inner.left = [punctuation(","), *_indefinite(noun, modifiers), *modifiers]
    inner.right.append(punctuation(","))
    head.right.append(inner)


def _indefinite(noun: Noun, modifiers: Sequence[Node]) -> Sequence[Node]:
    first = modifiers[0].left[0] if modifiers and modifiers[0].left else None
    word = first or (modifiers[0] if modifiers else None)
    return [determiner(article(word.form if word else noun.lemma))]


def _coordinate(s: Scene, head: Node) -> None:
    """Add one or two conjuncts of the same class, unless a noun inside would claim them."""
    if any(child.deprel == "appos" or child.sem == head.sem for child in head.right):
        return
    count = 2 if s.chance(0.2) else 1
    others = [single_phrase(s, head.sem, depth=0) for _ in range(count)]
    if len({head.lemma, *(other.lemma for other in others)}) <= count:
        return
    joiner = "or" if s.chance(0.12) else "and"
    for other in others[:-1]:
        _conjoin(s, head, other, ",")
    _conjoin(s, head, others[-1], joiner, comma=count > 1 and s.chance(0.5))
    if joiner == "and":
        head.number = "Plur"


def _conjoin(s: Scene, head: Node, other: Node, joiner: str, *, comma: bool = False) -> None:
    before = [punctuation(",")] if joiner == "," or comma else []
    before += [conjunction(joiner)] if joiner != "," else []
    other.left = [*before, *other.left]
    head.right.append(other.as_("conj"))


def _scoped_conjunct(s: Scene, outer: Node, inner: Node) -> None:
    """`the lid of the jar and the box` or `... and the cup`: the conjunct joins its own class."""
    if outer.sem == inner.sem or outer.sem in ENTITY_CLASSES or outer.number == "Plur":
        return
    target = outer if s.chance(0.5) else inner
    other = single_phrase(s, target.sem, depth=0)
    if other.lemma in (outer.lemma, inner.lemma):
        return
    _conjoin(s, target, other, "and")
    target.number = "Plur"


def counted(s: Scene, sem: str) -> Node:
    """A number and a plural noun: three spoons."""
    noun = s.noun(sem)
    head = _noun_node(noun, bool(noun.plural))
    if noun.plural and not noun.plural_only:
        head.left = [number_word(s)]
    return head
