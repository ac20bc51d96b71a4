"""Assertive sentences: plain, coordinated, copular, existential, expletive, extraposed."""

from .adjuncts import time_phrase
from .clauses import Clause, clause, draw_sense, draw_shape, ends_in_clause
from .complements import infinitive
from .function_words import conjunction, mark, pronoun, punctuation
from .modifiers import adjective, adverb
from .noun_phrases import noun_phrase, prepositional, single_phrase
from .predicates import PLACES, indefinite, link, predicate
from .relatives import maybe_relative, relative_clause
from .sampling import Weighted, pick
from .scene import Scene
from .tree import Node
from .verb_groups import BE, Agreement, Shape, verb_group

_LINKS = Weighted(
    "when because if while after before although since until as unless".split(),
    (5, 5, 3, 3, 3, 3, 3, 2, 1.5, 1.5, 1),
)
_SUBJECTS = (
    "person", "PER", "kin", "animal", "building", "idea", "dish", "vehicle", "event", "artwork",
    "LOC",
)  # fmt: skip


def plain(s: Scene) -> Node:
    """Subject, verb, complements, with an opening or an adverbial clause now and then."""
    head = clause(s, depth=_depth(s)).head
    _frame(s, head)
    return head


def coordinated(s: Scene) -> Node:
    """Two clauses, or two predicates of one subject."""
    first = clause(s, depth=1, sense=draw_sense(s, depth=0))
    if ends_in_clause(first.head):
        return first.head
    if s.chance(0.45) and first.subject is not None:
        second = _second_predicate(s, first)
        return _join(s, first.head, second, comma=False)
    second = clause(s, depth=1).head
    if s.chance(0.15):
        second.left.insert(0, punctuation(";"))
        first.head.right.append(second.as_("parataxis"))
        return first.head
    return _join(s, first.head, second, comma=s.chance(0.75))


def extraposed(s: Scene) -> Node:
    """`A man arrived who knew the town`: the relative clause stands after the verb."""
    kind = pick(s.rand, ("i", "m"))
    sense = s.vocabulary.sense(s.topic, kind, "subject:person").draw(s.rand)
    subject = single_phrase(s, "person", depth=0).as_("nsubj")
    tense = Shape(tense=s.tense)
    head = clause(s, depth=0, sense=sense, subject=subject, shape=tense).head
    relative = relative_clause(s, subject, None, clause, kind="subject")
    if relative is not None:
        relative.governor = subject
        head.right.append(relative)
    return head


def copular(s: Scene) -> Node:
    """Subject, `be`, and an adjective, a noun or a place."""
    subject = noun_phrase(s, _SUBJECTS, "Nom", depth=1, pronouns=True).as_("nsubj")
    maybe_relative(s, subject, clause)
    head = predicate(s, subject)
    link(s, subject, head)
    _frame(s, head)
    return head


def existential(s: Scene) -> Node:
    """`There was a dog in the garden.`"""
    sem = s.choose_class(("animal", "person", "document", "possession", "vehicle", "plant", "idea"))
    thing = single_phrase(s, sem, depth=1)
    if thing.left and thing.left[0].form == "the":
        del thing.left[0]
        if thing.number == "Sing":
            word = thing.left[0] if thing.left else thing
            first = word.left[0] if word is not thing and word.left else word
            thing.left.insert(0, indefinite(first.form))
    maybe_relative(s, thing, clause)
    group = verb_group(BE, Agreement(3, thing.number), draw_shape(s, stative=True))
    head = group.main
    head.upos = "VERB"
    there = Node("there", "there", "PRON", "EX", "_", "expl")
    head.left = [there, *group.before]
    head.right.append(thing.as_("nsubj"))
    if not thing.right:
        place = single_phrase(s, s.choose_class(PLACES), depth=0)
        head.right.append(prepositional(pick(s.rand, ("in", "near")), place, "obl"))
    return head


def expletive(s: Scene) -> Node:
    """`It is clear that ...`, `It is hard to ...`."""
    word = s.vocabulary.adjectives["abstract"].draw(s.rand)
    head = adjective(word).as_("root")
    it = pronoun("Neut", "Nom").as_("expl")
    link(s, it, head)
    if s.chance(0.5):
        inner = clause(s, depth=1).head
        inner.left.insert(0, mark("that"))
    else:
        inner = infinitive(s, 1, clause)
    head.right.append(inner.as_("csubj"))
    return head


def subordinate(s: Scene) -> Node:
    """An adverbial clause: a finite one, `to win ...`, or `walking ...`."""
    roll = s.rand()
    if roll < 0.2:
        return infinitive(s, 0, clause).as_("advcl")
    if roll < 0.3:
        sense = s.vocabulary.sense(s.topic, pick(s.rand, "tmo"), "subject:person").draw(s.rand)
        inner = clause(s, depth=0, sense=sense, bare=True, shape=Shape(mood="Ger")).head
        inner.feats = "Tense=Pres|VerbForm=Part"
        return inner.as_("advcl")
    inner = clause(s, depth=0, shape=_background(s)).head
    form = _LINKS.draw(s.rand)
    inner.left.insert(0, mark(form))
    return inner.as_("advcl")


def _background(s: Scene) -> Shape:
    """The verb group of an adverbial clause: the tense of the document, no modal."""
    return Shape(
        tense=s.tense, perfect=s.chance(0.12), negated=s.chance(0.08), contracted=s.informal
    )


def _depth(s: Scene) -> int:
    return 2 if s.richness > 0.55 else 1


def _frame(s: Scene, head: Node) -> None:
    """Add an opening before the clause or an adverbial clause after it."""
    roll = s.rand()
    opening: Node | None = None
    if roll < 0.07:
        opening = adverb(s.vocabulary.adverbs["sentence"].draw(s.rand))
    elif roll < 0.15:
        opening = time_phrase(s)
    elif roll < 0.19:
        place = single_phrase(s, s.choose_class(PLACES), depth=0)
        opening = prepositional("in" if place.sem != "nature" else "near", place, "obl")
    elif roll < 0.19 + 0.14 * s.richness:
        opening = subordinate(s)
    if opening is not None:
        comma = opening.deprel == "advcl" or s.chance(0.75)
        head.left[:0] = [opening, punctuation(",")] if comma else [opening]
    elif s.rich(0.25) and not ends_in_clause(head):
        after = subordinate(s)
        if s.chance(0.3):
            after.left.insert(0, punctuation(","))
        head.right.append(after)


def _second_predicate(s: Scene, first: Clause) -> Node:
    subject = first.subject
    slot = f"subject:{subject.sem}" if subject is not None else ""
    kind = next((k for k in ("t", "i") if s.vocabulary.has_sense(k, slot)), "")
    if not kind or first.head.feats.endswith("Pass") or subject is None:
        return clause(s, depth=0).head
    sense = s.vocabulary.sense(s.topic, kind, slot).draw(s.rand)
    shape = Shape(tense=s.tense)
    built = clause(s, depth=0, sense=sense, subject=subject, shape=shape)
    built.head.left = [node for node in built.head.left if node is not subject]
    return built.head


def _join(s: Scene, first: Node, second: Node, *, comma: bool) -> Node:
    joiner = pick(s.rand, ("and", "and", "and", "but", "but", "or" if comma else "and"))
    second.left.insert(0, conjunction(joiner))
    if comma:
        second.left.insert(0, punctuation(","))
    first.right.append(second.as_("conj"))
    return first
