"""Gold trees as a student of trees learns them: which of them are none, and who is told."""

import logging

import numpy
from spacy.training import Example

from ...arrays import Bools, Ints1d, Ints2d
from ...codecs.trees import Gold, encode_heads
from ...codecs.units import UNKNOWN_HEAD, Bucket, Heads, make_buckets
from ...disk import digest
from ...structures import ArcStructure, SpanningTrees

logger = logging.getLogger("spacy.skd")
TREES = SpanningTrees(single_root=True)


class GoldTrees:
    """Reads gold for one component. Units of which it is no tree are taken as unknown, and told of
    once.

    broken (int): units so far, each time that they were met, whose heads are part of no tree at
        all. refused (int): of none of the student's structure, of the others.
    """

    def __init__(self) -> None:
        self.broken = self.refused = 0
        self._seen: dict[str, str] = {}  # sentences of no tree by digest
        self._is_told = False

    def inspect(self, eg: Example, heads: Ints1d, units: Ints2d) -> None:
        """Look for sentences of no tree before anything is learnt.

        heads (Ints1d): (words,) gold of the example, see `Heads`. units (Ints2d): (U, 2) start and
        end word of its sentences.
        """
        if (heads == UNKNOWN_HEAD).all():
            return
        words = [token.text for token in eg.predicted if not token.is_space]
        for bucket in make_buckets(units):
            local = Heads(heads).to_local(rows=bucket.rows, lengths=bucket.lengths)
            for unit in numpy.flatnonzero(_no_trees(local, bucket.lengths)).tolist():
                first, n = int(bucket.rows[unit]), int(bucket.lengths[unit])
                text = " ".join(words[first : first + n])
                self._seen[digest(repr((text, local[unit].tolist())).encode("utf8"))] = text

    def tell(self, name: str) -> None:
        """Tell of what was found by `inspect`. name (str): of the component."""
        if self._seen:
            self._is_told = True
            logger.warning(
                "%s: the heads of %d annotated sentences form no tree (a cycle, or two roots); "
                "they are taken as without annotation. The first: %r",
                name,
                len(self._seen),
                next(iter(self._seen.values())),
            )
            self._seen.clear()

    def __call__(
        self, heads: Ints1d, bucket: Bucket, *, structure: ArcStructure, name: str
    ) -> Gold:
        """Return gold of the bucket's units, NumPy arrays. A head outside its unit is taken as
        unknown, and so is a unit whose known heads are part of no tree (a cycle, two roots): a
        target outside the student's marginal polytope has no finite minimum (Wang et al. 2021, eq.
        3).

        heads (Ints1d): (T,) rows in the batch, see `Heads`. name (str): of the component.
        """
        local = Heads(heads).to_local(rows=bucket.rows, lengths=bucket.lengths)
        broken = _no_trees(local, bucket.lengths)
        self._note_broken(int(broken.sum()), name=name)
        local[broken] = UNKNOWN_HEAD
        refused = (local >= 0).any(axis=1) & ~structure.agrees(local, bucket.lengths)
        if refused.any():
            self._note_refused(int(refused.sum()), structure=structure, name=name)
            local[refused] = UNKNOWN_HEAD
        return encode_heads(local, bucket.lengths)

    def _note_broken(self, n: int, *, name: str) -> None:
        if n and not self._is_told:
            self._is_told = True
            logger.warning(
                "%s: the heads of %d units of a batch form no tree (a cycle, or two roots); such "
                "units are taken as without annotation (counted in `task.gold_trees.broken`)",
                name,
                n,
            )
        self.broken += n

    def _note_refused(self, n: int, *, structure: ArcStructure, name: str) -> None:
        if not self.refused:
            logger.warning(
                "%s: the annotation of %d units of a batch is no %s; the student has no other "
                "trees, so such units are taken as without annotation (counted in "
                "`task.gold_trees.refused`)",
                name,
                n,
                structure.name.replace("_", " "),
            )
        self.refused += n


def _no_trees(local: Ints2d, lengths: Ints1d) -> Bools:
    """(B,) which units have known heads that are part of no tree. local: see `Heads.to_local`."""
    no_trees: Bools = (local >= 0).any(axis=1) & ~TREES.agrees(local, lengths)
    return no_trees
