"""Categories of docs, `doc.cats`: one that holds, or each on its own."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy
from spacy.pipeline import MultiLabel_TextCategorizer, TextCategorizer
from spacy.tokens import Doc

from ..arrays import Floats1d
from ..errors import check_between, named
from .base import Block, register
from .doc_layer import DocLayer, numbers_of, short
from .facts import Fact
from .said import Annotation, LayerReader
from .said.categories import CATS, CategoryReader

TOLERANCE = 0.01  # of sums of probabilities that somebody has rounded

logger = logging.getLogger("spacy.skd")


@register("cats")
class CatsLayer(DocLayer):
    """The category of a doc: of a component's labels, one holds.

    positive_label (str | None): the one of two labels whose F is the score.
    undecided (int): docs so far of which no label holds, though each is there; they are taken as
        not annotated.
    """

    name = "cats"
    takes = ("pipe", "positive_label")
    stock_factory = "textcat"
    answers: ClassVar[Mapping[type, str]] = {TextCategorizer: ""}
    exclusive: ClassVar[bool] = True

    def __init__(self, *, pipe: str = "", positive_label: str | None = None):
        super().__init__(pipe=pipe)
        self.positive_label = positive_label
        self.undecided = 0

    def check(self, labels: Sequence[str]) -> None:
        """See `DocLayer.check`: also if the one label holds of necessity, or `positive_label` is
        not one of two."""
        if len(labels) == 1:
            raise ValueError(
                f"{self.full_name}: expected two labels or more, of which a doc has one, got "
                f"{list(labels)}; set exclusive = false for a label that may hold or not"
            )
        positive = self.positive_label
        if positive is not None and labels and (positive not in labels or len(labels) != 2):
            raise ValueError(
                f"{self.full_name}: positive_label: expected one of two labels, got {positive!r} "
                f"of {list(labels)}"
            )

    @property
    def how_scored(self) -> Block:
        return {"positive_label": self.positive_label}

    def gold(self, doc: Doc, labels: Sequence[str]) -> Floats1d:
        with named(self.full_name):
            values = numbers_of(doc, labels)
        total = float(numpy.nansum(values))
        if abs(total - 1) <= TOLERANCE:
            distribution: Floats1d = numpy.nan_to_num(values) / total
            return distribution
        other = any(value and label not in labels for label, value in doc.cats.items())
        if total > 1 or (total > 0 and not other):
            self._refuse(doc, labels, total)
        if not other and not numpy.isnan(values).any():
            self._note_undecided()
        elif not total and not other:
            return values
        return numpy.full_like(values, numpy.nan)

    def _refuse(self, doc: Doc, labels: Sequence[str], total: float) -> None:
        held = {label: doc.cats[label] for label in labels if doc.cats.get(label)}
        raise ValueError(
            f"{self.full_name}: expected one category of the doc {short(doc)}, or probabilities "
            f"that sum to 1, got {held}, whose sum is {total:.4g}. Correct doc.cats; or set "
            f"exclusive = false, if several hold at once; or give the component its own `labels`, "
            f"if some are another component's"
        )

    def _note_undecided(self) -> None:
        if not self.undecided:
            logger.warning(
                "%s: none of the categories of a doc holds; such docs are taken as not annotated "
                "(counted in `layer.undecided`)",
                self.full_name,
            )
        self.undecided += 1

    def chosen(self, chances: Floats1d) -> list[int]:
        return [int(chances.argmax())]

    @property
    def said_under(self) -> tuple[str, ...]:
        return (CATS,)

    def readers(self, annotation: Annotation) -> list[LayerReader[Any]]:
        """See `Layer.readers`. Of all texts it is known whether one category holds."""
        if CATS not in annotation.data:
            return []
        scored = not annotation.is_listed
        return [CategoryReader(self, MultilabelCatsLayer(), has_scores=scored)]


@register("cats_multilabel")
class MultilabelCatsLayer(DocLayer):
    """Categories of a doc that hold or not, each on its own.

    threshold (float): the probability from which on one holds.
    """

    name = "cats_multilabel"
    takes = ("pipe", "threshold")
    changeable = ("threshold",)
    stock_factory = "textcat_multilabel"
    answers: ClassVar[Mapping[type, str]] = {MultiLabel_TextCategorizer: ""}
    exclusive: ClassVar[bool] = False

    def __init__(self, *, pipe: str = "", threshold: float = 0.5):
        super().__init__(pipe=pipe)
        self.threshold = check_between("threshold", threshold, low=0, high=1)

    @property
    def how_scored(self) -> Block:
        return {"threshold": self.threshold}

    def gold(self, doc: Doc, labels: Sequence[str]) -> Floats1d:
        with named(self.full_name):
            return numbers_of(doc, labels)

    def chosen(self, chances: Floats1d) -> list[int]:
        return numpy.flatnonzero(chances >= self.threshold).tolist()

    def says(self, doc: Doc, fact: Fact) -> bool:
        return fact.label in doc.cats
