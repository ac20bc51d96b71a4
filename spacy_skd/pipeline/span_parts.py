"""Structures of tag sequences, and their parts: one unit a doc."""

from typing import Dict, Sequence, Union

import numpy
from thinc.api import Model, Ops
from thinc.types import Ints2d

from ..structures import IndependentLabels, LinearChain, Parts, Structure, tie
from ..transfer.belief import ChainBelief, TokenBelief
from ..transfer.convert import Posterior
from .sentences import batch_spans

STRUCTURES: Dict[str, Structure] = {
    "tokens": IndependentLabels(),
    "linear_chain": LinearChain(),
}


def structure_of(structure: str, model: Model) -> Structure:
    if structure not in STRUCTURES:
        raise ValueError(f"structure: expected one of {', '.join(STRUCTURES)}, got {structure!r}")
    has_transitions = "transition" in model.param_names
    if has_transitions != (structure == "linear_chain"):
        needed = "ChainScorer" if structure == "linear_chain" else "TokenScorer"
        raise ValueError(
            f"structure {structure!r} needs the architecture spacy-skd.{needed}.v1, got the model "
            f"{model.name!r}; change `structure` or `model`"
        )
    return STRUCTURES[structure]


def doc_rows(lengths: Sequence[int]) -> Ints2d:
    """(docs, 2) first and end row of each doc in the batch's concatenated tokens."""
    return batch_spans([numpy.asarray([[0, n]]) for n in lengths], lengths)


def as_chain(parts: Parts) -> Parts:
    """Scores of independent labels as those of a chain whose transitions are free."""
    if "transition" in parts.arrays:
        return parts
    unary = parts.arrays["unary"]
    free = tie(parts.xp.zeros((unary.shape[2], unary.shape[2]), dtype=unary.dtype), len(unary))
    return Parts({"unary": unary, "transition": free}, parts.lengths)


def posterior_of(beliefs: Sequence[Union[TokenBelief, ChainBelief]], ops: Ops) -> Posterior:
    """The beliefs of one teacher of some docs as one batch."""
    first = beliefs[0]
    lengths = numpy.asarray([len(belief.scores) for belief in beliefs])
    unary = numpy.zeros((len(beliefs), int(lengths.max()), len(first.labels)), "float32")
    for row, belief in zip(unary, beliefs):
        row[: len(belief.scores)] = belief.scores
    arrays = {"unary": ops.asarray(unary)}
    if isinstance(first, ChainBelief):
        arrays["transition"] = tie(ops.asarray(first.transition), len(beliefs))
    return Posterior(first.structure, Parts(arrays, ops.xp.asarray(lengths)))
