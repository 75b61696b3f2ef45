"""Calibration and operating points of classifiers by scikit-learn.

    python tests/reference/calibration.py --out tests/fixtures

Log odds and truth are drawn from a seed and kept with the results in `calibration.json`. Needs scikit-learn, SciPy, NumPy.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, precision_recall_curve, roc_curve

BINS = 10
SHARES = [0.5, 0.8, 0.9, 0.95, 1.0]


def sets():
    random = np.random.default_rng(11)

    def drawn(count, slope, intercept, levels=None):
        log_odds = random.normal(-0.4, 2.0, count)
        if levels:
            log_odds = np.round(log_odds * levels) / levels
        return log_odds, random.random(count) < expit(intercept + slope * log_odds)

    yield "right", *drawn(300, 1.0, 0.0)
    yield "too_sure", *drawn(240, 0.4, 0.7)
    yield "few_levels", *drawn(150, 0.8, -0.3, levels=2)
    # Probabilities on the borders of bins.
    log_odds = np.log(np.array([1, 2, 3, 4, 5, 6, 7, 8, 9] * 6) / 10 / (1 - np.array([1, 2, 3, 4, 5, 6, 7, 8, 9] * 6) / 10))
    yield "borders", log_odds, random.random(len(log_odds)) < 0.4
    yield "few", np.array([-2.0, -1.0, 0.5, 0.5, 1.5, 3.0]), np.array([0, 1, 0, 1, 0, 1]) == 1


def line(log_odds, truth):
    """Intercept and slope without a penalty: scikit-learn's start, brought to the last digit by Newton's method."""
    fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(log_odds[:, None], truth)
    found = np.array([fit.intercept_[0], fit.coef_[0, 0]])
    inputs = np.stack([np.ones_like(log_odds), log_odds])
    exact = found.copy()
    for _ in range(20):
        probability = expit(exact @ inputs)
        exact += np.linalg.solve((inputs * probability * (1 - probability)) @ inputs.T, inputs @ (truth - probability))
    assert np.abs(exact - found).max() < 1e-6, (exact, found)
    return exact


def expected(log_odds, truth):
    probability = 1 / (1 + np.exp(-log_odds))
    observed, mean = calibration_curve(truth, probability, n_bins=BINS)
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probability)
    cases = np.bincount(bins, minlength=BINS)
    false_alarms, hits, thresholds = roc_curve(truth, log_odds, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(truth, log_odds)
    # Both by the definition: the first of the descending thresholds that calls enough, the last that passes enough.
    by_sensitivity = [thresholds[1:][hits[1:] >= share][0] for share in SHARES]
    by_specificity = []
    for share in SHARES:
        enough = thresholds[1:][1 - false_alarms[1:] >= share]
        by_specificity.append(float(enough[-1]) if len(enough) else None)
    return {
        "probabilities": probability.tolist(), "brier_score": brier_score_loss(truth, probability),
        "expected_calibration_error": float((cases[cases > 0] / len(truth) * np.abs(observed - mean)).sum()),
        "cases": cases.tolist(), "observed": observed.tolist(), "mean_probability": mean.tolist(),
        "line": line(log_odds, truth).tolist(),
        "in_the_large": brentq(lambda shift: expit(log_odds + shift).sum() - truth.sum(), -30, 30, xtol=1e-15, rtol=1e-15),
        "false_positive_rate": false_alarms.tolist(), "sensitivity": hits.tolist(), "thresholds": thresholds[1:].tolist(),
        "precision": precision[::-1].tolist(), "recall": recall[::-1].tolist(),
        "by_sensitivity": [float(own) for own in by_sensitivity], "by_specificity": by_specificity,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    found = {"shares": SHARES}
    for name, log_odds, truth in sets():
        found[name] = {"log_odds": log_odds.tolist(), "truth": truth.tolist(), **expected(log_odds, truth)}
        print(name, found[name]["line"], found[name]["in_the_large"], found[name]["expected_calibration_error"])
    (arguments.out / "calibration.json").write_text(json.dumps(found) + "\n")
