"""Components of training alone: they annotate nothing, and students are saved without them."""

from typing import Any


def is_of_training(pipe: Any) -> bool:
    """Tell whether a component is one, as its class says."""
    return bool(getattr(pipe, "is_of_training", False))
