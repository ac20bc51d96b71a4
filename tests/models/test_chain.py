import numpy
from gradients import as_float64, check_gradients, given_vectors, vectors

from spacy_skd.models.chain import build_chain_scorer


def make_scorer():
    model = build_chain_scorer(given_vectors(), nO=3)
    model.initialize()
    as_float64(model)
    return model


def test_gradients():
    model = make_scorer()
    X = vectors(3, 0, 1, 5)
    rng = numpy.random.default_rng(3)
    weights, pairs = rng.normal(size=(9, 3)), rng.normal(size=(3, 3))

    def forward():
        (scores, transition), backprop = model(X, True)
        total = float((scores * weights).sum() + (transition * pairs).sum())
        return total, lambda: backprop((weights, pairs))

    check_gradients(model, forward, inputs=X)


def test_first_and_last_tags_have_scores_of_their_own():
    model = make_scorer()
    X = vectors(3, 0, 1)
    (scores, _), _ = model(X, False)
    inner = model.layers[0].predict(X)
    start, end = model.get_param("start"), model.get_param("end")
    expected = numpy.stack([start, numpy.zeros(3), end, start + end])
    numpy.testing.assert_allclose(scores - inner, expected, atol=1e-12)
