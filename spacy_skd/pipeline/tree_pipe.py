"""What parsers share, whatever their scores are of: units, gold, and writing trees."""

import warnings
from typing import Any, Iterable, List, Sequence, Tuple

import numpy
from spacy.attrs import DEP, HEAD
from spacy.tokens import Doc
from spacy.training import Example
from thinc.types import Ints1d, Ints2d

from ..codecs.tags import split_by_lengths
from ..transfer.belief import Belief
from .distilling import DistillingPipe
from .sentences import (
    doc_starts,
    doc_units,
    reference_starts,
    split_long_units,
    units_from_starts,
    units_of,
)


class ParsingPipe(DistillingPipe):
    """A tree for each sentence. max_length (int): the most tokens of a unit, 0 for no limit."""

    def __init__(self, *args: Any, max_length: int, **settings: Any):
        super().__init__(*args, **settings)
        self.max_length = max_length

    def _units(self, docs: Sequence[Doc]) -> List[Ints2d]:
        if "sents" not in self._warned and any(
            len(doc) > self.max_length > 0 and doc_starts(doc) is None for doc in docs
        ):
            self._warned.add("sents")
            warnings.warn(
                f"{self.name}: a doc of more than max_length = {self.max_length} tokens has no "
                f"sentence boundaries, so it is cut into even pieces. Add a component that sets "
                f"sentence starts before {self.name!r} (distilling_tagger with layer 'sent').",
                stacklevel=2,
            )
        return units_of(docs, max_length=self.max_length)

    def _reference_units(self, eg: Example) -> Ints2d:
        starts = reference_starts(eg)
        if starts is None:
            return doc_units(eg.predicted, max_length=self.max_length)
        return split_long_units(units_from_starts(starts), max_length=self.max_length)

    def believe(self, docs: Sequence[Doc]) -> List[Belief]:
        """See `LearningPipe.believe`; in the docs' sentences."""
        return self._believe(docs, self._units(docs))

    def _believe(self, docs: Sequence[Doc], units: Sequence[Ints2d]) -> List[Belief]:
        """units (Sequence[Ints2d]): per doc (U, 2) start and end token."""
        raise NotImplementedError

    def _recall(self, examples: Sequence[Example], docs: Sequence[Doc]) -> List[Belief]:
        return self._believe(docs, [self._reference_units(eg) for eg in examples])

    @property
    def _deprels(self) -> Tuple[str, ...]:
        """What `_write` is given the indices of."""
        return self.labels

    def _write(self, docs: Sequence[Doc], best: Sequence[Tuple[Ints1d, Ints1d]]) -> None:
        """best: per doc the offset of each token's head, 0 for a root, and the index of its
        deprel."""
        table = numpy.asarray([self.vocab.strings.add(name) for name in self._deprels], "uint64")
        if not best:
            return
        heads, deprels = (numpy.concatenate(arrays) for arrays in zip(*best))
        values = numpy.stack([heads.astype("int64").view("uint64"), table[deprels]], axis=1)
        for doc, some in zip(docs, split_by_lengths(values, [len(doc) for doc in docs])):
            if len(doc):
                doc.from_array([HEAD, DEP], some)

    def _has_gold(self, eg: Example) -> bool:
        return eg.reference.has_annotation("DEP", require_complete=True)

    def _labels_in(self, examples: Iterable[Example]) -> List[str]:
        return sorted({token.dep_ for eg in examples for token in eg.reference if token.dep})
