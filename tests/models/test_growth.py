"""Growing the outputs of scorers."""

import numpy
import pytest
from gradients import as_float64, check_gradients, given_vectors, vectors
from thinc.api import Adam, Model

from spacy_skd.models.chain import build_chain_scorer
from spacy_skd.models.growth import grow_output, grown, grown_pairs
from spacy_skd.models.tokens import build_token_scorer

# Old outputs 0, 1, 2; the new one, 3, is 1 or 2.
COPIES = numpy.asarray([[0, 1, 2, 1], [0, 1, 2, 2]])


def test_the_new_is_the_mean_and_the_old_are_exact():
    param = numpy.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    wide = grown(param, COPIES)
    numpy.testing.assert_array_equal(wide[:3], param)
    numpy.testing.assert_allclose(wide[3], (param[1] + param[2]) / 2, rtol=1e-6)
    numpy.testing.assert_array_equal(grown(param.T, COPIES, axis=1), wide.T)
    assert wide.dtype == param.dtype


def test_pairs_of_the_new_are_pairs_of_one_old():
    T = numpy.random.default_rng(0).normal(size=(3, 3)).astype("float32")
    wide = grown_pairs(T, COPIES)
    numpy.testing.assert_array_equal(wide[:3, :3], T)
    assert wide[0, 3] == pytest.approx((T[0, 1] + T[0, 2]) / 2)
    assert wide[3, 0] == pytest.approx((T[1, 0] + T[2, 0]) / 2)
    assert wide[3, 3] == pytest.approx((T[1, 1] + T[2, 2]) / 2)


@pytest.mark.parametrize("build", [build_token_scorer, build_chain_scorer])
def test_a_grown_model_has_the_gradient_of_its_function(build):
    model = build(given_vectors(), nO=3)
    model.initialize()
    as_float64(model)
    model = grow_output(model, COPIES)
    X = vectors(4, 2)
    weights = [numpy.random.default_rng(2).normal(size=(6, 4)), numpy.ones((4, 4))]

    def forward():
        scores, backprop = model.begin_update(X)
        several = isinstance(scores, tuple)
        arrays = scores if several else (scores,)
        value = sum(float((w * a**2).sum()) for w, a in zip(weights, arrays)) / 2
        d_scores = tuple(w * a for w, a in zip(weights, arrays))
        return value, lambda: backprop(d_scores if several else d_scores[0])

    check_gradients(model, forward, inputs=X)


@pytest.mark.parametrize("build", [build_token_scorer, build_chain_scorer])
def test_an_optimizer_starts_anew_with_what_has_changed(build):
    """Its momenta have the old sizes, which it does not check."""
    model = build(given_vectors(), nO=3)
    model.initialize()
    sgd, X = Adam(0.01), [v.astype("float32") for v in vectors(3)]
    step(model, X, sgd)
    sizes = {key: momenta.size for key, momenta in sgd.mom1.items()}
    larger = grow_output(model, COPIES)
    for node in larger.walk():
        for name in node.param_names:
            size = node.get_param(name).size
            assert sizes.get((node.id, name), size) == size
    step(larger, X, sgd)


def step(model, X, sgd):
    scores, backprop = model.begin_update(X)
    backprop(scores)
    model.finish_update(sgd)
    assert sgd.mom1


def test_a_model_that_cannot_grow():
    with pytest.raises(ValueError, match="'plain' has a fixed number of outputs"):
        grow_output(Model("plain", lambda *_: None), COPIES)
