"""The temperature that is fitted."""

import math

import numpy
import pytest

from spacy_skd.errors import HOTTEST
from spacy_skd.report.temperature import SPREAD, fit_temperature
from spacy_skd.structures.parts import softmax


def nll_of(scores, labels):
    """Of labels, at T, summed."""

    def nll(temperature):
        log_sums, _ = softmax(scores / temperature)
        chosen = scores[numpy.arange(len(labels)), labels] / temperature
        return float((log_sums - chosen).sum())

    return nll


def drawn(n, *, seed=0):
    """(n, 4) scores, and a label of each, drawn from them."""
    rng = numpy.random.default_rng(seed)
    scores = 2 * rng.normal(size=(n, 4))
    chances = softmax(scores)[1].cumsum(axis=1)
    return scores, (chances < rng.random((n, 1))).sum(axis=1).clip(max=3)


@pytest.mark.parametrize("scale", [0.05, 1, 3, 20])
def test_scores_that_were_scaled_get_that_temperature_within_its_error(scale):
    scores, labels = drawn(3000)
    nll = nll_of(scores * scale, labels)
    fitted = fit_temperature(nll)
    assert abs(math.log(fitted.value / scale)) < 3 * fitted.error
    assert 0.01 < fitted.error < 0.04
    grid = [fitted.value * math.exp(step / 50) for step in range(-10, 11)]
    assert min(map(nll, grid)) == pytest.approx(nll(fitted.value), abs=0.1)


def test_the_error_is_what_temperatures_of_other_draws_differ_by():
    fits = [fit_temperature(nll_of(*drawn(200, seed=seed))) for seed in range(40)]
    spread = numpy.std([math.log(fitted.value) for fitted in fits])
    assert spread == pytest.approx(numpy.mean([fitted.error for fitted in fits]), rel=0.3)


def test_where_nothing_is_wrong_it_stays_finite():
    """The likelihood has no maximum: the lower T, the better."""
    scores = numpy.asarray([[3.0, 0, 0, 0]] * 20)
    fitted = fit_temperature(nll_of(scores, numpy.zeros(20, dtype=int)))
    assert 0.1 < fitted.value < 0.9
    assert fitted.error > 0.3
    assert fit_temperature(lambda temperature: 0.0) == pytest.approx((1, SPREAD))


@pytest.mark.parametrize("right", [0, 1, 100])
def test_where_all_is_wrong_or_right_it_is_one_that_a_component_may_have(right):
    scores = numpy.full(100, 3.0)

    def nll(t):
        p = 1 / (1 + numpy.exp(-scores / t))
        return float(-(right * numpy.log(p[0]) + (100 - right) * numpy.log1p(-p[0])))

    assert 1 / HOTTEST <= fit_temperature(nll).value <= HOTTEST
