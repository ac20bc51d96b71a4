"""What a conversion counts: what was written of each file, what was left out, what was odd."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...layers.categories import TOLERANCE
from .sentence import Sentence

SPLITS = ("train", "dev", "test")


@dataclass
class SplitCounts:
    """What was written of one treebank file, and which of its sentences were left out.

    documents: documents of the file (1 if it marks none). docs: Docs written, a long document
    in pieces. words: tokens. left_out: sentences that leak, by how ("copy" or "overlap", see
    leakage.py). withheld: sentences left out since most of their words are "_".
    multiwords: multiword tokens ("du": "de" "le"; "don't": "do" "n't"). merged: of them, those
    that are one token of the Docs. unspelled: of the others, those whose words do not spell their
    surface form; the Doc's text has the words, joined. not_tokenized: tokens that the language's
    tokenizer does not make of the text.
    without_trees: sentences without any head. lost_heads: of them, those that have heads of some
    words, which spaCy could not hold. texts_differ: sentences whose words and spaces do not spell
    the file's `# text`. repaired_entities: tags of entities that were not legal in the file's
    scheme. unread_entities: values of MISC that look like entities and are not read, by key, and of
    other columns, by "FEATS:key".
    unfit: lines of JSON or sentences of IOB that are malformed and stand in rejects.jsonl.
    answers: records that annotators refused, by "rejected" and "ignored". without_spans: records
    that do not say which spans or categories their text has, left out. misaligned: spans that no
    tokens spell; as entities, their tokens are unknown. overlapping: spans that overlap longer
    ones, left out. negative: spans that are known to be none, in `doc.spans["incorrect_spans"]`.
    unread_spans: spans under other keys, or in other groups, than those that are read.
    unread_tokens: records whose tokens have tags, lemmas or deprels, which are not read.
    with_categories: texts with categories. several_categories: of them, those whose probabilities
    sum to more than 1, so that they do not exclude each other.
    """

    documents: int = 0
    docs: int = 0
    sentences: int = 0
    words: int = 0
    left_out: dict[str, int] = field(default_factory=lambda: {"copy": 0, "overlap": 0})
    withheld: int = 0
    multiwords: int = 0
    merged: int = 0
    unspelled: int = 0
    not_tokenized: int = 0
    without_trees: int = 0
    lost_heads: int = 0
    texts_differ: int = 0
    repaired_entities: int = 0
    unread_entities: dict[str, int] = field(default_factory=dict)
    unfit: int = 0
    answers: dict[str, int] = field(default_factory=lambda: {"rejected": 0, "ignored": 0})
    without_spans: int = 0
    misaligned: int = 0
    overlapping: int = 0
    negative: int = 0
    unread_spans: int = 0
    unread_tokens: int = 0
    with_categories: int = 0
    several_categories: int = 0

    def add_categories(self, cats: Mapping[str, float]) -> None:
        """Count what was in the file of the categories of a text that is written."""
        self.with_categories += bool(cats)
        self.several_categories += sum(cats.values()) > 1 + TOLERANCE

    def add_sentence(self, sentence: Sentence) -> None:
        """Count what was in the file of a sentence that is written."""
        self.sentences += 1
        self.multiwords += len(sentence.multiwords)
        self.without_trees += not sentence.has_tree
        self.lost_heads += sentence.lost_heads
        self.texts_differ += sentence.text_differs
        self.repaired_entities += sentence.n_repaired
        for key, n in sentence.unread.items():
            self.unread_entities[key] = self.unread_entities.get(key, 0) + n


@dataclass
class RawCounts:
    """What was written of the raw text (words: between spaces), and what was left out.

    blank: empty lines. rejected: lines that are unfit, which stand in rejects.jsonl. nulls: `NaN`
    and `Infinity`, which JSON cannot hold and which are null in raw.jsonl.
    """

    texts: int = 0
    words: int = 0
    left_out: dict[str, int] = field(default_factory=lambda: {"copy": 0, "overlap": 0})
    blank: int = 0
    rejected: int = 0
    nulls: int = 0


@dataclass
class Counts:
    """All counts of a conversion, as written to convert.json. raw: None without raw text."""

    train: SplitCounts
    dev: SplitCounts
    test: SplitCounts
    raw: RawCounts | None

    @property
    def splits(self) -> dict[str, SplitCounts]:
        return {name: getattr(self, name) for name in SPLITS}

    @property
    def rejected(self) -> int:
        in_gold = sum(split.unfit for split in self.splits.values())
        return in_gold + (self.raw.rejected if self.raw else 0)
