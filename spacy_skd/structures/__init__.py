"""Structures: log Z, marginals and argmax over scores of substructures. Maths only, no spaCy."""

from .base import Structure
from .chain import LinearChain, chain_indicators
from .heads import HeadSelection
from .matrix_tree import SpanningTrees
from .numerics import IMPOSSIBLE, to_numpy
from .parts import Parts, is_tied, tie
from .spanning_tree import is_tree, maximum_trees
from .tokens import IndependentLabels

__all__ = [
    "IMPOSSIBLE",
    "HeadSelection",
    "IndependentLabels",
    "LinearChain",
    "Parts",
    "SpanningTrees",
    "Structure",
    "chain_indicators",
    "is_tied",
    "is_tree",
    "maximum_trees",
    "tie",
    "to_numpy",
]
