"""Thresholds by rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from condyle.train.thresholds import choose_threshold, threshold_of, undecided_band


def test_youden_separates_what_can_be_separated() -> None:
    assert choose_threshold(np.array([0, 0, 1, 1.0]), np.array([0.1, 0.2, 0.6, 0.9])) == pytest.approx(0.4)
    assert choose_threshold(np.zeros(4), np.linspace(0, 1, 4)) == 0.5


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.8, 0.9, 1.0]))
def test_a_demanded_sensitivity_or_specificity_is_kept_by_the_best_such_threshold(seed: int, value: float) -> None:
    rng = np.random.default_rng(seed)
    truth, score = (rng.random(40) < 0.4).astype(float), rng.integers(0, 20, 40) / 20
    truth[:2] = 0, 1
    cut = choose_threshold(truth, score, "sensitivity", value)
    assert (score[truth == 1] >= cut).mean() >= value
    higher = np.unique(score)[np.unique(score) > cut]
    if len(higher) > 1:
        assert (score[truth == 1] >= higher[1]).mean() < value
    if (score[truth == 0] < score.max()).mean() >= value:
        cut = choose_threshold(truth, score, "specificity", value)
        assert (score[truth == 0] < cut).mean() >= value


def test_a_dear_miss_lowers_the_threshold() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random(400) < 0.3).astype(float)
    score = 1 / (1 + np.exp(-(1.5 * truth + rng.normal(0, 1, 400))))
    assert choose_threshold(truth, score, "cost", 10.0) < choose_threshold(truth, score, "cost", 0.5)
    told = threshold_of(truth, score, "cost", 10.0, 0.1)
    assert "10 false alarms" in told["rule"]


def test_the_band_holds_the_share_nearest_to_the_threshold() -> None:
    score = np.linspace(0.02, 0.98, 200)
    low, high = undecided_band(score, 0.4, 0.1)
    assert low < 0.4 < high
    assert ((score >= low) & (score < high)).mean() == pytest.approx(0.1, abs=0.01)
