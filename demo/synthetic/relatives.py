"""Clauses that modify a noun: relative clauses, participles, and `the claim that ...`.

After `NP of NP` the clause belongs to the noun that its verb accepts; a verb that would accept
both is not used.
"""

from typing import Any

from .complements import Builder
from .function_words import case, mark, punctuation, relative
from .lexicon import Sense
from .noun_phrases import PEOPLE, noun_phrase
from .sampling import Weighted
from .scene import Scene
from .tree import Node
from .verb_groups import Shape

_SUBJECT_KINDS = Weighted(("t", "i", "m", "o", "p"), (5.0, 2.0, 2.0, 2.0, 1.0))
_KINDS = Weighted(("subject", "object", "past", "present"), (5.0, 3.5, 1.5, 1.5))
_TRIES = 6
_FINAL = frozenset(("acl:relcl", "acl", "appos", "conj"))


def maybe_relative(s: Scene, phrase: Node, build: Builder, *, weight: float = 0.55) -> None:
    """Now and then give the phrase, or the noun inside its last phrase, a clause."""
    if phrase.upos not in ("NOUN", "PROPN") or not s.rich(weight) or not phrase.sem:
        return
    if any(child.deprel in _FINAL for child in phrase.right):
        return
    target, other = _target(s, phrase)
    if target.deprel == "nmod" and any(child.deprel in _FINAL for child in target.right):
        return
    if target.sem == "message" and s.chance(0.45):
        _content(s, target, build)
    elif target.proper:
        if target.ne.startswith("U") and target is phrase and target.sem == "PER":
            _aside(s, target, build)
    else:
        attach_relative(s, target, other, build)


def attach_relative(s: Scene, target: Node, other: Node | None, build: Builder) -> None:
    """Append a clause to `target`; its verb must not accept `other`."""
    clause = relative_clause(s, target, other, build)
    if clause is not None:
        target.right.append(clause)


def relative_clause(
    s: Scene, target: Node, other: Node | None, build: Builder, *, kind: str = ""
) -> Node | None:
    """A clause about `target`; None if no verb fits. `kind`: subject, object, past or present."""
    kind = kind or _KINDS.draw(s.rand)
    slot = "object" if kind in ("object", "past") else "subject"
    sense = _fitting(s, slot, target, other)
    if sense is None:
        return None
    if kind == "subject":
        return _subject_relative(s, sense, target, build)
    if kind == "object":
        return _object_relative(s, sense, target, build)
    return _participle(s, sense, past=kind == "past", build=build)


def _target(s: Scene, phrase: Node) -> "tuple[Node, Node | None]":
    last = phrase.right[-1] if phrase.right else None
    if last is None or last.deprel != "nmod" or last.upos != "NOUN" or last.sem == phrase.sem:
        return (phrase, None) if last is None or last.deprel == "flat" else (phrase, last)
    return (phrase, last) if s.chance(0.5) else (last, phrase)


def _fitting(s: Scene, slot: str, target: Node, other: Node | None) -> Sense | None:
    kind = _SUBJECT_KINDS.draw(s.rand) if slot == "subject" else "o" if s.chance(0.15) else "t"
    place = f"{slot}:{target.sem}"
    if not s.vocabulary.has_sense(kind, place):
        return None
    sampler = s.vocabulary.sense(s.topic, kind, place)
    for _ in range(_TRIES):
        sense = sampler.draw(s.rand)
        accepted = sense.subject if slot == "subject" else sense.object
        if other is None or other.sem not in accepted:
            return sense
    return None


def _pronoun(s: Scene, target: Node, *, subject: bool) -> Node:
    if target.sem in PEOPLE:
        form = "who" if subject or s.chance(0.4) else "whom"
    else:
        form = "which"
    node = relative("that" if s.chance(0.4) else form)
    node.number = target.number
    return node


def _subject_relative(s: Scene, sense: Sense, target: Node, build: Builder) -> Node:
    subject = _pronoun(s, target, subject=True).as_("nsubj")
    head: Node = build(s, depth=0, sense=sense, subject=subject).head
    return head.as_("acl:relcl")


def _object_relative(s: Scene, sense: Sense, target: Node, build: Builder) -> Node:
    classes = tuple(sorted(sense.subject))
    subject = noun_phrase(s, classes, "Nom", depth=0, coordinate=False).as_("nsubj")
    head: Node = build(s, depth=0, sense=sense, subject=subject, gap="object").head
    stranded = [child for child in head.right if child.deprel == "case"]
    deprel = "obl" if stranded else "obj"
    if s.chance(0.4):
        for preposition in stranded:
            preposition.deprel = "obl"
        return head.as_("acl:relcl")
    word = _pronoun(s, target, subject=False).as_(deprel)
    for preposition in stranded:
        preposition.governor = word
    head.left.insert(0, word)
    return head.as_("acl:relcl")


def _participle(s: Scene, sense: Sense, *, past: bool, build: Builder) -> Node:
    if past:
        feats = "Tense=Past|VerbForm=Part|Voice=Pass"
        head = Node(sense.verb.participle, sense.verb.lemma, "VERB", "VBN", feats)
        if sense.kind == "o":
            head.right.append(case(sense.prep).as_("obl"))
        agent = noun_phrase(s, tuple(sorted(sense.subject)), depth=0, pronouns=False)
        agent.left.insert(0, case("by"))
        head.right.append(agent.as_("obl:agent"))
        return head.as_("acl")
    shape = Shape(mood="Ger")
    return _as_participle(build(s, depth=0, sense=sense, shape=shape, bare=True)).as_("acl")


def _as_participle(clause: Any) -> Node:
    head: Node = clause.head
    head.feats = "Tense=Pres|VerbForm=Part"
    return head


def _content(s: Scene, target: Node, build: Builder) -> None:
    """The claim that she left: not a relative clause."""
    inner: Node = build(s, depth=0).head
    inner.left.insert(0, mark("that"))
    target.right.append(inner.as_("acl"))


def _aside(s: Scene, target: Node, build: Builder) -> None:
    """Anna, who ..., ..."""
    clause = relative_clause(s, target, None, build, kind="subject")
    if clause is None:
        return
    pronoun: list[Node] = [n for n in clause.left if n.deprel == "nsubj"]
    if not pronoun or pronoun[0].form == "that":
        return
    clause.left.insert(0, punctuation(","))
    clause.right.append(punctuation(","))
    target.right.append(clause)
