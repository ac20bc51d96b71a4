"""What a conversion counts: what was written of each file, what was left out, what was odd."""

from dataclasses import dataclass, field
from typing import Dict, Optional

SPLITS = ("train", "dev", "test")


@dataclass
class SplitCounts:
    """What was written of one treebank file, and which of its sentences were left out.

    documents: documents of the file (1 if it marks none). docs: Docs written, a long document
    in pieces. left_out: sentences that leak, by how ("copy" or "overlap", see leakage.py).
    unspelled: multiword tokens whose words do not spell their surface form; the Doc's text has
    the words, joined. repaired_entities: tags of entities that were no legal BILUO.
    """

    documents: int = 0
    docs: int = 0
    sentences: int = 0
    words: int = 0
    left_out: Dict[str, int] = field(default_factory=lambda: {"copy": 0, "overlap": 0})
    unspelled: int = 0
    repaired_entities: int = 0


@dataclass
class RawCounts:
    """What was written of the raw text (words: between spaces), and what was left out."""

    texts: int = 0
    words: int = 0
    left_out: Dict[str, int] = field(default_factory=lambda: {"copy": 0, "overlap": 0})


@dataclass
class Counts:
    """All counts of a conversion, as written to convert.json. raw: None without raw text."""

    train: SplitCounts
    dev: SplitCounts
    test: SplitCounts
    raw: Optional[RawCounts]
