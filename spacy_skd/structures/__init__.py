"""Structures: log Z, marginals and argmax over scores of substructures. Maths only, no spaCy."""

from .base import Structure
from .chain import LinearChain, chain_indicators, mean_chains
from .chain_runs import Run, run_probabilities
from .eisner import ProjectiveTrees
from .fitting import fit
from .heads import ArcStructure, HeadSelection, Trees, is_tree
from .independent_spans import IndependentSpans
from .label_sets import LabelSets
from .matrix_tree import SpanningTrees
from .parts import IMPOSSIBLE, Parts, is_tied, tie, to_numpy
from .segments import FlatSegments
from .spanning.maximum import maximum_trees
from .spans import SpanStructure
from .tokens import IndependentLabels

__all__ = [
    "IMPOSSIBLE",
    "ArcStructure",
    "FlatSegments",
    "HeadSelection",
    "IndependentLabels",
    "IndependentSpans",
    "LabelSets",
    "LinearChain",
    "Parts",
    "ProjectiveTrees",
    "Run",
    "SpanStructure",
    "SpanningTrees",
    "Structure",
    "Trees",
    "chain_indicators",
    "fit",
    "is_tied",
    "is_tree",
    "maximum_trees",
    "mean_chains",
    "run_probabilities",
    "tie",
    "to_numpy",
]
