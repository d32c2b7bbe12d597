"""Figures on scores whose answer is known."""

import numpy as np
import pytest

from training import calibrate, metrics


def test_separated_classes_have_no_error_and_swapped_ones_nothing_else():
    scores, labels = np.array([0.0, 1, 2, 3]), np.array([0, 0, 1, 1])
    assert metrics.equal_error_rate(scores, labels) == 0
    assert metrics.area_under_curve(scores, labels) == 1
    assert metrics.equal_error_rate(-scores, labels) == 1


def test_one_of_four_on_the_wrong_side_is_a_quarter():
    scores = np.array([0, 1, 2, 5, 3, 6, 7, 8.0])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    assert metrics.equal_error_rate(scores, labels) == pytest.approx(0.25)


def test_constant_scores_say_nothing():
    labels = np.array([0, 1, 0, 1])
    assert metrics.equal_error_rate(np.ones(4), labels) == pytest.approx(0.5)
    assert metrics.area_under_curve(np.ones(4), labels) == 0.5
    assert metrics.cllr(np.zeros(4), labels) == pytest.approx(1)


def test_two_gaussians_have_the_error_rate_of_theory():
    random = np.random.default_rng(0)
    scores = np.r_[random.normal(-1, 1, 20_000), random.normal(1, 1, 20_000)]
    labels = np.r_[np.zeros(20_000), np.ones(20_000)]
    assert metrics.equal_error_rate(scores, labels) == pytest.approx(0.1587, abs=0.01)
    low, high = metrics.bootstrap_interval(scores[::20], labels[::20], rounds=100)
    assert low < 0.1587 < high
    # The log-likelihood ratio of these two is twice the score.
    scale, offset = calibrate.fit(scores, labels)
    assert scale == pytest.approx(2, abs=0.1) and offset == pytest.approx(0, abs=0.1)


def test_calibration_corrects_scores_that_are_off_by_a_known_line():
    random = np.random.default_rng(1)
    llr = np.r_[random.normal(-2, 2, 5000), random.normal(2, 2, 5000)]
    labels = np.r_[np.zeros(5000), np.ones(5000)]
    off = (llr + 3) / 4
    scale, offset = calibrate.fit(off, labels)
    assert metrics.cllr(scale * off + offset, labels) == pytest.approx(metrics.cllr(llr, labels), abs=0.01)
    probabilities = 1 / (1 + np.exp(-(scale * off + offset)))
    assert metrics.expected_calibration_error(probabilities, labels) < 0.03


def test_the_threshold_keeps_false_alarms_at_five_percent_where_misses_allow_it():
    random = np.random.default_rng(2)
    labels = np.r_[np.zeros(2000), np.ones(2000)]
    good = 1 / (1 + np.exp(-np.r_[random.normal(-2, 2, 2000), random.normal(2, 2, 2000)]))
    chosen = calibrate.threshold(good, labels)
    assert (good[:2000] >= chosen).mean() <= 0.05
    assert calibrate.threshold(random.random(4000), labels) == 0.5
