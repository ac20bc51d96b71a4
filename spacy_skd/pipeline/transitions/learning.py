"""A step of learning: a trajectory of each doc of a batch, all docs in step; then the loss at all
of their states at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from spacy.tokens import Doc
from thinc.api import set_dropout_rate

from ...arrays import Floats1d, Ints1d, Ints2d
from ...structures.parts import check_scores
from .driver import Driver
from .oracle import Advice, Loss, Oracle, loss_of


@dataclass(frozen=True, eq=False)
class Trajectories:
    """The states of a batch, in the order in which they were visited.

    advice (list[Advice]): of each. oracles (list[Oracle]): of its doc. features (Ints2d): (states,
        features) the tokens that spaCy's model sees of it.
    """

    advice: list[Advice]
    oracles: list[Oracle]
    features: Ints2d


def learn(
    pipe: Any, docs: Sequence[Doc], oracles: Sequence[Oracle], driver: Driver, *, drop: float
) -> tuple[Loss, Trajectories]:
    """Forward, loss and backward of spaCy's model, whose gradient is that of the mean loss of a
    token.

    pipe (Any): a stock `Parser`. docs (Sequence[Doc]): of a token or more in all.
    RAISES (ValueError): if a score is NaN.
    """
    set_dropout_rate(pipe.model, drop)
    steps, backprop_vectors = pipe.model.begin_update(docs)
    visited = follow(pipe, steps, docs, oracles, driver)
    loss = _loss_at(pipe.name, steps, visited, n_tokens=sum(map(len, docs)))
    backprop_vectors(docs)
    steps.clear_memory()
    return loss, visited


def _loss_at(name: str, steps: Any, visited: Trajectories, *, n_tokens: int) -> Loss:
    """Return the loss, after the way back of its mean."""
    shares = numpy.asarray([(each.gold_share, each.teacher_share) for each in visited.oracles])
    gold_shares, teacher_shares = shares.reshape(-1, 2).T
    if not len(shares):
        none = numpy.zeros((0, steps.nO), dtype="float32")
        return loss_of(none, [], gold_shares=gold_shares, teacher_shares=teacher_shares)
    # spaCy's step model asks itself for the features of states. Here they are known, and all
    # states at once cost little more than the few of a step.
    steps.get_token_ids = lambda states: visited.features
    scores, backprop = steps.begin_update(())
    check_scores(scores, name=name)
    loss = loss_of(scores, visited.advice, gold_shares=gold_shares, teacher_shares=teacher_shares)
    backprop(numpy.ascontiguousarray(loss.d_scores / n_tokens, dtype="float32"))
    return loss


def follow(
    pipe: Any, steps: Any, docs: Sequence[Doc], oracles: Sequence[Oracle], driver: Driver
) -> Trajectories:
    """Visit the states to which the driver leads, of docs of which something is said.

    steps (Any): spaCy's step model of the docs.
    """
    running = [
        (state, oracle)
        for state, oracle in zip(pipe.moves.init_batch(docs), oracles)
        if oracle.says_something and not state.is_final()
    ]
    visited = Trajectories([], [], numpy.zeros((0, steps.state2vec.nF), dtype="int32"))
    features = [visited.features]
    while running:
        states = [state for state, _ in running]
        advice = [oracle.at(state) for state, oracle in running]
        scores = steps.predict(states)
        check_scores(scores, name=pipe.name)
        features.append(steps.get_token_ids(states))
        visited.advice.extend(advice)
        visited.oracles.extend(oracle for _, oracle in running)
        _take(pipe, running, driver.choose(scores, advice), n_actions=scores.shape[1])
        running = [each for each in running if not each[0].is_final()]
    return Trajectories(visited.advice, visited.oracles, numpy.concatenate(features))


def _take(
    pipe: Any, running: Sequence[tuple[Any, Oracle]], actions: Ints1d, *, n_actions: int
) -> None:
    """Take an action at each state. actions (Ints1d): (states,)."""
    one_hot = numpy.zeros((len(running), n_actions), dtype="float32")
    one_hot[numpy.arange(len(running)), actions] = 1
    for (_, oracle), action in zip(running, actions.tolist()):
        oracle.took(action)
    pipe.transition_states([state for state, _ in running], one_hot)


def wanted_actions(loss: Loss, advice: Sequence[Advice]) -> set[int]:
    """Return the actions that gold or the teacher wants somewhere."""
    wanted = (loss.teacher > 0).any(axis=0)
    for each in advice:
        if each.gold is not None:
            wanted |= each.gold
    return set(numpy.flatnonzero(wanted).tolist())


def lost_at(advice: Sequence[Advice]) -> Floats1d:
    """Return (taught states,) the share of the teacher's probability that cannot be done there."""
    return numpy.asarray([each.lost for each in advice if each.is_taught or each.lost])
