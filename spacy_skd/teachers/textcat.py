"""A stock `textcat` or `textcat_multilabel` as a teacher: a label of a doc, or each on its own."""

from collections.abc import Sequence
from typing import Any

import numpy
from spacy.pipeline import MultiLabel_TextCategorizer
from spacy.tokens import Doc

from ..arrays import Floats2d
from ..layers.known import stock_layers
from ..structures import IMPOSSIBLE, IndependentLabels, LabelSets
from ..structures.parts import check_scores
from ..transfer.beliefs import Belief, DocBelief
from .views import StockSource, View

# Log odds of a probability that float32 rounds to 1: those of the least one that is.
CERTAIN = 25 * float(numpy.log(2))
TOLERANCE = 0.01  # of a sum of probabilities


class TextcatSource(StockSource):
    """spaCy's `TextCategorizer`, or that of several labels, which derives from it. What its
    probabilities are of says the model, if it says so."""

    def __init__(self, pipe: Any):
        self.pipe = pipe
        of_class = isinstance(pipe, MultiLabel_TextCategorizer)
        is_multilabel = pipe.model.attrs.get("multi_label", of_class)
        self.structure = LabelSets() if is_multilabel else IndependentLabels()
        self._score = _log_odds if is_multilabel else self._log

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.pipe.labels)

    def views(self) -> dict[str, View]:
        layer = stock_layers(type(self.pipe), pipe=self.pipe.name)[""]
        student = layer.settings_like(self.pipe.cfg)
        return {"": View(self.labels, layer=layer.full_name, student=student)}

    def _believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """Return a belief of each doc.

        RAISES (ValueError): if an output is NaN, or no probability.
        """
        with_tokens = [doc for doc in docs if len(doc)]  # a listener has no vectors of others
        scores = iter(self._scores(with_tokens) if with_tokens else ())
        none = numpy.zeros(len(self.labels), dtype="float32")
        return [
            DocBelief(self.structure, self.labels, next(scores) if len(doc) else none, len(doc))
            for doc in docs
        ]

    def write(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        chances = [DocBelief.of(belief).chances() for belief in beliefs]
        self.pipe.set_annotations(docs, numpy.stack(chances) if chances else ())

    def _scores(self, docs: Sequence[Doc]) -> Floats2d:
        """(docs, labels) nats"""
        chances = self.pipe.model.ops.to_numpy(self.pipe.predict(docs))
        check_scores(chances, name=self.pipe.name)
        if chances.min() < 0 or chances.max() > 1:
            raise ValueError(
                f"{self.pipe.name}: expected probabilities of its model, got {chances.min():.4g} "
                f"to {chances.max():.4g}; train a distilling_textcat as the teacher instead"
            )
        return self._score(chances)

    def _log(self, chances: Floats2d) -> Floats2d:
        worst = abs(chances.sum(axis=1) - 1).max()
        if worst > TOLERANCE:
            raise ValueError(
                f"{self.pipe.name}: expected probabilities that sum to 1, they are {worst:.4g} "
                f"off: its model does not take the labels as exclusive, as a textcat's must "
                f"(exclusive_classes)"
            )
        return _log(chances)


def _log(chances: Floats2d) -> Floats2d:
    scores = numpy.full_like(chances, IMPOSSIBLE)
    numpy.log(chances, out=scores, where=chances > 0)
    return scores


def _log_odds(chances: Floats2d) -> Floats2d:
    odds = _log(chances) - _log(1 - chances.astype("float64"))
    odds = numpy.where(chances > 0, numpy.minimum(odds, CERTAIN), IMPOSSIBLE)
    return odds.astype("float32")
