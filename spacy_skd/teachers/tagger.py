"""A stock `tagger` or `senter` as a teacher: independent labels of tokens."""

from collections.abc import Sequence
from typing import Any

import numpy
from spacy.pipeline import SentenceRecognizer, Tagger
from spacy.tokens import Doc, Token
from thinc.api import Model

from ..arrays import Floats2d, Ints1d
from ..codecs.words import Words, space_tag
from ..layers.known import stock_layers
from ..models.words import words_of
from ..structures import IMPOSSIBLE, IndependentLabels
from ..structures.parts import check_scores
from ..transfer.beliefs import Belief, TokenBelief
from .views import StockSource, View


class TaggerSource(StockSource):
    """spaCy's `Tagger`, or a component that is one but for what its labels say."""

    stock: type = Tagger

    def __init__(self, pipe: Any):
        self.pipe = pipe

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.pipe.labels)

    def views(self) -> dict[str, View]:
        return {"": View(self.labels, layer=stock_layers(self.stock)[""].name)}

    def _believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """Return a belief of each doc's tokens.

        RAISES (ValueError): if it cannot be told what the model's outputs are, or one is NaN.
        """
        structure, labels = IndependentLabels(), self.labels
        return [TokenBelief(structure, labels, scores) for scores in self._scores(docs)]

    def write(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        tokens = [TokenBelief.of(belief) for belief in beliefs]
        words = words_of(docs)
        best = [belief.scores.argmax(axis=1) for belief in tokens]
        self.pipe.set_annotations(docs, [self._on_tokens(*pair) for pair in zip(best, words)])
        for doc, each in zip(docs, words):
            for i in each.spaces:
                self._write_space(doc[i])

    def _on_tokens(self, best: Ints1d, words: Words) -> Ints1d:
        """Turn (words,) into (tokens,) indices of labels; what whitespace gets is written over."""
        return words.to_tokens(best, fill=0)

    def _write_space(self, token: Token) -> None:
        token.tag_ = space_tag(self.labels)

    def _scores(self, docs: Sequence[Doc]) -> list[Floats2d]:
        """Return per doc (tokens, labels), nats up to a constant per token."""
        # A listener has no vectors for a doc without tokens.
        with_tokens = [doc for doc in docs if len(doc)]
        outputs = iter(self._outputs(with_tokens) if with_tokens else [])
        none = numpy.zeros((0, len(self.labels)), dtype="float32")
        return [next(outputs) if len(doc) else none for doc in docs]

    def _outputs(self, docs: Sequence[Doc]) -> list[Floats2d]:
        model = self.pipe.model
        softmax = _find_softmax(model, name=self.pipe.name)
        rows = [model.ops.to_numpy(output) for output in model.predict(docs)]
        for output in rows:
            check_scores(output, name=self.pipe.name)
        if softmax.attrs["softmax_normalize"]:
            return [_log(probabilities) for probabilities in rows]
        return [raw / softmax.attrs["softmax_temperature"] for raw in rows]


class SenterSource(TaggerSource):
    """spaCy's `SentenceRecognizer`, whose labels "I" and "S" are those of our layer."""

    stock = SentenceRecognizer

    def _on_tokens(self, best: Ints1d, words: Words) -> Ints1d:
        """Turn (words,) into (tokens,) whether a sentence starts."""
        return words.starts_to_tokens(best)

    def _write_space(self, token: Token) -> None:
        """Write nothing: all is said by the starts."""


def _find_softmax(model: Model[Any, Any], *, name: str) -> Model[Any, Any]:
    """Return the layer that knows whether the model's outputs are probabilities (spacy.Tagger.v1,
    or v2 with normalize = true) or scores before the softmax."""
    softmaxes = [node for node in model.walk() if "softmax_normalize" in node.attrs]
    if len(softmaxes) != 1:
        raise ValueError(
            f"{name}: expected a model with one softmax layer, such as spacy.Tagger.v2, found "
            f"{len(softmaxes)}, so it is unknown whether its outputs are probabilities. Train a "
            f"distilling_tagger as the teacher instead."
        )
    return softmaxes[0]


def _log(probabilities: Floats2d) -> Floats2d:
    scores = numpy.full_like(probabilities, IMPOSSIBLE)
    numpy.log(probabilities, out=scores, where=probabilities > 0)
    return scores
