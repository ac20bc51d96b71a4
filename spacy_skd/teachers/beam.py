"""Beam search with a stock transition system, and the probability of what it finds.

spaCy trains its transition models step by step, by log loss over all moves, so that the probability
of a sequence of moves is the product of its softmax probabilities. Its own beams add up raw scores
instead, and change those of finished sequences by their length; that is their meaning only after
beam updates in training. So scores are normalised before the beam takes them, unless the component
was trained by beam updates, and what a sequence adds up to is kept apart from the beam.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy
from spacy.pipeline._parser_internals._beam_utils import BeamBatch
from spacy.tokens import Doc

from ..arrays import Floats1d, Floats2d
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


class _Path(NamedTuple):
    """log_prob (float): of the moves so far. move (int): the last one. before (_Path | None): the
    others; None of none."""

    log_prob: float
    move: int
    before: "_Path | None"

    def moves(self) -> History:
        """Return all moves, the first one first."""
        found: list[int] = []
        path = self
        while path.before is not None:
            found.append(path.move)
            path = path.before
        return tuple(reversed(found))

    def went_on(self, history: Sequence[int], row: Floats1d | None) -> "_Path":
        """history (Sequence[int]): a slot, and the move that has been made, if one has. row
        (Floats1d | None): (moves,) their log-probabilities, None of what was final."""
        if row is None:
            return self
        move = history[-1]
        return _Path(self.log_prob + float(row[move]), move, self)


class _Search:
    """beams, docs (list): of all docs. paths (list[list[_Path]]): of each doc, to what its beam
    holds, in its order. running (list[int]): which docs are not done, those of `batch`.

    A beam copies the history of moves of what each hypothesis comes from, and adds a move; it asks
    nothing of it. So histories are cut to the number of their slot, which is where a hypothesis of
    the next step comes from: whole ones would be copied, and read, at each step.
    """

    def __init__(self, pipe: Any, docs: Sequence[Doc], beam: Beam):
        self.name, self.step = pipe.name, pipe.model.predict(list(docs))
        self.is_global = pipe.cfg["beam_width"] > 1 and pipe.cfg["beam_update_prob"] > 0
        states = pipe.moves.init_batch(docs)
        self.batch = BeamBatch(pipe.moves, states, None, beam.width, density=beam.density)
        self.beams, self.docs = self.batch.beams, self.batch.docs
        self.paths = [[_Path(0.0, 0, None)] for _ in docs]
        self.running = list(range(len(docs)))
        self.most = MOST_MOVES * (2 + max(map(len, docs)))
        for each in self.beams:
            each.histories[0][:] = [0]

    def run(self) -> list[list[Hypothesis]]:
        for _ in range(self.most):
            self._leave_done()
            states = self.batch.get_states()
            goes_on = [not state.is_final() for state in states]
            if not any(goes_on):
                break
            unfinished = [state for state, goes in zip(states, goes_on) if goes]
            self._advance(self._normalized(self.step.predict(unfinished)), goes_on)
        self.step.clear_memory()
        self.batch.beams, self.batch.docs = self.beams, self.docs
        flat = iter(self.batch.get_states())  # in memory that is the beams'
        return [
            [
                Hypothesis(path.log_prob, path.moves(), end.arcs)
                for path, end in [(path, next(flat)) for path in paths]
                if end.is_final()
            ]
            for paths in self.paths
        ]

    def _leave_done(self) -> None:
        self.running = [i for i in self.running if not self.beams[i].is_done]
        self.batch.beams = [self.beams[i] for i in self.running]
        self.batch.docs = [self.docs[i] for i in self.running]

    def _advance(self, scores: Floats2d, goes_on: Sequence[bool]) -> None:
        """Advance the unfinished states. scores (Floats2d): (unfinished states, moves). goes_on
        (Sequence[bool]): of all states, whether they are unfinished."""
        rows, flat = iter(scores), iter(goes_on)
        of_docs = [
            [next(rows) if next(flat) else None for _ in self.paths[i]] for i in self.running
        ]
        self.batch.advance(scores)
        for i, of_doc in zip(self.running, of_docs):
            histories = self.beams[i].histories[: len(self.beams[i])]
            before = self.paths[i]
            self.paths[i] = [before[h[0]].went_on(h, of_doc[h[0]]) for h in histories]
            for slot, history in enumerate(histories):
                history[:] = [slot]

    def _normalized(self, scores: Floats2d) -> Floats2d:
        """Return (states, moves) log-probabilities, for a model that was trained step by step."""
        check_scores(scores, name=self.name)
        if not self.is_global:
            scores = scores - softmax(scores)[0][:, None]
        return numpy.ascontiguousarray(scores, dtype="float32")
