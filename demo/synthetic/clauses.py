"""Clauses: a verb in one of its frames, its subject, its complements and its adjuncts."""

from dataclasses import dataclass, replace

from .adjuncts import adjunct, instrument
from .complements import add_complements
from .function_words import case, particle
from .lexicon import Sense
from .modifiers import adverb
from .noun_phrases import PEOPLE, noun_phrase
from .relatives import maybe_relative
from .sampling import Weighted
from .scene import Scene
from .tree import Node
from .verb_groups import Agreement, Group, Shape, contract, verb_group

_FRAMES = Weighted(
    ("t", "i", "m", "o", "p", "c", "x", "d", "b", "l", "k", "a", "q", "w"),
    (34.0, 9.0, 7.0, 7.0, 6.0, 6.0, 5.0, 5.0, 6.0, 4.0, 3.0, 4.0, 2.0, 1.5),
)
_SIMPLE = Weighted(("t", "i", "m", "o", "p", "b", "l", "q"), (34, 9, 7, 7, 6, 6, 4, 2))
_MODALS = Weighted(
    ("will", "can", "could", "would", "may", "must", "should", "might"), (5, 4, 3, 3, 2, 2, 2, 1)
)
_PASSIVES = frozenset("tpb")


@dataclass
class Clause:
    """A clause under construction: its verb, its verb group and its subject (None if absent)."""

    sense: Sense
    group: Group
    subject: Node | None
    last_noun: Node | None = None

    @property
    def head(self) -> Node:
        return self.group.main


def draw_sense(s: Scene, *, depth: int) -> Sense:
    """A verb in a frame; frames with a clause inside only where the depth allows it."""
    kind = (_FRAMES if depth > 0 else _SIMPLE).draw(s.rand)
    return s.vocabulary.sense(s.topic, kind).draw(s.rand)


def draw_shape(s: Scene, *, stative: bool = False) -> Shape:
    """Tense, modal, aspect and negation of a main clause."""
    roll = s.rand()
    base = Shape(tense=s.tense, negated=s.chance(0.08), contracted=s.informal or s.chance(0.25))
    if roll < 0.14:
        return replace(base, modal=_MODALS.draw(s.rand), perfect=s.chance(0.08))
    if roll < 0.24:
        return replace(base, perfect=True)
    if roll < 0.36 and not stative:
        return replace(base, progressive=True, tense="Past" if s.tense == "Past" else "Pres")
    return base


def subject_phrase(s: Scene, sense: Sense, *, depth: int, passive: bool = False) -> Node:
    """A subject that the verb accepts, with a relative clause now and then."""
    classes = sense.object if passive else tuple(sorted(sense.subject))
    node = noun_phrase(s, classes, "Nom", depth=depth, pronouns=True)
    if depth > 1:
        maybe_relative(s, node, clause)
    return node.as_("nsubj:pass" if passive else "nsubj")


def clause(
    s: Scene,
    *,
    depth: int,
    sense: Sense | None = None,
    shape: Shape | None = None,
    subject: Node | None = None,
    bare: bool = False,
    support: bool = False,
    gap: str = "",
) -> Clause:
    """Build a clause; the head of its tree is `result.head`.

    `bare` clauses have no subject of their own (infinitives, imperatives, relatives with the
    subject as their gap). `gap` names a complement that stands elsewhere: object or second.
    """
    sense = sense or draw_sense(s, depth=depth)
    shape = shape or draw_shape(s, stative=sense.kind in "acw")
    if not bare and subject is None and not gap and sense.kind in _PASSIVES and s.chance(0.13):
        shape = replace(shape, passive=True, progressive=False)
    if subject is None and not bare:
        subject = subject_phrase(s, sense, depth=depth, passive=shape.passive)
    agreement = Agreement(subject.person, subject.number) if subject else Agreement()
    group = verb_group(sense.verb, agreement, shape, support=support)
    result = Clause(sense, group, subject)
    if shape.passive:
        _passive_rest(s, result, depth)
    else:
        result.last_noun = add_complements(s, sense, group.main, depth=depth, gap=gap, build=clause)
        _modify_object(s, result, depth)
    _adverb_before(s, result)
    _adjuncts(s, result, depth)
    if not support:
        place_before(s, result)
    return result


def place_before(s: Scene, c: Clause) -> None:
    """Put subject and auxiliaries before the verb."""
    before = list(c.group.before)
    if c.subject is not None:
        _maybe_contract(s, c, before)
        before.insert(0, c.subject)
    c.head.left[:0] = before


def _maybe_contract(s: Scene, c: Clause, before: list[Node]) -> None:
    """`she 's`, `they 'll`: only an auxiliary right after a short subject."""
    if not before or before[0].upos != "AUX" or c.subject is None:
        return
    personal = c.subject.xpos == "PRP"
    simple = personal or (s.informal and c.subject.upos != "PRON" and not c.subject.right)
    negated = len(before) > 1 and before[1].form == "n't"
    odd = before[0].lemma == "do" or (not personal and before[0].form not in ("is", "has"))
    if simple and not negated and not odd and s.chance(0.45 if s.informal else 0.12):
        contract(before[0])


def _modify_object(s: Scene, c: Clause, depth: int) -> None:
    last = c.head.right[-1] if c.head.right else None
    if depth > 0 and last is not None and last.deprel in ("obj", "obl") and last is c.last_noun:
        maybe_relative(s, last, clause, weight=0.6)


def _passive_rest(s: Scene, c: Clause, depth: int) -> None:
    main, sense = c.head, c.sense
    if sense.kind == "p":
        main.right.append(particle(sense.prep))
    if sense.kind == "b":
        obl = noun_phrase(s, sense.object2, depth=0)
        obl.left.insert(0, case(sense.prep))
        main.right.append(obl.as_("obl"))
    if s.chance(0.4):
        agent = noun_phrase(s, tuple(sorted(sense.subject)), depth=min(depth, 1), pronouns=False)
        agent.left.insert(0, case("by"))
        main.right.append(agent.as_("obl:agent"))
        c.last_noun = agent


def _adverb_before(s: Scene, c: Clause) -> None:
    """`often`, `never`, `quickly` between auxiliary and verb."""
    if s.chance(0.06 + 0.1 * s.richness) and c.head.feats[:5] != "Mood=Imp":
        animate = bool(PEOPLE.intersection(c.sense.subject))
        kind = "frequency" if not animate or s.chance(0.6) else "manner"
        c.head.left.append(adverb(s.vocabulary.adverbs[kind].draw(s.rand)))


def _adjuncts(s: Scene, c: Clause, depth: int) -> None:
    if ends_in_clause(c.head):
        return
    if c.sense.instrument and s.chance(0.3):
        tool = instrument(s, c.sense)
        if tool is not None:
            c.head.right.append(tool)
            c.last_noun = tool
    used: set[str] = set()
    past = c.head.xpos == "VBD"
    for probability in (0.2 + 0.5 * s.richness, 0.35 * s.richness):
        if s.chance(probability):
            animate = bool(PEOPLE.intersection(c.sense.subject))
            extra = adjunct(s, c.last_noun, animate=animate, past=past, used=used)
            if extra is not None and not _repeats(c.head, extra):
                c.head.right.append(extra)
                c.last_noun = extra if extra.upos in ("NOUN", "PROPN") else c.last_noun


def ends_in_clause(node: Node) -> bool:
    """Whether a phrase added after `node` could be taken for a part of a clause inside it."""
    while node.right:
        node = node.right[-1]
        if node.deprel in ("acl:relcl", "acl", "ccomp", "xcomp", "csubj", "appos"):
            return True
    return False


def _repeats(head: Node, extra: Node) -> bool:
    """Whether the clause already has a phrase with the same preposition."""
    first = extra.left[0].form if extra.left else extra.form
    return any(child.left and child.left[0].form == first for child in head.right)
