"""Probabilities of trees: of the chosen arcs, and of the k likeliest ones with their deprels."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy

from ...arrays import Floats1d, Floats2d, Ints1d, Ints2d
from ...codecs.units import ROOT_HEAD
from ...models.biaffine import ParserScores
from ...structures import ArcStructure, Parts, to_numpy
from ...structures.parts import softmax
from .analyses import count_up_to

LEAST = 1e-12  # probability that a token within a sentence is within it


class Tree(NamedTuple):
    """heads (Ints1d): (n,) of a sentence's words, 0 = ROOT, j + 1 = word j. deprels (Ints1d): (n,)
    indices. chance (float): the probability of both."""

    heads: Ints1d
    deprels: Ints1d
    chance: float


def chances_of_heads(
    structure: ArcStructure, batch: Sequence[Parts], heads: Sequence[Ints2d]
) -> Floats1d:
    """Return (words,) float32, the marginals of chosen arcs, bucket by bucket.

    batch (Sequence[Parts]): arc (B, N, N + 1) of each bucket, nats. heads: (B, N), 0 = ROOT.
    """
    chances = [numpy.zeros(0, dtype="float32")]
    for arcs, chosen in zip(batch, heads):
        marginals = to_numpy(structure.infer(arcs)[1].arrays["arc"])
        of_arcs = numpy.take_along_axis(marginals, chosen[..., None], axis=2)[..., 0]
        chances.append(of_arcs[to_numpy(arcs.mask)])
    return numpy.concatenate(chances)


def chances_of_cuts(
    starts: Sequence[Floats1d], units: Ints2d, offsets: Sequence[Ints1d]
) -> Floats1d:
    """Return (words of the batch,) the probability that sentences start where each arc needs them
    to, of starts that are independent: what an arc has beside its marginal, which is that given the
    sentence. With p_k the probability that word k starts one,

        of an arc between words i < j    prod_{i < k <= j} (1 - p_k)
        of a root, at both borders k     prod_k (1 + p_k) / 2

    since where a border is none, two sentences are one, and either of their roots may be its own.

    starts (Sequence[Floats1d]): (words,) of each doc; NaN for what is certain, as a doc's first is.
    units (Ints2d): (U, 2) start and end word of sentences, as rows of the batch, which follow each
    other. offsets (Sequence[Ints1d]): (words,) of heads, of each doc, 0 for a root.
    """
    p, heads = numpy.concatenate([*starts, [1.0]]), numpy.concatenate(offsets)
    is_border, places = numpy.zeros(len(p)), numpy.arange(len(heads))
    is_border[units[:, 0]] = 1
    p = numpy.where(numpy.isnan(p), is_border, p)
    p[numpy.cumsum([0, *map(len, starts)])] = 1
    at_borders = ((1 + p) / 2)[units].prod(axis=1)
    of_roots = numpy.repeat(at_borders, units[:, 1] - units[:, 0])
    logs = numpy.cumsum(numpy.log(numpy.maximum(1 - p[:-1], LEAST)))
    first, last = numpy.minimum(0, heads) + places, numpy.maximum(0, heads) + places
    chances: Floats1d = numpy.where(heads == 0, of_roots, numpy.exp(logs[last] - logs[first]))
    return chances


def k_labelled_trees(
    structure: ArcStructure,
    scores: ParserScores,
    deprels_of: Callable[[Ints2d], Floats2d],
    *,
    temperature: float,
    k: int,
) -> dict[int, list[Tree]]:
    """Return at most k trees of each unit: those of the k best heads. With s the scores of arcs, T
    the temperature,

        P(tree, deprels) = exp(sum_d s[d, head_d] / T) / Z  prod_d max_l P(l | d, head_d)

    deprels_of (Callable): pairs (P, 2) of dependent and head row to (P, deprels), nats.
    """
    trees: dict[int, list[Tree]] = {}
    factor = 1.0 / temperature
    for bucket, arcs in zip(scores.buckets, scores.arcs):
        for place, unit in enumerate(bucket.units.tolist()):
            first, n = int(bucket.rows[place]), int(bucket.lengths[place])
            own = Parts({"arc": arcs.arrays["arc"][place : place + 1, :n, : n + 1]},
                        bucket.lengths[place : place + 1])  # fmt: skip
            heads, log_chances = _k_heads(structure, own * factor, k)
            dependents, arc_heads, index = _distinct_arcs(heads)
            rows = numpy.where(arc_heads == 0, ROOT_HEAD, first + arc_heads - 1)
            deprels = deprels_of(numpy.stack([first + dependents, rows], axis=1)) * factor
            best = deprels.argmax(axis=1)
            given_arc = deprels.max(axis=1) - softmax(deprels)[0]
            totals = log_chances + given_arc[index].sum(axis=1)
            chances = numpy.exp(numpy.minimum(totals, 0.0)).tolist()
            trees[unit] = [Tree(*each) for each in zip(heads, best[index], chances)]
    return trees


def _k_heads(structure: ArcStructure, arcs: Parts, k: int) -> tuple[Ints2d, Floats1d]:
    """Return (K, n) heads of the trees of one unit; (K,) logs of their probabilities."""
    decoder = structure.decoder
    totals, found = decoder.k_best(arcs, k=count_up_to(decoder, arcs, k))
    exists = numpy.flatnonzero(numpy.isfinite(to_numpy(totals[0])))
    heads = numpy.stack([to_numpy(found[i].arrays["arc"][0]).argmax(axis=-1) for i in exists])
    return heads, to_numpy(totals[0])[exists] - float(structure.infer(arcs)[0][0])


def _distinct_arcs(heads: Ints2d) -> tuple[Ints1d, Ints1d, Ints2d]:
    """Return (P,) dependents and (P,) heads of all arcs; (K, n) which of these each arc is."""
    n = heads.shape[1]
    keys = numpy.arange(n) * (n + 1) + heads
    distinct, index = numpy.unique(keys, return_inverse=True)
    return distinct // (n + 1), distinct % (n + 1), index.reshape(keys.shape)
