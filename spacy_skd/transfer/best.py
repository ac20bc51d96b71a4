"""A teacher's best guesses as candidates of equal weight: the targets Top-1 and Top-K of
Wang et al. (2021), section 4."""

from collections.abc import Sequence
from dataclasses import replace

import numpy

from ..arrays import Floats1d, Floats2d, Ints1d, Ints2d
from ..codecs.bioes import are_span_tags, encode_spans, legality, span_tags
from ..codecs.head_labels import UNTAGGED
from ..codecs.spans import decode_segments
from ..structures import LinearChain, Parts, SpanningTrees, Structure
from .belief import (
    Belief,
    ChainBelief,
    HeadLabelBelief,
    Mixture,
    SegmentBelief,
    TokenBelief,
    TreeBelief,
)
from .candidates import LabelCandidates, TreeCandidates
from .conversions.head_tags import head_labels


def best(beliefs: Sequence[Belief], *, k: int) -> list[Belief]:
    """The k best of each doc: labellings, of tags of spans legal ones; of trees the k best of each
    sentence, single-rooted whatever the teacher's structure is, each arc with its best deprel; so
    of tags of heads, where an arc scores as its best tag. Of
    several teachers, the k best of each by the teachers' weights.

    beliefs (Sequence[Belief]): of docs, by the same teacher. k (int): at least 1.
    """
    found: list[Belief] = []
    if not beliefs:
        return found
    if isinstance(beliefs[0], Mixture):
        mixtures = [belief for belief in beliefs if isinstance(belief, Mixture)]
        columns = [best(column, k=k) for column in zip(*(m.beliefs for m in mixtures))]
        return [Mixture(row, m.weights) for row, m in zip(zip(*columns), mixtures)]
    for belief in beliefs:
        if isinstance(belief, LabelCandidates):
            found.append(_heaviest_labels(belief, k))
        elif isinstance(belief, TreeCandidates):
            found.append(_heaviest_trees(belief, k))
        elif isinstance(belief, TreeBelief):
            found.append(_best_trees(belief, k))
        elif isinstance(belief, HeadLabelBelief):
            found.append(_best_tagged_trees(belief, k))
        elif isinstance(belief, SegmentBelief):
            found.append(_best_segments(belief, k))
        elif isinstance(belief, (TokenBelief, ChainBelief)):
            found.append(_best_labels(belief, k))
    return found


def _best_labels(belief: TokenBelief | ChainBelief, k: int) -> LabelCandidates:
    n = len(belief.scores)
    if not n:
        return LabelCandidates(belief.labels, numpy.zeros((1, 0), "int32"), numpy.ones(1))
    arrays = {"unary": belief.scores[None]}
    structure: Structure = belief.structure
    if isinstance(belief, ChainBelief):
        arrays["transition"] = belief.transition[None]
    scores = Parts(arrays, numpy.asarray([n]))
    if isinstance(belief, TokenBelief) and are_span_tags(belief.labels):
        # Each token's best tag on its own may make no sequence.
        free = numpy.zeros((1, len(belief.labels), len(belief.labels)), dtype="float32")
        legal = legality(belief.labels)
        structure, scores = (
            LinearChain(),
            legal.add_to(Parts({**arrays, "transition": free}, scores.lengths)),
        )
    totals, found = _k_best(structure, scores, k)
    there = numpy.isfinite(totals[0])
    rows = numpy.stack([parts.arrays["unary"][0].argmax(axis=-1) for parts in found])
    return LabelCandidates(belief.labels, rows[there].astype("int32"), numpy.ones(there.sum()))


def _best_segments(belief: SegmentBelief, k: int) -> LabelCandidates:
    """As BIOES tags of the spans."""
    tags, n = span_tags(belief.labels, scheme="BIOES"), len(belief.scores)
    if not n:
        return LabelCandidates(tags, numpy.zeros((1, 0), "int32"), numpy.ones(1))
    scores = Parts({"span": belief.scores[None]}, numpy.asarray([n]))
    totals, found = _k_best(belief.structure, scores, k)
    index = {tag: i for i, tag in enumerate(tags)}
    rows = []
    for parts, total in zip(found, totals[0]):
        if numpy.isfinite(total):
            (spans,) = decode_segments(parts, belief.labels)
            rows.append([index[tag] for tag in encode_spans(spans, n=n, scheme="BIOES")])
    return LabelCandidates(tags, numpy.asarray(rows, "int32"), numpy.ones(len(rows)))


def _k_best(structure: Structure, scores: Parts, k: int) -> tuple[Floats2d, list[Parts]]:
    """As `Structure.k_best`; of one structure its score is not needed, and argmax is faster."""
    if k > 1:
        return structure.k_best(scores, k=k)
    return numpy.zeros((scores.n_units, 1)), [structure.argmax(scores)]


def _best_trees(belief: TreeBelief, k: int) -> TreeCandidates:
    heads, totals = _best_heads(belief.units, belief.arcs, belief.structure.decoder, k)
    deprels = numpy.stack([_best_deprels(belief, row) for row in heads])
    weights = numpy.isfinite(totals).astype("float64")
    return TreeCandidates(belief.labels, belief.units, heads, deprels, weights)


def _best_tagged_trees(belief: HeadLabelBelief, k: int) -> TreeCandidates:
    """Trees with an arc without a tag count only where there is no other."""
    tags = head_labels(belief.labels)
    arcs = []
    for start, end in belief.units.tolist():
        rows, lengths = numpy.arange(end - start)[None], numpy.asarray([end - start])
        arcs.append(tags.best_arcs(belief.scores[start:end], rows, lengths)[0])
    heads, totals = _best_heads(belief.units, arcs, SpanningTrees(single_root=True), k)
    offsets = numpy.where(heads < 0, 0, heads - numpy.arange(heads.shape[1]))
    deprels = numpy.stack([tags.of_arcs(belief.scores, row)[1] for row in offsets])
    weights = (totals > UNTAGGED / 2).astype("float64")
    weights[:, :1] = 1.0
    return TreeCandidates(tags.deprels, belief.units, heads, deprels.astype("int32"), weights)


def _best_heads(
    units: Ints2d, arcs: Sequence[Floats2d], decoder: Structure, k: int
) -> tuple[Ints2d, Floats2d]:
    """RETURNS: (k, tokens) head tokens, -1 = ROOT; (units, k) scores, -inf where there are fewer
    trees."""
    n = int(units[:, 1].max(initial=0))
    heads = numpy.full((k, n), -1, dtype="int32")
    if not len(units):
        return heads, numpy.zeros((0, k))
    parts = [Parts({"arc": arc[None]}, numpy.asarray([len(arc)])) for arc in arcs]
    totals, found = _k_best(decoder, Parts.concat(parts), k)
    for candidate, best_of in zip(heads, found):
        local = best_of.arrays["arc"].argmax(axis=-1)
        for (start, end), row in zip(units.tolist(), local):
            head = row[: end - start]
            candidate[start:end] = numpy.where(head == 0, -1, start + head - 1)
    return heads, totals


def _best_deprels(belief: TreeBelief, heads: Ints1d) -> Ints1d:
    """heads: (tokens,). RETURNS: (tokens,) -1 where the arc's deprels were not scored."""
    base = len(heads) + 1
    keys = belief.pairs[:, 0].astype("int64") * base + belief.pairs[:, 1] + 1
    order = numpy.argsort(keys)
    wanted = numpy.arange(len(heads)) * base + heads + 1
    deprels = numpy.full(len(heads), -1, dtype="int32")
    if len(keys):
        where = order[numpy.minimum(numpy.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
        found = keys[where] == wanted
        deprels[found] = belief.label_scores[where[found]].argmax(axis=1)
    return deprels


def _heaviest_labels(belief: LabelCandidates, k: int) -> LabelCandidates:
    order = _heaviest(belief.weights[None], k)[0]
    return replace(belief, rows=belief.rows[order], weights=_equal(belief.weights[order]))


def _heaviest_trees(belief: TreeCandidates, k: int) -> TreeCandidates:
    order = _heaviest(belief.weights, k)
    heads, deprels = belief.heads[: order.shape[1]].copy(), belief.deprels[: order.shape[1]].copy()
    for (start, end), chosen in zip(belief.units.tolist(), order):
        heads[:, start:end] = belief.heads[chosen, start:end]
        deprels[:, start:end] = belief.deprels[chosen, start:end]
    weights = _equal(numpy.take_along_axis(belief.weights, order, axis=1))
    return replace(belief, heads=heads, deprels=deprels, weights=weights)


def _heaviest(weights: Floats2d, k: int) -> Ints2d:
    """(U, at most k) which candidates of each unit weigh most."""
    return numpy.argsort(-weights, axis=1, kind="stable")[:, :k]


def _equal(weights: Floats1d) -> Floats1d:
    return (weights > 0).astype("float64")
