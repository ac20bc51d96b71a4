"""What a task predicts, and what it knows of its component."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy
from spacy.vocab import Vocab
from thinc.api import Model

from ...arrays import Array, Floats1d, Floats2d, Ints1d
from ...codecs.labels import LabelMatch
from ...codecs.units import split_by_lengths
from ...codecs.words import Words
from ...transfer.target import Objective
from ..lost_mass import LostMass
from ..meter import Meter
from ..unknown_labels import UnknownLabels

Activations = dict[str, Any]

# What is annotated: the likeliest structure, or that of the least expected number of errors.
BEST, MARGINAL = "best", "marginal"
DECODINGS = (BEST, MARGINAL)
HALF = 0.5  # a span that is likelier is right more often than not


class Predictions(NamedTuple):
    """What `predict` returns and `set_annotations` writes.

    best (list): per doc, what the component annotates.
    activations (list[Activations] | None): per doc; None unless `save_activations` is on.
    confidences (list[Floats1d] | None): per doc, the probability of each token's label or arc (NaN
        for none), or of each span; None unless `confidences` is on.
    """

    best: list[Any]
    activations: list[Activations] | None = None
    confidences: list[Any] | None = None


class Pipe(Protocol):
    """What a task knows of the component that it is the task of."""

    name: str
    vocab: Vocab
    model: Model[Any, Any]
    objective: Objective
    save_activations: bool
    confidences: bool
    meter: Meter | None
    lost_mass: LostMass
    unknown_labels: UnknownLabels

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the model's output."""

    @property
    def calibration(self) -> float:
        """The temperature of all probabilities that it tells."""

    @property
    def weight(self) -> float:
        """The teacher's share of the loss at this step, for units with gold."""

    @property
    def teacher_pipe(self) -> str:
        """The name of the component that teaches, for messages."""

    def match(self, teacher_labels: Sequence[str]) -> LabelMatch:
        """Match the two inventories by name."""


def chosen_chances(scores: Floats2d, ids: Ints1d) -> Floats1d:
    """Return (rows,) float32 probabilities of chosen columns, 1 / sum_j exp(s_j - s_chosen).

    scores: (rows, columns) nats, a NumPy array. ids (Ints1d): (rows,), -1 for a probability of 0.
    """
    if not scores.size:
        return numpy.zeros(len(scores), dtype="float32")
    chosen = numpy.take_along_axis(scores, numpy.maximum(ids, 0)[:, None], axis=1)
    with numpy.errstate(over="ignore"):  # of what is improbable beyond measure: 1 / inf
        total = numpy.exp(scores - chosen) @ numpy.ones(scores.shape[1], dtype=scores.dtype)
    return numpy.where(ids < 0, 0.0, 1.0 / total).astype("float32")


def on_tokens(chances: Floats1d, words: Sequence[Words]) -> list[Floats1d]:
    """Split (words of the batch,) into (tokens,) of each doc, NaN for whitespace."""
    of_docs: list[Array] = split_by_lengths(chances, [len(each) for each in words])
    return [each.to_tokens(of_doc, fill=numpy.nan) for each, of_doc in zip(words, of_docs)]
