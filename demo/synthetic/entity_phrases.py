"""Phrases that name entities; the span of the name carries BILUO marks."""

from collections.abc import Sequence

from .function_words import case, conjunction, determiner, punctuation
from .sampling import pick
from .scene import Entity, Scene
from .tree import Node

_INSTITUTES = ("Physics", "Chemistry", "Medicine", "Art", "Technology", "Music", "Law", "Astronomy")
_OF = ("University", "Bank", "Museum", "Port", "City", "Republic", "Church")
_BANDS = ("Tigers", "Lions", "Eagles", "Rockets", "Giants", "Bears", "Wolves", "Falcons")


def proper(form: str, deprel: str = "root", *, plural: bool = False) -> Node:
    """A proper noun."""
    number = "Plur" if plural else "Sing"
    node = Node(form, form, "PROPN", "NNPS" if plural else "NNP", f"Number={number}", deprel)
    node.proper = True
    node.number = number
    return node


def mark_span(nodes: Sequence[Node], label: str) -> None:
    """Give the words of a name their BILUO marks."""
    if len(nodes) == 1:
        nodes[0].ne = f"U-{label}"
        return
    for node in nodes:
        node.ne = f"I-{label}"
    nodes[0].ne = f"B-{label}"
    nodes[-1].ne = f"L-{label}"


def entity_phrase(s: Scene, entity: Entity) -> Node:
    """The name of an entity, shorter when the document has named it before."""
    build = {"PER": _person, "LOC": _place, "ORG": _organisation, "PRODUCT": _product}
    head = build[entity.kind](s, entity)
    entity.mentions += 1
    head.sem = entity.kind
    head.gender = entity.gender
    s.mentioned["3p" if head.number == "Plur" else entity.gender] = entity.kind
    return head


def _person(s: Scene, entity: Entity) -> Node:
    first, last, title = entity.parts
    if entity.mentions and s.chance(0.6):
        head = proper(first if s.chance(0.5) else last)
        mark_span([head], "PER")
        return head
    if entity.pattern == "title":
        head = proper(last)
        head.left.append(proper(title, "compound"))
        mark_span([head], "PER")
        return head
    head, flat = proper(first), proper(last, "flat")
    if s.chance(0.08):
        initial = proper(pick(s.rand, "ABCDEFGHJKLMNPRST") + ".", "flat")
        head.right += [initial, flat]
        mark_span([head, initial, flat], "PER")
        return head
    head.right.append(flat)
    mark_span([head, flat], "PER")
    return head


def _place(s: Scene, entity: Entity) -> Node:
    name, country = entity.parts
    if entity.pattern == "us":
        head = proper(pick(s.rand, ("U.S.", "U.K.")))
        head.left.append(determiner("the"))
        mark_span([head], "LOC")
        return head
    if entity.pattern in ("city", "country", "state"):
        head = proper(name)
        mark_span([head], "LOC")
        if entity.pattern == "city" and not entity.mentions and name != country and s.chance(0.12):
            _in_country(head, country)
        return head
    if entity.pattern in ("lake", "mount", "new"):
        head = proper(name)
        deprel = "amod" if entity.pattern == "new" else "compound"
        first = proper(entity.pattern.capitalize(), deprel)
        if entity.pattern == "new":
            first.upos, first.feats = "ADJ", "Degree=Pos"
        head.left.append(first)
        mark_span([first, head], "LOC")
        return head
    head = _compound([name], entity.pattern.capitalize(), "LOC")
    if entity.pattern == "river":
        head.left.insert(0, determiner("the"))
    return head


def _in_country(head: Node, country: str) -> None:
    appositive = proper(country, "appos")
    appositive.left.append(punctuation(","))
    mark_span([appositive], "LOC")
    head.right.append(appositive)


def _compound(names: Sequence[str], last: str, label: str, *, plural: bool = False) -> Node:
    head = proper(last, plural=plural)
    head.left = [proper(name, "compound") for name in names]
    mark_span([*head.left, head], label)
    return head


def _organisation(s: Scene, entity: Entity) -> Node:
    (name,) = entity.parts
    if entity.pattern in ("company", "acronym") or (
        entity.mentions and entity.pattern in ("inc", "sons")
    ):
        head = proper(name)
        mark_span([head], "ORG")
        return head
    if entity.pattern == "inc":
        return _compound([name], pick(s.rand, ("Inc.", "Corp.", "Co.", "Group", "Systems")), "ORG")
    if entity.pattern == "university":
        return _compound([name], "University", "ORG")
    if entity.pattern == "sons":
        return _and_sons(name)
    if entity.pattern == "of":
        return _of(_OF[len(name) % len(_OF)], name)
    if entity.pattern == "museum":
        head = _compound([name], "Museum", "ORG")
    elif entity.pattern == "band":
        head = _compound([name], _BANDS[len(name) % len(_BANDS)], "ORG", plural=True)
    else:
        head = _of_inside(_compound([name], "Institute", "ORG"), _INSTITUTES[len(name) % 8])
    head.left.insert(0, determiner("the"))
    return head


def _and_sons(name: str) -> Node:
    head, sons = proper(name), proper("Sons", "conj", plural=True)
    ampersand = conjunction("and")
    ampersand.form = "&"
    sons.left.append(ampersand)
    head.right.append(sons)
    mark_span([head, ampersand, sons], "ORG")
    return head


def _of(first: str, name: str) -> Node:
    head, inner = proper(first), proper(name, "nmod")
    inner.left.append(case("of"))
    head.right.append(inner)
    mark_span([head, inner.left[0], inner], "ORG")
    head.left.append(determiner("the"))
    return head


def _of_inside(head: Node, field: str) -> Node:
    inner = proper(field, "nmod")
    inner.left.append(case("of"))
    head.right.append(inner)
    mark_span([*head.left, head, inner.left[0], inner], "ORG")
    return head


def _product(s: Scene, entity: Entity) -> Node:
    name, number, code, maker = entity.parts
    head = proper(name)
    span: list[Node] = [head]
    if entity.pattern == "number":
        extra = Node(number, number, "NUM", "CD", "NumForm=Digit|NumType=Card", "nummod")
        head.right.append(extra)
        span.append(extra)
    elif entity.pattern == "code":
        head.right.append(proper(code, "flat"))
        span.append(head.right[0])
    mark_span(span, "PRODUCT")
    if entity.pattern == "maker" and maker != name and not entity.mentions:
        company = proper(maker, "compound")
        mark_span([company], "ORG")
        head.left.append(company)
    if s.chance(0.55):
        head.left.insert(0, determiner("the"))
    return head
