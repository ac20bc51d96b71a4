"""Teacher to target to gradient: what a teacher believes, and the loss that learns from it."""

from .annealing import WeightSchedule
from .beliefs import Belief, ChainBelief, HeadLabelBelief, SegmentBelief, TokenBelief, TreeBelief
from .conversions.table import Posterior, convert
from .loss import mixed_loss, structural_loss

__all__ = [
    "Belief",
    "ChainBelief",
    "HeadLabelBelief",
    "Posterior",
    "SegmentBelief",
    "TokenBelief",
    "TreeBelief",
    "WeightSchedule",
    "convert",
    "mixed_loss",
    "structural_loss",
]
