"""Recalibration, reliability, scaling, decision curves, conformal sets."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.errors import InputError
from condyle.evaluate.conformal import calibrate_conformal, judge_sets, risk_coverage
from condyle.evaluate.curve_bands import smooth_band
from condyle.evaluate.decision_curve import benefit_over_default, decision_curve
from condyle.evaluate.recalibration import logistic, recalibration, spiegelhalter
from condyle.evaluate.reliability import calibration_errors, reliability
from condyle.evaluate.scaling import KINDS, fit_scaling
from condyle.evaluate.smooth_calibration import loess_at, smooth_calibration


def perfect(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    score = rng.beta(1.2, 2.5, n)
    return (rng.random(n) < score).astype(float), score


def test_a_perfect_model_has_slope_1_and_intercept_0() -> None:
    found = recalibration(*perfect(4000, 0))
    for one in (found.slope, found.intercept, found.in_the_large):
        assert abs(one.statistic) < 3
    assert found.observed_to_expected.estimate == pytest.approx(1, abs=0.06)
    assert abs(spiegelhalter(*perfect(4000, 0))[0]) < 3


def test_overconfident_scores_have_a_slope_below_1() -> None:
    truth, score = perfect(3000, 1)
    odds = (score / (1 - score)) ** 2
    found = recalibration(truth, odds / (1 + odds))
    assert found.slope.high < 0.7


def test_repeated_patients_widen_the_slope() -> None:
    truth, score = perfect(300, 2)
    alone = recalibration(truth, score, np.arange(300))
    repeated = recalibration(np.tile(truth, 2), np.tile(score, 2), np.tile(np.arange(300), 2))
    naive = recalibration(np.tile(truth, 2), np.tile(score, 2))
    assert repeated.slope.se == pytest.approx(alone.slope.se, rel=1e-6)
    assert naive.slope.se < 0.8 * alone.slope.se


def test_separated_data_have_no_finite_slope() -> None:
    with pytest.raises(InputError, match="no finite"):
        logistic([0, 0, 1, 1], np.stack([np.ones(4), np.arange(4.0)], axis=1))


@pytest.mark.parametrize("score", [[-0.1, 0.5, 0.9], [0.1, 0.5, 1.7]])
def test_scores_that_are_no_probabilities_are_refused(score: list[float]) -> None:
    with pytest.raises(InputError, match=r"outside \[0, 1\]"):
        recalibration([0, 1, 1], score)


def test_raw_error_of_a_perfect_model_is_not_miscalibration() -> None:
    """Statistics, section 11: n 500, 15 equal widths: raw about 0.055, excess within 0.01 of 0, and the null says so."""
    raw, rooted, excess, inside = [], [], [], 0
    for seed in range(60):
        found = calibration_errors(*perfect(500, seed), draws=200, seed=seed)
        raw.append(found.raw)
        rooted.append(found.root_mean_square)
        excess.append(found.excess)
        inside += found.raw <= found.upper_if_perfect
        assert found.expected_if_perfect == pytest.approx(0.045, abs=0.02)
    assert np.mean(raw) > 0.035
    assert abs(np.mean(excess)) < 0.01
    assert np.mean(rooted) < 0.6 * np.mean(raw)
    assert inside >= 50


def test_bins_hold_every_row_once() -> None:
    truth, score = perfect(333, 3)
    for binning in ("mass", "width"):
        found = reliability(truth, score, binning=binning)
        assert sum(one.observed.n for one in found) == 333
        assert all(one.low <= one.mean_score <= one.high for one in found)
    assert "patients" in reliability(truth, score, np.arange(333) // 3)[4].observed.method


@pytest.mark.parametrize("kind", KINDS)
def test_scaling_mends_overconfidence_and_refuses_test_data(kind: str) -> None:
    truth, score = perfect(3000, 4)
    odds = (score / (1 - score)) ** 2
    bold = odds / (1 + odds)
    fitted = fit_scaling(truth, bold, kind, split="validation")
    fresh_truth, fresh = perfect(3000, 5)
    fresh_odds = (fresh / (1 - fresh)) ** 2
    mended = np.clip(fitted.apply(fresh_odds / (1 + fresh_odds)), 1e-6, 1 - 1e-6)
    assert 0.85 < recalibration(fresh_truth, mended).slope.estimate < 1.2
    assert (np.diff(fitted.apply(np.linspace(0.01, 0.99, 50))) >= 0).all()
    with pytest.raises(InputError, match="Nothing is fitted"):
        fit_scaling(truth, bold, kind, split="test")


def test_isotonic_on_few_events_warns() -> None:
    assert fit_scaling(*perfect(100, 6), "isotonic", split="validation").warnings


def test_decision_curve_at_0_is_the_prevalence() -> None:
    truth, score = perfect(500, 7)
    curve = decision_curve(truth, score, [0.0, 0.2, 0.5])
    assert curve.net_benefit[0] == pytest.approx(truth.mean())
    assert (curve.net_benefit[1:] >= np.maximum(curve.treat_all[1:], 0) - 0.02).all()
    gain = benefit_over_default(truth, score, [0.3], np.arange(500), n=100)[0]
    assert gain.low <= gain.estimate <= gain.high
    with pytest.raises(InputError, match="below 1"):
        decision_curve(truth, score, 1.0)


def test_conformal_cut_is_the_order_statistic() -> None:
    away = np.linspace(0.01, 0.99, 99)
    fitted = calibrate_conformal(np.zeros(99, int), np.stack([1 - away, away], axis=1), np.arange(99), alpha=0.1)
    assert fitted.cut == pytest.approx(np.sort(away)[89])  # rank ceil(100 x 0.9) = 90
    assert fitted.expected_coverage == pytest.approx(0.9)
    few = calibrate_conformal([0, 0], [[0.9, 0.1], [0.8, 0.2]], [1, 2], alpha=0.1)
    assert few.cut == np.inf  # too few to promise anything: every class is in the set


def test_conformal_covers_whole_patients() -> None:
    rng, covered = np.random.default_rng(8), []
    for _ in range(60):
        truth = rng.integers(0, 2, 900)
        share = 1 / (1 + np.exp(-rng.normal(2 * truth - 1, 1.5)))
        probability, patients = np.stack([1 - share, share], axis=1), np.arange(900) // 3
        use = patients < 200
        fitted = calibrate_conformal(truth[use], probability[use], patients[use], alpha=0.1)
        covered.append(judge_sets(truth[~use], fitted.sets(probability[~use]), patients[~use]).coverage.estimate)
    assert np.mean(covered) == pytest.approx(181 / 201, abs=0.025)


def test_risk_falls_when_the_unsure_are_left_out() -> None:
    rng = np.random.default_rng(9)
    sure = rng.random(2000)
    found = risk_coverage(rng.random(2000) < 0.5 + sure / 2, sure)
    assert found.risk[200] < found.risk[-1]
    assert found.coverage[-1] == 1
    assert found.area < found.risk[-1]


def test_duplicates_within_patients_change_no_calibration_interval() -> None:
    """Every row twice: observed / expected, slope and Spiegelhalter's test count patients, not rows."""
    rng = np.random.default_rng(12)
    p = rng.beta(1, 2, 150)
    truth = (rng.random(150) < p).astype(float)
    once = np.arange(150)
    single, double = recalibration(truth, p, once), recalibration(np.repeat(truth, 2), np.repeat(p, 2), np.repeat(once, 2))
    for name in ("slope", "in_the_large", "observed_to_expected"):
        one, other = getattr(single, name), getattr(double, name)
        assert (other.low, other.high, other.clusters) == (pytest.approx(one.low), pytest.approx(one.high), 150)
    assert spiegelhalter(np.repeat(truth, 2), np.repeat(p, 2), np.repeat(once, 2)) == pytest.approx(spiegelhalter(truth, p, once))
    plain = recalibration(truth, p).observed_to_expected
    clustered = single.observed_to_expected
    assert np.log(clustered.high / clustered.low) == pytest.approx(np.log(plain.high / plain.low), rel=0.35)
    assert spiegelhalter(truth, p, once)[0] == pytest.approx(spiegelhalter(truth, p)[0], rel=0.25)


def test_band_of_the_smooth_curve_holds_it() -> None:
    rng = np.random.default_rng(13)
    p = np.round(rng.beta(1, 2, 200), 2)
    truth = (rng.random(200) < p).astype(float)
    band = smooth_band(truth, p, np.arange(200) // 2, n=60, seed=1)
    curve = loess_at(truth == 1, p, np.ones(200), band.along)
    known = np.isfinite(band.low)  # at the ends a tenth of the resamples does not reach
    assert known.mean() > 0.9
    assert ((band.low <= curve) & (curve <= band.high))[known].mean() > 0.9
    whole = smooth_calibration(truth, p)
    assert np.interp(band.along, np.sort(p), whole.observed[np.argsort(p)]) == pytest.approx(curve, abs=0.03)
    assert np.isnan(loess_at(truth == 1, p, (p > 0.5).astype(float), np.array([0.1, 0.6]))).tolist() == [True, False]
