"""Figures of merit from scores and labels: numpy only, larger scores mean spoof, labels are 1 (or True) for spoof."""

from __future__ import annotations

import numpy as np


def error_rates(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds with the false-alarm rate on bona fide (score >= threshold) and the miss rate on spoof there.

    Thresholds are the distinct scores, ascending, and infinity, so that tied scores are never told apart.
    """
    labels = np.asarray(labels, bool)
    thresholds = np.append(np.unique(scores), np.inf)
    bona_fide, spoof = np.sort(scores[~labels]), np.sort(scores[labels])
    false_alarm = 1 - np.searchsorted(bona_fide, thresholds) / len(bona_fide)
    miss = np.searchsorted(spoof, thresholds) / len(spoof)
    return thresholds, false_alarm, miss


def equal_error_rate(scores: np.ndarray, labels: np.ndarray) -> float:
    """Equal error rate, interpolated linearly between the two operating points where the rates cross."""
    _, false_alarm, miss = error_rates(np.asarray(scores), labels)
    after = int(np.argmax(miss >= false_alarm))
    before = after - 1
    if after == 0:
        return float((miss[0] + false_alarm[0]) / 2)
    gap = (false_alarm - miss)[[before, after]]
    weight = gap[0] / (gap[0] - gap[1])
    return float(false_alarm[before] + weight * (false_alarm[after] - false_alarm[before]))


def bootstrap_interval(
    scores: np.ndarray, labels: np.ndarray, rounds: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of the equal error rate, by resampling each class with replacement."""
    random = np.random.default_rng(seed)
    scores, labels = np.asarray(scores), np.asarray(labels, bool)
    bona_fide, spoof = scores[~labels], scores[labels]
    truth = np.r_[np.zeros(len(bona_fide), bool), np.ones(len(spoof), bool)]
    rates = [
        equal_error_rate(np.r_[random.choice(bona_fide, len(bona_fide)), random.choice(spoof, len(spoof))], truth)
        for _ in range(rounds)
    ]
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


def area_under_curve(scores: np.ndarray, labels: np.ndarray) -> float:
    """Probability that a random spoof scores above a random bona fide recording; ties count half."""
    labels = np.asarray(labels, bool)
    bona_fide, spoof = np.sort(scores[~labels]), scores[labels]
    below = np.searchsorted(bona_fide, spoof, "left") + np.searchsorted(bona_fide, spoof, "right")
    return float(below.mean() / (2 * len(bona_fide)))


def cllr(llr: np.ndarray, labels: np.ndarray) -> float:
    """Cost of the log-likelihood ratios in bits (Brümmer and du Preez, 2006): 0 is perfect, 1 says nothing."""
    labels = np.asarray(labels, bool)
    spoof, bona_fide = llr[labels], llr[~labels]
    return float((np.logaddexp(0, -spoof).mean() + np.logaddexp(0, bona_fide).mean()) / (2 * np.log(2)))


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Mean gap between probability and share of spoof over equal-width bins, both classes weighing the same."""
    labels = np.asarray(labels, bool)
    weights = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum())
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    return float(
        sum(abs(np.sum(weights[place == b] * (probabilities[place == b] - labels[place == b]))) for b in range(bins))
    )
