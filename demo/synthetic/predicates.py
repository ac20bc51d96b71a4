"""Predicates with a copula: adjectives with their complements, nouns, places, comparisons."""

from .clauses import clause, draw_shape
from .complements import infinitive
from .function_words import case, determiner, mark
from .modifiers import adjective, adverb, determine, premodifiers
from .morphology import article
from .noun_phrases import noun_phrase, prepositional, single_phrase
from .relatives import maybe_relative
from .sampling import pick
from .scene import Scene
from .tree import Node
from .verb_groups import BE, Agreement, contract, verb_group

PLACES = ("building", "area", "nature", "LOC")
_GOVERNED = {
    "afraid": "of", "proud": "of", "aware": "of", "jealous": "of", "tired": "of", "famous": "for",
    "similar": "to", "different": "from", "angry": "with", "ready": "for",
}  # fmt: skip
_THINKERS = frozenset("sure glad certain afraid aware happy sad proud surprised".split())
_DOERS = frozenset("ready glad happy afraid sad proud certain sure surprised".split())
_FEELERS = frozenset(("person", "kin", "PER"))


def link(s: Scene, subject: Node, head: Node) -> None:
    """Put subject and copula before a predicate."""
    shape = draw_shape(s, stative=True)
    group = verb_group(BE, Agreement(subject.person, subject.number), shape, copula=True)
    words = group.words
    negated = len(words) > 1 and words[1].form == "n't"
    if subject.upos == "PRON" and not negated and s.chance(0.5 if s.informal else 0.15):
        contract(words[0])
    if s.chance(0.08):
        words.append(adverb(s.vocabulary.adverbs["frequency"].draw(s.rand)))
    head.left[:0] = [subject, *words]


def predicate(s: Scene, subject: Node) -> Node:
    """What is said of the subject; agrees with it in number."""
    roll = s.rand()
    if roll < 0.12 and subject.sem in ("person", "PER", "kin", "building", "animal"):
        place = single_phrase(s, s.choose_class(PLACES), depth=0)
        return prepositional(pick(s.rand, ("in", "near")), place, "root")
    if roll < 0.4 and subject.sem in ("person", "PER", "kin", "idea", "event", "artwork"):
        return _noun_predicate(s, subject)
    if roll < 0.5:
        return _comparison(s, subject)
    return _adjective_predicate(s, subject)


def indefinite(before: str) -> Node:
    """`a` or `an`, by the form of the word that follows."""
    return determiner(article(before))


def _noun_predicate(s: Scene, subject: Node) -> Node:
    sem = "person" if subject.sem in _FEELERS else subject.sem
    noun = s.noun(sem)
    plural = subject.number == "Plur" and bool(noun.plural)
    form = noun.plural if plural else noun.lemma
    number = "Plur" if plural else "Sing"
    head = Node(form, noun.lemma, "NOUN", "NNS" if plural else "NN", f"Number={number}")
    head.sem = sem
    modifiers = premodifiers(s, noun, sem, plural=plural)
    if plural or not noun.plural:
        head.left = modifiers
    else:
        determiners = determine(s, noun, sem, modifiers, plural=False) if s.chance(0.3) else []
        word = modifiers[0] if modifiers else head
        first = word.left[0] if modifiers and word.left else word
        head.left = [*(determiners or [indefinite(first.form)]), *modifiers]
    maybe_relative(s, head, clause)
    return head


def _comparison(s: Scene, subject: Node) -> Node:
    """`taller than Anna`, `more famous than the king`."""
    kind = s.vocabulary.adjective_class(subject.sem) if subject.sem not in ("PER", "LOC") else "any"
    word = s.vocabulary.adjectives[kind if kind != "none" else "any"].draw(s.rand)
    if word.comparative == "-":
        return adjective(word).as_("root")
    head = adjective(word, degree="Cmp" if word.comparative else "Pos").as_("root")
    if not word.comparative:
        more = adverb("more")
        more.lemma, more.xpos, more.feats = "much", "RBR", "Degree=Cmp"
        head.left.append(more)
    other = single_phrase(s, subject.sem or "person", depth=0)
    other.left.insert(0, case("than"))
    head.right.append(other.as_("obl"))
    return head


def _adjective_predicate(s: Scene, subject: Node) -> Node:
    person = subject.sem in _FEELERS
    if person and s.chance(0.45):
        word = s.vocabulary.predicates.draw(s.rand)
    else:
        sem = "person" if person else subject.sem
        kind = "place" if sem == "LOC" else s.vocabulary.adjective_class(sem)
        word = s.vocabulary.adjectives[kind if kind != "none" else "any"].draw(s.rand)
    head = adjective(word).as_("root")
    if s.chance(0.25):
        degree = "degree" if s.chance(0.5) else "predicative"
        head.left.append(adverb(s.vocabulary.adverbs[degree].draw(s.rand)))
    if person and s.chance(0.4):
        _complement(s, head)
    return head


def _complement(s: Scene, head: Node) -> None:
    """`afraid of dogs`, `sure that ...`, `ready to ...`."""
    if head.form in _THINKERS and s.chance(0.35):
        inner = clause(s, depth=0).head
        if s.chance(0.7):
            inner.left.insert(0, mark("that"))
        head.right.append(inner.as_("ccomp"))
    elif head.form in _DOERS and s.chance(0.5):
        head.right.append(infinitive(s, 0, clause).as_("xcomp"))
    elif head.form in _GOVERNED:
        thing = noun_phrase(s, ("person", "animal", "event", "PER", "kin"), depth=0)
        head.right.append(prepositional(_GOVERNED[head.form], thing, "obl"))
