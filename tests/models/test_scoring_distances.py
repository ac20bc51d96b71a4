import numpy
import pytest
from gradients import as_float64, given_vectors, vectors
from hypothesis import given
from hypothesis import strategies as st

from spacy_skd.models.biaffine import build_biaffine_parser
from spacy_skd.models.scoring import arcs_of_distances, distances_of_arcs


def column(dependent, head, limit):
    return min(max(head - dependent, -limit), limit) + limit


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 12))
def test_each_arc_has_the_score_of_its_distance(count, n, limit):
    scores = numpy.random.default_rng(0).normal(size=(count, n, 2 * limit + 1))
    arcs = arcs_of_distances(numpy, scores)
    assert arcs.shape == (count, n, n)
    for i, d, h in numpy.ndindex(arcs.shape):
        assert arcs[i, d, h] == scores[i, d, column(d, h, limit)]


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 12))
def test_the_way_back_sums_over_the_arcs_of_a_distance(count, n, limit):
    d_arcs = numpy.random.default_rng(1).normal(size=(count, n, n + 1))[:, :, 1:]
    expected = numpy.zeros((count, n, 2 * limit + 1))
    for i, d, h in numpy.ndindex(d_arcs.shape):
        expected[i, d, column(d, h, limit)] += d_arcs[i, d, h]
    numpy.testing.assert_allclose(distances_of_arcs(numpy, d_arcs, limit), expected, atol=1e-12)


def test_float32_stays():
    scores = numpy.ones((2, 4, 5), dtype="float32")
    assert arcs_of_distances(numpy, scores).dtype == numpy.float32
    assert distances_of_arcs(numpy, arcs_of_distances(numpy, scores), 2).dtype == numpy.float32


def test_a_model_that_was_saved_without_distances_has_none():
    before, now = (
        build_biaffine_parser(given_vectors(), arc_hidden=5, label_hidden=3, max_distance=limit)
        for limit in (0, 3)
    )
    before.get_ref("output_layer").set_dim("nO", 4)
    before.initialize()
    as_float64(before)  # random
    del before.get_ref("arc_scorer").attrs["max_distance"]  # as it was
    now.from_bytes(before.to_bytes())
    X = vectors(4, 9), numpy.array([[0, 4], [4, 13]])
    for found, expected in zip(now.predict(X)[1], before.predict(X)[1]):
        assert (expected.arrays["arc"] != 0).any()
        numpy.testing.assert_array_equal(found.arrays["arc"], expected.arrays["arc"])


def test_a_negative_distance_is_refused():
    with pytest.raises(ValueError, match="max_distance.*-1"):
        build_biaffine_parser(given_vectors(), max_distance=-1)
