"""Labels of words, and lemmas."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy
from spacy.tokens import Doc

from ...arrays import Floats1d
from ...codecs.lemma_labels import lemma_label
from ...transfer.beliefs import Belief, LabelCandidates, LemmaBelief
from .annotation import Annotation
from .reader import LayerReader

if TYPE_CHECKING:
    from ..token_layer import TokenLayer


class TokenReader(LayerReader[list[str]]):
    """Of tokens, by a key. An analysis is a label a word, "" where none is known."""

    def __init__(self, of: "TokenLayer", key: str, *, empty: str = ""):
        """Read a key. empty (str): the label that an empty string stands for."""
        super().__init__(of)
        self.token_layer = of
        self.token_keys = (key,)
        self.empty = empty

    @property
    def labels(self) -> tuple[str, ...]:
        return self.token_layer.fixed_labels or super().labels

    def read(self, annotation: Annotation) -> list[str] | None:
        said = annotation.of_words(self.token_keys[0], empty=self.empty)
        labels = [self.token_layer.spelled(label) for label in said]
        self.token_layer.check(sorted({*labels} - {""}))
        return labels if any(labels) or not labels else None

    def labels_of(self, analysis: list[str], forms: Sequence[str]) -> Iterable[str]:
        return filter(None, analysis)

    def belief(
        self, forms: Sequence[str], analyses: Sequence[list[str]], weights: Floats1d
    ) -> Belief:
        index = {label: i for i, label in enumerate(self.labels)}
        rows = [[index.get(label, -1) for label in labels] for labels in analyses]
        return LabelCandidates(self.labels, numpy.asarray(rows, dtype="int32"), weights)

    def write(self, doc: Doc, analysis: list[str]) -> None:
        self.token_layer.write_labels(doc, analysis, inventory=self.labels)


class LemmaReader(TokenReader):
    """The same of lemmas, by each word on its own: of all analyses together it has the weight of
    those that say so. Labels are those by which a student makes them."""

    def labels_of(self, analysis: list[str], forms: Sequence[str]) -> Iterable[str]:
        made = (lemma_label(*pair) for pair in zip(forms, analysis) if pair[1])
        return filter(None, made)

    def belief(
        self, forms: Sequence[str], analyses: Sequence[list[str]], weights: Floats1d
    ) -> Belief:
        shares: list[dict[str, float]] = [{} for _ in analyses[0]]
        for lemmas, weight in zip(analyses, weights.tolist()):
            for word, lemma in zip(shares, lemmas):
                if lemma:
                    word[lemma] = word.get(lemma, 0.0) + weight
        scores = [{name: float(numpy.log(share)) for name, share in w.items()} for w in shares]
        return LemmaBelief.listed(self.labels, forms, scores)
