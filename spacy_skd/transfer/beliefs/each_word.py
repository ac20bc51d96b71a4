"""What a belief says of each word by itself: marginals, see `Belief.of_each_word`."""

from collections.abc import Sequence

import numpy

from ...arrays import Floats2d, Floats3d, Ints2d
from ...codecs.units import ROOT_HEAD
from ...structures import ArcStructure, Parts, SpanStructure
from ...structures.parts import softmax


def words_of_spans(structure: SpanStructure, scores: Floats3d) -> Floats2d:
    """Return (words, labels), how probable it is that a span of the label covers the word; where
    spans overlap, how many do. See `SegmentBelief` for the arguments."""
    n, widths, n_labels = scores.shape
    # P(span) counts for its words: it is added at the first, and taken away after the last.
    steps = numpy.zeros((n + 1, n_labels))
    if n:
        parts = Parts({"span": scores[None]}, numpy.asarray([n]))
        spans = structure.infer(parts)[1].arrays["span"][0]
        for width in range(min(widths, n)):
            starting = spans[: n - width, width]
            steps[: n - width] += starting
            steps[width + 1 :] -= starting
    # What is taken away leaves a little of either sign, where nothing covers a word.
    rows: Floats2d = numpy.maximum(numpy.cumsum(steps, axis=0)[:n], 0).astype("float32")
    return rows


def words_of_trees(
    structure: ArcStructure,
    units: Ints2d,
    arcs: Sequence[Floats2d],
    pairs: Ints2d,
    label_scores: Floats2d,
) -> Floats2d:
    """Return (words, 3 + deprels): that the head is ROOT, to the left, to the right, and its
    deprels, of the arcs of which any were scored. See `TreeBelief` for the arguments."""
    n_words = int(units[-1, 1]) if len(units) else 0
    rows = numpy.zeros((n_words, 3 + label_scores.shape[1]))
    if not n_words:
        return rows.astype("float32")
    marginals = structure.infer(Parts.of_arcs(arcs))[1].arrays["arc"]
    p_arc = numpy.zeros(len(pairs))
    for (start, end), of_unit in zip(units.tolist(), marginals):
        n = end - start
        root, arc = of_unit[:n, 0], of_unit[:n, 1 : n + 1]
        left, right = numpy.tril(arc, -1).sum(axis=1), numpy.triu(arc, 1).sum(axis=1)
        rows[start:end, :3] = numpy.stack([root, left, right], axis=1)
        inside = (pairs[:, 0] >= start) & (pairs[:, 0] < end)
        dependents, heads = pairs[inside].T
        column = numpy.where(heads == ROOT_HEAD, 0, heads - start + 1)
        p_arc[inside] = of_unit[dependents - start, column]
    numpy.add.at(rows[:, 3:], pairs[:, 0], p_arc[:, None] * softmax(label_scores)[1])
    return rows.astype("float32")
