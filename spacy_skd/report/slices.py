"""Slices of a corpus: the parts of it, or of its facts, that are scored apart."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spacy.tokens import Doc

from ..layers.base import Layer
from ..layers.facts import Fact
from ..layers.known import known_layers
from ..shards.store import META

SENTENCES = "sentence length"
TRAINING = "in training"
CATEGORY = "category"  # the key of the likeliest of a doc's
SEEN, UNSEEN = "seen", "unseen"
MOST_VALUES = 50  # of one key that stand alone
# The least length of each slice of lengths, in tokens.
OF_SENTENCES = {1: "1 to 10", 11: "11 to 20", 21: "21 to 40", 41: "41 or more"}
OF_FACTS = {0: "root", 1: "1", 2: "2", 3: "3 to 4", 5: "5 to 9", 10: "10 or more"}
_ORDER = {
    value: i for i, value in enumerate([SEEN, UNSEEN, *OF_SENTENCES.values(), *OF_FACTS.values()])
}


class Slices:
    """Which slices facts fall into: of the length of the sentence, or of the arc or span; of words
    or entities that training had or had not; of what is said of their doc.

    keys (Sequence[str]): of what is said of docs, see `value_of`.
    seen (Mapping[str, frozenset[str]] | None): by title of a score, what training had of its facts,
        see `seen_in`.
    """

    def __init__(
        self, keys: Sequence[str] = (), *, seen: Mapping[str, frozenset[str]] | None = None
    ) -> None:
        self.keys = tuple(keys)
        self.seen = seen or {}
        self._rare: dict[str, frozenset[str]] = {}

    def check(self, docs: Sequence[Doc]) -> None:
        """Check the keys, and look which of their values are the most frequent: the `MOST_VALUES`
        stand alone, the others together. RAISES (ValueError): if no doc has a key."""
        for key in self.keys:
            counts = Counter(value for doc in docs if (value := value_of(doc, key)))
            self._rare[key] = frozenset(v for v, _ in counts.most_common()[MOST_VALUES:])
            if not counts:
                known = sorted({name for doc in docs for name in _keys(doc)})
                raise ValueError(
                    f"slice {key!r}: expected a key of the meta or the user data of some doc, "
                    f"found it in none; there are: {', '.join(known) or 'none'}"
                )

    def name(self, key: str, value: str) -> str:
        """Return the slice of a value of a key, "" for none."""
        rare = self._rare.get(key, frozenset())
        return f"{len(rare)} rarer" if value in rare else value

    def of(self, doc: Doc) -> "DocSlices":
        """Return those of a doc's facts. doc (Doc): the reference."""
        return DocSlices(self, doc)


class DocSlices:
    """The slices of the facts of one doc, by the sentences and the meta of the reference.

    of_doc (list[tuple[str, str]]): dimension and value of those that the whole doc is in.
    """

    def __init__(self, slices: Slices, doc: Doc) -> None:
        self._seen = slices.seen
        values = ((key, slices.name(key, value_of(doc, key))) for key in slices.keys)
        self.of_doc = [(key, value) for key, value in values if value]
        has_sentences = doc.has_annotation("SENT_START")
        sents = [*doc.sents] if has_sentences else [doc[:]] if len(doc) else []
        self._starts = [sent.start_char for sent in sents]
        dimension = SENTENCES if has_sentences else "text length"
        lengths = (sum(not token.is_space for token in sent) for sent in sents)
        self._of_sentences = [(dimension, _slice_of(n, OF_SENTENCES)) for n in lengths]

    def __call__(self, layer: Layer, title: str, fact: Fact) -> Iterator[tuple[str, str]]:
        """Yield dimension and value of each slice of a fact."""
        yield from self.of_doc
        if fact.text:
            if self._starts:
                place = max(0, bisect_right(self._starts, fact.chars[0]) - 1)
                yield self._of_sentences[place]
            if title in self._seen:
                yield TRAINING, SEEN if fact.text in self._seen[title] else UNSEEN
        if layer.lengths:
            yield layer.lengths, _slice_of(fact.length, OF_FACTS)


def order_of(value: str) -> tuple[int, str]:
    """Return a key that sorts the values of a dimension."""
    return _ORDER.get(value, len(_ORDER)), value


def seen_in(docs: Sequence[Doc]) -> dict[str, frozenset[str]]:
    """Return by title of a score the texts of its facts in training: words, or entities."""
    seen: dict[str, set[str]] = {}
    for layer in (each for kind in known_layers() for each in kind.variants(docs)):
        for doc in filter(layer.is_annotated, docs):
            for title, facts in layer.facts(doc).items():
                seen.setdefault(title, set()).update(fact.text for fact in facts if fact.text)
    return {title: frozenset(texts) for title, texts in seen.items() if texts}


def value_of(doc: Doc, key: str) -> str:
    """Return what is said of a doc: a key of its meta (`doc.user_data["meta"]`, as of `spacy skd
    annotate`), of `doc.user_data`, an extension `doc._.KEY`, or, of `CATEGORY`, the likeliest of
    its categories; "" for nothing."""
    value = _meta(doc).get(key, doc.user_data.get(key))
    if value is None and Doc.has_extension(key):
        value = doc._.get(key)
    if value is None and key == CATEGORY and doc.cats:
        value = max(doc.cats, key=lambda label: doc.cats[label])
    return "" if value is None else str(value)


def _meta(doc: Doc) -> dict[str, Any]:
    meta = doc.user_data.get(META)
    return meta if isinstance(meta, dict) else {}


def _keys(doc: Doc) -> Iterator[str]:
    yield from map(str, _meta(doc))
    user_data: dict[Any, Any] = doc.user_data
    for key in user_data:
        if isinstance(key, str) and key != META:
            yield key
        elif isinstance(key, tuple) and key[0] == "._.":
            yield str(key[1])
    if doc.cats:
        yield CATEGORY


def _slice_of(length: int, slices: Mapping[int, str]) -> str:
    least = [*slices]
    return slices[least[max(0, bisect_right(least, length) - 1)]]
