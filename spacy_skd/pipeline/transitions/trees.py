"""Oracles of spaCy's `parser`, which is arc-eager: trees that are drawn from a teacher's beliefs.

What may still become of a tree is decided by all of its arcs at once, so that a teacher's
distribution over the next action is that over trees, given the arcs so far: here of K drawn trees,
those that have lost no arc to the actions of this sentence, or, if all have, the fewest. Of each
tree the actions that lose no arc more (the dynamic oracle of Goldberg & Nivre 2012, spaCy's own)
are as good as each other; the target is the mean of the policy given that one of them is taken. As
K grows it is that of the conditional, and for any K nothing but the choice among draws is biased.

Trees are drawn given that no arcs cross, which spaCy's parser has no transitions for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy
from spacy.pipeline import DependencyParser
from spacy.tokens import Doc
from spacy.training import Example

from ...arrays import Floats1d, Floats2d, Ints1d
from ...codecs.words import Words
from ...errors import named
from ...layers.trees import TreeLayer
from ...models.words import words_of
from ...transfer.beliefs import Belief
from .component import TransitionPipe
from .oracle import INVALID, Advice, Oracle

_SHIFT, _REDUCE, _LEFT, _RIGHT, _BREAK = range(5)  # spaCy's numbers
_MOVES = "SDLRB"
TREES = TreeLayer()
_BACKOFF, _ROOT = "dep", "ROOT"  # spaCy's deprels of what has another that it lacks, and of roots


@dataclass(frozen=True, eq=False)
class Actions:
    """Which actions there are.

    plain (tuple[int, ...]): those whose cost does not depend on a deprel. arcs (tuple[dict[str,
        int], ...]): of left and of right arcs, the action of each deprel. columns (tuple[Ints1d,
        ...]): the same actions.
    """

    n: int
    plain: tuple[int, ...]
    arcs: tuple[dict[str, int], dict[str, int]]
    columns: tuple[Ints1d, Ints1d]

    @staticmethod
    def of(names: tuple[str, ...]) -> "Actions":
        """Read spaCy's names of actions."""
        left, right = (
            {name[2:]: i for i, name in enumerate(names) if name[:2] == f"{_MOVES[move]}-"}
            for move in (_LEFT, _RIGHT)
        )
        plain = {*range(len(names))} - {*left.values(), *right.values()}
        columns = numpy.asarray([*left.values()]), numpy.asarray([*right.values()])
        return Actions(len(names), tuple(sorted(plain)), (left, right), columns)


actions_of = lru_cache(maxsize=8)(Actions.of)


class Reference:
    """A tree, as spaCy's gold. deprels (list[str | None]): of each token; None where it is not
    known."""

    def __init__(self, moves: Any, state: Any, eg: Example):
        self.moves, self.gold = moves, moves.init_gold(state, eg)
        aligned: Any = eg
        _, self.deprels = aligned.get_aligned_parse(projectivize=True)

    def costs(self, state: Any, actions: Actions) -> Floats1d:
        """Return (actions,) how many of its arcs each action loses that could still be made;
        `INVALID` of what cannot be taken."""
        costs = numpy.empty(actions.n)
        self.gold.update(state)
        cost = self.moves.get_cost
        for action in actions.plain:
            costs[action] = cost(state, self.gold, action)
        for arcs, columns, child in zip(actions.arcs, actions.columns, (state.S(0), state.B(0))):
            own = arcs.get(self.deprels[child] or "", arcs[_BACKOFF]) if child >= 0 else -1
            # All other deprels cost the same.
            other = int(columns[0] if columns[0] != own else columns[-1])
            costs[columns] = cost(state, self.gold, other)
            if own >= 0:
                costs[own] = cost(state, self.gold, own)
        return costs


class TreeOracle(Oracle):
    """See `Oracle`.

    gold (Reference | None): the annotation. drawn (Sequence[Reference]): trees of the teacher.
    sentence (Ints1d): (tokens,) a number of the sentence of each, in which they are drawn.
    """

    def __init__(
        self,
        actions: Actions,
        gold: Reference | None,
        drawn: Sequence[Reference],
        sentence: Ints1d,
        *,
        counts: float,
    ):
        self.actions, self.gold, self.drawn, self.sentence = actions, gold, drawn, sentence
        self.counts = counts if drawn else 0.0
        self.lost_arcs = numpy.zeros(len(drawn))
        self._here = -1
        self._costs: Floats2d = numpy.zeros((0, actions.n))

    def at(self, state: Any) -> Advice:
        first = state.B(0) if state.B(0) >= 0 else state.S(0)
        if self.sentence[first] != self._here:
            self._here = int(self.sentence[first])
            self.lost_arcs[:] = 0
        rows = [each.costs(state, self.actions) for each in self.drawn]
        self._costs = numpy.asarray(rows).reshape(len(rows), self.actions.n)
        gold, costs = None, self._costs[:1]
        if self.gold is not None:
            costs = self.gold.costs(state, self.actions)[None]
            gold = self.cheapest(costs[0])
        valid = costs[0] < INVALID
        if not rows or not valid.any():
            return Advice(valid, gold=gold)
        agree = self.lost_arcs <= self.lost_arcs.min()
        sets = self._costs[agree] <= self._costs[agree].min(axis=1, keepdims=True)
        return Advice(valid, sets=sets, shares=numpy.full(len(sets), 1 / len(sets)), gold=gold)

    def took(self, action: int) -> None:
        if len(self._costs):
            cost = self._costs[:, action]
            lost = cost - self._costs.min(axis=1)
            self.lost_arcs += numpy.where(cost < INVALID, lost, 0.0)


class DistillingDependencyParser(TransitionPipe, DependencyParser):  # type: ignore[misc, unused-ignore]
    """spaCy's `parser`, which learns from trees that are drawn from a teacher's beliefs.

    draws (int): how many of each doc. crossing (int): draws so far of a teacher that holds no tree
        without crossing arcs possible, which spaCy then makes projective.
    """

    stock_factory = TreeLayer.stock_factory
    stock_class = DependencyParser
    settings = ("draws", "min_action_freq")
    n_features = (8, 13)

    def __init__(self, vocab: Any, model: Any, name: str, *, draws: int = 4, **settings: Any):
        super().__init__(vocab, model, name, **settings)
        self.draws = draws
        self.crossing = 0

    @property
    def taught_labels(self) -> tuple[str, ...]:
        """See `TransitionPipe.taught_labels`: all but spaCy's own of what is unknown."""
        return _known(self.labels)

    def labels_of_teacher(self) -> tuple[str, ...]:
        """See `TransitionPipe.labels_of_teacher`. Every parser has that of what is unknown."""
        return _known(super().labels_of_teacher())

    def oracles(
        self, docs: Sequence[Doc], beliefs: Sequence[Belief] | None, golds: Sequence[Any]
    ) -> list[TreeOracle]:
        moves = self.moves
        actions = actions_of(tuple(moves.get_class_name(i) for i in range(moves.n_moves)))
        known = [None] * len(docs) if beliefs is None else beliefs
        states, words = moves.init_batch(docs), words_of(docs)
        return [
            TreeOracle(
                actions,
                None if eg is None else Reference(moves, state, eg),
                self._drawn(state, doc, belief),
                _sentences(belief, of_doc),
                counts=0.0 if belief is None else belief.importance,
            )
            for state, doc, belief, eg, of_doc in zip(states, docs, known, golds, words)
        ]

    def _golds(self, examples: Sequence[Example]) -> list[Any]:
        """Return each example that has gold, None of one without."""
        return [eg if len(eg.predicted) and self.moves.has_gold(eg) else None for eg in examples]

    def _drawn(self, state: Any, doc: Doc, belief: Belief | None) -> list[Reference]:
        if belief is None or not belief.is_known or not belief.n_tokens:
            return []
        spaces = [bool(token.whitespace_) for token in doc]
        trees = [Doc(doc.vocab, [token.text for token in doc], spaces) for _ in range(self.draws)]
        with named(self.name):
            for tree in trees:
                self._draw(tree, belief)
        return [Reference(self.moves, state, Example(doc, tree)) for tree in trees]

    def _draw(self, tree: Doc, belief: Belief) -> None:
        rng = self.driver.rng
        try:
            drawn = belief.draw_trees(rng=rng, projective=True)
        except ValueError:  # of a teacher of no trees at all, again
            drawn = belief.draw_trees(rng=rng)
            self.crossing += 1
        TREES.write_drawn(tree, drawn)

    def actions_with(
        self, labels: Sequence[str], actions: dict[int, dict[str, int]]
    ) -> dict[int, dict[str, int]]:
        """See `TransitionPipe.actions_with`: arcs to the left and to the right of each deprel; and
        what every parser needs, however rare it was."""
        for move in (_SHIFT, _REDUCE):
            actions[move].setdefault("", 1)
        for move in (_LEFT, _RIGHT):
            for label in labels:
                if label.upper() != _ROOT:
                    actions[move].setdefault(label, 0)
        return actions


def _known(labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(label for label in labels if label != _BACKOFF)


def _sentences(belief: Belief | None, words: Words) -> Ints1d:
    """Return (tokens,) which sentence of a belief each token is in; one, if it has none."""
    units = None if belief is None else belief.sentences()
    sentence = numpy.zeros(words.n_tokens, dtype="int64")
    if units is not None and len(units):
        sentence[words.units_to_tokens(units)[1:, 0]] = 1
    return sentence.cumsum()
