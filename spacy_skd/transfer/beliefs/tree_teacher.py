"""What one teacher says of the trees of a batch, and the best heads by scores."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from thinc.api import Ops

from ...arrays import Floats1d, Floats2d, Ints2d
from ...codecs.labels import LabelMatch
from ...codecs.units import ROOT_HEAD, Bucket, Heads
from ...structures import ArcStructure, Parts, Structure
from ..posterior import Target
from ..target import Objective
from .base import k_best


@dataclass(frozen=True, eq=False, kw_only=True)
class TreeTeacher(ABC):
    """What one teacher says of a batch of sentences. All rows are rows of the batch's concatenated
    words.

    match (LabelMatch): of its deprels to the student's.
    units (Sequence[Ints2d]): per doc (U, 2) start and end word of the sentences.
    pairs (Ints2d): (P, 2) dependent and head row of the arcs of which it says a deprel.
    lost (Floats1d | None): (words,) shares of its mass that are lost by reading it so.
    weight (float): among several.
    """

    match: LabelMatch
    units: Sequence[Ints2d]
    pairs: Ints2d
    lost: Floats1d | None = None
    weight: float = 1.0

    @abstractmethod
    def arcs(
        self, bucket: Bucket, structure: ArcStructure, objective: Objective, *, ops: Ops
    ) -> Target:
        """Return the target of the arcs of a bucket's units. structure (ArcStructure): the
        student's."""

    @abstractmethod
    def label_scores(self, structure: ArcStructure, temperature: float) -> Floats2d:
        """Return (P, its deprels) nats at a temperature, given the arc. structure: the
        student's."""


def best_heads(
    units: Ints2d, arcs: Sequence[Floats2d], decoder: Structure, k: int
) -> tuple[Ints2d, Floats2d]:
    """Return (k, words) head words, -1 = ROOT; (units, k) scores, -inf where there are fewer
    trees."""
    n = int(units[:, 1].max(initial=0))
    if not len(units):
        return numpy.full((k, n), ROOT_HEAD, dtype="int32"), numpy.zeros((0, k))
    totals, trees = k_best(decoder, Parts.of_arcs(arcs), k)
    local = (parts.arrays["arc"].argmax(axis=-1) for parts in trees)
    heads = [Heads.of_local(candidate, units, n_words=n).rows for candidate in local]
    return numpy.stack(heads), totals
