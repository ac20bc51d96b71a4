"""Scores of given marginals: those of a mixture of distributions of a structure."""

import numpy
import pytest

from spacy_skd.codecs.bioes import legality, span_tags
from spacy_skd.structures import (
    FlatSegments,
    HeadSelection,
    IndependentSpans,
    LinearChain,
    Parts,
    ProjectiveTrees,
    SpanningTrees,
    fit,
    tie,
)

LENGTHS = numpy.array([3, 7, 6, 5])
TAGS = span_tags(("A", "B"), scheme="BIOES")
KINDS = {
    "chain": (LinearChain(), "unary", (7, len(TAGS))),
    "heads": (HeadSelection(), "arc", (7, 8)),
    "trees": (SpanningTrees(single_root=True), "arc", (7, 8)),
    "projective": (ProjectiveTrees(), "arc", (7, 8)),
    "segments": (FlatSegments(max_width=3), "span", (7, 3, 2)),
    "spans": (IndependentSpans(max_width=3), "span", (7, 3, 2)),
    "sets": (IndependentSpans(max_width=3, one_label=False), "span", (7, 3, 2)),
}


def members(free, shape, *, scale, seed=0):
    """Scores of three teachers that agree more than they differ."""
    rng = numpy.random.default_rng(seed)
    common, pairs = rng.normal(size=(len(LENGTHS), *shape)) * scale, rng.normal(size=(2,) * 2)
    for _ in range(3):
        own = common + rng.normal(size=common.shape) * scale / 2
        parts = Parts({free: own}, LENGTHS)
        if free == "unary":
            pairs = rng.normal(size=(len(TAGS),) * 2)
            table = tie(pairs, len(LENGTHS))
            parts = legality(TAGS).add_to(Parts({"unary": own, "transition": table}, LENGTHS))
        yield parts


@pytest.mark.parametrize("scale", [1.0, 5.0])
@pytest.mark.parametrize("name", KINDS)
def test_marginals_of_a_mixture_are_met(name, scale):
    structure, free, shape = KINDS[name]
    scores = list(members(free, shape, scale=scale))
    inferred = [structure.infer(each)[1] for each in scores]
    mixed = {key: sum(each.arrays[key] for each in inferred) / 3 for key in inferred[0].arrays}
    target = Parts(mixed, LENGTHS)
    start = Parts({**scores[0].arrays, free: structure.odds(target)[free]}, LENGTHS)
    fitted, errors = fit(structure, target, start, free=free)
    found = structure.infer(fitted)[1].arrays[free]
    assert errors.max() < 1e-3
    numpy.testing.assert_allclose(found, mixed[free], atol=1e-3)
    log_z = structure.infer(fitted)[0]
    best = target.dot(fitted) - log_z
    for other in scores:  # of none is the mixture likelier
        if free == "unary":
            other = Parts({**fitted.arrays, free: other.arrays[free]}, LENGTHS)
        assert (best >= target.dot(other) - structure.infer(other)[0] - 1e-6).all()


def test_what_is_impossible_stays_so():
    arc = numpy.zeros((1, 2, 3))
    arc[0, 0, 0] = arc[0, 1, 1] = 1.0
    target = Parts({"arc": arc}, numpy.array([2]))
    structure = SpanningTrees(single_root=True)
    start = Parts(structure.odds(target), target.lengths)
    fitted, errors = fit(structure, target, start, free="arc")
    assert errors.max() == 0
    assert (structure.infer(fitted)[1].arrays["arc"] == arc).all()
