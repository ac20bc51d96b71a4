"""How uncertain a belief is: - sum P log P over all that a doc may be, in nats."""

from collections.abc import Hashable, Sequence

import numpy

from ...arrays import Floats1d, Floats2d, FloatsXd, Ints2d
from ...structures import ArcStructure, Parts, Structure
from ...structures.parts import POSSIBLE_ABOVE


def entropy_of_weights(weights: FloatsXd) -> float:
    """Return the sum of the entropies of rows of candidates. weights: (..., K), at least 0."""
    total = weights.sum(axis=-1, keepdims=True)
    p = weights / numpy.where(total > 0, total, 1.0)
    return float(-(p * numpy.log(numpy.where(p > 0, p, 1.0))).sum())


def entropy_of_listed(said: Sequence[Hashable], weights: Floats1d) -> float:
    """Return that of candidates, of which several may say the same. said: what each says. weights:
    (K,), at least 0."""
    totals: dict[Hashable, float] = {}
    for key, weight in zip(said, weights.tolist()):
        totals[key] = totals.get(key, 0.0) + weight
    return entropy_of_weights(numpy.asarray([*totals.values()]))


def entropy_of_rows(scores: Floats2d) -> float:
    """Return the sum of the entropies of independent words. scores: (words, labels) nats."""
    best = scores.max(axis=1, keepdims=True, initial=2 * POSSIBLE_ABOVE)
    return entropy_of_weights(numpy.exp(scores.astype("float64") - best))


def entropy_of_unit(structure: Structure, scores: Parts) -> float:
    """Return the sum of the entropies of units. RAISES (ValueError): if one has no structure."""
    arrays = {name: array.astype("float64") for name, array in scores.arrays.items()}
    return float(structure.entropy(Parts(arrays, scores.lengths)).sum())


def entropy_of_trees(
    structure: ArcStructure,
    units: Ints2d,
    arcs: Sequence[Floats2d],
    pairs: Ints2d,
    label_scores: Floats2d,
) -> float:
    """Return that of the heads, and of the deprels given them: H(heads) + sum of P(arc) H(deprel |
    arc) over the arcs whose deprels were scored. See `TreeBelief` for the arguments."""
    total = 0.0
    for (start, end), arc in zip(units.tolist(), arcs):
        scores = Parts({"arc": arc[None].astype("float64")}, numpy.asarray([end - start]))
        log_z, marginals = structure.infer(scores)
        total += float((log_z - marginals.dot(scores)).sum())
        inside = (pairs[:, 0] >= start) & (pairs[:, 0] < end)
        dependents, heads = pairs[inside].T
        column = numpy.where(heads < 0, 0, heads - start + 1)
        p_arc = marginals.arrays["arc"][0, dependents - start, column]
        for p, row in zip(p_arc.tolist(), label_scores[inside]):
            total += p * entropy_of_rows(row[None])
    return total
