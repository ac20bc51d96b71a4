"""Hidden states in a few bytes a word: how alike words are stays, and what is missing is known."""

import json

import numpy
import pytest

from spacy_skd.teachers.projection import Projection, has_vector


def some_vectors(n, *, seed=0):
    """Of two strong directions around a mean, in 16 columns."""
    rng = numpy.random.default_rng(seed)
    strong = rng.normal(size=(n, 2)) @ numpy.eye(16)[:2] * [[8.0] + [5.0] + [0.0] * 14]
    return (3 + strong + 0.1 * rng.normal(size=(n, 16))).astype("float32")


def cosines(rows):
    rows = rows / numpy.linalg.norm(rows, axis=1, keepdims=True)
    return rows @ rows.T


def test_cosines_are_those_around_the_mean():
    vectors = some_vectors(200)
    projection = Projection.fit([vectors[:150], vectors[150:]], columns=2)
    assert numpy.allclose(projection.axes.T @ projection.axes, numpy.eye(2), atol=1e-6)
    assert projection.words == 200
    found = projection(vectors[:20])
    assert (found.dtype, found.shape) == (numpy.int8, (20, 2))
    assert set(numpy.abs(found).max(axis=1)) == {127}
    expected = cosines((vectors[:20] - vectors.mean(axis=0)).astype("float64"))
    assert abs(cosines(found.astype("float64")) - expected).max() < 0.05


def test_a_word_without_a_vector_is_known_to_have_none():
    vectors = some_vectors(50)
    full = Projection.fit([vectors], columns=3)
    lacking = numpy.insert(vectors, 7, 0, axis=0)
    projection = Projection.fit([lacking, numpy.zeros((0, 16), "float32")], columns=3)
    assert projection.words == 50
    assert (projection.mean == full.mean).all()
    rows = projection(lacking)
    assert numpy.flatnonzero(~rows.any(axis=1)).tolist() == [7]
    assert (numpy.delete(rows, 7, axis=0) == projection(vectors)).all()
    assert not projection(numpy.zeros((2, 16), "float32")).any()
    assert projection(numpy.zeros((0, 16), "float32")).shape == (0, 3)
    for nothing in ([], [numpy.zeros((4, 16), "float32")]):
        with pytest.raises(ValueError, match="no vector for any of the first words"):
            Projection.fit(nothing, columns=3)


def test_what_is_not_finite_is_refused():
    vectors = some_vectors(5)
    vectors[3, 1] = numpy.nan
    for use in (has_vector, lambda rows: Projection.fit([rows], columns=2)):
        with pytest.raises(ValueError, match="found others for 1 of 5 words"):
            use(vectors)


def test_json_keeps_every_bit():
    projection = Projection.fit([some_vectors(30)], columns=4)
    again = Projection.from_json(json.loads(json.dumps(projection.to_json())))
    assert (again.mean == projection.mean).all()
    assert (again.axes == projection.axes).all()
    assert (again(some_vectors(9)) == projection(some_vectors(9))).all()
