"""A stock `ner` or `parser` as a teacher: the structures that its beam search finds, with weights.

A hypothesis that reaches the same structure by other moves adds its probability to it; the beam's
own sum to 1. What lies outside the beam counts nothing, so a narrow one is more certain than the
model: its entropy is reported.
"""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy
from spacy.tokens import Doc

from ..arrays import Array, Floats1d, Ints2d
from ..transfer.beliefs import Belief
from .beam import Beam, Hypothesis, search
from .views import StockSource

logger = logging.getLogger("spacy.skd")
REPORT_AFTER = 100  # docs


class TransitionSource(StockSource):
    """What beams of a stock transition-based component have in common.

    beam (Beam): of its search. docs (int): that it has been asked of, but for empty ones. nats
        (float): the entropy of their candidates, summed. unfinished (int): docs whose beam did not
        end; their greedy structure is the only candidate.
    """

    def __init__(self, pipe: Any, beam: Beam):
        self.pipe, self.beam = pipe, beam
        self.docs, self.nats, self.unfinished = 0, 0.0, 0
        self._index: dict[str, int] = {}

    @property
    @abstractmethod
    def inventory(self) -> tuple[str, ...]:
        """The labels of its candidates."""

    @abstractmethod
    def _row(self, doc: Doc, hypothesis: Hypothesis) -> Ints2d:
        """Return (values, tokens) what a hypothesis says of each token; equal where it says the
        same."""

    @abstractmethod
    def _greedy(self, doc: Doc) -> Ints2d:
        """Return the same as `_row`, of what the component does without a beam."""

    @abstractmethod
    def _candidates(self, doc: Doc, rows: Array, weights: Floats1d) -> Belief:
        """Return a belief. rows (ndarray): (K, values, tokens), likeliest first. weights: (K,),
        that sum to 1."""

    def _believe(self, docs: Sequence[Doc]) -> list[Belief]:
        """Return what the beam of each doc says. RAISES (ValueError): if a score is NaN."""
        self._index = {label: i for i, label in enumerate(self.inventory)}
        with_tokens = [doc for doc in docs if len(doc)]
        hypotheses = iter(search(self.pipe, with_tokens, self.beam) if with_tokens else [])
        return [self._belief(doc, next(hypotheses) if len(doc) else []) for doc in docs]

    def _belief(self, doc: Doc, hypotheses: Sequence[Hypothesis]) -> Belief:
        masses: dict[bytes, float] = {}
        rows: dict[bytes, Ints2d] = {}
        highest = max((h.log_prob for h in hypotheses), default=0.0)
        for hypothesis in hypotheses:
            row = self._row(doc, hypothesis)
            mass = float(numpy.exp(hypothesis.log_prob - highest))
            masses[row.tobytes()] = masses.get(row.tobytes(), 0.0) + mass
            rows[row.tobytes()] = row
        if not masses:
            return self._without_beam(doc)
        keys = sorted(masses, key=lambda key: -masses[key])
        weights = numpy.asarray([masses[key] for key in keys]) / sum(masses.values())
        self._count(weights)
        return self._candidates(doc, numpy.stack([rows[key] for key in keys]), weights)

    def _without_beam(self, doc: Doc) -> Belief:
        if len(doc):
            if not self.unfinished:
                logger.warning(
                    "%s: the beam of a doc did not end, so its greedy structure is all that is "
                    "believed of it (counted in `unfinished`)",
                    self.pipe.name,
                )
            self.unfinished += 1
            self._count(numpy.ones(1))
        return self._candidates(doc, self._greedy(doc)[None], numpy.ones(1))

    def _count(self, weights: Floats1d) -> None:
        self.docs += 1
        self.nats -= float((weights * numpy.log(numpy.maximum(weights, 1e-300))).sum())
        if self.docs == REPORT_AFTER:
            logger.info(
                "%s: a beam of width %d has an entropy of %.2f nats a doc, a mean of %d docs",
                self.pipe.name,
                self.beam.width,
                self.nats / self.docs,
                self.docs,
            )


def bare_copy(doc: Doc) -> Doc:
    """Copy words and spaces alone."""
    words = [token.text for token in doc]
    return Doc(doc.vocab, words, [bool(token.whitespace_) for token in doc])
