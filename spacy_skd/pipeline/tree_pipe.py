"""What parsers share, whatever their scores are of: units, gold, and writing trees."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example

from ..arrays import Ints1d, Ints2d
from ..codecs.words import Words
from ..layers.sentences import doc_starts, punctuation_starts, reference_starts, units_of
from ..layers.trees import TreeLayer
from ..models.words import words_of
from ..transfer.belief import Belief
from .distilling import DistillingPipe


class ParsingPipe(DistillingPipe):
    """A tree for each sentence. A doc without sentence starts is cut at its punctuation, with a
    warning.

    max_length (int): the most words of a unit, 0 for no limit.
    """

    layer: TreeLayer

    def __init__(self, *args: Any, max_length: int, **settings: Any):
        super().__init__(*args, **settings)
        self.layer = TreeLayer()
        self.max_length = max_length

    def _units(self, docs: Sequence[Doc], words: Sequence[Words]) -> list[Ints2d]:
        """Of each doc (U, 2) start and end word of its sentences."""
        starts, bare = doc_starts(docs)
        for i in bare:
            starts[i] = punctuation_starts(docs[i])
            if starts[i].sum() > 1 or len(words[i]) > self.max_length > 0:
                self._warn_bare()
        return units_of(starts, words, max_length=self.max_length)

    def _warn_bare(self) -> None:
        if "sents" in self._warned:
            return
        self._warned.add("sents")
        limit = (
            f", and those of more than {self.max_length} words evenly" if self.max_length else ""
        )
        warnings.warn(
            f"{self.name}: a doc has no sentence boundaries, so it is cut where spaCy's "
            f"'sentencizer' cuts, at punctuation{limit}. Add or enable a component before "
            f"{self.name!r} that sets sentence starts: 'sent' of a student (a distilling_tagger "
            f"with layer 'sent'), 'senter' or 'sentencizer'.",
            stacklevel=2,
        )

    def _reference_units(self, eg: Example) -> Ints2d:
        """Of the reference's sentences; without any, of the predicted doc's; without these, of what
        punctuation separates."""
        starts = reference_starts(eg)
        if starts is None:
            (starts,), bare = doc_starts([eg.predicted])
            starts = punctuation_starts(eg.predicted) if bare else starts
        return units_of([starts], words_of([eg.predicted]), max_length=self.max_length)[0]

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """See `LearningPipe.believe`; in the docs' sentences."""
        words = words_of(docs)
        return self._believe(docs, words, self._units(docs, words))

    def _believe(
        self, docs: Sequence[Doc], words: Sequence[Words], units: Sequence[Ints2d]
    ) -> list[Belief]:
        """units (Sequence[Ints2d]): per doc (U, 2) start and end word."""
        raise NotImplementedError

    def _recall(self, examples: Sequence[Example], docs: Sequence[Doc]) -> list[Belief]:
        units = [self._reference_units(eg) for eg in examples]
        return self._believe(docs, words_of(docs), units)

    @property
    def _deprels(self) -> tuple[str, ...]:
        """What `_write` is given the indices of."""
        return self.labels

    def _write(self, docs: Sequence[Doc], best: Sequence[tuple[Ints1d, Ints1d]]) -> None:
        """best: per doc the offset of each word's head, 0 for a root, and the index of its
        deprel."""
        self.layer.write(docs, best, labels=self._deprels)

    def _has_gold(self, eg: Example) -> bool:
        return self.layer.is_complete(eg.reference)

    def _labels_in(self, examples: Iterable[Example]) -> list[str]:
        return sorted({label for eg in examples for label in self.layer.labels(eg.reference)})
