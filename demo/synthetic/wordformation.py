"""Words made from words: derivations, solid compounds, and invented words of known class.

The invented words come from a random generator with a fixed seed of its own, so that a word keeps
its class and its forms in every corpus.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import TypeVar

from .lexicon import Adjective, Lexicon, Noun, Verb
from .morphology import able, adverb, agent, gerund, past, plural, quality, third_person

Item = TypeVar("Item")
INVENTION_SEED = 20250301
_ONSETS = tuple(
    "b br c cl d dr f fl g gr h j k kl l m n p pl pr qu r s sh sk sl sp st t th tr v w z".split()
)
_VOWELS = "a e i o u a e i o ai ea ou".split()
_CODAS = "b d g l m n nd nt r rn rt s st t x ck lm".split()
_NO_ADVERB = ("young", "tall", "sick", "talented", "bald", "elderly", "little", "great", "ill")
# class of the first word -> last words of its compounds, with the class that each gives
_COMPOUNDS = {
    "animal": (("keeper", "person"), ("house", "building"), ("trap", "fishing")),
    "material": (("worker", "person"), ("shop", "building"), ("ware", "possession")),
    "vehicle": (("yard", "area"), ("maker", "person"), ("house", "building")),
    "plant": (("field", "area"), ("seller", "person"), ("land", "area")),
    "ingredient": (("pot", "container"), ("seller", "person"), ("bread", "dish"), ("cake", "dish")),
    "artwork": (("book", "document"), ("maker", "person")),
    "weapon": (("maker", "person"), ("room", "building")),
    "substance": (("bag", "container"), ("pit", "area"), ("storm", "event")),
    "drink": (("pot", "container"), ("house", "building"), ("cup", "container")),
}


class Inventor:
    """Draws pronounceable stems, never the same word twice and never a word of the lexicon."""

    def __init__(self, taken: set[str]) -> None:
        self._random = Random(INVENTION_SEED).random
        self.taken = taken

    def word(self, suffix: str) -> str:
        """A new word of one or two syllables and the suffix."""
        while True:
            stem = self._pick(_ONSETS) + self._pick(_VOWELS)
            if self._random() < 0.65:
                stem += self._pick(_CODAS[:10]) + self._pick(_VOWELS[:5])
            stem += self._pick(_CODAS)
            word = stem[:-1] + suffix if stem[-1] == suffix[0] else stem + suffix
            if word not in self.taken:
                self.taken.add(word)
                return word

    def _pick(self, items: Sequence[str]) -> str:
        return items[int(self._random() * len(items))]


def derived_nouns(lexicon: Lexicon, taken: set[str]) -> Iterator[Noun]:
    """Agents (baker), qualities (kindness) and solid compounds (boathouse)."""
    for verb, _ in lexicon.makes["er"]:
        word = agent(verb.lemma, double=verb.double)
        if _new(word, taken):
            yield Noun(word, plural(word), "person")
    for adjective in lexicon.adjectives:
        word = quality(adjective.lemma)
        derives = adjective.derives and not adjective.lemma.endswith(("ed", "al"))
        if derives and _new(word, taken):
            yield Noun(word, "", "emotion" if adjective.sem in ("person", "emotion") else "idea")
    yield from _compounds(lexicon, taken)


def derived_adjectives(lexicon: Lexicon, taken: set[str]) -> Iterator[Adjective]:
    """Negations (unkind) and possibilities (washable)."""
    for adjective in lexicon.adjectives:
        word = "un" + adjective.lemma
        if adjective.takes_un and _new(word, taken):
            yield Adjective(word, "", "", adjective.sem, derives=False)
    for rule in ("able", "re"):
        for verb, _ in lexicon.makes[rule]:
            word = able(verb.lemma, double=verb.double)
            if _new(word, taken):
                yield Adjective(word, "", "", "phys", derives=False)


def derived_adverbs(lexicon: Lexicon, taken: set[str]) -> Iterator[str]:
    """Manner adverbs of the adjectives that describe people and ideas."""
    for adjective in lexicon.adjectives:
        word = adverb(adjective.lemma)
        odd = adjective.lemma.endswith(("ly", "ed", "y")) or adjective.lemma in _NO_ADVERB
        human = adjective.sem in ("person", "abstract", "emotion")
        if adjective.derives and human and not odd and _new(word, taken):
            yield word


def again(verb: Verb) -> Verb:
    """The verb of doing it again: write -> rewrite, with the same irregular forms."""
    return Verb(
        "re" + verb.lemma, "re" + verb.third, "re" + verb.past, "re" + verb.participle,
        "re" + verb.gerund, verb.double,
    )  # fmt: skip


def invented_nouns(lexicon: Lexicon, inventor: Inventor) -> Iterator[Noun]:
    """A few nouns of every class that has suffixes; a suffix may serve several classes."""
    for sem, suffixes in lexicon.suffixes.items():
        if not sem.islower() or sem in ("surname", "place", "firm", "product"):
            continue
        mass = sem in ("ingredient", "field", "emotion", "substance", "material", "illness")
        known = sum(noun.sem == sem for noun in lexicon.nouns)
        for i in range(3 + known // 3):
            word = inventor.word(suffixes[i % len(suffixes)])
            yield Noun(word, "" if mass else plural(word), sem)


def invented_verbs(lexicon: Lexicon, inventor: Inventor, count: int) -> list[Verb]:
    """Regular verbs in -ify, -ize and so on."""
    words = [inventor.word(_turn(lexicon.suffixes["VERB"], i)) for i in range(count)]
    return [Verb(w, third_person(w), past(w), past(w), gerund(w)) for w in words]


def invented_adjectives(
    lexicon: Lexicon, inventor: Inventor, classes: Sequence[str], per_class: int
) -> Iterator[Adjective]:
    """Adjectives in -ous, -ic and so on, each for one kind of noun."""
    for sem in classes:
        for i in range(per_class):
            word = inventor.word(_turn(lexicon.suffixes["ADJ"], i))
            yield Adjective(word, "", "", sem, derives=False)


def invented_names(
    lexicon: Lexicon, inventor: Inventor, counts: dict[str, int]
) -> dict[str, tuple[str, ...]]:
    """Capitalised names of each kind: surname, place, firm, product."""
    return {
        kind: tuple(
            inventor.word(_turn(lexicon.suffixes[kind], i)).capitalize() for i in range(count)
        )
        for kind, count in counts.items()
    }


def _compounds(lexicon: Lexicon, taken: set[str]) -> Iterator[Noun]:
    for i, first in enumerate(n for n in lexicon.nouns if n.sem in _COMPOUNDS):
        last, sem = _turn(_COMPOUNDS[first.sem], i)
        word = first.lemma + last
        if len(first.lemma) <= 7 and _new(word, taken):
            yield Noun(word, "" if last == "ware" else plural(word), sem)


def _turn(items: Sequence[Item], i: int) -> Item:
    return items[i % len(items)]


def _new(word: str, taken: set[str]) -> bool:
    if word in taken:
        return False
    taken.add(word)
    return True
