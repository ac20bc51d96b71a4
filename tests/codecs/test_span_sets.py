"""Sets of spans that may overlap. Gold is tested in tests/pipeline/test_independent_spans.py."""

import numpy
import pytest

from spacy_skd.codecs.span_sets import KnownSpans, flat_tags, likely_spans, spans_of_tags
from spacy_skd.structures import IMPOSSIBLE, Parts

TAGS = ["B-A", "E-A", "O", "S-B"]
SPANS = [(0, 2, "A"), (3, 4, "B")]


def test_flat_spans_are_tags_and_back():
    assert spans_of_tags(TAGS) == KnownSpans(4, SPANS)
    assert flat_tags(KnownSpans(4, SPANS), scheme="BIOES") == TAGS
    assert spans_of_tags([]) == KnownSpans(0, [])
    assert flat_tags(KnownSpans(0, []), scheme="BIO") == []


@pytest.mark.parametrize("spans", [None, [(0, 3, "A"), (1, 2, "B")], [(0, 1, "A"), (0, 1, "B")]])
def test_what_overlaps_or_is_not_known_has_no_tags(spans):
    assert flat_tags(KnownSpans(3, spans), scheme="BIO") == [None] * 3


def test_a_tag_that_is_not_known_makes_the_doc_unknown():
    assert spans_of_tags(["O", None]).spans is None
    assert spans_of_tags(["O", ""]).spans is None


def test_likely_spans_lie_within_their_unit_and_are_possible():
    """Whatever the padding says."""
    span = numpy.full((2, 3, 2, 1), 9.0)
    span[0, 1, 0] = IMPOSSIBLE
    scores = Parts({"span": span}, numpy.array([3, 1]))
    likely = likely_spans(scores, threshold=0.0, one_label=True, most=1)
    expected = [(0, 0, 0, 0), (0, 0, 1, 0), (0, 1, 1, 0), (0, 2, 0, 0), (1, 0, 0, 0)]
    assert [tuple(cell) for cell in likely.cells.tolist()] == expected
    numpy.testing.assert_allclose(likely.chances, 1 / (1 + numpy.exp(-9)))
    none = likely_spans(scores[:0], threshold=0.5, one_label=False, most=None)
    assert none.cells.shape == (0, 4)
