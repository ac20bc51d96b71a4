"""What a component without a teacher may do: one that has learnt goes on from gold, with a word."""

import logging
from collections.abc import Mapping
from typing import Any

from ..transfer.annealing import WeightSchedule

logger = logging.getLogger("spacy.skd")


class NoTeacher:
    """Of one component. name (str): of it."""

    def __init__(self, name: str):
        self.name = name
        self._told = False

    def check(
        self, distill_weight: WeightSchedule, cfg: Mapping[str, Any], *, needed: bool
    ) -> None:
        """Check that none is needed, of a component that asks its teacher. One that has learnt was
        saved without its teacher, and learns on as any component does. Its config says so, but for
        those that were saved when it did not.

        cfg (Mapping): of the component. needed (bool): its setting `needs_teacher`.
        RAISES (ValueError): if one is needed.
        """
        highest = getattr(distill_weight, "highest", 1.0)  # a schedule of one's own may lack it
        if highest == 0:
            return
        if needed and not cfg.get("step") and not cfg.get("seen"):
            raise ValueError(
                f"{self.name}: distill_weight is {highest} but the pipeline has no teacher. "
                f"Add a component with factory 'skd_teacher' before {self.name!r} (and to "
                f"training.frozen_components), or set needs_teacher = false to train on gold alone."
            )
        if not self._told:
            self._told = True
            logger.info("%s: the pipeline has no teacher; it learns from gold alone", self.name)
