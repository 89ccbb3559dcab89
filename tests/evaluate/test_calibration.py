"""Calibration of models whose calibration is known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from condyle.evaluate import brier, brier_skill, calibration_error, fit_platt, logit


def perfect(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    share = rng.beta(1, 2, n)
    return (rng.random(n) < share).astype(float), share


def test_brier_equals_scikit_learn_and_skill_is_0_for_the_reference() -> None:
    truth, share = perfect(200, 0)
    assert brier(truth, share) == pytest.approx(brier_score_loss(truth, share))
    assert brier_skill(truth, share, share) == 0


def test_a_perfect_model_has_no_debiased_error_where_the_raw_one_cries_wolf() -> None:
    raw = [calibration_error(*perfect(300, seed), debiased=False) for seed in range(60)]
    debiased = [calibration_error(*perfect(300, seed)) for seed in range(60)]
    assert np.median(raw) > 0.04
    assert np.median(debiased) < 0.5 * np.median(raw)


def test_a_shifted_model_is_found() -> None:
    truth, share = perfect(5000, 1)
    assert calibration_error(truth, np.clip(share + 0.15, 0, 1)) == pytest.approx(0.15, abs=0.03)


def test_slope_of_a_perfect_model_is_1_and_of_an_overconfident_one_below() -> None:
    truth, share = perfect(20_000, 2)
    assert fit_platt(truth, logit(share))[0] == pytest.approx(1, abs=0.06)
    assert fit_platt(truth, 2 * logit(share))[0] == pytest.approx(0.5, abs=0.03)


def test_platt_equals_logistic_regression() -> None:
    truth, share = perfect(5000, 3)
    model = LogisticRegression(C=np.inf).fit(logit(share)[:, None], truth)
    slope, intercept = fit_platt(truth, logit(share))
    assert slope == pytest.approx(model.coef_[0, 0], abs=0.01)
    assert intercept == pytest.approx(model.intercept_[0], abs=0.01)


def test_separable_data_stay_finite() -> None:
    slope, intercept = fit_platt([0, 0, 1, 1], [-2, -1, 1, 2])
    assert np.isfinite([slope, intercept]).all()
