"""The highest-scoring dependency tree of each unit of a batch: Chu-Liu/Edmonds, vectorised.

Every token takes its best head; a unit whose heads have a cycle gets one cycle contracted to a
single node (McDonald et al., "Non-projective Dependency Parsing using Spanning Tree Algorithms",
HLT-EMNLP 2005, figure 3), which takes its best head, and so on until there is none; then the
contractions are undone in reverse. All units go through a round together.
"""

from dataclasses import dataclass

import numpy

from ...arrays import Array, Floats1d, Floats3d, Ints1d, Ints2d
from ..heads import ancestors
from ..parts import POSSIBLE_ABOVE
from .single import maximum_tree

# Nats by which an arc from ROOT costs more than at first, one after the other until a tree has a
# single root.
MORE_PENALTIES = (0.0, 2.0, 10.0)
# Scores of units that are done one by one.
FEW = 4000
# Nats by which an arc from ROOT may cost less at the start, where hardly a token has it for a head.
MOST_BONUS = 10.0


def maximum_trees(arc: Floats3d, lengths: Ints1d, *, single_root: bool) -> Ints2d:
    """arc (Floats3d): (B, N, N + 1) scores in nats, head 0 = ROOT.

    A single root: the best of all trees, where each arc from ROOT costs a penalty, is the best of
    those with one root as soon as it has one, since all of these pay the same. At the start it is
    such that one token alone has ROOT for its best head, below 0 if none would (but for ties, and
    if it need not be too far below), which leaves few cycles, and most units done; the last is
    larger than the range of all trees' scores.

    RETURNS (Ints2d): (B, N) heads. Where there is no such tree, they have an impossible arc or more
        than one root.
    """
    scores, last = _prepare(arc, lengths)
    if not single_root:
        return _contract_all(scores)[:, 1:]
    heads = numpy.zeros(scores.shape[:2], dtype="int64")
    tokens = numpy.arange(scores.shape[1])[None] <= numpy.asarray(lengths)[:, None]
    first = _single_root_penalty(scores, tokens, most=last)
    todo = numpy.arange(len(scores))
    for more in (*MORE_PENALTIES, numpy.inf):
        costs = numpy.minimum(first[todo] + more, last[todo])[:, None] * tokens[todo]
        tried = scores[todo]
        tried[:, :, 0] -= costs
        heads[todo] = _contract_all(tried)
        roots = ((heads[todo] == 0) & tokens[todo])[:, 1:].sum(axis=1)
        todo = todo[roots > 1]
        if not len(todo):
            break
    return heads[:, 1:]


def _single_root_penalty(scores: Floats3d, tokens: Array, *, most: Floats1d) -> Floats1d:
    """(B,) nats, halfway between what ROOT is worth to the two tokens that gain most by it.

    scores (Floats3d): (B, M, M), as `_prepare` makes them. tokens (ndarray): (B, M) bool.
    most (Floats1d): (B,) above the range of all trees' scores."""
    if scores.shape[1] < 3:
        return numpy.zeros(len(scores))
    gains = scores[:, 1:, 0] - scores[:, 1:, 1:].max(axis=2)
    gains = numpy.where(tokens[:, 1:], gains, -numpy.inf)
    two = numpy.partition(gains, gains.shape[1] - 2, axis=1)[:, -2:]
    halfway: Floats1d = numpy.clip(two, -MOST_BONUS, most[:, None]).mean(axis=1)
    return halfway


def _contract_all(scores: Floats3d) -> Ints2d:
    """(B, M, M) scores of [dependent, head], node 0 = ROOT, changed in place. RETURNS: (B, M)."""
    if scores.size <= FEW:
        return numpy.asarray([maximum_tree(unit) for unit in scores.tolist()], dtype="int64")
    heads: Ints2d = scores.argmax(axis=2)
    heads[:, 0] = 0
    active, best = numpy.arange(len(scores)), heads
    done: list[_Contraction] = []
    while True:
        reached = ancestors(best)
        cyclic = (reached != 0).any(axis=1)
        heads[active[~cyclic]] = best[~cyclic]
        if not cyclic.any():
            break
        active, best, reached = active[cyclic], best[cyclic], reached[cyclic]
        rep = numpy.take_along_axis(reached, (reached != 0).argmax(axis=1)[:, None], axis=1)[:, 0]
        contraction, best = _contract(active, scores, best, rep)
        done.append(contraction)
    for contraction in reversed(done):
        contraction.expand(heads)
    return heads


def _prepare(arc: Floats3d, lengths: Ints1d) -> tuple[Floats3d, Array]:
    """Return (B, N + 1, N + 1) float64 scores, [dependent, head]; (B,) a penalty above the range
    of all trees' scores. An impossible arc costs more than that penalty on every token."""
    b, n, _ = arc.shape
    inside = numpy.arange(n)[None] < numpy.asarray(lengths)[:, None]
    possible = arc > POSSIBLE_ABOVE
    possible &= inside[:, :, None]
    largest = numpy.where(possible, numpy.abs(arc), 0).max(axis=(1, 2), initial=0)
    penalty = (2.0 * largest.astype("float64") + 1.0) * (n + 1)
    scores = numpy.full((b, n + 1, n + 1), -numpy.inf)
    scores[:, 1:] = arc
    numpy.copyto(scores[:, 1:], -(penalty * (n + 2))[:, None, None], where=~possible)
    index = numpy.arange(1, n + 1)
    scores[:, index, index] = -numpy.inf
    unit, token = numpy.nonzero(~inside)
    scores[unit, token + 1] = -numpy.inf
    scores[unit, :, token + 1] = -numpy.inf
    scores[unit, token + 1, 0] = 0.0
    return scores, penalty


@dataclass
class _Contraction:
    """One cycle of each of some units, as one node.

    units (Ints1d): (b,). rep (Ints1d): (b,) the node that stands for the cycle.
    members (ndarray): (b, M) bool. heads (Ints2d): (b, M) heads within the cycle.
    entry (Ints2d): (b, M) the member that head h would enter at.
    exit (Ints2d): (b, M) the member that dependent d would hang on.
    """

    units: Ints1d
    rep: Ints1d
    members: Array
    heads: Ints2d
    entry: Ints2d
    exit: Ints2d

    def expand(self, heads: Ints2d) -> None:
        """Replace the node by its cycle, opened where its head enters. heads: (B, M), changed."""
        current = heads[self.units]
        index = numpy.arange(len(self.units))
        outer = current[index, self.rep]
        opened = self.entry[index, outer]
        hanging = (current == self.rep[:, None]) & ~self.members
        current = numpy.where(hanging, self.exit, current)
        current = numpy.where(self.members, self.heads, current)
        current[index, opened] = outer
        heads[self.units] = current


def _contract(
    units: Ints1d, scores: Floats3d, best: Ints2d, rep: Ints1d
) -> tuple[_Contraction, Ints2d]:
    """Contract the cycle through `rep` of each of some units, (b,).

    scores: (B, M, M), of all units, changed in place. best: (b, M). RETURNS: and the best heads
        after it, (b, M): only that of the new node has to be looked for.
    """
    index = numpy.arange(len(units))
    cycle = _cycle(best, rep)
    unit, here = units[:, None], index[:, None]
    members = numpy.zeros(best.shape, dtype=bool)
    members[here, cycle] = True
    kept = scores[unit, cycle, best[here, cycle]]
    # entering at v costs the arc that v has within the cycle
    with numpy.errstate(invalid="ignore"):
        gains = scores[unit, cycle] - kept[:, :, None]  # (b, C, M)
    gains = numpy.where(members[:, None, :], -numpy.inf, gains)
    entry = cycle[here, gains.argmax(axis=1)]
    outward = scores[unit, :, cycle]  # (b, C, M)
    exit_ = cycle[here, outward.argmax(axis=1)]
    into = gains.max(axis=1)
    scores[unit, :, cycle] = -numpy.inf  # nodes that are gone are no heads, and look for none
    scores[units, :, rep] = numpy.where(members, -numpy.inf, outward.max(axis=1))
    scores[units, rep] = into
    after = numpy.where(members[here, best], rep[:, None], best)
    after[members] = 0
    after[index, rep] = into.argmax(axis=1)
    return _Contraction(units, rep, members, best, entry, exit_), after


def _cycle(best: Ints2d, rep: Ints1d) -> Ints2d:
    """Return (b, C) the nodes of the cycle through `rep`, ascending, some more than once."""
    index = numpy.arange(len(best))
    nodes = [rep]
    node = best[index, rep]
    closed = node == rep
    while not closed.all():
        nodes.append(node)
        node = best[index, node]
        closed |= node == rep
    return numpy.sort(numpy.stack(nodes, axis=1), axis=1)
