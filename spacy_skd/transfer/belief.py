"""What a teacher believes of one doc: scores, not marginals, so that temperature and conditioning
stay exact."""

from dataclasses import dataclass, replace
from typing import Tuple, Union

import numpy
from thinc.types import Floats2d, Ints2d

from ..codecs.bioes import are_span_tags, legality
from ..codecs.head_labels import HeadLabels, decode_head_labels
from ..structures import IMPOSSIBLE, LinearChain, Parts, ProjectiveTrees, SpanningTrees, Structure


@dataclass(frozen=True, eq=False)
class TokenBelief:
    """Scores of independent labels.

    labels (Tuple[str, ...]): the teacher's inventory.
    scores (Floats2d): (tokens of the doc, labels), nats.
    """

    structure: Structure
    labels: Tuple[str, ...]
    scores: Floats2d

    @property
    def nbytes(self) -> int:
        return int(self.scores.nbytes)


@dataclass(frozen=True, eq=False)
class ChainBelief:
    """Scores of the tag sequences of a whole doc.

    labels (Tuple[str, ...]): the teacher's tags ("O", "B-PER", ...).
    scores (Floats2d): (tokens of the doc, tags), nats, with those of the first and the last tag.
    transition (Floats2d): (tags, tags), nats; the same array for all docs.
    Illegal sequences are `IMPOSSIBLE` by these scores.
    """

    structure: Structure
    labels: Tuple[str, ...]
    scores: Floats2d
    transition: Floats2d

    @property
    def nbytes(self) -> int:
        return int(self.scores.nbytes)


@dataclass(frozen=True, eq=False)
class TreeBelief:
    """Scores of the dependency trees of a doc's sentences.

    units (Ints2d): (U, 2) start and end token of each sentence; the teacher's own where the doc
        came without.
    arcs (Tuple[Floats2d, ...]): per sentence (n, n + 1) scores of heads, head 0 = ROOT, nats.
    pairs (Ints2d): (P, 2) dependent token and head token (-1 = ROOT) in the doc: the arcs whose
        deprel was scored, at least one a token.
    label_scores (Floats2d): (P, deprels), nats, given the arc.
    """

    structure: Structure
    labels: Tuple[str, ...]
    units: Ints2d
    arcs: Tuple[Floats2d, ...]
    pairs: Ints2d
    label_scores: Floats2d

    @property
    def nbytes(self) -> int:
        arcs = sum(int(arc.nbytes) for arc in self.arcs)
        return arcs + int(self.units.nbytes + self.pairs.nbytes + self.label_scores.nbytes)


@dataclass(frozen=True, eq=False)
class HeadLabelBelief:
    """Scores of tags that name a token's head and deprel (codecs/head_labels.py), independent.

    labels (Tuple[str, ...]): the teacher's tags ("-2:det", "0:ROOT", ...).
    units (Ints2d): (U, 2) start and end token of each sentence, see `TreeBelief`.
    scores (Floats2d): (tokens of the doc, tags), nats.
    """

    structure: Structure
    labels: Tuple[str, ...]
    units: Ints2d
    scores: Floats2d

    @property
    def nbytes(self) -> int:
        return int(self.units.nbytes + self.scores.nbytes)


Belief = Union[TokenBelief, ChainBelief, TreeBelief, HeadLabelBelief]


def best_only(belief: Belief) -> Belief:
    """All mass on the teacher's best structure: the Top-1 baseline, where a teacher's best guess is
    learnt as if it were gold. Trees: the best single-rooted tree (of a teacher of projective trees
    the best projective one), with the best deprels."""
    if isinstance(belief, TokenBelief):
        if are_span_tags(belief.labels):
            return replace(belief, scores=_best_tags(belief))
        return replace(belief, scores=_certain(belief.scores))
    if isinstance(belief, ChainBelief):
        return _best_chain(belief)
    if isinstance(belief, HeadLabelBelief):
        return replace(belief, scores=_best_head_labels(belief))
    decoder = tree_decoder(belief.structure)
    arcs = []
    for arc in belief.arcs:
        parts = Parts({"arc": arc[None]}, numpy.asarray([len(arc)]))
        arcs.append(_log(decoder.argmax(parts).arrays["arc"][0]))
    return replace(belief, arcs=tuple(arcs), label_scores=_certain(belief.label_scores))


def tree_decoder(structure: Structure) -> Structure:
    """Of the best single-rooted tree by scores of arcs, projective if the structure is."""
    if isinstance(structure, ProjectiveTrees):
        return ProjectiveTrees(single_root=True)
    return SpanningTrees(single_root=True)


def _best_tags(belief: TokenBelief) -> Floats2d:
    """The best legal sequence: each token's best tag on its own may be none."""
    if not len(belief.scores):
        return belief.scores
    free = numpy.zeros((1, len(belief.labels), len(belief.labels)), dtype=belief.scores.dtype)
    arrays = {"unary": belief.scores[None], "transition": free}
    scores = Parts(arrays, numpy.asarray([len(belief.scores)]))
    best = LinearChain().argmax(legality(belief.labels).add_to(scores))
    return _log(best.arrays["unary"][0])


def _best_chain(belief: ChainBelief) -> ChainBelief:
    if not len(belief.scores):
        return belief
    arrays = {"unary": belief.scores[None], "transition": belief.transition[None]}
    best = belief.structure.argmax(Parts(arrays, numpy.asarray([len(belief.scores)])))
    free = numpy.zeros_like(belief.transition)
    return replace(belief, scores=_log(best.arrays["unary"][0]), transition=free)


def _best_head_labels(belief: HeadLabelBelief) -> Floats2d:
    """The tags of the best trees. A token whose arc has no tag keeps its own best tag."""
    tags, scores = HeadLabels(belief.labels), belief.scores
    if not len(scores):
        return scores
    starts, ends = belief.units.T.astype("int64")
    pairs = decode_head_labels(tags, scores, rows=starts, lengths=ends - starts)
    offsets = numpy.zeros(len(scores), dtype="int64")
    offsets[pairs[:, 0]] = numpy.where(pairs[:, 1] < 0, 0, pairs[:, 1] - pairs[:, 0])
    best = tags.of_arcs(scores, offsets)[0]
    best = numpy.where(best < 0, scores.argmax(axis=1), best)
    return _log(numpy.eye(len(tags.tags), dtype=scores.dtype)[best])


def _certain(scores: Floats2d) -> Floats2d:
    if not scores.size:
        return scores
    best = numpy.zeros_like(scores)
    best[numpy.arange(len(scores)), scores.argmax(axis=-1)] = 1
    return _log(best)


def _log(indicators: Floats2d) -> Floats2d:
    return numpy.where(indicators > 0, 0.0, IMPOSSIBLE).astype(indicators.dtype)
