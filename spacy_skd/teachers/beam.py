"""Beam search with a stock transition system, and the probability of what it finds.

spaCy trains its transition models step by step, by log loss over all moves, so that the probability
of a sequence of moves is the product of its softmax probabilities. Its own beams add up raw scores
instead, and change those of finished sequences by their length; that is their meaning only after
beam updates in training. So scores are normalised before the beam takes them, unless the component
was trained by beam updates, and what a sequence adds up to is kept apart from the beam.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from spacy.pipeline._parser_internals._beam_utils import BeamBatch
from spacy.tokens import Doc

from ..arrays import Floats2d
from ..errors import check_between
from ..structures.parts import check_scores, softmax

# Moves a token. Arc-eager takes two, and a few more to take back what it could not attach.
MOST_MOVES = 10
History = tuple[int, ...]


@dataclass(frozen=True)
class Beam:
    """width (int): hypotheses of a doc that are followed; 1 is greedy. density (float): those of a
    smaller share of the best one's probability are given up, 0 for none."""

    width: int = 16
    density: float = 0.0

    def __post_init__(self) -> None:
        check_between("beam width", self.width, low=1, high=1000)
        check_between("beam density", self.density, low=0, high=1)


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """moves (History): classes of the transition system. arcs (list[dict[str, int]]): what they
    make, "head" and "child" tokens and "label"."""

    log_prob: float
    moves: History
    arcs: list[dict[str, int]]


def search(pipe: Any, docs: Sequence[Doc], beam: Beam) -> list[list[Hypothesis]]:
    """Return what the beam of each doc ends with, in no order; none of a beam that did not end.

    pipe (Any): a stock `parser` or `ner`. docs (Sequence[Doc]): of a token or more, on which what
        the component listens to has run. They are not changed.
    RAISES (ValueError): if a score is NaN.
    """
    try:
        return _Search(pipe, docs, beam).run()
    except AssertionError:  # all hypotheses of a doc are stuck: thinc's beams assert one is left
        if len(docs) == 1:
            return [[]]
        return [search(pipe, [doc], beam)[0] for doc in docs]


class _Search:
    """totals: of each doc, the log-probability of each sequence of moves in its beam."""

    def __init__(self, pipe: Any, docs: Sequence[Doc], beam: Beam):
        self.name, self.step = pipe.name, pipe.model.predict(list(docs))
        self.is_global = pipe.cfg["beam_width"] > 1 and pipe.cfg["beam_update_prob"] > 0
        states = pipe.moves.init_batch(docs)
        self.batch = BeamBatch(pipe.moves, states, None, beam.width, density=beam.density)
        self.totals: list[dict[History, float]] = [{(): 0.0} for _ in docs]
        self.most = MOST_MOVES * (2 + max(map(len, docs)))

    def run(self) -> list[list[Hypothesis]]:
        for _ in range(self.most):
            states = self.batch.get_unfinished_states()
            if not states:
                break
            self._advance(self._normalized(self.step.predict(states)))
        self.step.clear_memory()
        flat = iter(self.batch.get_states())  # in memory that is the beams'
        hypotheses = []
        for total, histories in zip(self.totals, self._histories()):
            ends = [(moves, next(flat)) for moves in histories]
            hypotheses.append(
                [Hypothesis(total[moves], moves, end.arcs) for moves, end in ends if end.is_final()]
            )
        return hypotheses

    def _advance(self, scores: Floats2d) -> None:
        """Advance the unfinished states. scores (Floats2d): (unfinished states, moves)."""
        flat = iter(self.batch.get_states())
        rows = iter(scores)
        before = [
            {moves: next(rows) for moves in histories if not next(flat).is_final()}
            for histories in self._histories()
        ]
        self.batch.advance(scores)
        for total, row_of, histories in zip(self.totals, before, self._histories()):
            for moves in histories:
                if moves not in total:
                    total[moves] = total[moves[:-1]] + float(row_of[moves[:-1]][moves[-1]])
            for moves in set(total).difference(histories):
                del total[moves]

    def _histories(self) -> list[list[History]]:
        return [[tuple(moves) for moves in beam.histories[: len(beam)]] for beam in self.batch]

    def _normalized(self, scores: Floats2d) -> Floats2d:
        """Return (states, moves) log-probabilities, for a model that was trained step by step."""
        check_scores(scores, name=self.name)
        if not self.is_global:
            scores = scores - softmax(scores)[0][:, None]
        return numpy.ascontiguousarray(scores, dtype="float32")
