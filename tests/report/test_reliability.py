"""Measures of probabilities: values by hand, and what holds of all predictions."""

import math
import tracemalloc
from itertools import product

import numpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_skd.report.reliability import (
    MANY,
    accuracy_at,
    auroc,
    brier_score,
    calibration_error,
    diagram,
    excess_calibration_error,
    lowest_threshold,
    measure,
    negative_log_likelihood,
    precision_recall,
    square_distance,
)

CONFIDENCES = np.asarray([0.9, 0.2, 0.6, 0.8])
RIGHT = np.asarray([True, False, False, True])
# Few values, so that some are the same.
PREDICTIONS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1
).map(lambda pairs: tuple(np.asarray(column) for column in zip(*pairs)))


def test_values_by_hand():
    # two bins: 0.2, 0.6 (none right) and 0.8, 0.9 (both right)
    assert calibration_error(CONFIDENCES, RIGHT, n_bins=2) == pytest.approx(
        0.5 * 0.4 + 0.5 * (1 - 0.85)
    )
    assert calibration_error(CONFIDENCES, RIGHT) == pytest.approx((0.1 + 0.2 + 0.6 + 0.2) / 4)
    assert brier_score(CONFIDENCES, RIGHT) == pytest.approx((0.01 + 0.04 + 0.36 + 0.04) / 4)
    nats = -math.log(0.9) - math.log(0.8) - math.log(0.4) - math.log(0.8)
    assert negative_log_likelihood(CONFIDENCES, RIGHT) == pytest.approx(nats / 4)
    assert auroc(CONFIDENCES, RIGHT) == 1
    assert auroc(CONFIDENCES, ~RIGHT) == 0
    assert auroc(np.asarray([0.5, 0.5, 0.7]), np.asarray([True, False, False])) == 0.25
    assert accuracy_at(CONFIDENCES, RIGHT, coverage=0.5) == 1
    assert accuracy_at(CONFIDENCES, RIGHT, coverage=0.6) == pytest.approx(2 / 3)


def test_a_diagram_by_hand():
    low, high = diagram(CONFIDENCES, RIGHT, n_bins=2)
    assert (low.low, low.high, low.n, low.accuracy) == (0.2, 0.6, 2, 0)
    assert (high.low, high.high, high.n, high.accuracy) == (0.8, 0.9, 2, 1)
    assert low.confidence == pytest.approx(0.4)


def test_a_tie_over_bins_is_shared():
    """Three of four 0.5 are right, whichever come first: each bin has 1.5 of 2."""
    right = [True, True, True, False]
    confidences = np.full(4, 0.5)
    for order in ([0, 1, 2, 3], [3, 0, 1, 2], [0, 3, 1, 2]):
        shuffled = np.asarray(right)[order]
        assert calibration_error(confidences, shuffled, n_bins=2) == pytest.approx(0.25)
        assert accuracy_at(confidences, shuffled, coverage=0.5) == pytest.approx(0.75)


def test_thresholds_by_hand():
    confidences = np.asarray([0.9, 0.8, 0.7, 0.6, 0.5])
    right = np.asarray([True, False, True, True, False])
    assert lowest_threshold(confidences, right, precision=0.75) == 0.6  # 0.8 has 1 of 2
    assert lowest_threshold(confidences, right, precision=0.8) == 0.9
    assert lowest_threshold(confidences, right, precision=0) == 0.5
    assert lowest_threshold(confidences, ~right, precision=0.9) is None
    assert precision_recall(confidences, right, threshold=0.6) == (0.75, 1)
    assert precision_recall(confidences, right, threshold=0.7, n_gold=4) == (2 / 3, 0.5)


def test_a_perfect_model_has_no_excess_and_an_overconfident_one_has():
    rng = np.random.default_rng(0)
    chances = rng.beta(5, 1, size=1000)
    right = rng.random(1000) < chances
    assert calibration_error(chances, right) > 0.01
    assert abs(excess_calibration_error(chances, right)) < 0.01
    assert excess_calibration_error(chances**0.2, right) > 0.08
    assert measure(chances, right, seed=1) == measure(chances, right, seed=1)


def test_the_excess_takes_no_more_memory_than_some_predictions():
    """A report of a large corpus has millions, each of which is drawn 200 times."""
    chances = np.linspace(0.01, 0.99, 20_000)
    right = np.random.default_rng(1).random(len(chances)) < chances
    tracemalloc.start()
    excess = excess_calibration_error(chances, right, seed=3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * chances.nbytes
    drawn = np.random.default_rng(3).binomial(1, chances, size=(200, len(chances)))
    errors = [calibration_error(chances, draw) for draw in drawn]
    expected = calibration_error(chances, right) - np.mean(errors)
    assert excess == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(PREDICTIONS, st.randoms(use_true_random=False))
def test_nothing_depends_on_the_order(predictions, random):
    confidences, right = predictions
    order = list(range(len(right)))
    random.shuffle(order)
    one, other = (measure(*p).to_json() for p in (predictions, (confidences[order], right[order])))
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert other[name] == (value if value is None else pytest.approx(value)), name


@settings(max_examples=60, deadline=None)
@given(PREDICTIONS)
def test_measures_are_what_their_definitions_say(predictions):
    confidences, right = predictions
    pairs = [
        1.0 if a > b else 0.5 * (a == b)
        for a, b in product(confidences[right], confidences[~right])
    ]
    area = auroc(confidences, right)
    assert area == pytest.approx(np.mean(pairs)) if pairs else math.isnan(area)
    bins = diagram(confidences, right)
    assert sum(each.n for each in bins) == len(right)
    assert max(each.n for each in bins) - min(each.n for each in bins) <= 1
    error = sum(each.n * abs(each.accuracy - each.confidence) for each in bins) / len(right)
    assert calibration_error(confidences, right) == pytest.approx(error)
    assert calibration_error(confidences, right, n_bins=1) == pytest.approx(
        abs(confidences.mean() - right.mean())
    )
    assert accuracy_at(confidences, right, coverage=1) == pytest.approx(right.mean())


@settings(max_examples=60, deadline=None)
@given(PREDICTIONS, st.floats(0, 1))
def test_the_lowest_threshold_reaches_the_precision_and_none_below_does(predictions, wanted):
    threshold = lowest_threshold(*predictions, precision=wanted)
    reached = [
        value
        for value in set(predictions[0].tolist())
        if precision_recall(*predictions, threshold=value).precision >= wanted - 1e-9
    ]
    assert threshold == min(reached, default=None)


def test_of_nothing_all_is_nan():
    empty = measure(np.zeros(0), np.zeros(0, dtype=bool))
    assert empty.n == 0
    assert set(map(type, empty.to_json().values())) == {int, type(None)}
    assert diagram([], []) == []
    assert lowest_threshold([], [], precision=0.5) is None
    assert math.isnan(precision_recall([], [], threshold=0.5).recall)


@pytest.mark.parametrize(
    ("confidences", "right", "named"),
    [
        ([0.5], [True, False], r"\(1,\) and \(2,\)"),
        ([0.5, math.nan], [True, False], "nan"),
        ([1.2], [True], "1.2"),
        ([[0.5]], [[True]], r"\(1, 1\)"),
    ],
)
def test_what_is_no_probability_is_refused(confidences, right, named):
    with pytest.raises(ValueError, match=named):
        measure(np.asarray(confidences), np.asarray(right))


@pytest.mark.parametrize("n", [MANY // 2, 10 * MANY])
def test_the_square_distance_is_least_where_probabilities_are_true(n):
    """Of few predictions and of many; a few that are wrong though certain do not rule it, as they
    rule the likelihood."""
    random = numpy.random.default_rng(0)
    logits = random.normal(0, 3, n)
    right = random.random(n) < 1 / (1 + numpy.exp(-logits))
    right[: n // 100] = False
    logits[: n // 100] = 12.0

    def of(temperature):
        return 1 / (1 + numpy.exp(-logits / temperature))

    near = {t: square_distance(of(t), right) for t in (0.5, 0.8, 1.0, 1.25, 2.0)}
    assert min(near, key=near.get) == 1.0
    likelihoods = {t: negative_log_likelihood(of(t), right) for t in near}
    assert min(likelihoods, key=likelihoods.get) > 1.0
