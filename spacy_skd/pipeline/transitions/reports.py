"""What is told of a batch that was learnt: what gold and a teacher want and cannot be done, and the
nats of both."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy
from spacy.tokens import Doc

from ..lost_mass import LABELS, Reason
from .learning import lost_at
from .oracle import Advice, Loss, Oracle

logger = logging.getLogger("spacy.skd")
ACTIONS = Reason("actions that it cannot take there", "what the student cannot do")


def report(
    pipe: Any,
    loss: Loss,
    advice: Sequence[Advice],
    docs: Sequence[Doc],
    oracles: Sequence[Oracle],
) -> None:
    """Tell it to the counts and the meter of a component, and what is new to the user.

    advice (Sequence[Advice]): of the states of `loss`. oracles (Sequence[Oracle]): of the docs.
    """
    unreachable = sum(oracle.unreachable for oracle in oracles)
    if unreachable and not pipe.unreachable:
        logger.warning(
            "%s: at %d states of a batch no action keeps all of gold; it learns what costs "
            "least there (counted in `unreachable`)",
            pipe.name,
            unreachable,
        )
    pipe.unreachable += unreachable
    of_docs = numpy.asarray([oracle.lost for oracle in oracles if oracle.teacher_share])
    pipe.lost_mass.add(lost_at(advice), reason=ACTIONS)
    pipe.lost_mass.add(of_docs, reason=LABELS)
    if pipe.meter is None:
        return
    of_gold, of_teacher = (
        sum(len(doc) * getattr(oracle, share) for doc, oracle in zip(docs, oracles))
        for share in ("gold_share", "teacher_share")
    )
    if of_gold:
        pipe.meter.add_gold(float(loss.gold.sum()), words=of_gold)
    if of_teacher:
        is_known = all(each.sets is None for each in advice)
        entropy = float(loss.entropy.sum()) if is_known else None
        taught = float(loss.taught.sum())
        pipe.meter.add_teacher(taught, words=of_teacher, entropy=entropy)
