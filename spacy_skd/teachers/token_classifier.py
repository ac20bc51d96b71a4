"""A token classifier of the transformers library as a teacher: its distribution over labels at the
first piece of each word, as independent labels of words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..arrays import Bools, Floats2d
from ..codecs.iob_labels import SCHEMES, IobLabels, read_iob_labels
from ..errors import check_one_of, named
from ..layers.base import Drawing, Layer
from ..layers.known import ENTITIES, find_layer
from ..structures import IndependentLabels
from ..transfer.beliefs import Belief, TokenBelief
from .views import StockSource, View

if TYPE_CHECKING:
    from ..models.transformer._classifier import TokenClassifier


@dataclass(frozen=True)
class Reading:
    """How a classifier is read. layer (str): what it annotates: spans by IOB labels, or words by
    labels as they are. scheme (str): of IOB labels, see `read_iob_labels`."""

    layer: str = ENTITIES
    scheme: str = "auto"

    def __post_init__(self) -> None:
        check_one_of("scheme", self.scheme, SCHEMES)
        layer = find_layer(self.layer)
        if not (layer.of_spans or layer.of_words):
            raise ValueError(f"layer: expected one of spans or of words, got {self.layer!r}")
        if self.scheme != SCHEMES[0] and not layer.of_spans:
            raise ValueError(f"scheme: expected none, since {self.layer!r} has no spans")


class ClassifierSource(StockSource):
    """See `load_classifier`. layer (Layer): what it annotates."""

    def __init__(self, classifier: "TokenClassifier", reading: Reading, nlp: Language):
        self.classifier = classifier
        self.layer: Layer = find_layer(reading.layer)
        self.nlp = nlp
        self.iob: IobLabels | None = None
        if self.layer.of_spans:
            self.iob = read_iob_labels(classifier.labels, scheme=reading.scheme)
        else:
            self.layer.check_said(classifier.labels)

    @property
    def labels(self) -> tuple[str, ...]:
        """Tags of spans, or labels of words."""
        return self.classifier.labels if self.iob is None else self.iob.tags

    def views(self) -> dict[str, View]:
        return {"": View(self.labels, layer=self.layer.full_name)}

    def _believe(self, docs: Sequence[Doc]) -> list[Belief]:
        texts = [doc.text for doc in docs]
        starts = [numpy.asarray([token.idx for token in doc], dtype="int64") for doc in docs]
        answers = self.classifier.log_probabilities(texts, starts)
        structure = IndependentLabels()
        return [
            TokenBelief(structure, self.labels, self._scores(doc, *each))
            for doc, each in zip(docs, answers)
        ]

    def _scores(self, doc: Doc, log_p: Floats2d, shared: Bools) -> Floats2d:
        # Pieces of some models begin with the whitespace before a word.
        after_space = [False, *(token.is_space for token in doc)][: len(doc)]
        shared = shared & ~numpy.asarray(after_space, dtype=bool)
        if self.iob is not None:
            return self.iob.scores(log_p, shared=shared)
        scores: Floats2d = numpy.nan_to_num(log_p, nan=0.0)  # of no piece: each label alike
        return scores

    def write(self, docs: Sequence[Doc], beliefs: Sequence[Belief]) -> None:
        how = Drawing(numpy.random.default_rng(0), 1.0, False, self.nlp)
        for doc, belief in zip(docs, beliefs):
            self.layer.draw(doc, belief.best(k=1), how)


def load_classifier(name: str, reading: Reading, nlp: Language) -> ClassifierSource:
    """Load a token classifier.

    name (str): hub name, local folder, or `package:NAME`. nlp (Language): whose words it is asked
        of.
    RAISES (ValueError): if torch or transformers is missing, there is no such model, or its labels
        do not fit the reading.
    """
    try:
        from ..models.transformer._classifier import TokenClassifier
    except ImportError as error:
        raise ValueError(
            f"hf:{name} needs torch and transformers: pip install 'spacy-skd[teacher]' ({error})"
        ) from error
    with named(f"hf:{name}"):
        return ClassifierSource(TokenClassifier(name), reading, nlp)
