"""Differences between systems, by samples of docs."""

import numpy as np
import pytest

from spacy_skd.report.bootstrap import difference, f1, resampling


def test_f1_by_hand():
    assert f1(np.asarray([[1, 2, 2], [3, 4, 2], [0, 0, 0]])).tolist() == [0.5, 1.0, 0.0]


def test_samples_are_docs_drawn_with_replacement():
    weights = resampling(5, samples=300, seed=1)
    assert weights[0].tolist() == [1] * 5
    assert (weights.sum(axis=1) == 5).all()
    assert weights[1:].mean() == 1
    assert abs(weights[1:].mean(axis=0) - 1).max() < 0.2
    assert (weights == resampling(5, samples=300, seed=1)).all()


def test_a_difference_that_all_docs_share_is_sure_and_one_of_few_is_not():
    n = 40
    theirs = np.tile([8, 10, 10], (n, 1))
    ours = theirs + [1, 0, 0]
    weights = resampling(n)
    apart = difference(f1(weights @ ours), f1(weights @ theirs))
    assert apart[:3] == pytest.approx((0.1, 0.1, 0.1))
    assert apart.p == 0
    assert apart.is_sure
    ours = theirs.copy()
    ours[0] += [1, 0, 0]
    apart = difference(f1(weights @ ours), f1(weights @ theirs))
    # no sample in which that doc is not has a difference: (1 - 1/n)^n of them
    assert apart.p == pytest.approx((1 - 1 / n) ** n, abs=0.03)
    assert not apart.is_sure
    theirs, ours = f1(weights @ theirs), f1(weights @ ours)
    kept = [0, *range(1000, len(ours))]
    without = difference(ours[kept], theirs[kept])
    ours[1:1000] = np.nan  # of samples that have nothing to score
    assert difference(ours, theirs) == without
    same = difference(theirs, theirs)
    assert (same.mean, same.p, same.p_either) == (0, 1, 1)


def test_the_interval_is_that_of_the_normal_approximation():
    rng = np.random.default_rng(0)
    right = rng.random((200, 2)) < [0.8, 0.7]
    ours, theirs = (np.stack([c, np.ones(200), np.ones(200)], 1) for c in right.T)
    weights = resampling(200)
    apart = difference(f1(weights @ ours), f1(weights @ theirs))
    error = (right[:, 0].astype(int) - right[:, 1]).std() / 200**0.5
    assert apart.high - apart.low == pytest.approx(2 * 1.96 * error, rel=0.1)
