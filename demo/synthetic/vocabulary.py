"""The vocabulary that the grammar draws from: the lexicon and the words made from it, by rank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from . import wordformation as wf
from .lexicon import Adjective, Classes, Lexicon, Noun, Relation, Sense, Verb, load_lexicon
from .sampling import Weighted, zipf

ENTITY_CLASSES = frozenset(("PER", "LOC", "ORG", "PRODUCT"))
_ADJECTIVE_CLASS = {
    "person": "person", "kin": "person", "PER": "person", "group": "abstract", "ORG": "abstract",
    "animal": "animal", "plant": "phys", "PRODUCT": "phys", "body": "phys",
    "dish": "food", "ingredient": "food", "drink": "food",
    "building": "place", "area": "place", "nature": "place", "LOC": "place",
    "event": "abstract", "idea": "abstract", "message": "abstract", "document": "abstract",
    "field": "abstract", "illness": "abstract", "emotion": "emotion",
    "artwork": "any", "time": "any", "measure": "none", "unit": "none",
}  # fmt: skip
_COMMON = {
    "person": 5.0, "PER": 4.0, "kin": 2.0, "animal": 2.0, "LOC": 2.5, "ORG": 4.0, "group": 2.0,
    "PRODUCT": 2.0,
}  # fmt: skip
_TOPIC_BOOST = 4.0
_MADE = 0.55


@dataclass
class Vocabulary:
    """Samplers over words, verbs and names; everything in it is fixed by the lexicon."""

    lexicon: Lexicon
    nouns: dict[str, Weighted[Noun]]
    adjectives: dict[str, Weighted[Adjective]]
    predicates: Weighted[Adjective]
    adverbs: dict[str, Weighted[str]]
    names: dict[str, Weighted[str]]
    relations: dict[str, list[Relation]]
    licences: frozenset[tuple[str, str, str]]
    senses: dict[str, list[tuple[Sense, float]]]
    _senses: dict[tuple[str, str, str], Weighted[Sense]] = field(default_factory=dict)
    _classes: dict[tuple[str, Classes], Weighted[str]] = field(default_factory=dict)
    _related: dict[tuple[str, str], Weighted[Relation]] = field(default_factory=dict)

    def adjective_class(self, sem: str) -> str:
        """The kind of adjective that nouns of the class `sem` take ("none" for none)."""
        return _ADJECTIVE_CLASS.get(sem, "phys")

    def class_of(self, topic: str, classes: Classes) -> Weighted[str]:
        """Sampler of one of `classes`, those of the topic preferred."""
        key = (topic, classes)
        if key not in self._classes:
            liked = self.lexicon.topics[topic]
            weights = [_COMMON.get(c, 1.0) * (_TOPIC_BOOST if c in liked else 1.0) for c in classes]
            self._classes[key] = Weighted(classes, weights)
        return self._classes[key]

    def sense(self, topic: str, kind: str, slot: str = "") -> Weighted[Sense]:
        """Sampler of verbs of the frame `kind`, those of the topic preferred.

        `slot` is "" or "subject:CLASS" or "object:CLASS": only verbs that accept the class there.
        Raises KeyError if no verb does; see `has_sense`.
        """
        key = (topic, kind, slot)
        if key not in self._senses:
            liked = self.lexicon.topics[topic]
            found = [(s, w) for s, w in self.senses[kind] if _accepts(s, slot)]
            if not found:
                raise KeyError(f"No verb of the frame {kind!r} accepts {slot!r}.")
            weights = [w * _boost(s, liked) for s, w in found]
            self._senses[key] = Weighted([s for s, _ in found], weights)
        return self._senses[key]

    def has_sense(self, kind: str, slot: str) -> bool:
        """Whether `sense` has a verb to draw."""
        return any(_accepts(s, slot) for s, _ in self.senses[kind])

    def related(self, topic: str, sem: str) -> Weighted[Relation]:
        """Sampler of the phrases that a noun of class `sem` may take (see `relations`)."""
        key = (topic, sem)
        if key not in self._related:
            liked = self.lexicon.topics[topic]
            options = self.relations[sem]
            weights = [r.weight * (1.5 if liked.intersection(r.classes) else 1.0) for r in options]
            self._related[key] = Weighted(options, weights)
        return self._related[key]


@lru_cache(maxsize=1)
def load_vocabulary() -> Vocabulary:
    """Build the vocabulary (once, about 0.1 s)."""
    lexicon = load_lexicon()
    taken = _lexical_words(lexicon)
    derived = list(wf.derived_nouns(lexicon, taken))
    adjectives = [*lexicon.adjectives, *wf.derived_adjectives(lexicon, taken)]
    manner = [*lexicon.adverbs["manner"], *wf.derived_adverbs(lexicon, taken)]
    inventor = wf.Inventor(taken)
    invented = list(wf.invented_nouns(lexicon, inventor))
    kinds = ("person", "animal", "food", "phys", "place", "abstract")
    adjectives += wf.invented_adjectives(lexicon, inventor, kinds, 25)
    senses = _weighted_senses(lexicon, inventor)
    counts = {"surname": 900, "place": 500, "firm": 400, "product": 300}
    names = wf.invented_names(lexicon, inventor, counts)
    return Vocabulary(
        lexicon=lexicon,
        nouns=_by_class(lexicon.nouns, [*derived, *invented]),
        adjectives=_adjectives(adjectives),
        predicates=zipf([a for a in adjectives if a.sem == "pred"], offset=6.0),
        adverbs={k: zipf(manner if k == "manner" else v) for k, v in lexicon.adverbs.items()},
        names=_names(lexicon.names, names),
        relations=_relations(lexicon),
        licences=frozenset((r.head, r.prep, c) for r in lexicon.relations for c in r.classes),
        senses=senses,
    )


def _lexical_words(lexicon: Lexicon) -> set[str]:
    words = {n.lemma for n in lexicon.nouns} | {n.plural for n in lexicon.nouns}
    for verb in lexicon.verbs:
        words |= {verb.lemma, verb.third, verb.past, verb.participle, verb.gerund}
    words |= {a.lemma for a in lexicon.adjectives}
    words |= {w for group in lexicon.adverbs.values() for w in group}
    return words | {w.lower() for group in lexicon.names.values() for w in group}


def _by_class(written: Sequence[Noun], made: Sequence[Noun]) -> dict[str, Weighted[Noun]]:
    """Made words continue the ranks of the written ones, at a fraction of the weight."""
    groups: dict[str, list[tuple[Noun, float]]] = {}
    for nouns, factor in ((written, 1.0), (made, _MADE)):
        for noun in nouns:
            group = groups.setdefault(noun.sem, [])
            group.append((noun, factor / (len(group) + 20.0)))
    return {sem: Weighted([n for n, _ in g], [w for _, w in g]) for sem, g in groups.items()}


def _adjectives(adjectives: Sequence[Adjective]) -> dict[str, Weighted[Adjective]]:
    general = [a for a in adjectives if a.sem == "any"]
    groups: dict[str, Weighted[Adjective]] = {"any": zipf(general)}
    for sem in ("person", "animal", "food", "phys", "place", "abstract", "emotion"):
        own = [a for a in adjectives if a.sem == sem]
        items = own if sem == "emotion" else [*own, *general]
        weights = [1.0 / ((i if i < len(own) else i - len(own)) + 12.0) for i in range(len(items))]
        groups[sem] = Weighted(items, weights)
    return groups


def _names(
    known: Mapping[str, tuple[str, ...]], invented: Mapping[str, tuple[str, ...]]
) -> dict[str, Weighted[str]]:
    names = {kind: zipf(items) for kind, items in known.items()}
    pairs = {"surname": "surname", "place": "city", "firm": "company", "product": "product"}
    for kind, real in pairs.items():
        names[real] = zipf([*known[real], *invented[kind]], offset=20.0)
    return names


def _relations(lexicon: Lexicon) -> dict[str, list[Relation]]:
    groups: dict[str, list[Relation]] = {}
    for relation in lexicon.relations:
        groups.setdefault(relation.head, []).append(relation)
    return groups


def _weighted_senses(
    lexicon: Lexicon, inventor: wf.Inventor
) -> dict[str, list[tuple[Sense, float]]]:
    """Senses by frame; verbs with re- and invented verbs follow at low weight."""
    groups: dict[str, list[tuple[Sense, float]]] = {}
    for sense in lexicon.senses:
        groups.setdefault(sense.kind, []).append((sense, 1.0 / (sense.rank + 6.0)))
    transitive = [sense for sense, _ in groups["t"]]
    remade = {verb.lemma for verb, _ in lexicon.makes["re"]}
    for sense in transitive:
        if sense.verb.lemma in remade and sense.verb.lemma[0] != "e":
            groups["t"].append((_with(sense, wf.again(sense.verb)), 0.015))
    verbs = wf.invented_verbs(lexicon, inventor, 120)
    models = [sense for sense in transitive if sense.rank < 4]
    for i, verb in enumerate(verbs):
        groups["t"].append((_with(models[i % len(models)], verb), 0.012))
    return groups


def _with(sense: Sense, verb: Verb) -> Sense:
    return Sense(
        verb, sense.kind, sense.prep, sense.subject, sense.object, sense.object2,
        sense.instrument, sense.rank,
    )  # fmt: skip


def _accepts(sense: Sense, slot: str) -> bool:
    where, _, sem = slot.partition(":")
    if not where:
        return True
    return sem in (sense.subject if where == "subject" else sense.object)


def _boost(sense: Sense, liked: frozenset[str]) -> float:
    if "ORG" in sense.subject or "PRODUCT" in sense.object:
        return _TOPIC_BOOST
    return _TOPIC_BOOST if liked.intersection(sense.object) else 1.0
