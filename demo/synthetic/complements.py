"""What a verb asks for after it: objects, prepositional objects, particles, clauses, places."""

from collections.abc import Callable
from typing import Any

from .function_words import case, mark, particle, wh_word
from .lexicon import Sense
from .modifiers import adjective, adverb
from .noun_phrases import NOTHING, Blocked, noun_phrase, prepositional, single_phrase
from .sampling import pick
from .scene import Scene
from .tree import Node
from .verb_groups import Shape

Builder = Callable[..., Any]  # `clauses.clause`, handed in because clauses nest

_GOALS: dict[str, tuple[str, ...]] = {
    "container": ("in", "into"), "furniture": ("on", "under", "near"), "building": ("in", "behind"),
}  # fmt: skip
_PATHS: dict[str, tuple[str, ...]] = {
    "building": ("to", "into", "from", "past", "through"),
    "area": ("to", "across", "through", "along", "up", "down"),
    "nature": ("to", "across", "around", "up", "down", "over", "towards"),
    "LOC": ("to", "to", "from", "through"),
}
_PATH_CLASSES = ("building", "area", "nature", "LOC")
_GOAL_PAIRS: Blocked = frozenset((p, sem) for sem, preps in _GOALS.items() for p in preps)


def claims(sense: Sense) -> Blocked:
    """The (preposition, class) pairs that belong to the verb and to no noun after it."""
    pairs = {("with", sem) for sem in sense.instrument}
    if sense.kind == "b":
        pairs |= {(sense.prep, sem) for sem in sense.object2}
    return frozenset(pairs) | (_GOAL_PAIRS if sense.kind == "l" else NOTHING)


def add_complements(
    s: Scene, sense: Sense, main: Node, *, depth: int, gap: str, build: Builder
) -> Node | None:
    """Append the complements to the verb `main`; returns the last noun phrase, if any.

    With `gap` "object" the (prepositional) object is left out and its preposition stranded.
    """
    return _BUILDERS[sense.kind](s, sense, main, depth, gap, build)


def _transitive(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    if gap:
        return None
    obj = noun_phrase(s, sense.object, depth=depth, blocked=claims(sense))
    main.right.append(obj.as_("obj"))
    return obj


def _ditransitive(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    receiver = noun_phrase(s, sense.object, depth=0)
    main.right.append(receiver.as_("iobj"))
    if gap:
        return None
    thing = noun_phrase(s, sense.object2, depth=depth, pronouns=False)
    main.right.append(thing.as_("obj"))
    return thing


def _object_and_phrase(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    _transitive(s, sense, main, min(depth, 1), gap, build)
    second = noun_phrase(s, sense.object2, depth=depth)
    main.right.append(prepositional(sense.prep, second, "obl"))
    return second


def _prepositional(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    if gap:
        main.right.append(case(sense.prep))
        return None
    phrase = noun_phrase(s, sense.object, depth=depth)
    main.right.append(prepositional(sense.prep, phrase, "obl"))
    return phrase


def _particle_verb(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    part = particle(sense.prep)
    obj = None if gap else noun_phrase(s, sense.object, depth=depth)
    if obj is None:
        main.right.append(part)
        return None
    after = obj.upos == "PRON" or (not obj.right and s.chance(0.4))
    main.right += [obj.as_("obj"), part] if after else [part, obj.as_("obj")]
    return None if after else obj


def _particle_only(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    main.right.append(particle(sense.prep))
    return None


def _statement(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    inner = build(s, depth=depth - 1).head
    if s.chance(0.6):
        inner.left.insert(0, mark("that"))
    main.right.append(inner.as_("ccomp"))
    return None


def _question(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    inner = build(s, depth=depth - 1).head
    form = pick(s.rand, ("whether", "if", "where", "when", "why", "how"))
    inner.left.insert(0, mark(form) if form in ("whether", "if") else wh_word(form))
    main.right.append(inner.as_("ccomp"))
    return None


def infinitive(s: Scene, depth: int, build: Builder) -> Node:
    """A to-infinitive without a subject."""
    shape = Shape(mood="Inf", negated=s.chance(0.04))
    inner: Node = build(s, depth=depth, bare=True, shape=shape).head
    inner.left.insert(1 if shape.negated else 0, mark("to"))
    return inner


def _to_infinitive(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    main.right.append(infinitive(s, depth - 1, build).as_("xcomp"))
    return None


def _object_infinitive(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    obj = noun_phrase(s, sense.object, depth=0, coordinate=False)
    main.right.append(obj.as_("obj"))
    return _to_infinitive(s, sense, main, depth, gap, build)


def _motion(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    roll = s.rand()
    if roll < 0.2:
        main.right.append(adverb(s.vocabulary.adverbs["place"].draw(s.rand)))
        return None
    if roll < 0.3:
        return None
    sem = s.choose_class(_PATH_CLASSES)
    goal = single_phrase(s, sem, depth=min(depth, 1))
    main.right.append(prepositional(pick(s.rand, _PATHS[sem]), goal, "obl"))
    return goal


def _placement(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    _transitive(s, sense, main, depth, gap, build)
    sem = s.choose_class(tuple(_GOALS))
    goal = single_phrase(s, sem, depth=min(depth, 1))
    main.right.append(prepositional(pick(s.rand, _GOALS[sem]), goal, "obl"))
    return goal


def _linking(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    subject = next(iter(sorted(sense.subject)))
    kind = s.vocabulary.adjective_class(subject)
    node = adjective(s.vocabulary.adjectives[kind].draw(s.rand)).as_("xcomp")
    if s.chance(0.25):
        kind = "degree" if s.chance(0.5) else "predicative"
        node.left.append(adverb(s.vocabulary.adverbs[kind].draw(s.rand)))
    main.right.append(node)
    return None


def _nothing(
    s: Scene, sense: Sense, main: Node, depth: int, gap: str, build: Builder
) -> Node | None:
    return None


_BUILDERS = {
    "t": _transitive, "d": _ditransitive, "b": _object_and_phrase, "o": _prepositional,
    "p": _particle_verb, "q": _particle_only, "c": _statement, "w": _question,
    "x": _to_infinitive, "k": _object_infinitive, "m": _motion, "l": _placement,
    "a": _linking, "i": _nothing,
}  # fmt: skip
