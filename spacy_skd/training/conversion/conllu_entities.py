"""Entities of CoNLL-U: tags in MISC, whatever their key and scheme.

Read is what `spacy convert` reads: `NE=B-PER`, `name=B-PER` and the bare `B-PER`; and, in a file
without any of these, the first other key that is named like entities and has tags. What else looks
like entities (`Entity=(person-1`, `Chunk=B-NP`) is counted, to be told.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...layers.entity_tags import repair_biluo
from .lines import read_lines

BARE = "(no key)"
SPACY_KEYS = ("NE", "name", BARE)
TAG = re.compile(r"O|[BILUESM]-\S+")
# Without a key, more is asked of a label.
_BARE_TAG = re.compile(r"O|[BILUESM]-[^\W\d]\w*")
_NAMED = re.compile(
    r".*entit.*|(ne|ner|names?|ents?)(tags?|types?|labels?|iob\d?|bio\d?|biluo|bioes)?"
)
_AS_BILUO = {"S": "U", "E": "L", "M": "I"}

Items = list[tuple[str, str]]


@dataclass(frozen=True)
class EntityColumn:
    """How a file has entities. keys: that are read, none without entities. unread: keys of what
    looks like entities and is not read. scheme: BIO, IOB1 (an entity begins with I, unless one of
    its label stands right before it), BILUO or BIOES."""

    keys: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    scheme: str = "BIO"

    def tag(self, misc: str) -> tuple[str | None, dict[str, int]]:
        """Return the tag of a word, its first as in spaCy, None without one; and how many of its
        values are not read, by key. RAISES (ValueError): for a tag of a prefix that no scheme
        has."""
        tag: str | None = None
        unread: Counter[str] = Counter()
        for key, value in misc_items(misc):
            if key in self.keys and TAG.fullmatch(value):
                tag = tag or value
            elif key == "NE" and re.fullmatch(r"[A-Za-z]-\S+", value) and not TAG.fullmatch(value):
                raise ValueError(f"expected a BILUO tag like NE=B-PER, found NE={value}")
            elif key in self.keys or key in self.unread:
                unread[key] += 1
        return tag, dict(unread)

    def to_biluo(self, tags: Sequence[str | None]) -> tuple[list[str | None], int]:
        """Return BILUO of a sentence, and how many tags were not legal in the file's scheme; these
        are read as `spacy convert` does (see `repair_biluo`)."""
        if self.scheme == "BIOES":
            tags = [tag and _AS_BILUO.get(tag[0], tag[0]) + tag[1:] for tag in tags]
        biluo, n_changed = repair_biluo(tags)
        if self.scheme in ("BILUO", "BIOES"):
            return biluo, n_changed
        n_illegal = sum(_starts_with_i(before, tag) for before, tag in zip([None, *tags], tags))
        return biluo, n_illegal if self.scheme == "BIO" else 0


def find_entities(path: Path) -> EntityColumn:
    """Look through a file for the entities in its MISC column."""
    of_words = _seen(_miscs(path, re.compile(r"\d+")))
    # Those of multiword tokens alone belong to no word: they are not read.
    of_ranges = _seen(_miscs(path, re.compile(r"\d+-\d+")))
    column = _choose(of_words)
    others = _choose(of_ranges)
    return replace(column, unread=column.unread | ((others.keys | others.unread) - column.keys))


def _seen(sentences: Iterable[list[str]]) -> dict[str, "_Key"]:
    """Collect what the keys of MISC hold, sentence by sentence."""
    keys: dict[str, _Key] = {}
    for miscs in sentences:
        before: dict[str, str] = {}
        for misc in miscs:
            here = dict(misc_items(misc))
            for key, value in here.items():
                keys.setdefault(key, _Key()).add(value, before=before.get(key))
            before = here
    return keys


def misc_items(misc: str) -> Items:
    """Return key and value of each item of MISC; of items without a key those that are tags."""
    items: Items = []
    for item in misc.split("|"):
        key, is_pair, value = item.partition("=")
        if is_pair:
            items.append((key, value))
        elif _BARE_TAG.fullmatch(item):
            items.append((BARE, item))
    return items


@dataclass
class _Key:
    """What a key holds. i_starts, b_starts: entities that begin with I, or with B, where no other
    entity stands right before them."""

    n: int = 0
    n_tags: int = 0
    i_starts: int = 0
    b_starts: int = 0
    prefixes: set[str] = field(default_factory=set)

    def add(self, value: str, *, before: str | None) -> None:
        self.n += 1
        if not TAG.fullmatch(value):
            return
        self.n_tags += 1
        self.prefixes.add(value[0])
        self.i_starts += _starts_with_i(before, value)
        self.b_starts += value[0] == "B" and (before or "O") == "O"

    def has_entities(self) -> bool:
        return bool(self.prefixes - {"O"})


def _choose(keys: dict[str, _Key]) -> EntityColumn:
    named = {key for key in keys if key == BARE or _is_named(key)}
    tagged = [key for key in keys if key in named and keys[key].n_tags]
    read = [key for key in SPACY_KEYS if key in tagged] or tagged[:1]
    like_tags = {key for key, seen in keys.items() if seen.has_entities() and seen.n == seen.n_tags}
    chosen = [keys[key] for key in read]
    return EntityColumn(
        keys=frozenset(read),
        unread=frozenset((named | like_tags) - set(read)),
        scheme=_scheme(chosen),
    )


def _is_named(key: str) -> bool:
    return _NAMED.fullmatch(re.sub(r"[\W_]", "", key).lower()) is not None


def _scheme(chosen: Sequence[_Key]) -> str:
    prefixes = {prefix for key in chosen for prefix in key.prefixes}
    if prefixes & set("ESM"):
        return "BIOES"
    if prefixes & set("LU"):
        return "BILUO"
    i_starts = sum(key.i_starts for key in chosen)
    return "IOB1" if i_starts > 1 and not any(key.b_starts for key in chosen) else "BIO"


def _starts_with_i(before: str | None, tag: str | None) -> bool:
    tag, before = tag or "O", before or "O"
    return tag[0] == "I" and (before == "O" or before[1:] != tag[1:])


def _miscs(path: Path, ids: "re.Pattern[str]") -> Iterator[list[str]]:
    """Yield MISC of the rows of each sentence that have such an ID, of a file that may be
    malformed."""
    words: list[str] = []
    for _, line in read_lines(path):
        columns = line.split("\t")
        if not line.strip():
            yield words
            words = []
        elif ids.fullmatch(columns[0]):
            words.append(columns[-1])
    yield words
