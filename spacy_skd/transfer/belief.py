"""What a teacher believes of one doc: scores, not marginals, so that temperature and conditioning
stay exact."""

from dataclasses import dataclass
from typing import Tuple, Union

from thinc.types import Floats2d, Ints2d

from ..structures import Structure


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


Belief = Union[TokenBelief, TreeBelief]
