"""The structures that lack a span, as disjoint sets, each of which masked scores single out."""

from typing import Any, NamedTuple

import numpy

from ..arrays import Array
from ..structures import Parts, Run, to_numpy
from ..structures.parts import POSSIBLE_ABOVE


class Window(NamedTuple):
    """A set of structures: those whose parts at some neighbouring tokens are allowed ones.

    start (int): the first of these tokens. allowed (ndarray): (tokens, ...) bool, of the unary or
        span scores of each.
    """

    start: int
    allowed: Array


def chains_without(scores: Parts, run: Run) -> list[Window]:
    """Return the sequences that lack a run of labels: those that leave it at its first token, at
    its second, and so on, and those that have it and go on with one of `not_next`.

    scores (Parts): of linear chains, illegal pairs of labels `IMPOSSIBLE`. A set without a legal
        sequence is left out; it is taken for granted that a label which may stand at a token can be
        gone on from there, as tags of spans can.
    """
    unary = to_numpy(scores.arrays["unary"][run.unit])
    transition = to_numpy(scores.arrays["transition"][run.unit])
    end = run.start + len(run.labels)
    goes_on = bool(run.not_next) and end < int(scores.lengths[run.unit])
    windows = []
    for length in range(len(run.labels) + goes_on):
        allowed = numpy.zeros((length + 1, unary.shape[1]), dtype=bool)
        allowed[numpy.arange(length), list(run.labels[:length])] = True
        if length < len(run.labels):
            allowed[length] = True
            allowed[length, run.labels[length]] = False
        else:
            allowed[length, list(run.not_next)] = True
        row = unary[run.start + length]
        if length:
            row = numpy.minimum(row, transition[run.labels[length - 1]])
        if (allowed[length] & (row > POSSIBLE_ABOVE)).any():
            windows.append(Window(run.start, allowed))
    return windows


def segments_without(scores: Parts, *, start: int, width: int, label: int) -> list[Window]:
    """Return the segmentations that lack a span: one set. width (int): tokens of the span."""
    shape: Any = scores.arrays["span"].shape[2:]
    allowed = numpy.ones((1, *shape), dtype=bool)
    allowed[0, width - 1, label] = False
    return [Window(start, allowed)]
