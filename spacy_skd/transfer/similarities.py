"""Pair-wise distillation: two words of a doc are to be as alike to the student as to the teacher.

Liu et al., "Structured Knowledge Distillation for Semantic Segmentation" (CVPR 2019), section 3.2,
with the words of a doc for the nodes and its cosines for the similarities; x is what the student's
tok2vec says of a word, t the teacher's hidden state:

    L = mean over (i, j) near (cos(x_i, x_j) - cos(t_i, t_j))^2
        + a * the mean over (i, j) that share an arc of a tree

Cosines do not depend on how wide vectors are, so that nothing lies between the two to be learnt.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from ..arrays import Array, Floats2d, Ints1d, array_module


@dataclass(frozen=True, eq=False)
class WordStates:
    """What a teacher's transformer says of the words of a doc.

    columns (Array): (words, columns), directions; a row of zeros where it says nothing of a word.
    heads (Ints1d | None): (words,) head word of each, below 0 for ROOT and where it is not known;
        None if nothing is known of them.
    """

    columns: Array
    heads: Ints1d | None = None


def similarity_loss(
    vectors: Sequence[Floats2d],
    states: Sequence[WordStates | None],
    *,
    window: int,
    arc_weight: float,
) -> tuple[float, list[Floats2d]]:
    """Return L, and its gradient at the student's vectors.

    vectors (Sequence[Floats2d]): (words, width) of each doc.
    states (Sequence[WordStates | None]): of each doc; of one without, nothing is learnt.
    window (int): words that are at most so far apart are near; 0 for all of a doc.
    arc_weight (float): a.
    RETURNS (tuple[float, list[Floats2d]]): 0 to 4 (1 + a); (words, width) of each doc.
    """
    pairs = [None if each is None else _pairs_of(each, window, arc_weight > 0) for each in states]
    n_near, n_arcs = (
        sum(int(both[i].sum()) for both in pairs if both is not None) for i in range(2)
    )
    loss, gradients = 0.0, []
    for x, of, both in zip(vectors, states, pairs):
        xp = array_module(x)
        if of is None or both is None:
            gradients.append(xp.zeros(x.shape, dtype=x.dtype))
            continue
        near, arcs = both
        shares = near / max(1, n_near) + arcs * (arc_weight / max(1, n_arcs))
        of_teacher = _unit_rows(of.columns.astype("float32"))[0]
        wanted = xp.asarray((of_teacher @ of_teacher.T).astype(x.dtype))
        part, gradient = _squared(x, wanted, xp.asarray(shares.astype(x.dtype)))
        loss += part
        gradients.append(gradient)
    return loss, gradients


def _squared(x: Floats2d, wanted: Floats2d, shares: Floats2d) -> tuple[float, Floats2d]:
    """Return the sum of shares (cos - wanted)^2 over all pairs, and its gradient.

    x (Floats2d): (n, width). wanted, shares (Floats2d): (n, n), symmetric.
    """
    unit, lengths = _unit_rows(x)
    # u = x / |x|, S = u u^T    dL / du = 4 (c * (S - T)) u    dL / dx = (du - u (u . du)) / |x|
    errors = unit @ unit.T - wanted
    weighted = shares * errors
    d_unit = 4 * (weighted @ unit)
    d_x = (d_unit - unit * (unit * d_unit).sum(axis=1, keepdims=True)) / lengths
    return float((weighted * errors).sum()), d_x


def _unit_rows(rows: Floats2d) -> tuple[Floats2d, Floats2d]:
    """Return rows of length 1, and (n, 1) the lengths of what they were; a row of zeros stays."""
    lengths = (rows * rows).sum(axis=1, keepdims=True) ** 0.5
    lengths = lengths + (lengths == 0)
    return rows / lengths, lengths


def _pairs_of(states: WordStates, window: int, has_arcs: bool) -> tuple[Array, Array]:
    """Return which words are near to each other, and which share an arc, both (words, words) bool
    and symmetric: of words of which the teacher says something."""
    is_known = (states.columns != 0).max(axis=1, initial=False)
    n = len(is_known)
    both = is_known[:, None] & is_known[None, :]
    numpy.fill_diagonal(both, False)
    near, arcs = both, numpy.zeros((n, n), dtype=bool)
    if window:
        places = numpy.arange(n)
        near = both & (numpy.abs(places[:, None] - places[None, :]) <= window)
    if has_arcs and states.heads is not None:
        dependents = numpy.flatnonzero(states.heads >= 0)
        arcs[dependents, states.heads[dependents]] = True
        arcs = (arcs | arcs.T) & both
    return near, arcs
