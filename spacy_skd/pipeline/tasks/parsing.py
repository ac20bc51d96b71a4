"""What parsers share, whatever their scores are of: sentences, gold, and writing trees."""

import warnings
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ...arrays import Array, Ints1d, Ints2d
from ...codecs.units import batch_spans, split_by_lengths
from ...codecs.words import SPACE_DEPREL, Words
from ...errors import check_one_of
from ...layers.confidences import Record
from ...layers.trees import TreeLayer
from ...models.words import doc_starts, punctuation_starts, reference_starts, units_of, words_of
from ...transfer.beliefs import Belief
from .analyses import Analysis
from .base import GradientT, InputT, LessonT, ScoresT, Task
from .predictions import BEST, DECODINGS, Predictions
from .tree_chances import Tree, chances_of_cuts

Arcs = tuple[Ints1d, Ints1d]  # of each word of a doc, see where it is used


class ParsingTask(Task[LessonT, InputT, ScoresT, GradientT, Arcs]):
    """A tree for each sentence. A doc without sentence starts is cut at its punctuation, with a
    warning.

    max_length (int): the most words of a unit, 0 for no limit.
    decode (str): "best", or "marginal": the tree with the highest expected number of right heads,
        the sum of its arcs' probabilities, each with its best deprel. Smith & Smith, "Probabilistic
        Models of Nonprojective Dependency Trees" (EMNLP-CoNLL 2007), section 5.
    """

    layer: TreeLayer
    changeable: ClassVar[tuple[str, ...]] = ("max_length", "decoding")

    def __init__(self, *, max_length: int, decode: str = BEST):
        self.layer = TreeLayer()
        self.max_length = max_length
        self.decoding = check_one_of("decode", decode, DECODINGS)
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

    # Confidences

    def told(
        self, docs: Sequence[Doc], words: Sequence[Words], units: Sequence[Ints2d], of: Predictions
    ) -> Predictions:
        """Multiply what is told of arcs, given their sentences, by the probability of these: see
        `chances_of_cuts`; where no component tells that of starts, it is 1.

        units (Sequence[Ints2d]): per doc (U, 2) start and end word. of (Predictions): with
            probabilities, if they are asked for, (tokens,) of each doc.
        """
        told = [self.layer.chances_of_starts(doc) for doc in docs]
        if all(starts is None for starts in told):
            return of
        lengths = [len(each) for each in words]
        starts = [
            numpy.full(n, numpy.nan) if given is None else given for given, n in zip(told, lengths)
        ]
        heads = [heads for heads, _ in of.best]
        cuts = chances_of_cuts(starts, batch_spans(units, lengths), heads)
        for chances in [each["confidences"] for each in of.activations or ()], of.confidences or ():
            for own, each, of_doc in zip(chances, words, split_by_lengths(cuts, lengths)):
                own *= each.to_tokens(of_doc, fill=1.0)
        return of

    @property
    @abstractmethod
    def deprels(self) -> tuple[str, ...]:
        """Return the deprels, by the indices of what is best."""

    def records(self, docs: Sequence[Doc], predictions: Predictions) -> list[Record]:
        rows = self.layer.rows(docs, predictions.best, labels=self.deprels)
        triples = zip(docs, rows, predictions.confidences or ())
        return [self.layer.record(len(doc), each, chances) for doc, each, chances in triples]

    def analyses(self, doc: Doc, *, k: int) -> list[Analysis]:
        """See `Task.analyses`. Whitespace hangs where `write` puts it."""
        (words,) = words_of([doc])
        (units,) = self.units([doc], [words])
        analyses: list[Analysis] = []
        sentences = words.units_to_tokens(units).tolist()
        trees_of_units = self.k_trees(doc, units, k)
        for (first, end), (start, stop), trees in zip(units.tolist(), sentences, trees_of_units):
            offsets = numpy.zeros(len(words), dtype="int64")
            for tree in sorted(trees, key=lambda tree: -tree.chance):
                own = numpy.arange(end - first)
                offsets[first:end] = numpy.where(tree.heads == 0, 0, tree.heads - 1 - own)
                heads = (numpy.arange(len(doc)) + words.heads_to_tokens(offsets)).tolist()
                names = iter([self.deprels[i] for i in tree.deprels.tolist()])
                arcs = [
                    (heads[i], SPACE_DEPREL if doc[i].is_space else next(names))
                    for i in range(start, stop)
                ]
                analyses.append(Analysis(start, stop, tree.chance, arcs))
        return analyses

    @abstractmethod
    def k_trees(self, doc: Doc, units: Ints2d, k: int) -> Iterable[list[Tree]]:
        """Yield at most k trees of each sentence of a doc. units (Ints2d): (U, 2) start and end
        word."""

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
