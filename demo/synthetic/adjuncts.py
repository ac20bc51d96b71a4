"""Optional phrases of a clause: tool, place, time, manner, company.

A phrase goes to the verb if the verb asks for it (eat ... with a fork); otherwise it may go to the
verb only where no noun at the end of the clause would take it (ate the pasta with cheese).
"""

from .entity_phrases import proper
from .function_words import case, determiner
from .lexicon import Sense
from .modifiers import adverb, digits
from .morphology import article
from .noun_phrases import noun_phrase, prepositional, single_phrase
from .sampling import Weighted, between, pick
from .scene import Scene
from .tree import Node

_PLACES = {"building": ("in", "near", "behind", "outside"), "area": ("in", "near", "at"),
           "nature": ("near", "by"), "LOC": ("in", "near")}  # fmt: skip
_PLACE_CLASSES = ("building", "area", "nature", "LOC", "LOC")
_TEMPORAL = frozenset(("time", "duration", "event", "date", "clock"))
_ROLES = ("like", "as")
_KINDS = Weighted(
    ("time", "place", "manner", "company", "duration", "event", "date", "clock", "adverb", "role"),
    (3.0, 4.0, 1.0, 1.5, 1.0, 1.5, 1.2, 0.6, 2.0, 0.3),
)


def instrument(s: Scene, sense: Sense) -> Node | None:
    """`with a fork`: the tool of the act, if the verb knows one."""
    if not sense.instrument:
        return None
    tool = single_phrase(s, s.choose_class(sense.instrument), depth=0)
    return prepositional("with", tool, "obl")


def adjunct(
    s: Scene, last_noun: Node | None, *, animate: bool, past: bool, used: set[str]
) -> Node | None:
    """An optional phrase at the end of a clause.

    `last_noun` is the head of the last noun phrase: a phrase that it would take is not made
    (None is returned). `animate` says whether the subject acts with care, with friends ...,
    `past` whether the verb is in the simple past. `used` collects what the clause has: one time
    and one phrase of each other kind.
    """
    kind = _KINDS.draw(s.rand)
    if kind in ("manner", "company", "role") and not animate:
        kind = "time"
    group = "time" if kind in _TEMPORAL else kind
    if group in used:
        return None
    used.add(group)
    if kind == "adverb":
        return _adverb(s, past)
    if kind == "duration":
        return _duration(s, past)
    if kind == "place":
        return _place(s, last_noun)
    if kind == "company":
        return _company(s, last_noun)
    if kind == "event":
        return prepositional(pick(s.rand, ("during", "after", "before")), _event(s), "obl")
    return _FREE[kind](s)


def frontier(node: Node) -> list[Node]:
    """The nouns to which a phrase after `node` could be attached, `node` itself included."""
    found = [node]
    while found[-1].right:
        last = found[-1].right[-1]
        if last.upos not in ("NOUN", "PROPN", "PRON"):
            break
        found.append(last)
    return found


def licensed(s: Scene, last_noun: Node | None, preposition: str, sem: str) -> bool:
    """Whether one of the nouns at the end of the clause would take the phrase."""
    if last_noun is None:
        return False
    return any((n.sem, preposition, sem) in s.vocabulary.licences for n in frontier(last_noun))


def time_phrase(s: Scene) -> Node:
    """`on Monday`, `last week`, `in the evening`, `in 1987`."""
    roll = s.rand()
    if roll < 0.3:
        return prepositional("on", proper(s.vocabulary.names["weekday"].draw(s.rand)), "obl")
    if roll < 0.55:
        noun = _time_noun(s, ("week", "month", "year", "night", "summer", "spring"))
        noun.left = [determiner("every") if s.chance(0.5) else _last(s)]
        return noun.as_("obl:tmod")
    if roll < 0.8:
        noun = _time_noun(s, ("morning", "evening", "afternoon", "summer", "winter", "spring"))
        noun.left = [determiner("the")]
        return prepositional("in", noun, "obl")
    year = digits(s, 1850, 2030)
    year.form = year.lemma = year.form.replace(",", "")
    return prepositional("in", year, "obl")


def _time_noun(s: Scene, words: tuple[str, ...]) -> Node:
    form = pick(s.rand, words)
    node = Node(form, form, "NOUN", "NN", "Number=Sing")
    node.sem = "time"
    return node


def _last(s: Scene) -> Node:
    form = "last" if s.tense == "Past" else "next"
    return Node(form, form, "ADJ", "JJ", "Degree=Pos", "amod")


def _place(s: Scene, last_noun: Node | None) -> Node | None:
    sem = s.choose_class(_PLACE_CLASSES)
    preposition = pick(s.rand, _PLACES[sem])
    if licensed(s, last_noun, preposition, sem):
        return None
    return prepositional(preposition, single_phrase(s, sem, depth=0), "obl")


def _company(s: Scene, last_noun: Node | None) -> Node | None:
    preposition = pick(s.rand, ("with", "with", "without", "for"))
    phrase = noun_phrase(s, ("person", "kin", "PER"), depth=0, coordinate=False)
    if licensed(s, last_noun, preposition, phrase.sem):
        return None
    return prepositional(preposition, phrase, "obl")


def _manner(s: Scene) -> Node:
    return prepositional(
        pick(s.rand, ("with", "with", "without")), single_phrase(s, "emotion", depth=0), "obl"
    )


def _event(s: Scene) -> Node:
    return single_phrase(s, "event", depth=0)


def _duration(s: Scene, past: bool) -> Node:
    noun = _time_noun(s, ("minute", "hour", "day", "week", "month", "year"))
    noun.form, noun.xpos, noun.feats = noun.form + "s", "NNS", "Number=Plur"
    count = digits(s, 2, 60)
    if s.chance(0.6):
        word = pick(s.rand, ("two", "three", "five", "ten"))
        count = Node(word, word, "NUM", "CD", "NumForm=Word|NumType=Card", "nummod")
    noun.left = [count]
    if past and s.chance(0.35):
        noun.right.append(adverb("ago"))
        return noun.as_("obl:npmod")
    return prepositional("for", noun, "obl")


def _date(s: Scene) -> Node:
    month = proper(s.vocabulary.names["month"].draw(s.rand))
    if s.chance(0.5):
        month.right.append(digits(s, 1, 30))
        if s.chance(0.3):
            year = str(between(s.rand, 1850, 2030))
            month.right.append(
                Node(year, year, "NUM", "CD", "NumForm=Digit|NumType=Card", "nmod:tmod")
            )
        return prepositional("on", month, "obl")
    return prepositional("in", month, "obl")


def _clock(s: Scene) -> Node:
    hour = digits(s, 1, 12).as_("obl")
    hour.left = [case("at")]
    half = Node(*(("a.m.",) * 2 if s.chance(0.5) else ("p.m.",) * 2), "NOUN", "NN", "_", "nmod")
    hour.right.append(half)
    return hour


def _adverb(s: Scene, past: bool) -> Node:
    kind = pick(s.rand, ("manner", "place", "time", "past" if past else "time"))
    return adverb(s.vocabulary.adverbs[kind].draw(s.rand))


def _role(s: Scene) -> Node:
    return prepositional(pick(s.rand, _ROLES), _indefinite_person(s), "obl")


def _indefinite_person(s: Scene) -> Node:
    noun = s.vocabulary.nouns["person"].draw(s.rand)
    node = Node(noun.lemma, noun.lemma, "NOUN", "NN", "Number=Sing")
    node.sem = "person"
    node.left = [determiner(article(noun.lemma))]
    return node


_FREE = {
    "time": time_phrase, "manner": _manner, "date": _date,
    "clock": _clock, "role": _role,
}  # fmt: skip
