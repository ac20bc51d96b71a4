"""Draws from what a teacher believes.

A draw is exact: an annotation comes with the probability that the teacher gives it. So a component
that learns draws as if they were gold, anew each time, has in expectation the gradient of the
cross-entropy with the teacher's distribution, whatever its own structure is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from ..arrays import Floats2d, Ints1d
from ..codecs.units import ROOT_HEAD
from ..structures import IndependentLabels, Parts
from ..structures.parts import POSSIBLE_ABOVE
from .expect import tempered_weights

ROOT_DEPREL = "ROOT"
NO_DEPREL = "dep"  # spaCy's own name of an arc of which no more is known


@dataclass(frozen=True, eq=False)
class DrawnTrees:
    """heads (Ints1d): (words,) head word in the doc, itself for a root. deprels: one a word."""

    heads: Ints1d
    deprels: list[str]

    @staticmethod
    def of(heads: Ints1d, deprels: Sequence[str]) -> "DrawnTrees":
        """Make a draw. heads: (words,), `ROOT_HEAD` for a root. deprels: "" where none is known."""
        unknown = [ROOT_DEPREL if head == ROOT_HEAD else NO_DEPREL for head in heads.tolist()]
        own = numpy.where(heads == ROOT_HEAD, numpy.arange(len(heads)), heads)
        return DrawnTrees(own, [deprel or other for deprel, other in zip(deprels, unknown)])


def choose(weights: Floats2d, *, rng: numpy.random.Generator, temperature: float) -> Ints1d:
    """Draw (U,) one of each row by `weights`, (U, K), of candidates.

    RAISES (ValueError): if all weights of a row are 0.
    """
    shares = tempered_weights(weights, temperature=temperature).cumsum(axis=1)
    numbers = rng.random(len(weights))[:, None] * shares[:, -1:]
    chosen: Ints1d = (numbers >= shares).sum(axis=1)
    return chosen


def draw_independent(
    scores: Floats2d, labels: Sequence[str], rng: numpy.random.Generator
) -> list[str]:
    """Draw a label for each row of `scores`, (rows, labels), "" where none is possible."""
    drawn = [""] * len(scores)
    if not scores.size:
        return drawn
    rows = numpy.nonzero(scores.max(axis=1) > POSSIBLE_ABOVE)[0]
    if len(rows):
        parts = Parts({"unary": scores[rows][None]}, numpy.asarray([len(rows)]))
        columns = IndependentLabels().sample(parts, rng=rng).arrays["unary"][0].argmax(axis=1)
        for i, column in zip(rows.tolist(), columns.tolist()):
            drawn[i] = labels[column]
    return drawn
