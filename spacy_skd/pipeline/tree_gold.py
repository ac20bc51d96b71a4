"""Gold trees of a batch, as far as the student's structure has them."""

import logging

import numpy

from ..arrays import Array, Ints1d
from ..codecs.trees import Gold, encode_trees
from ..codecs.units import Bucket
from ..structures import Parts, ProjectiveTrees, Structure
from ..structures.eisner import is_projective
from ..transfer.conversions.arcs import infer_possible

logger = logging.getLogger("spacy.skd")


class GoldTrees:
    """Reads gold for one component.

    nonprojective (int): units so far whose annotation is part of no projective tree; a student of
        projective trees takes them as unknown.
    """

    def __init__(self, name: str):
        self.name = name
        self.nonprojective = 0

    def __call__(self, heads: Ints1d, bucket: Bucket, *, structure: Structure) -> Gold:
        """heads (Ints1d): (T,) of the batch, see `encode_trees`.
        RETURNS (Gold): of the bucket's units, NumPy arrays."""
        gold = encode_trees(heads, rows=bucket.rows, lengths=bucket.lengths)
        if not isinstance(structure, ProjectiveTrees):
            return gold
        wrong = gold.complete & ~is_projective(gold.indicators.arrays["arc"].argmax(axis=-1))
        partial = numpy.nonzero(~gold.complete & ~gold.empty)[0]
        if len(partial):
            wrong[partial] = _without_tree(gold, partial, structure)
        return gold if not wrong.any() else self._skip(gold, wrong)

    def _skip(self, gold: Gold, wrong: Array) -> Gold:
        if not self.nonprojective:
            logger.warning(
                "%s: the annotation of %d units of a batch is no projective tree; the student has "
                "no other trees, so such units are taken as without annotation (counted in "
                "`gold_trees.nonprojective`)",
                self.name,
                int(wrong.sum()),
            )
        self.nonprojective += int(wrong.sum())
        arc = numpy.where(wrong[:, None, None], 0, gold.indicators.arrays["arc"])
        known = gold.known & ~wrong[:, None]
        return Gold(Parts({"arc": arc}, gold.indicators.lengths), known)


def _without_tree(gold: Gold, units: Ints1d, structure: Structure) -> Array:
    """(units,) bool, whether no tree agrees with what is known of a unit."""
    free = gold.indicators[units] * 0.0
    empty: numpy.ndarray | None
    _, _, empty = infer_possible(structure, gold.restrict(free, units))
    return numpy.zeros(len(units), dtype=bool) if empty is None else empty
