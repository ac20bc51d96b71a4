"""What a document is about: topic, style, the cast of named entities, and what was mentioned."""

from dataclasses import dataclass, field

from .lexicon import Classes, Noun
from .sampling import Rand, Weighted, pick, zipf
from .vocabulary import Vocabulary

_REUSE = 0.35
_TITLES = ("Dr.", "Mr.", "Prof.", "Gen.", "Sen.", "Gov.", "Rev.")
_ORGANISATIONS = Weighted(
    ("company", "acronym", "inc", "sons", "university", "of", "museum", "institute", "band"),
    (8.0, 3.0, 2.0, 1.0, 1.5, 2.0, 1.0, 1.0, 1.0),
)
_PLACES = Weighted(
    ("city", "country", "state", "river", "lake", "mount", "new", "island", "us"),
    (10.0, 6.0, 2.0, 1.0, 0.7, 0.7, 0.7, 0.7, 0.8),
)


@dataclass
class Entity:
    """A named entity: its kind (PER, LOC, ORG, PRODUCT), pattern, and the parts of its name."""

    kind: str
    pattern: str
    parts: tuple[str, ...]
    gender: str = "Neut"
    mentions: int = 0


@dataclass
class Scene:
    """The state of one document while it is written.

    `richness` in [0, 1] says how much the present sentence is expanded; `mentioned` maps a kind of
    pronoun to the class of the last noun that it can stand for.
    """

    rand: Rand
    vocabulary: Vocabulary
    topic: str
    informal: bool = False
    lower_case: bool = False
    tense: str = "Past"
    richness: float = 0.4
    cast: dict[str, Weighted[Entity]] = field(default_factory=dict)
    mentioned: dict[str, str] = field(default_factory=dict)
    memory: dict[str, list[Noun]] = field(default_factory=dict)
    introduced: set[str] = field(default_factory=set)
    genders: dict[str, str] = field(default_factory=dict)

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.rand() < probability

    def rich(self, weight: float) -> bool:
        """True with a probability that grows with the richness of the sentence."""
        return self.rand() < weight * self.richness

    def choose_class(self, classes: Classes) -> str:
        """One of the classes, those of the topic preferred."""
        if len(classes) == 1:
            return classes[0]
        return self.vocabulary.class_of(self.topic, classes).draw(self.rand)

    def noun(self, sem: str) -> Noun:
        """A noun of the class; often one that the document has used before."""
        known = self.memory.setdefault(sem, [])
        if known and self.rand() < _REUSE:
            return pick(self.rand, known)
        noun = self.vocabulary.nouns[sem].draw(self.rand)
        if len(known) < 8:
            known.append(noun)
        return noun

    def entity(self, kind: str) -> Entity:
        """A named entity: mostly of the cast of the document."""
        if self.rand() < 0.75:
            return self.cast[kind].draw(self.rand)
        return new_entity(self.rand, self.vocabulary, kind)

    def gender(self, noun: Noun) -> str:
        """The gender of a person that the document calls by a noun, kept through the document."""
        if noun.gender:
            return noun.gender
        if noun.lemma not in self.genders:
            self.genders[noun.lemma] = "Fem" if self.rand() < 0.5 else "Masc"
        return self.genders[noun.lemma]


def new_scene(rand: Rand, vocabulary: Vocabulary) -> Scene:
    """Draw topic, style and cast of a document."""
    topic = pick(rand, list(vocabulary.lexicon.topics))
    scene = Scene(rand, vocabulary, topic)
    scene.informal = rand() < 0.25
    scene.lower_case = scene.informal and rand() < 0.25
    scene.tense = "Past" if rand() < 0.68 else "Pres"
    for kind, count in (("PER", 3), ("LOC", 3), ("ORG", 2), ("PRODUCT", 2)):
        entities = [new_entity(rand, vocabulary, kind) for _ in range(count)]
        scene.cast[kind] = zipf(entities, offset=1.0)
    return scene


def new_entity(rand: Rand, vocabulary: Vocabulary, kind: str) -> Entity:
    """Draw a named entity of a kind."""
    names = vocabulary.names
    if kind == "PER":
        gender = "Fem" if rand() < 0.5 else "Masc"
        first = names["female" if gender == "Fem" else "male"].draw(rand)
        title = pick(rand, _TITLES)
        if title == "Mr." and gender == "Fem":
            title = "Mrs."
        pattern = "title" if rand() < 0.3 else "full"
        return Entity(kind, pattern, (first, names["surname"].draw(rand), title), gender)
    if kind == "LOC":
        pattern = _PLACES.draw(rand)
        source = pattern if pattern in ("city", "country", "state") else "city"
        return Entity(kind, pattern, (names[source].draw(rand), names["country"].draw(rand)))
    if kind == "ORG":
        pattern = _ORGANISATIONS.draw(rand)
        origins = {"acronym": "acronym", "company": "company", "inc": "company", "sons": "surname"}
        return Entity(kind, pattern, (names[origins.get(pattern, "city")].draw(rand),))
    pattern = pick(rand, ("plain", "plain", "number", "code", "maker"))
    product = names["product"].draw(rand)
    code = pick(rand, "ABCSTXZ") + str(1 + int(rand() * 90))
    number = str((1 + int(rand() * 40)) * pick(rand, (1, 10, 50, 100)))
    return Entity(kind, pattern, (product, number, code, names["company"].draw(rand)))
