import numpy
import pytest

from spacy_skd.models.prediction import biaffine as module
from spacy_skd.models.prediction.biaffine import by_right_of, label_scores


@pytest.mark.parametrize("chunk", [2, 128])
def test_equals_the_outer_product(monkeypatch, chunk):
    monkeypatch.setattr(module, "_CHUNK", chunk)
    rng = numpy.random.default_rng(0)
    left, right = rng.normal(size=(30, 4)), rng.normal(size=(31, 3))
    W = rng.normal(size=(12, 5))
    dependents = rng.permutation(30)
    heads = rng.integers(0, 31, 30) // 3  # some heads of many, some of none
    by_right = by_right_of(numpy, W, 4, 3)
    found = label_scores(numpy, left, right, by_right, dependents=dependents, heads=heads)
    for i, (d, h) in enumerate(zip(dependents, heads, strict=True)):
        numpy.testing.assert_allclose(found[i], numpy.outer(left[d], right[h]).reshape(-1) @ W)


def test_no_pairs():
    none = numpy.zeros(0, dtype="int64")
    left = numpy.ones((2, 4), dtype="float32")
    W = numpy.ones((4, 20), dtype="float32")
    found = label_scores(numpy, left, left, W, dependents=none, heads=none)
    assert found.shape == (0, 5)
    assert found.dtype == "float32"
