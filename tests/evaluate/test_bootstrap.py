"""Intervals by patients."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.evaluate import auroc, patient_bootstrap
from condyle.evaluate.bootstrap import sums_bootstrap


def knees(seed: int, patients: int = 80, each: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of one patient nearly repeat each other."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.integers(0, 2, patients), each).astype(float)
    score = truth + np.repeat(rng.normal(0, 1.2, patients), each) + rng.normal(0, 0.05, patients * each)
    return truth, score, np.repeat(np.arange(patients), each)


def test_patients_are_the_unit_not_rows() -> None:
    truth, score, patient = knees(0)
    by_patient = patient_bootstrap({"a": lambda w: auroc(truth, score, w)}, patient, n=400)["a"]
    by_row = patient_bootstrap({"a": lambda w: auroc(truth, score, w)}, np.arange(len(truth)), n=400)["a"]
    assert by_patient.high - by_patient.low > 1.5 * (by_row.high - by_row.low)
    assert (by_patient.n, by_patient.clusters) == (320, 80)


def test_g02_width_does_not_shrink_with_more_resamples() -> None:
    truth, score, patient = knees(1)
    few, many = (
        patient_bootstrap({"a": lambda w: auroc(truth, score, w)}, patient, n=n, seed=3)["a"] for n in (500, 2000)
    )
    assert (many.high - many.low) == pytest.approx(few.high - few.low, rel=0.15)
    assert few.estimate == many.estimate == auroc(truth, score)


def test_g55_symmetric_data_give_symmetric_limits() -> None:
    values = np.r_[np.arange(-50, 0), np.arange(1, 51)].astype(float)
    found = patient_bootstrap({"mean": lambda w: float(np.average(values, weights=w))}, np.arange(100), n=4000, seed=1)["mean"]
    assert found.low == pytest.approx(-found.high, abs=0.6)


def test_a_difference_is_paired() -> None:
    truth, score, patient = knees(2)
    other = score + np.random.default_rng(0).normal(0, 0.05, len(score))
    found = patient_bootstrap(
        {"one": lambda w: auroc(truth, score, w), "gap": lambda w: auroc(truth, score, w) - auroc(truth, other, w)}, patient, n=400
    )
    assert found["gap"].high - found["gap"].low < 0.2 * (found["one"].high - found["one"].low)


def test_too_few_usable_resamples_give_no_interval() -> None:
    truth = np.r_[1.0, np.zeros(19)]
    found = patient_bootstrap({"a": lambda w: auroc(truth, np.arange(20.0), w)}, np.arange(20), n=200)["a"]
    assert np.isnan(found.low)
    assert found.resamples < found.drawn


@pytest.mark.slow("evaluate")
def test_coverage_is_near_95_percent() -> None:
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        truth = np.repeat(rng.integers(0, 2, 100), 3).astype(float)
        score = truth * 1.19 + np.repeat(rng.normal(0, np.sqrt(0.5), 100), 3) + rng.normal(0, np.sqrt(0.5), 300)
        found = patient_bootstrap({"a": lambda w, t=truth, s=score: auroc(t, s, w)}, np.repeat(np.arange(100), 3), n=400, seed=seed)["a"]
        hits += found.low <= 0.80 <= found.high
    assert 0.90 <= hits / 200 <= 0.985


def test_sums_give_the_intervals_of_the_loop() -> None:
    rng = np.random.default_rng(4)
    right, patients = rng.random(90) < 0.7, np.arange(90) // 2
    loop = patient_bootstrap({"share": lambda w: float(np.average(right, weights=w))}, patients, n=200, seed=5)["share"]
    columns = np.stack([right, np.ones(90)], axis=1)
    sums = sums_bootstrap(columns, lambda s: {"share": s[..., 0] / s[..., 1]}, patients, n=200, seed=5)["share"]
    assert (sums.estimate, sums.low, sums.high) == pytest.approx((loop.estimate, loop.low, loop.high), abs=1e-12)
