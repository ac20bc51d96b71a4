"""Structures: log Z, marginals and argmax over scores of substructures. Maths only, no spaCy."""

from .base import Structure
from .heads import HeadSelection
from .matrix_tree import SpanningTrees
from .numerics import IMPOSSIBLE
from .parts import Parts
from .spanning_tree import is_tree, maximum_trees
from .tokens import IndependentLabels

__all__ = [
    "IMPOSSIBLE",
    "HeadSelection",
    "IndependentLabels",
    "Parts",
    "SpanningTrees",
    "Structure",
    "is_tree",
    "maximum_trees",
]
