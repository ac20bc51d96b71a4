"""Entities of CoNLL-U: tags in MISC, whatever their key and scheme.

Read is what `spacy convert` reads: `NE=B-PER`, `name=B-PER` and the bare `B-PER`; and, in a file
without any of these, the first other key that is named like entities and has tags. What else looks
like entities (`Entity=(person-1`, `Chunk=B-NP`, tags in FEATS or DEPS) is counted, to be told.
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
ELSEWHERE = {"FEATS": 5, "DEPS": 8}  # by name, the place of the column

Items = list[tuple[str, str]]


@dataclass(frozen=True)
class EntityColumn:
    """How a file has entities. keys: that are read, none without entities. unread: keys of what
    looks like entities and is not read. scheme: BIO, IOB1 (an entity begins with I, unless one of
    its label stands right before it), BILUO or BIOES. elsewhere: keys of tags in other columns, as
    "FEATS:NE", which are not read."""

    keys: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    scheme: str = "BIO"
    elsewhere: frozenset[str] = frozenset()

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

    def unread_elsewhere(self, columns: Sequence[str]) -> list[str]:
        """Return the keys of tags of a word, of all its columns, that stand in others than MISC."""
        if not self.elsewhere:
            return []
        return [key for key, _ in _items_elsewhere(columns) if key in self.elsewhere]

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
    of_words, elsewhere = _Seen(), _Seen()
    for rows in _sentences(path, re.compile(r"\d+")):
        of_words.add(misc_items(row[-1]) for row in rows)
        elsewhere.add(map(_items_elsewhere, rows))
    # Those of multiword tokens alone belong to no word: they are not read.
    of_ranges = _Seen()
    for rows in _sentences(path, re.compile(r"\d+-\d+")):
        of_ranges.add(misc_items(row[-1]) for row in rows)
    column = _choose(of_words.keys)
    ranges = _choose(of_ranges.keys)
    return replace(
        column,
        unread=column.unread | ((ranges.keys | ranges.unread) - column.keys),
        elsewhere=frozenset(key for key, seen in elsewhere.keys.items() if seen.is_of_tags()),
    )


def column_of_tags(sentences: Iterable[Sequence[str | None]]) -> EntityColumn:
    """Return how the tags of sentences are read, None for words without one."""
    seen = _Seen()
    for tags in sentences:
        seen.add([(BARE, tag)] if tag else [] for tag in tags)
    return EntityColumn(scheme=_scheme(list(seen.keys.values())))


class _Seen:
    """What keys hold, sentence by sentence."""

    def __init__(self) -> None:
        self.keys: dict[str, _Key] = {}

    def add(self, sentence: Iterable[Items]) -> None:
        """Add a sentence: the items of each word."""
        before: dict[str, str] = {}
        for items in sentence:
            here = dict(items)
            for key, value in here.items():
                self.keys.setdefault(key, _Key()).add(value, before=before.get(key))
            before = here


def misc_items(misc: str) -> Items:
    """Return key and value of each item of MISC; of items without a key those that are tags. A
    value "_" is none."""
    items: Items = []
    for item in misc.split("|"):
        key, is_pair, value = item.partition("=")
        if is_pair and value != "_":
            items.append((key, value))
        elif not is_pair and _BARE_TAG.fullmatch(item):
            items.append((BARE, item))
    return items


def _items_elsewhere(columns: Sequence[str]) -> Items:
    """Return the same of the columns in which tags are put where MISC is taken, with their names.
    Rows that lack columns have none."""
    pairs = ((name, columns[i]) for name, i in ELSEWHERE.items() if i < len(columns))
    return [(f"{name}:{key}", value) for name, text in pairs for key, value in misc_items(text)]


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

    def can_be_read(self) -> bool:
        """Tell whether it says of words where entities are: of tags that are all "O" beside values
        that are none, nothing is known."""
        return self.n_tags > 0 and (self.has_entities() or self.n == self.n_tags)

    def is_of_tags(self) -> bool:
        """Tell whether it holds entities, and nothing else."""
        return self.has_entities() and self.n == self.n_tags


def _choose(keys: dict[str, _Key]) -> EntityColumn:
    named = {key for key in keys if key == BARE or _is_named(key)}
    tagged = [key for key in keys if key in named and keys[key].can_be_read()]
    read = [key for key in SPACY_KEYS if key in tagged] or tagged[:1]
    like_tags = {key for key, seen in keys.items() if seen.is_of_tags()}
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


def _sentences(path: Path, ids: "re.Pattern[str]") -> Iterator[list[list[str]]]:
    """Yield the columns of the rows of each sentence that have such an ID, of a file that may be
    malformed."""
    rows: list[list[str]] = []
    for _, line in read_lines(path):
        columns = line.split("\t")
        if not line.strip():
            yield rows
            rows = []
        elif ids.fullmatch(columns[0]):
            rows.append(columns)
    yield rows
