"""What parsers share, whatever their scores are of: sentences, gold, and writing trees."""

import warnings
from abc import abstractmethod
from collections.abc import Iterable, Sequence

from spacy.tokens import Doc
from spacy.training import Example

from ...arrays import Array, Ints1d, Ints2d
from ...codecs.words import Words
from ...layers.sentences import doc_starts, punctuation_starts, reference_starts, units_of
from ...layers.trees import TreeLayer
from ...models.words import words_of
from ...transfer.beliefs import Belief
from .base import GradientT, InputT, LessonT, ScoresT, Task

Arcs = tuple[Ints1d, Ints1d]  # of each word of a doc, see where it is used


class ParsingTask(Task[LessonT, InputT, ScoresT, GradientT, Arcs]):
    """A tree for each sentence. A doc without sentence starts is cut at its punctuation, with a
    warning.

    max_length (int): the most words of a unit, 0 for no limit.
    """

    layer: TreeLayer

    def __init__(self, *, max_length: int):
        self.layer = TreeLayer()
        self.max_length = max_length
        self._warned = False

    def labels_in(self, examples: Iterable[Example]) -> list[str]:
        return sorted({label for eg in examples for label in self.layer.labels(eg.reference)})

    def has_gold(self, eg: Example) -> bool:
        return self.layer.is_complete(eg.reference)

    # Sentences

    def units(self, docs: Sequence[Doc], words: Sequence[Words]) -> list[Ints2d]:
        """Of each doc (U, 2) start and end word of its sentences."""
        starts, bare = doc_starts(docs)
        self.cut(bare, starts, docs, words)
        return units_of(starts, words, max_length=self.max_length)

    def cut(
        self,
        bare: Sequence[int],
        starts: list[Array],
        docs: Sequence[Doc],
        words: Sequence[Words],
    ) -> None:
        """Put the starts after punctuation in place of those of docs without sentences. bare
        (Sequence[int]): which these are."""
        for i in bare:
            starts[i] = punctuation_starts(docs[i])
            if starts[i].sum() > 1 or len(words[i]) > self.max_length > 0:
                self._warn_bare()

    def _warn_bare(self) -> None:
        if self._warned:
            return
        self._warned = True
        name, limit = self.pipe.name, ""
        if self.max_length:
            limit = f", and those of more than {self.max_length} words evenly"
        warnings.warn(
            f"{name}: a doc has no sentence boundaries, so it is cut where spaCy's "
            f"'sentencizer' cuts, at punctuation{limit}. Add or enable a component before "
            f"{name!r} that sets sentence starts: 'sent' of a student (a distilling_tagger "
            f"with layer 'sent'), 'senter' or 'sentencizer'.",
            stacklevel=2,
        )

    def reference_units(self, eg: Example) -> Ints2d:
        """Of the reference's sentences; without any, of the predicted doc's; without these, of what
        punctuation separates."""
        starts = reference_starts(eg)
        if starts is None:
            (starts,), bare = doc_starts([eg.predicted])
            starts = punctuation_starts(eg.predicted) if bare else starts
        return units_of([starts], words_of([eg.predicted]), max_length=self.max_length)[0]

    # As a teacher

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """See `Task.believe`; in the docs' sentences."""
        words = words_of(docs)
        return self.believe_units(docs, words, self.units(docs, words))

    def recall(self, examples: Sequence[Example], docs: Sequence[Doc]) -> list[Belief]:
        units = [self.reference_units(eg) for eg in examples]
        return self.believe_units(docs, words_of(docs), units)

    @abstractmethod
    def believe_units(
        self, docs: Sequence[Doc], words: Sequence[Words], units: Sequence[Ints2d]
    ) -> list[Belief]:
        """Return the scores of docs. units (Sequence[Ints2d]): per doc (U, 2) start and end
        word."""
