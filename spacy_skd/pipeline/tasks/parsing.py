"""What parsers share, whatever their scores are of: sentences, gold, and writing trees."""

import warnings
from collections.abc import Iterable, Sequence

import numpy
from spacy.attrs import DEP, HEAD
from spacy.tokens import Doc
from spacy.training import Example

from ...arrays import Ints1d, Ints2d
from ...codecs.tags import split_by_lengths
from ...codecs.trees import ROOT_HEAD, UNKNOWN_HEAD
from ...codecs.words import SPACE_DEPREL, Words
from ...models.words import words_of
from ...transfer.belief import Belief
from ..sentences import doc_starts, punctuation_starts, reference_starts, units_of
from .base import GradientT, InputT, LessonT, ScoresT, Task

Arcs = tuple[Ints1d, Ints1d]  # of each word of a doc, see where it is used


class ParsingTask(Task[LessonT, InputT, ScoresT, GradientT, Arcs]):
    """A tree for each sentence. A doc without sentence starts is cut at its punctuation, with a
    warning.

    max_length (int): the most words of a unit, 0 for no limit.
    """

    layer_name = ""

    def __init__(self, *, max_length: int):
        self.max_length = max_length
        self._warned = False

    @property
    def deprels(self) -> tuple[str, ...]:
        """What `write` is given the indices of."""
        return self.pipe.labels

    def labels_in(self, examples: Iterable[Example]) -> list[str]:
        """See `Task.labels_in`."""
        tokens = (token for eg in examples for token in eg.reference)
        return sorted({token.dep_ for token in tokens if token.dep and not token.is_space})

    def has_gold(self, eg: Example) -> bool:
        """See `Task.has_gold`."""
        words = [token for token in eg.reference if not token.is_space]
        return bool(words) and all(token.dep for token in words)

    # Sentences

    def units(self, docs: Sequence[Doc], words: Sequence[Words]) -> list[Ints2d]:
        """Of each doc (U, 2) start and end word of its sentences."""
        starts, bare = doc_starts(docs)
        for i in bare:
            starts[i] = punctuation_starts(docs[i])
            if starts[i].sum() > 1 or len(words[i]) > self.max_length > 0:
                self._warn_bare()
        return units_of(starts, words, max_length=self.max_length)

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
        """See `Task.recall`."""
        units = [self.reference_units(eg) for eg in examples]
        return self.believe_units(docs, words_of(docs), units)

    def believe_units(
        self, docs: Sequence[Doc], words: Sequence[Words], units: Sequence[Ints2d]
    ) -> list[Belief]:
        """units (Sequence[Ints2d]): per doc (U, 2) start and end word."""
        raise NotImplementedError

    # Annotation

    def write(self, docs: Sequence[Doc], best: Sequence[Arcs]) -> None:
        """Write heads and deprels.

        best: per doc the offset of each word's head, 0 for a root, and the index of its deprel.
        """
        if not best:
            return
        names = [*self.deprels, SPACE_DEPREL]
        table = numpy.asarray([self.pipe.vocab.strings.add(name) for name in names], "uint64")
        on_tokens = [_on_tokens(doc, arcs, space=len(names) - 1) for doc, arcs in zip(docs, best)]
        heads, deprels = (numpy.concatenate(arrays) for arrays in zip(*on_tokens))
        values = numpy.stack([heads.astype("int64").view("uint64"), table[deprels]], axis=1)
        for doc, rows in zip(docs, split_by_lengths(values, [len(doc) for doc in docs])):
            if len(doc):
                doc.from_array([HEAD, DEP], rows)


def _on_tokens(doc: Doc, arcs: Arcs, *, space: int) -> Arcs:
    """Offsets of heads and deprels of a doc's words to those of its tokens. space (int): the deprel
    of whitespace."""
    offsets, deprels = arcs
    if len(offsets) == len(doc):
        return arcs
    (words,) = words_of([doc])
    return words.heads_to_tokens(offsets), words.to_tokens(deprels, fill=space)


def gold_arcs(eg: Example, labels: Sequence[str]) -> Arcs:
    """Head word (`ROOT_HEAD`, `UNKNOWN_HEAD`) and deprel index (-1 unknown) of each word, (words,)
    both, of the predicted doc."""
    (words,) = words_of([eg.predicted])
    return words.heads_of_tokens(*_arcs_of_tokens(eg, labels))


def _arcs_of_tokens(eg: Example, labels: Sequence[str]) -> Arcs:
    """(tokens,) both, of the predicted doc."""
    n = len(eg.predicted)
    if not eg.reference.has_annotation("DEP"):
        return no_arcs(n)
    index = {label: i for i, label in enumerate(labels)}
    if [t.text for t in eg.predicted] == [t.text for t in eg.reference]:
        array = eg.reference.to_array([HEAD, DEP])
        offset = array[:, 0].astype("int64")
        heads = numpy.where(offset == 0, ROOT_HEAD, numpy.arange(n) + offset)
        strings = eg.reference.vocab.strings
        names = {h: index.get(strings[h], -1) if h else -1 for h in set(array[:, 1].tolist())}
        deps = numpy.asarray([names[h] for h in array[:, 1].tolist()], dtype="int64")
        return numpy.where(array[:, 1] != 0, heads, UNKNOWN_HEAD), deps
    heads, deps = no_arcs(n)
    for i, (head, dep) in enumerate(zip(*eg.get_aligned_parse(projectivize=False))):
        if dep and head is not None:
            heads[i] = ROOT_HEAD if head == i else head
            deps[i] = index.get(dep, -1)
    return heads, deps


def no_arcs(n: int) -> Arcs:
    """`gold_arcs` of n words without annotation."""
    return numpy.full(n, UNKNOWN_HEAD), numpy.full(n, -1)
