import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_skd.models.biaffine import build_biaffine_parser
from spacy_skd.models.distances import arcs_of_distances, distances_of_arcs


def column(dependent, head, limit):
    return min(max(head - dependent, -limit), limit) + limit


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 12))
def test_each_arc_has_the_score_of_its_distance(count, n, limit):
    scores = numpy.random.default_rng(0).normal(size=(count, n, 2 * limit + 1))
    arcs = arcs_of_distances(scores)
    assert arcs.shape == (count, n, n)
    for i, d, h in numpy.ndindex(arcs.shape):
        assert arcs[i, d, h] == scores[i, d, column(d, h, limit)]


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 12))
def test_the_way_back_sums_over_the_arcs_of_a_distance(count, n, limit):
    d_arcs = numpy.random.default_rng(1).normal(size=(count, n, n + 1))[:, :, 1:]
    expected = numpy.zeros((count, n, 2 * limit + 1))
    for i, d, h in numpy.ndindex(d_arcs.shape):
        expected[i, d, column(d, h, limit)] += d_arcs[i, d, h]
    numpy.testing.assert_allclose(distances_of_arcs(d_arcs, limit), expected, atol=1e-12)


def test_a_negative_distance_is_refused():
    with pytest.raises(ValueError, match="max_distance.*-1"):
        build_biaffine_parser(None, max_distance=-1)
