"""The biaffine scorer of spans, on vectors that are given."""

import numpy
import pytest
from gradients import as_float64, check_gradients, given_vectors, vectors

from spacy_skd.models.growth import grow_output
from spacy_skd.models.segments import build_segment_scorer
from spacy_skd.structures.parts import IMPOSSIBLE

LENGTHS = (4, 0, 1, 2)


def make_scorer(*, max_width=3, dropout=0.0, nO=2):
    settings = {"max_width": max_width, "hidden_width": 5, "dropout": dropout, "nO": nO}
    model = build_segment_scorer(given_vectors(), **settings)
    model.initialize()
    as_float64(model)
    return model


def inside(max_width):
    """(tokens of the batch, max_width) spans within their doc."""
    return numpy.array(
        [[i + w < n for w in range(max_width)] for n in LENGTHS for i in range(n)], dtype=bool
    )


@pytest.mark.parametrize("max_width", [1, 3, 6])
@pytest.mark.parametrize("grown", [False, True])
def test_gradients(max_width, grown):
    """Also of spans beyond the doc's end, whose gradients count for nothing."""
    model = make_scorer(max_width=max_width)
    if grown:
        model = grow_output(model, numpy.asarray([[0, 1, 0], [0, 1, 1]]))
    X = vectors(*LENGTHS)
    weights = numpy.random.default_rng(3).normal(size=(7, max_width, 3 if grown else 2))

    def forward():
        scores, backprop = model(X, True)
        total = float((scores * weights)[inside(max_width)].sum())
        return total, lambda: backprop(weights)

    check_gradients(model, forward, inputs=X)


def test_scores_equal_the_formula():
    model, X = make_scorer(), vectors(*LENGTHS)
    scores = model.predict(X)
    node = model.get_ref("output_layer")
    assert scores.shape == (7, 3, 2)
    assert (scores[~inside(3)] == IMPOSSIBLE).all()

    def hidden(name, x):
        z = node.get_param(f"{name}_W") @ x + node.get_param(f"{name}_b")
        return numpy.append(numpy.where(z > 0, z, 0.1 * z), 1.0)

    row = 0
    for doc in X:
        for i in range(len(doc)):
            for w in range(min(3, len(doc) - i)):
                for label in range(2):
                    W = node.get_param("W")[label]
                    expected = hidden("S", doc[i]) @ W @ hidden("E", doc[i + w])
                    expected += node.get_param("width")[w, label]
                    assert scores[row, w, label] == pytest.approx(expected)
            row += 1


def test_docs_do_not_see_each_other():
    model, X = make_scorer(), vectors(4, 3)
    together = model.predict(X)
    numpy.testing.assert_allclose(together[:4], model.predict(X[:1]))
    numpy.testing.assert_allclose(together[4:], model.predict(X[1:]))


def test_it_starts_at_zero():
    model = build_segment_scorer(given_vectors(), max_width=2, nO=3)
    model.initialize()
    assert not model.predict([x.astype("float32") for x in vectors(2)])[:, 0].any()


def test_hidden_dropout_is_its_own():
    model, X = make_scorer(dropout=0.5), vectors(4)
    assert not numpy.allclose(model(X, True)[0], model(X, True)[0])
    numpy.testing.assert_array_equal(model.predict(X), model.predict(X))
    assert not any("dropout_rate" in node.attrs for node in model.walk())


@pytest.mark.parametrize("max_width", [0, -1, 1.5])
def test_a_width_that_is_none(max_width):
    with pytest.raises(ValueError, match="max_width: expected a whole number of at least 1"):
        build_segment_scorer(given_vectors(), max_width=max_width)


def test_sizes_of_hidden_layers():
    with pytest.raises(ValueError, match="hidden_width"):
        build_segment_scorer(given_vectors(), hidden_width=0)
