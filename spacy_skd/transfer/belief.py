"""What a teacher believes of the words of one doc (codecs/words.py): scores, not marginals, so that
temperature and conditioning stay exact.

A component that scores all tokens, or a store of such scores, is read by `of_words`: as if the
teacher had ruled out that whitespace is part of a structure.
"""

from dataclasses import dataclass, replace

from ..arrays import Floats2d, Floats3d, Ints1d, Ints2d
from ..codecs.words import Words
from ..structures import ArcStructure, FlatSegments, Structure
from .candidates import LabelCandidates, TreeCandidates
from .word_scores import scores_of_arcs, scores_of_chain, scores_of_head_tags, scores_of_segments


@dataclass(frozen=True, eq=False)
class TokenBelief:
    """Scores of independent labels.

    labels (tuple[str, ...]): the teacher's inventory.
    scores (Floats2d): (words of the doc, labels), nats.
    """

    structure: Structure
    labels: tuple[str, ...]
    scores: Floats2d

    @property
    def nbytes(self) -> int:
        return int(self.scores.nbytes)

    def of_words(self, words: Words) -> "TokenBelief":
        """The same of a doc's words, if this is of its tokens."""
        return replace(self, scores=words.of_tokens(self.scores))


@dataclass(frozen=True, eq=False)
class ChainBelief:
    """Scores of the tag sequences of a whole doc.

    labels (tuple[str, ...]): the teacher's tags ("O", "B-PER", ...).
    scores (Floats2d): (words of the doc, tags), nats, with those of the first and the last tag.
    transition (Floats2d): (tags, tags), nats; the same array for all docs.
    Illegal sequences are `IMPOSSIBLE` by these scores.
    """

    structure: Structure
    labels: tuple[str, ...]
    scores: Floats2d
    transition: Floats2d

    @property
    def nbytes(self) -> int:
        return int(self.scores.nbytes)

    def of_words(self, words: Words) -> "ChainBelief":
        """See `TokenBelief.of_words`."""
        return replace(self, scores=scores_of_chain(self.scores, self.labels, words))


@dataclass(frozen=True, eq=False)
class SegmentBelief:
    """Scores of the flat labelled spans of a whole doc, relative to "not a span".

    structure (FlatSegments): its `max_width` is that of the scores. labels (tuple[str, ...]): of
        the spans.
    scores (Floats3d): (words of the doc, max_width, labels), nats: of the w + 1 words from word i
        on. What reaches past the doc's end means nothing.
    """

    structure: Structure
    labels: tuple[str, ...]
    scores: Floats3d

    @property
    def nbytes(self) -> int:
        return int(self.scores.nbytes)

    def of_words(self, words: Words) -> "SegmentBelief":
        """See `TokenBelief.of_words`. A span is as wide as it has words."""
        scores = scores_of_segments(self.scores, words)
        return replace(self, structure=FlatSegments(max_width=scores.shape[1]), scores=scores)


@dataclass(frozen=True, eq=False)
class TreeBelief:
    """Scores of the dependency trees of a doc's sentences.

    units (Ints2d): (U, 2) start and end word of each sentence; the teacher's own where the doc
        came without.
    arcs (tuple[Floats2d, ...]): per sentence (n, n + 1) scores of heads, head 0 = ROOT, nats.
    pairs (Ints2d): (P, 2) dependent word and head word (-1 = ROOT) in the doc: the arcs whose
        deprel was scored, at least one a word.
    label_scores (Floats2d): (P, deprels), nats, given the arc.
    heads (Ints1d | None): (words of the doc,) head word of each in the best trees, -1 = ROOT;
        None where they were not kept.
    """

    structure: ArcStructure
    labels: tuple[str, ...]
    units: Ints2d
    arcs: tuple[Floats2d, ...]
    pairs: Ints2d
    label_scores: Floats2d
    heads: Ints1d | None = None

    @property
    def nbytes(self) -> int:
        arcs = sum(int(arc.nbytes) for arc in self.arcs)
        return arcs + int(self.units.nbytes + self.pairs.nbytes + self.label_scores.nbytes)

    def of_words(self, words: Words) -> "TreeBelief":
        """See `TokenBelief.of_words`."""
        if words.whole:
            return self
        arcs, pairs, kept = scores_of_arcs(self.units, self.arcs, self.pairs, words)
        return replace(
            self,
            units=words.units_of_tokens(self.units),
            arcs=arcs,
            pairs=pairs,
            label_scores=self.label_scores[kept],
            heads=None,
        )


@dataclass(frozen=True, eq=False)
class HeadLabelBelief:
    """Scores of tags that name a token's head and deprel (codecs/head_labels.py), independent.

    labels (tuple[str, ...]): the teacher's tags ("-2:det", "0:ROOT", ...).
    units (Ints2d): (U, 2) start and end word of each sentence, see `TreeBelief`.
    scores (Floats2d): (words of the doc, tags), nats.
    """

    structure: Structure
    labels: tuple[str, ...]
    units: Ints2d
    scores: Floats2d

    @property
    def nbytes(self) -> int:
        return int(self.units.nbytes + self.scores.nbytes)

    def of_words(self, words: Words) -> "HeadLabelBelief":
        """See `TokenBelief.of_words`. Offsets count words."""
        scores = scores_of_head_tags(self.scores, self.labels, words)
        return replace(self, units=words.units_of_tokens(self.units), scores=scores)


@dataclass(frozen=True, eq=False)
class Mixture:
    """What several teachers believe of one doc.

    beliefs (tuple[Belief, ...]): of each, of any family that the student can be taught by.
    weights (tuple[float, ...]): of each, above 0. The mixture of their distributions is believed.
    """

    beliefs: tuple["Belief", ...]
    weights: tuple[float, ...]

    @property
    def nbytes(self) -> int:
        return sum(belief.nbytes for belief in self.beliefs)

    def of_words(self, words: Words) -> "Mixture":
        """See `TokenBelief.of_words`."""
        return replace(self, beliefs=tuple(belief.of_words(words) for belief in self.beliefs))


Belief = (
    TokenBelief
    | ChainBelief
    | SegmentBelief
    | TreeBelief
    | HeadLabelBelief
    | LabelCandidates
    | TreeCandidates
    | Mixture
)
