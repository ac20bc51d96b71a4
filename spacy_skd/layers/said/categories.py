"""Categories of docs: weighted sets of them, or the probability of each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy
from spacy.tokens import Doc

from ...arrays import Floats1d
from ...structures import IMPOSSIBLE, IndependentLabels, LabelSets
from ...transfer.beliefs import Belief, DocBelief, DocCandidates
from .annotation import Annotation
from .reader import LayerReader

if TYPE_CHECKING:
    from ..base import Layer
    from ..doc_layer import DocLayer

CATS = "cats"
_TOLERANCE = 0.01  # of sums of probabilities that somebody has rounded
_LOWEST_DOUBT = 2.0**-24


class CategoryReader(LayerReader[dict[str, float]]):
    """Numbers from 0 to 1 by label; what is not there is 0. Where those of every text sum to 1, one
    category holds; else each does or does not on its own.

    of (DocLayer): where one holds. others (DocLayer): where each may.
    """

    top_keys = (CATS,)

    def __init__(self, of: "DocLayer", others: "DocLayer", *, has_scores: bool):
        super().__init__(of, has_scores=has_scores)
        self.others = others
        self.one_holds = True

    @property
    def layer(self) -> "Layer":
        return self.of if self.one_holds else self.others

    def read(self, annotation: Annotation) -> dict[str, float] | None:
        numbers = annotation.data[CATS]
        if not isinstance(numbers, Mapping):
            raise ValueError(f'{CATS}: expected {{"LABEL": 1.0, ...}}, got {numbers!r}')
        known = (0, 1) if annotation.is_listed else None
        for label, number in numbers.items():
            if not isinstance(number, (int, float)) or not 0 <= number <= 1:
                raise ValueError(f"{CATS}: expected numbers from 0 to 1, got {label!r}: {number!r}")
            if known and number not in known:
                raise ValueError(
                    f"{CATS}: expected 0 or 1 in an analysis that has a weight, got {label!r}: "
                    f"{number!r}. Probabilities stand in the line itself"
                )
        self.one_holds &= abs(sum(numbers.values()) - 1) <= _TOLERANCE
        return {label: float(number) for label, number in numbers.items()}

    def labels_of(self, analysis: dict[str, float], forms: Sequence[str]) -> Iterable[str]:
        return analysis

    def belief(
        self, forms: Sequence[str], analyses: Sequence[dict[str, float]], weights: Floats1d
    ) -> Belief:
        n_words = len(forms)
        rows = [[numbers.get(label, 0.0) for label in self.labels] for numbers in analyses]
        chances = numpy.asarray(rows)
        if not self.has_scores:
            return DocCandidates(self.labels, chances > 0, weights, n_words)
        if self.one_holds:
            scores = numpy.full(chances[0].shape, IMPOSSIBLE, dtype="float32")
            numpy.log(chances[0], out=scores, where=chances[0] > 0, casting="same_kind")
            return DocBelief(IndependentLabels(), self.labels, scores, n_words)
        p = numpy.clip(chances[0], _LOWEST_DOUBT, 1 - _LOWEST_DOUBT)
        odds = (numpy.log(p) - numpy.log1p(-p)).astype("float32")
        return DocBelief(LabelSets(), self.labels, odds, n_words)

    def write(self, doc: Doc, analysis: dict[str, float]) -> None:
        doc.cats = {label: analysis.get(label, 0.0) for label in self.labels}
