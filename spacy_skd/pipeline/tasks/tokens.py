"""Independent labels of tokens, of any layer of them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from ...arrays import Array, Floats2d, Ints1d
from ...codecs.tags import encode_tags
from ...codecs.trees import gold_tokens
from ...codecs.units import as_units, split_by_lengths
from ...codecs.words import Words
from ...layers.confidences import Record
from ...layers.token_layer import TokenLayer
from ...models.words import one_of_each_vocab, words_of
from ...structures import IndependentLabels, to_numpy
from ...structures.parts import softmax
from ...transfer.beliefs import Belief, TokenBelief
from .analyses import Analysis, of_words
from .base import Task
from .predictions import Activations, Predictions, chosen_chances, on_tokens


class TokenLesson(NamedTuple):
    """tags: of each word of the batch, None or "" where there is no gold. beliefs: one a doc."""

    tags: list[str | None]
    beliefs: Sequence[Belief] | None


class TokenTask(Task[TokenLesson, list[Doc], Floats2d, Floats2d, Ints1d]):
    """Independent labels (tags, coarse tags, sentence starts). Each word is a unit.

    Best: the index of each word's label, one array a doc.

    Activations: "marginals" (tokens, labels), "label_ids" (tokens,), "confidences" (tokens,), the
    probability of the chosen label. Of whitespace 0, -1 and 1.
    """

    layer: TokenLayer
    changeable = ("overwrite",)

    def __init__(self, layer: TokenLayer, *, overwrite: bool = False):
        self.structure = IndependentLabels()
        self.layer = layer
        self.fixed_labels = layer.fixed_labels
        self.overwrite = overwrite

    def why_not_stock(self) -> str:
        return self.layer.why_not_stock(self.pipe.labels, overwrite=self.overwrite)

    def add_stock_labels(self, stock: Any) -> tuple[Sequence[int], Sequence[float]]:
        labels = self.pipe.labels
        for label in filter(None, map(self.layer.stock_label, labels)):
            stock.add_label(label)
        return range(len(labels)), self.layer.stock_shift(len(labels)).tolist()

    # Labels

    def check_labels(self, labels: Sequence[str]) -> None:
        if self.fixed_labels is not None and tuple(labels) != self.fixed_labels:
            raise ValueError(f"expected the labels {list(self.fixed_labels)}, got {list(labels)}")
        self.layer.check(labels)

    def check_more(self, label: str) -> None:
        if self.fixed_labels is not None:
            raise ValueError(f"{self.pipe.name}: layer {self.layer.name!r} has fixed labels")
        self.layer.check([label])

    def labels_in(self, examples: Iterable[Example]) -> list[str]:
        annotated = (eg for eg in examples if self.layer.is_annotated(eg.reference))
        return sorted({tag for eg in annotated for tag in self.layer.aligned(eg) if tag})

    def initialize(self, model: Model[list[Doc], Floats2d], docs: list[Doc]) -> None:
        model.initialize(X=docs, Y=model.ops.alloc2f(1, len(self.pipe.labels)))

    # Prediction

    def predict(self, docs: list[Doc]) -> Predictions:
        scores = self.word_scores(docs)
        words = words_of(docs, n_words=len(scores))
        lengths = [len(each) for each in words]
        best = self.layer.choose_all(to_numpy(scores), lengths)
        activations = confidences = None
        if self.pipe.save_activations:
            rows = split_by_lengths(scores, lengths)
            activations = [self._activations(*row) for row in zip(rows, best, words)]
        if self.pipe.confidences:
            chosen = numpy.concatenate([numpy.zeros(0, dtype="int64"), *best])
            chances = chosen_chances(self.calibrated(to_numpy(scores)), chosen)
            confidences = on_tokens(chances, words)
        return Predictions(best, activations, confidences)

    def _activations(self, scores: Floats2d, ids: Ints1d, words: Words) -> Activations:
        _, inferred = self.structure.infer(as_units(self.calibrated(scores)))
        marginals = to_numpy(inferred.arrays["unary"][:, 0])
        chosen = marginals[numpy.arange(len(ids)), ids]
        return {
            "marginals": words.to_tokens(marginals, fill=0.0),
            "label_ids": words.to_tokens(ids, fill=-1),
            "confidences": words.to_tokens(chosen, fill=1.0),
        }

    def write(self, docs: Sequence[Doc], best: Sequence[Ints1d]) -> None:
        labels = self.pipe.labels
        for doc, values in zip(docs, self._values(docs, best)):
            self.layer.write(doc, values, labels=labels, overwrite=self.overwrite)

    def records(self, docs: Sequence[Doc], predictions: Predictions) -> list[Record]:
        layer, labels = self.layer, self.pipe.labels
        values = self._values(docs, predictions.best)
        return [
            layer.record(len(doc), layer.on_tokens(doc, row, labels=labels)[:, None], chances)
            for doc, row, chances in zip(docs, values, predictions.confidences or ())
        ]

    def _values(self, docs: Sequence[Doc], best: Sequence[Ints1d]) -> list[Array]:
        """Return per doc (words,), as made by `TokenLayer.value`, of the labels that occur."""
        labels, flat = self.pipe.labels, numpy.concatenate([numpy.zeros(0, "int64"), *best])
        table = numpy.zeros(len(labels), dtype="uint64")
        occurring = set(flat.tolist())
        for doc in one_of_each_vocab(docs):
            for i in occurring:
                table[i] = self.layer.value(doc, labels[i])
        return split_by_lengths(table[flat], [len(ids) for ids in best])

    def analyses(self, doc: Doc, *, k: int) -> list[Analysis]:
        scores = self.calibrated(to_numpy(self.word_scores([doc])))
        labels = self.pipe.labels
        (words,) = words_of([doc], n_words=len(scores))
        return of_words(words, softmax(scores)[1], lambda _, label: labels[label], k=k)

    # As a teacher

    def believe(self, docs: Sequence[Doc]) -> list[Belief]:
        scores = self.calibrated(self.word_scores(docs))
        lengths = [len(words) for words in words_of(docs, n_words=len(scores))]
        return [
            # A copy: a view would keep the scores of the whole batch in the teacher's cache.
            TokenBelief(self.structure, self.pipe.labels, to_numpy(rows).copy())
            for rows in split_by_lengths(scores, lengths)
        ]

    def decode(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> Predictions:
        scores = [TokenBelief.of(belief).scores for belief in beliefs]
        return Predictions([self.layer.choose(self.uncalibrated(rows)) for rows in scores])

    # Training

    def has_gold(self, eg: Example) -> bool:
        return all(self.layer.gold(eg))

    def lesson(self, examples: Sequence[Example], beliefs: Sequence[Belief] | None) -> TokenLesson:
        tags = [tag for eg in examples for tag in self.layer.gold(eg)]
        self.pipe.unknown_labels.add((tag for tag in tags if tag), set(self.pipe.labels))
        return TokenLesson(tags, self.learnt(beliefs))

    def lesson_without_gold(self, beliefs: Sequence[Belief]) -> TokenLesson:
        n_words = sum(belief.n_tokens for belief in beliefs)
        return TokenLesson([None] * n_words, self.learnt(beliefs))

    def inputs(self, docs: list[Doc], lesson: TokenLesson) -> list[Doc]:
        return docs

    def loss(self, lesson: TokenLesson, scores: Floats2d) -> tuple[float, Floats2d]:
        """See `Task.loss`. scores: (words of the batch, labels)."""
        target = None
        if lesson.beliefs is not None:
            kind = type(lesson.beliefs[0])
            target = self.tempered(kind.target_of_tokens(lesson.beliefs, self.student()))
        indicators, known = encode_tags(lesson.tags, self.pipe.labels)
        gold = gold_tokens(indicators.on_device(self.ops), known)
        loss, d_parts = self.mixed_loss(as_units(scores), gold=gold, target=target)
        return loss, d_parts.arrays["unary"][:, 0]
