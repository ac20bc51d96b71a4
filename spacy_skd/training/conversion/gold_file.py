"""What files of gold have in common, whatever their format."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from .convert_counts import SplitCounts
from .raw_text import Unfit


class GoldFile(ABC):
    """A file that was read whole.

    sentences: what of it stays together and leaks or not: sentences, or texts whose sentences are
        not known. Each has `text`, `words`, `document` (a number), `has_tree` and `before_gap()`.
    unfit: lines that are malformed and were set aside.
    """

    def __init__(self, path: Path, sentences: Iterable[Any] = ()):
        self.path = path
        self.sentences: list[Any] = list(sentences)
        self.unfit: list[Unfit] = []

    @abstractmethod
    def make_docs(
        self,
        pieces: Iterable[Sequence[Any]],
        nlp: Language,
        counts: SplitCounts,
        *,
        merge_subtokens: bool,
    ) -> Iterator[Doc]:
        """Make a Doc of each piece, consecutive sentences of a document. Counts what is odd.

        merge_subtokens: see `convert`.
        """
