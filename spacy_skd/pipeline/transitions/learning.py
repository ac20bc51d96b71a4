"""A step of learning: a trajectory of each doc of a batch, all docs in step, and the loss at each
of its states."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy
from spacy.tokens import Doc
from thinc.api import set_dropout_rate

from ...arrays import Ints1d
from ...structures.numerics import check_scores
from .driver import Driver
from .oracle import Advice, Oracle, Step, step_loss


@dataclass
class Learnt:
    """What is told of a batch: nats of gold and of the teacher by their shares, `taught`; the
    `entropy` of what the teacher says, None where it is not known.

    lost (list[float]): at each taught state, of the teacher's probability. actions (set[int]): that
    gold or the teacher wants somewhere.
    """

    gold: float = 0.0
    taught: float = 0.0
    entropy: float | None = 0.0
    lost: list[float] = field(default_factory=list)
    actions: set[int] = field(default_factory=set)

    def add(self, step: Step, advice: Sequence[Advice]) -> None:
        self.gold += float(step.gold.sum())
        self.taught += float(step.taught.sum())
        if self.entropy is not None:
            self.entropy += float(step.entropy.sum())
        wanted = (step.teacher > 0).any(axis=0)
        for each in advice:
            self.lost += [each.lost] if each.is_taught or each.lost else []
            if each.gold is not None:
                wanted |= each.gold & each.valid
            if each.sets is not None:
                self.entropy = None
        self.actions.update(numpy.flatnonzero(wanted).tolist())


def learn(
    pipe: Any, docs: Sequence[Doc], oracles: Sequence[Oracle], driver: Driver, *, drop: float
) -> Learnt:
    """Forward, loss and backward of spaCy's model, whose gradient is that of the mean loss of a
    token.

    pipe (Any): a stock `Parser`. docs (Sequence[Doc]): of a token or more in all.
    RAISES (ValueError): if a score is NaN.
    """
    set_dropout_rate(pipe.model, drop)
    states = pipe.moves.init_batch(docs)
    running = [
        (state, oracle)
        for state, oracle in zip(states, oracles)
        if oracle.says_something and not state.is_final()
    ]
    steps, backprop_vectors = pipe.model.begin_update(docs)
    learnt, n_tokens = Learnt(), sum(map(len, docs))
    while running:
        scores, backprop = steps.begin_update([state for state, _ in running])
        check_scores(scores, name=pipe.name)
        advice = [oracle.at(state) for state, oracle in running]
        shares = numpy.asarray([(each.gold_share, each.teacher_share) for _, each in running])
        step = step_loss(scores, advice, gold_shares=shares[:, 0], teacher_shares=shares[:, 1])
        backprop(numpy.ascontiguousarray(step.d_scores / n_tokens, dtype="float32"))
        learnt.add(step, advice)
        _take(pipe, running, driver.choose(step, advice), n_actions=scores.shape[1])
        running = [each for each in running if not each[0].is_final()]
    backprop_vectors(docs)
    steps.clear_memory()
    return learnt


def _take(
    pipe: Any, running: Sequence[tuple[Any, Oracle]], actions: Ints1d, *, n_actions: int
) -> None:
    """Take an action at each state. actions (Ints1d): (states,)."""
    one_hot = numpy.zeros((len(running), n_actions), dtype="float32")
    one_hot[numpy.arange(len(running)), actions] = 1
    for (_, oracle), action in zip(running, actions.tolist()):
        oracle.took(action)
    pipe.transition_states([state for state, _ in running], one_hot)
