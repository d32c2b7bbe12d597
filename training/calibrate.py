"""Turn mean logits into log-likelihood ratios, and choose the threshold. Uses dev scores, as the model card says."""

from __future__ import annotations

import numpy as np

from training import metrics

FALSE_ALARMS = 0.05
"""Share of bona fide recordings that may be called spoof at the shipped threshold."""

HIGHEST_MISS_RATE = 0.4
"""Where the false-alarm target would cost more misses than that, the threshold stays at even odds."""


def fit(logits: np.ndarray, labels: np.ndarray, rounds: int = 200) -> tuple[float, float]:
    """Scale and offset of `llr = scale * logit + offset`, by logistic regression at equal priors (Newton's method)."""
    labels = np.asarray(labels, float)
    weights = np.where(labels > 0.5, 0.5 / labels.sum(), 0.5 / (1 - labels).sum())
    inputs = np.stack([logits, np.ones_like(logits)], 1)
    theta = np.array([1.0, 0.0])
    for _ in range(rounds):
        probability = 1 / (1 + np.exp(-inputs @ theta))
        gradient = inputs.T @ (weights * (probability - labels)) + 1e-6 * theta
        curvature = (inputs * (weights * probability * (1 - probability))[:, None]).T @ inputs + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        theta -= step
        if np.abs(step).max() < 1e-9:
            break
    return float(theta[0]), float(theta[1])


def threshold(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Probability from which a recording is called spoof: at most 5 % false alarms, where that is affordable."""
    thresholds, false_alarm, miss = metrics.error_rates(probabilities, labels)
    place = int(np.argmax(false_alarm <= FALSE_ALARMS))
    if miss[place] > HIGHEST_MISS_RATE or not np.isfinite(thresholds[place]):
        return 0.5
    # Rounded up, so that the target still holds for the figure in the manifest.
    return float(max(0.5, np.ceil(thresholds[place] * 1000) / 1000))
