"""Calibration and thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.readers.lumbar.grade import calibrated
from condyle.train.calibrate import assessable, fit_calibration, fit_thresholds, level_shares

FINDINGS = ("herniation", "modic")


def test_calibration_undoes_a_known_stretch() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(-1, 1.5, (4000, 2))
    truth = (rng.random(true.shape) < 1 / (1 + np.exp(-true))).astype(float)
    found = fit_calibration(3 * true + 1, truth, np.ones((4000, 2), bool), FINDINGS)
    for pairs in found.values():
        assert pairs[0] == pytest.approx([1 / 3, -1 / 3], abs=0.06)
    scores = calibrated(3 * true + 1, found, FINDINGS)
    assert abs(scores.mean() - truth.mean()) < 0.01


def test_too_few_positives_leave_the_logits_alone() -> None:
    truth = np.zeros((50, 2))
    truth[:3] = 1
    found = fit_calibration(np.zeros((50, 2)), truth, np.ones((50, 2), bool), FINDINGS)
    assert found == {"herniation": [[1.0, 0.0]], "modic": [[1.0, 0.0]]}


def test_the_band_surrounds_the_threshold_and_holds_the_share_asked_for() -> None:
    rng = np.random.default_rng(1)
    truth = (rng.random((500, 2)) < 0.1).astype(float)
    scores = np.clip(0.05 + 0.3 * truth + 0.05 * rng.random((500, 2)), 0, 1)
    chosen = fit_thresholds(scores, truth, np.ones((500, 2), bool), FINDINGS, 0.1)
    for at, own in enumerate(chosen.values()):
        low, high = own["band"]
        assert 0 < low < own["value"] < high < 1
        assert ((scores[:, at] >= low) & (scores[:, at] < high)).mean() == pytest.approx(0.1, abs=0.01)
        assert "Youden" in own["rule"]
    for own in fit_thresholds(scores, truth, np.ones((500, 2), bool), FINDINGS, 0.0).values():
        assert own["band"] == pytest.approx([own["value"]] * 2), "nothing undecided, no band"


def test_a_grade_is_high_from_the_half_on_and_has_a_band_about_it() -> None:
    rng = np.random.default_rng(2)
    at_least = np.sort(rng.random((400, 4)), axis=1)[:, ::-1]  # of grades 2, 3, 4, 5
    truth = (rng.random((400, 4)) < at_least).astype(float)
    own = fit_thresholds(at_least, truth, np.ones((400, 1), bool), ("pfirrmann",), 0.1)["pfirrmann"]
    low, high = own["band"]
    assert own["value"] == 0.5
    assert low == pytest.approx(1 - high)
    assert ((at_least[:, 2] >= low) & (at_least[:, 2] < high)).mean() == pytest.approx(0.1, abs=0.01)


def test_modic_needs_both_contrasts_and_herniation_one() -> None:
    present = np.array([[True, True], [True, False], [False, True], [False, False]])
    np.testing.assert_array_equal(assessable(present, ("t2", "t1"), FINDINGS), [[1, 1], [1, 0], [1, 0], [0, 0]])


def test_level_shares_come_from_the_given_rows_and_are_never_certain() -> None:
    targets = np.array([[1, 0], [1, 0], [0, 0], [np.nan, 1]], np.float32)
    shares = level_shares(["L5-S1", "L5-S1", "L4-L5", "L4-L5"], targets, FINDINGS)
    assert shares["herniation"][""] == pytest.approx(2 / 3)
    assert shares["herniation"]["L5-S1"] == pytest.approx((2 + 2 / 3) / 3)
    assert 0 < shares["herniation"]["L4-L5"] < 0.5
