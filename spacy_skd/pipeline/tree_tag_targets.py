"""Gold trees as tags of heads, a batch at a time."""

from collections.abc import Sequence

import numpy

from ..arrays import Ints1d, Ints2d
from ..codecs.head_labels import HeadLabels
from ..codecs.heads import ROOT_HEAD


def gold_tags(
    arcs: Sequence[tuple[Ints1d, Ints1d]], units: Sequence[Ints2d], tags: HeadLabels
) -> tuple[Ints1d, int]:
    """arcs: per doc, see `gold_arcs`, of `tags.deprels`. units (Sequence[Ints2d]): per doc (U, 2).
    RETURNS (tuple[Ints1d, int]): (tokens of the batch,) tag, -1 unknown; how many arcs have no tag.
        A head outside the unit is unknown.
    """
    found: list[Ints1d] = [numpy.zeros(0, dtype="int64")]
    untagged = 0
    for (heads, deprels), mine in zip(arcs, units):
        tokens = numpy.arange(len(heads))
        start, end = numpy.repeat(mine, mine[:, 1] - mine[:, 0], axis=0).T
        known = (heads == ROOT_HEAD) | ((heads >= start) & (heads < end))
        tag = tags.encode(numpy.where(heads == ROOT_HEAD, 0, heads - tokens), deprels)
        untagged += int((known & (tag < 0)).sum())
        found.append(numpy.where(known, tag, -1))
    return numpy.concatenate(found), untagged
