"""What parsers share, whatever their scores are of: units, gold, and writing trees."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy
from spacy.attrs import DEP, HEAD
from spacy.tokens import Doc
from spacy.training import Example

from ..arrays import Ints1d, Ints2d
from ..codecs.tags import split_by_lengths
from ..codecs.words import SPACE_DEPREL, Words
from ..models.words import words_of
from ..transfer.beliefs import Belief
from .distilling import DistillingPipe
from .sentences import doc_starts, punctuation_starts, reference_starts, units_of


class ParsingPipe(DistillingPipe):
    """A tree for each sentence. A doc without sentence starts is cut at its punctuation, with a
    warning.

    max_length (int): the most words of a unit, 0 for no limit.
    """

    def __init__(self, *args: Any, max_length: int, **settings: Any):
        super().__init__(*args, **settings)
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
        names = [*self._deprels, SPACE_DEPREL]
        table = numpy.asarray([self.vocab.strings.add(name) for name in names], "uint64")
        if not best:
            return
        on_tokens = [_on_tokens(*row, space=len(names) - 1) for row in zip(docs, best)]
        heads, deprels = (numpy.concatenate(arrays) for arrays in zip(*on_tokens))
        values = numpy.stack([heads.astype("int64").view("uint64"), table[deprels]], axis=1)
        for doc, some in zip(docs, split_by_lengths(values, [len(doc) for doc in docs])):
            if len(doc):
                doc.from_array([HEAD, DEP], some)

    def _has_gold(self, eg: Example) -> bool:
        words = [token for token in eg.reference if not token.is_space]
        return bool(words) and all(token.dep for token in words)

    def _labels_in(self, examples: Iterable[Example]) -> list[str]:
        tokens = (token for eg in examples for token in eg.reference)
        return sorted({token.dep_ for token in tokens if token.dep and not token.is_space})


def _on_tokens(doc: Doc, best: tuple[Ints1d, Ints1d], space: int) -> tuple[Ints1d, Ints1d]:
    """Offsets of heads and deprels of a doc's words to those of its tokens. space (int): the deprel
    of whitespace."""
    offsets, deprels = best
    if len(offsets) == len(doc):
        return best
    (words,) = words_of([doc])
    return words.heads_to_tokens(offsets), words.to_tokens(deprels, fill=space)
