"""Gold trees of a batch, as far as the student's structure has them."""

import logging

import numpy

from ..arrays import Bools, Ints1d
from ..codecs.heads import UNKNOWN_HEAD
from ..codecs.trees import Gold, encode_trees
from ..codecs.units import Bucket
from ..structures import ArcStructure, Parts

logger = logging.getLogger("spacy.skd")


class GoldTrees:
    """Reads gold for one component.

    refused (int): units so far whose annotation is part of no tree of the student's structure,
        which takes them as unknown.
    """

    def __init__(self, name: str):
        self.name = name
        self.refused = 0

    @property
    def nonprojective(self) -> int:
        """`refused`, of a student of projective trees."""
        return self.refused

    def __call__(self, heads: Ints1d, bucket: Bucket, *, structure: ArcStructure) -> Gold:
        """heads (Ints1d): (T,) of the batch, see `encode_trees`.
        RETURNS (Gold): of the bucket's units, NumPy arrays."""
        gold = encode_trees(heads, rows=bucket.rows, lengths=bucket.lengths)
        chosen = gold.indicators.arrays["arc"].argmax(axis=-1)
        local = numpy.where(gold.known, chosen, UNKNOWN_HEAD)
        refused = ~(gold.empty | structure.agrees(local, bucket.lengths))
        return self._refuse(gold, refused, structure) if refused.any() else gold

    def _refuse(self, gold: Gold, refused: Bools, structure: ArcStructure) -> Gold:
        if not self.refused:
            logger.warning(
                "%s: the annotation of %d units of a batch is no %s; the student has no other "
                "trees, so such units are taken as without annotation (counted in "
                "`gold_trees.refused`)",
                self.name,
                int(refused.sum()),
                structure.name.replace("_", " "),
            )
        self.refused += int(refused.sum())
        arc = numpy.where(refused[:, None, None], 0, gold.indicators.arrays["arc"])
        return Gold(Parts({"arc": arc}, gold.indicators.lengths), gold.known & ~refused[:, None])
