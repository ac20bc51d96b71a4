"""What a teacher believes of one doc: scores, not marginals, so that temperature and conditioning
stay exact."""

from dataclasses import dataclass
from typing import Optional, Tuple, Union

from thinc.types import Floats2d, Floats3d, Ints1d, Ints2d

from ..structures import Structure
from .candidates import LabelCandidates, TreeCandidates


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
class SegmentBelief:
    """Scores of the flat labelled spans of a whole doc, relative to "not a span".

    structure (FlatSegments): its `max_width` is that of the scores. labels (Tuple[str, ...]): of
        the spans.
    scores (Floats3d): (tokens of the doc, max_width, labels), nats: of the w + 1 tokens from token
        i on. What reaches past the doc's end means nothing.
    """

    structure: Structure
    labels: Tuple[str, ...]
    scores: Floats3d

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
    heads (Optional[Ints1d]): (tokens of the doc,) head token of each in the best trees, -1 = ROOT;
        None where they were not kept.
    """

    structure: Structure
    labels: Tuple[str, ...]
    units: Ints2d
    arcs: Tuple[Floats2d, ...]
    pairs: Ints2d
    label_scores: Floats2d
    heads: Optional[Ints1d] = None

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


@dataclass(frozen=True, eq=False)
class Mixture:
    """What several teachers believe of one doc.

    beliefs (Tuple[Belief, ...]): of each, of any family that the student can be taught by.
    weights (Tuple[float, ...]): of each, above 0. The mixture of their distributions is believed.
    """

    beliefs: Tuple["Belief", ...]
    weights: Tuple[float, ...]

    @property
    def nbytes(self) -> int:
        return sum(belief.nbytes for belief in self.beliefs)


Belief = Union[
    TokenBelief,
    ChainBelief,
    SegmentBelief,
    TreeBelief,
    HeadLabelBelief,
    LabelCandidates,
    TreeCandidates,
    Mixture,
]
