"""The hand-written lexicon: words with their forms, meanings and the frames of the verbs."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .morphology import degrees, gerund, past, plural, third_person

DATA = Path(__file__).parent / "data"
FILES = (
    "adjectives.txt", "adverbs.txt", "invented.txt", "names.txt", "nouns.txt", "relations.txt",
    "selectors.txt", "topics.txt", "verbs.txt",
)  # fmt: skip
Classes = tuple[str, ...]


@dataclass(frozen=True)
class Noun:
    """A noun of one semantic class. `plural` is "" for a mass noun, `lemma` is the singular."""

    lemma: str
    plural: str
    sem: str
    gender: str = ""
    plural_only: bool = False


@dataclass(frozen=True)
class Adjective:
    """An adjective. `comparative` is "" where `more` is used, "-" where there is none."""

    lemma: str
    comparative: str
    superlative: str
    sem: str
    derives: bool = True
    takes_un: bool = False


@dataclass(frozen=True)
class Verb:
    """A verb and its forms."""

    lemma: str
    third: str
    past: str
    participle: str
    gerund: str
    double: bool = False


@dataclass(frozen=True)
class Sense:
    """A verb in one frame: what it asks of its subject, its object and its second object.

    `kind` is the letter of the frame (see verbs.txt), `prep` its preposition or particle,
    `instrument` the classes of the tools with which the act is done.
    """

    verb: Verb
    kind: str
    prep: str
    subject: frozenset[str]
    object: Classes
    object2: Classes
    instrument: Classes
    rank: int


@dataclass(frozen=True)
class Relation:
    """A noun of class `head` may take a phrase of `prep` with a noun of one of `classes`."""

    head: str
    prep: str
    classes: Classes
    weight: float


@dataclass(frozen=True)
class Lexicon:
    """Everything that the data files say."""

    nouns: tuple[Noun, ...]
    verbs: tuple[Verb, ...]
    senses: tuple[Sense, ...]
    makes: Mapping[str, tuple[tuple[Verb, Classes], ...]]
    adjectives: tuple[Adjective, ...]
    adverbs: Mapping[str, tuple[str, ...]]
    names: Mapping[str, tuple[str, ...]]
    relations: tuple[Relation, ...]
    topics: Mapping[str, frozenset[str]]
    suffixes: Mapping[str, tuple[str, ...]]

    @property
    def lemmas(self) -> frozenset[tuple[str, str]]:
        """The (lemma, part of speech) pairs that were written by hand, names not counted."""
        pairs = {(noun.lemma, "NOUN") for noun in self.nouns}
        pairs |= {(verb.lemma, "VERB") for verb in self.verbs}
        pairs |= {(adjective.lemma, "ADJ") for adjective in self.adjectives}
        adverbs = {(word, "ADV") for words in self.adverbs.values() for word in words}
        return frozenset(pairs | adverbs)


def lexicon_sha256() -> str:
    """The SHA-256 of the data files, line ends normalised, in hexadecimal."""
    digest = hashlib.sha256()
    for name in FILES:
        digest.update(f"{name}\n".encode())
        digest.update((DATA / name).read_text(encoding="utf8").encode("utf8"))
    return digest.hexdigest()


@lru_cache(maxsize=1)
def load_lexicon() -> Lexicon:
    """Read the data files (once)."""
    selectors = _pairs("selectors.txt", "=")
    verbs, senses, makes = _read_verbs(selectors)
    return Lexicon(
        nouns=tuple(_read_nouns()),
        verbs=tuple(verbs.values()),
        senses=tuple(senses),
        makes={name: tuple(items) for name, items in makes.items()},
        adjectives=tuple(_read_adjectives()),
        adverbs=_sections("adverbs.txt"),
        names=_sections("names.txt"),
        relations=tuple(_read_relations(selectors)),
        topics={name: frozenset(words) for name, words in _pairs("topics.txt", ":").items()},
        suffixes=_pairs("invented.txt", ":"),
    )


def _lines(name: str) -> Iterator[str]:
    for line in (DATA / name).read_text(encoding="utf8").splitlines():
        if line.strip() and not line.startswith("# "):
            yield line.strip()


def _pairs(name: str, separator: str) -> dict[str, Classes]:
    found = {}
    for line in _lines(name):
        key, _, words = line.partition(f" {separator} ")
        found[key.strip()] = tuple(words.split())
    return found


def _sections(name: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    words: list[str] = []
    for line in _lines(name):
        if line.startswith("["):
            words = found.setdefault(line.strip("[]"), [])
        else:
            words.extend(line.split())
    return {key: tuple(dict.fromkeys(items)) for key, items in found.items()}


def _read_nouns() -> Iterator[Noun]:
    for sem, words in _sections("nouns.txt").items():
        for word in words:
            word, _, flag = word.partition("+")
            lemma, _, irregular = word.rstrip("~").partition("/")
            many = "" if word.endswith("~") else irregular or plural(lemma)
            gender = {"f": "Fem", "m": "Masc"}.get(flag, "")
            yield Noun(lemma, lemma if flag == "p" else many, sem, gender, flag == "p")


def _read_adjectives() -> Iterator[Adjective]:
    for sem, words in _sections("adjectives.txt").items():
        for word in words:
            bare = word.rstrip("*^=")
            flags = word[len(bare) :]
            lemma, _, irregular = bare.partition("/")
            more, most = irregular.split("/") if irregular else degrees(lemma)
            if "*" in flags:
                more = most = ""
            if "=" in flags:
                more = most = "-"
            derives = "=" not in flags and sem != "pred"
            yield Adjective(lemma, more, most, sem, derives, "^" in flags)


def _read_relations(selectors: Mapping[str, Classes]) -> Iterator[Relation]:
    for line in _lines("relations.txt"):
        heads, prep, classes, weight = [part.strip() for part in line.split(":")]
        wanted = _resolve(classes.split(), selectors)
        for head in heads.split():
            yield Relation(head, prep, wanted, float(weight))


def _resolve(names: list[str], selectors: Mapping[str, Classes]) -> Classes:
    found: dict[str, None] = {}
    for name in names:
        for sem in selectors.get(name, (name,)):
            found[sem] = None
    return tuple(found)


def _read_verbs(
    selectors: Mapping[str, Classes],
) -> tuple[dict[str, Verb], list[Sense], dict[str, list[tuple[Verb, Classes]]]]:
    verbs: dict[str, Verb] = {}
    senses: list[Sense] = []
    makes: dict[str, list[tuple[Verb, Classes]]] = {}
    frame: list[str] = []
    attributes: dict[str, str] = {}
    rank = 0
    for line in _lines("verbs.txt"):
        if line.startswith("@"):
            spec, *rest = line[1:].split()
            frame, attributes, rank = _parse_frame(spec), dict(r.split("=") for r in rest), 0
            continue
        for word in line.split():
            verb = verbs.setdefault(word, _verb(word))
            subject, *objects = [_resolve([name], selectors) for name in frame[2:]]
            obj, obj2 = (objects + [(), ()])[:2]
            instrument = tuple(filter(None, attributes.get("inst", "").split(",")))
            senses.append(
                Sense(verb, frame[0], frame[1], frozenset(subject), obj, obj2, instrument, rank)
            )
            rank += 1
            for rule in filter(None, attributes.get("make", "").split(",")):
                makes.setdefault(rule, []).append((verb, obj))
    return verbs, senses, makes


def _parse_frame(spec: str) -> list[str]:
    """`b.to:person>givable>person` -> ["b", "to", "person", "givable", "person"]."""
    head, _, classes = spec.partition(":")
    kind, _, prep = head.partition(".")
    return [kind, prep, *classes.split(">")]


def _verb(word: str) -> Verb:
    lemma, *irregular = word.split("/")
    double = lemma.endswith("+")
    lemma = lemma.rstrip("+")
    before, participle = irregular or [past(lemma, double=double)] * 2
    return Verb(
        lemma, third_person(lemma), before, participle, gerund(lemma, double=double), double
    )
