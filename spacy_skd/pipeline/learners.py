"""The components of this package that learn in training."""

from .learning import LearningPipe
from .transitions.component import TransitionPipe

LEARNERS = (LearningPipe, TransitionPipe)
