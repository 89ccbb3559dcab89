"""Limits from replicates."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.evaluate import auroc, patient_bootstrap
from condyle.evaluate.interval_limits import bca, percentile, quantiles


def test_bca_without_skew_or_bias_is_percentile() -> None:
    draws = np.random.default_rng(0).normal(size=4001)
    draws -= np.median(draws)
    found = bca(0.0, draws, np.r_[-np.ones(5), np.ones(5)])
    assert found == pytest.approx(percentile(draws, rule="normal"), abs=2e-3)


def test_bca_falls_back_with_words_when_every_resample_is_on_one_side() -> None:
    assert bca(1.0, np.ones(100), np.ones(5)) is None
    truth, score = np.r_[np.zeros(10), np.ones(10)], np.arange(20.0)
    found = patient_bootstrap({"a": lambda w: auroc(truth, score, w)}, np.arange(20), n=100, interval="bca")["a"]
    assert "BCa is not defined" in found.method


def test_bca_leans_where_the_statistic_is_skewed() -> None:
    values = np.random.default_rng(1).exponential(size=40)
    metric = {"mean": lambda w: float(np.average(values, weights=w))}
    plain = patient_bootstrap(metric, np.arange(40), n=1000, seed=2)["mean"]
    leant = patient_bootstrap(metric, np.arange(40), n=1000, seed=2, interval="bca")["mean"]
    assert leant.low > plain.low
    assert leant.high > plain.high


@pytest.mark.parametrize("rule", ["linear", "normal"])
def test_quantiles_stay_within_the_replicates(rule: str) -> None:
    draws = np.random.default_rng(3).normal(size=99)
    found = quantiles(draws, (0.0001, 0.5, 0.9999), rule=rule)
    assert draws.min() <= found[0] < found[1] < found[2] <= draws.max()
