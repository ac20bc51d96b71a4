"""What every reader of a layer has."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy
from spacy.tokens import Doc

from ...arrays import Floats1d
from ...transfer.beliefs import Belief, Form
from .annotation import Annotation

if TYPE_CHECKING:
    from ..base import Block, Layer

Analysis = TypeVar("Analysis")


class LayerReader(ABC, Generic[Analysis]):
    """Reads one layer of a file whose every line has it. What is said of a text is an analysis;
    what beliefs of all texts have in common, such as the labels, is known when all were noted.

    of (Layer): the layer. has_scores (bool | None): whether a line says one analysis by scores, in
        place of weighted ones; None if it may be either. line (int): the first that it stands in.
    top_keys, token_keys (tuple[str, ...]): what it reads, of the annotation and of its tokens.
    """

    token_keys: tuple[str, ...] = ()
    top_keys: tuple[str, ...] = ("tokens",)

    def __init__(self, of: "Layer", *, has_scores: bool | None = False):
        self.of = of
        self.has_scores = has_scores
        self.line = 0
        self._labels: set[str] = set()
        self._sorted: tuple[str, ...] = ()
        self._first: tuple[Sequence[str], Analysis] | None = None

    @property
    def layer(self) -> "Layer":
        """What a student of it annotates."""
        return self.of

    @property
    def name(self) -> str:
        """Under which a store has it."""
        return self.of.full_name.replace(":", "_")

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels of the file, sorted."""
        if len(self._sorted) != len(self._labels):
            self._sorted = tuple(sorted(self._labels))
        return self._sorted

    @property
    def student(self) -> "Block":
        """Settings of a student's component, see `View`."""
        return {}

    @abstractmethod
    def read(self, annotation: Annotation) -> Analysis | None:
        """Return what is said of the text, None if less than a whole analysis is.

        RAISES (ValueError): if it is malformed.
        """

    @abstractmethod
    def labels_of(self, analysis: Analysis, forms: Sequence[str]) -> Iterable[str]:
        """Return the labels that an analysis has. forms (Sequence[str]): the words."""

    @abstractmethod
    def belief(
        self, forms: Sequence[str], analyses: Sequence[Analysis], weights: Floats1d
    ) -> Belief:
        """Return what is believed of the words of a doc.

        forms (Sequence[str]): the words. analyses (Sequence[Analysis]): one or more; of scores,
            one. weights: (K,), above 0.
        """

    @abstractmethod
    def write(self, doc: Doc, analysis: Analysis) -> None:
        """Annotate a doc with an analysis, of scores with the best guess."""

    def note(self, annotation: Annotation) -> bool:
        """Read, and keep what beliefs have in common. RETURNS (bool): whether an analysis is said.
        RAISES (ValueError): as `read`."""
        analysis = self.read(annotation)
        if analysis is None:
            return False
        self._labels.update(self.labels_of(analysis, annotation.forms))
        self._first = self._first or (annotation.forms, analysis)
        return True

    def form(self) -> Form:
        """Return what beliefs have in common, when all is noted. RAISES (ValueError): if nothing
        was said."""
        if self._first is None or not self.labels:
            raise ValueError(
                f"{self.of.full_name}: no line says all of one text's, or there is no label; see "
                f"line {self.line}. What begins or ends within a word does not count: does the "
                f"tokenizer fit? (--lang, --tokenizer)"
            )
        forms, analysis = self._first
        return self.belief(forms, [analysis], numpy.ones(1)).form
