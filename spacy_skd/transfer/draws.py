"""One annotation of a doc, drawn from what a teacher believes of it.

A draw is exact: an annotation comes with the probability that the teacher gives it. So a component
that learns draws as if they were gold, anew each time, has in expectation the gradient of the
cross-entropy with the teacher's distribution, whatever its own structure is.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

import numpy

from ..arrays import Array, Floats2d, Ints1d
from ..codecs.bioes import Legality, TypedSpan, are_span_tags, decode_spans, legality
from ..codecs.head_labels import UNTAGGED
from ..codecs.trees import ROOT_HEAD, decode_trees
from ..structures import (
    IMPOSSIBLE,
    IndependentLabels,
    LinearChain,
    Parts,
    ProjectiveTrees,
    Structure,
)
from ..structures.numerics import POSSIBLE_ABOVE
from .belief import ChainBelief, HeadLabelBelief, SegmentBelief, TokenBelief, TreeBelief
from .candidates import LabelCandidates, TreeCandidates, tempered_weights
from .conversions.head_tags import tags_to_arcs
from .conversions.table import in_common

ROOT_DEPREL = "ROOT"
NO_DEPREL = "dep"  # spaCy's own name of an arc of which no more is known

LabelBelief = TokenBelief | ChainBelief | LabelCandidates
SpansBelief = LabelBelief | SegmentBelief
TreesBelief = TreeBelief | HeadLabelBelief | TreeCandidates


@dataclass(frozen=True, eq=False)
class DrawnTrees:
    """heads (Ints1d): (words,) head word in the doc, itself for a root. deprels: one a word."""

    heads: Ints1d
    deprels: list[str]


def draw_labels(
    belief: LabelBelief,
    *,
    rng: numpy.random.Generator,
    temperature: float = 1.0,
    known: Container[str] | None = None,
) -> list[str]:
    """A label for each word of a doc. Tags of spans form a legal sequence. Of candidates, one.

    temperature (float): divides the scores. known (Container[str] | None): the labels that can
        be learnt, of independent ones: the draw is given that each is one of them.
    RETURNS (list[str]): "" for a token of which the teacher holds no known label possible.
    """
    if isinstance(belief, LabelCandidates):
        (chosen,) = _choose(belief.weights[None], rng=rng, temperature=temperature)
        return [belief.labels[i] for i in belief.rows[chosen].tolist()]
    scores = belief.scores * (1.0 / temperature)
    if not len(scores):
        return []
    if isinstance(belief, ChainBelief):
        drawn = _draw_chain(belief.structure, scores, belief.transition * (1.0 / temperature), rng)
    elif are_span_tags(belief.labels):
        n = len(belief.labels)
        rules = legality(belief.labels)
        drawn = _draw_chain(LinearChain(), scores, numpy.zeros((n, n), scores.dtype), rng, rules)
    else:
        columns = range(len(belief.labels))
        kept = [i for i in columns if known is None or belief.labels[i] in known]
        return _draw_independent(scores[:, kept], [belief.labels[i] for i in kept], rng)
    return [belief.labels[i] for i in drawn.tolist()]


def draw_spans(
    belief: SpansBelief, *, rng: numpy.random.Generator, temperature: float = 1.0
) -> list[TypedSpan]:
    """Spans of a doc that do not overlap."""
    if not isinstance(belief, SegmentBelief):
        return decode_spans(draw_labels(belief, rng=rng, temperature=temperature))
    n = len(belief.scores)
    if not n:
        return []
    scores = Parts({"span": belief.scores[None]}, numpy.asarray([n])) * (1.0 / temperature)
    drawn = belief.structure.sample(scores, rng=rng).arrays["span"][0]
    return [(i, i + w + 1, belief.labels[label]) for i, w, label in numpy.argwhere(drawn).tolist()]


def draw_trees(
    belief: TreesBelief,
    *,
    rng: numpy.random.Generator,
    temperature: float = 1.0,
    projective: bool = False,
) -> DrawnTrees:
    """Heads and deprels of a doc, each sentence on its own: of scores, a single-rooted tree and
    deprels given its arcs; of candidates, one of those whose arcs stay in the sentence.

    projective (bool): of scores, draw given that no arcs cross.

    Independent heads, and tags of heads, are drawn given that they form a tree. An arc whose deprel
    was not scored (its marginal is below the teacher's floor, or it has no tag) takes the deprel of
    its dependent's likeliest scored arc that is not from ROOT, drawn anew, or `NO_DEPREL` where
    there is none; one from ROOT is `ROOT_DEPREL`.
    """
    if isinstance(belief, TreeCandidates):
        heads, deprels = _draw_candidates(belief, rng=rng, temperature=temperature)
        return _as_drawn(heads, deprels)
    if isinstance(belief, HeadLabelBelief):
        belief = _lifted(belief, temperature=temperature)
    structure = belief.structure.decoder
    if projective:
        structure = in_common(structure, ProjectiveTrees())
    heads = _draw_heads(belief, structure, rng=rng, temperature=temperature)
    rows = _scored_rows(belief, heads)
    found = numpy.nonzero(rows >= 0)[0]
    scores = belief.label_scores[rows[found]] * (1.0 / temperature)
    deprels = [""] * len(heads)
    for i, deprel in zip(found.tolist(), _draw_independent(scores, belief.labels, rng)):
        deprels[i] = deprel
    return _as_drawn(heads, deprels)


def _lifted(belief: HeadLabelBelief, *, temperature: float) -> TreeBelief:
    """Tags as heads and deprels; arcs without a tag are possible where every tree has one."""
    lifted, _ = tags_to_arcs(belief, floor=0.0, temperature=temperature)
    best = [arc.max(axis=1, keepdims=True, initial=IMPOSSIBLE) for arc in lifted.arcs]
    lowest = [numpy.where(top > POSSIBLE_ABOVE, top + temperature * UNTAGGED, 0.0) for top in best]
    arcs = tuple(numpy.maximum(*pair).astype("float32") for pair in zip(lifted.arcs, lowest))
    return replace(lifted, arcs=arcs)


def _as_drawn(heads: Ints1d, deprels: Sequence[str]) -> DrawnTrees:
    """heads: (tokens,), `ROOT_HEAD` for a root. deprels: "" where none is known."""
    unknown = [ROOT_DEPREL if head == ROOT_HEAD else NO_DEPREL for head in heads.tolist()]
    own = numpy.where(heads == ROOT_HEAD, numpy.arange(len(heads)), heads)
    return DrawnTrees(own, [found or other for found, other in zip(deprels, unknown)])


def _draw_candidates(
    belief: TreeCandidates, *, rng: numpy.random.Generator, temperature: float
) -> tuple[Ints1d, list[str]]:
    """Heads, `ROOT_HEAD` for a root, and deprels, "" where none is known."""
    start, end = (numpy.repeat(side, numpy.diff(belief.units).ravel()) for side in belief.units.T)
    crosses = (belief.heads != ROOT_HEAD) & ((belief.heads < start) | (belief.heads >= end))
    bad = [crosses[:, a:b].any(axis=1) for a, b in belief.units.tolist()]
    weights = numpy.where(numpy.reshape(bad, belief.weights.shape), 0.0, belief.weights)
    chosen = _choose(weights, rng=rng, temperature=temperature)
    rows = numpy.repeat(chosen, numpy.diff(belief.units).ravel())
    tokens = numpy.arange(len(rows))
    deprels = belief.deprels[rows, tokens].tolist()
    return belief.heads[rows, tokens], ["" if i < 0 else belief.labels[i] for i in deprels]


def _choose(weights: Floats2d, *, rng: numpy.random.Generator, temperature: float) -> Ints1d:
    """weights (Floats2d): (U, K) of candidates. RETURNS (Ints1d): (U,) one of each row.

    RAISES (ValueError): if all weights of a row are 0.
    """
    shares = tempered_weights(weights, temperature=temperature).cumsum(axis=1)
    numbers = rng.random(len(weights))[:, None] * shares[:, -1:]
    chosen: Ints1d = (numbers >= shares).sum(axis=1)
    return chosen


def _draw_heads(
    belief: TreeBelief, structure: Structure, *, rng: numpy.random.Generator, temperature: float
) -> Ints1d:
    """(tokens,) head token, `ROOT_HEAD` for a root."""
    if not belief.arcs:
        return numpy.zeros(0, dtype="int64")
    units = [Parts({"arc": arc[None]}, numpy.asarray([len(arc)])) for arc in belief.arcs]
    drawn = structure.sample(Parts.concat(units) * (1.0 / temperature), rng=rng)
    return decode_trees(drawn, rows=belief.units[:, 0].astype("int64"))[:, 1]


def _scored_rows(belief: TreeBelief, heads: Ints1d) -> Ints1d:
    """(tokens,) row of `label_scores` for each token's arc; -1 for none.

    heads (Ints1d): (tokens,) head token, `ROOT_HEAD` for a root.
    """
    rows = numpy.full(len(heads), -1, dtype="int64")
    dependents, scored = belief.pairs.astype("int64").T
    likeliest = numpy.argsort(_arc_scores(belief), kind="stable")  # the last one counts
    inner = likeliest[scored[likeliest] != ROOT_HEAD]
    rows[dependents[inner]] = inner
    rows[heads == ROOT_HEAD] = -1
    exact = numpy.nonzero(heads[dependents] == scored)[0]
    rows[dependents[exact]] = exact
    return rows


def _arc_scores(belief: TreeBelief) -> Array:
    """(pairs,) the score of each pair's arc."""
    dependents, heads = belief.pairs.astype("int64").T
    unit = numpy.searchsorted(belief.units[:, 0], dependents, side="right") - 1
    start = belief.units[unit, 0]
    columns = numpy.where(heads == ROOT_HEAD, 0, heads - start + 1)
    places = zip(unit.tolist(), (dependents - start).tolist(), columns.tolist())
    return numpy.asarray([belief.arcs[u][d, h] for u, d, h in places])


def _draw_chain(
    structure: Structure,
    scores: Floats2d,
    transition: Floats2d,
    rng: numpy.random.Generator,
    rules: Legality | None = None,
) -> Ints1d:
    """(tokens,) the index of each token's tag."""
    arrays = {"unary": scores[None], "transition": transition[None]}
    parts = Parts(arrays, numpy.asarray([len(scores)]))
    drawn = structure.sample(parts if rules is None else rules.add_to(parts), rng=rng)
    return drawn.arrays["unary"][0].argmax(axis=1)


def _draw_independent(
    scores: Floats2d, labels: Sequence[str], rng: numpy.random.Generator
) -> list[str]:
    """scores (Floats2d): (rows, labels). RETURNS (list[str]): a label a row, "" where none is
    possible."""
    drawn = [""] * len(scores)
    if not scores.size:
        return drawn
    rows = numpy.nonzero(scores.max(axis=1) > POSSIBLE_ABOVE)[0]
    if len(rows):
        parts = Parts({"unary": scores[rows][None]}, numpy.asarray([len(rows)]))
        columns = IndependentLabels().sample(parts, rng=rng).arrays["unary"][0].argmax(axis=1)
        for i, column in zip(rows.tolist(), columns.tolist()):
            drawn[i] = labels[column]
    return drawn
