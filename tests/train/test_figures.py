"""The figures of a card."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from condyle.train.card import table
from condyle.train.figures import Judged, figure, figures_of, wrong_where_missed


def judged(missed: int = 0) -> Judged:
    rng = np.random.default_rng(0)
    n = 120
    truth = (rng.random(n) < 0.4).astype(float)
    score = np.clip(0.3 * truth + 0.6 * rng.random(n), 0, 1)
    gone = np.arange(n) < missed
    levels = np.array(["L4-L5", "L5-S1"])[np.arange(n) % 2]
    prior = np.full(n, 0.4)
    forced = np.where(gone, np.nan, (score > 0.5).astype(float))
    called = np.where(np.abs(score - 0.5) < 0.1, np.nan, forced)
    grade = rng.integers(1, 6, n).astype(float)
    return Judged(
        np.repeat([f"p{i}" for i in range(30)], 4), levels, truth, np.where(gone, prior, score), prior, gone,
        np.where(gone, np.nan, grade), grade, forced, called, 3,
    )  # fmt: skip


def test_a_missed_level_stays_in_the_denominator_and_costs() -> None:
    whole, holed = (figure("herniation", one, resamples=50, seed=0) for one in (judged(), judged(40)))
    assert whole["n"] == holed["n"] == 120
    assert holed["coverage"] == pytest.approx(80 / 120)
    assert holed["auroc"]["estimate"] < whole["auroc"]["estimate"]
    assert holed["sensitivity"]["estimate"] < whole["sensitivity"]["estimate"]
    assert holed["left_out_without_series"] == 3


def test_a_missed_grade_is_wrong_by_one_step() -> None:
    found = wrong_where_missed(np.array([np.nan, np.nan, 2.0]), np.array([3.0, 5.0, 2.0]), (1, 2, 3, 4, 5))
    np.testing.assert_array_equal(found, [4, 4, 2])
    perfect, holed = (figure("pfirrmann", one, resamples=20, seed=0) for one in (judged(), judged(30)))
    assert perfect["quadratic_kappa"]["estimate"] == pytest.approx(1.0)
    assert holed["quadratic_kappa"]["estimate"] < 1.0


def test_leaving_the_nearest_undecided_is_told_with_share_and_errors() -> None:
    one = judged(40)
    own = figure("herniation", one, resamples=20, seed=0)
    found = ~one.missed
    decided = found & ~np.isnan(one.called)
    assert own["decided"]["estimate"] == pytest.approx(decided.sum() / found.sum())
    assert own["error_decided"]["estimate"] == pytest.approx((one.called != one.truth)[decided].mean())
    assert own["error_if_all_were_decided"]["estimate"] == pytest.approx((one.forced != one.truth)[found].mean())
    assert own["error_decided"]["estimate"] < own["error_if_all_were_decided"]["estimate"]


def test_the_level_alone_is_worth_one_half_within_a_level() -> None:
    one = judged()
    prior = np.where(one.levels == "L4-L5", 0.6, 0.3)
    own = figure("herniation", replace(one, score=prior, prior=prior), resamples=20, seed=0)
    assert own["auroc_within_level"]["estimate"] == pytest.approx(0.5)
    assert own["auroc_minus_level_only"]["estimate"] == 0


def test_an_interval_holds_its_estimate_and_does_not_shrink_with_more_resamples() -> None:
    few, many = (figure("herniation", judged(), resamples=n, seed=0)["auroc"] for n in (250, 1000))
    assert few["low"] <= few["estimate"] <= few["high"]
    assert (many["high"] - many["low"]) == pytest.approx(few["high"] - few["low"], rel=0.1)


def test_the_table_has_a_row_for_each_finding_with_n() -> None:
    figures = figures_of({"upper_endplate": judged(), "lower_endplate": judged()}, resamples=20)
    text = table(figures)
    assert text.count("120 (") == 2
    assert figures["endplates_mean"]["n"] == 120


def test_figures_are_plain_enough_for_a_record() -> None:
    own = figures_of({name: judged() for name in ("herniation", "upper_endplate", "lower_endplate")}, resamples=20)
    assert json.loads(json.dumps(own))["herniation"]["auroc"].keys() == own["endplates_mean"]["auroc"].keys()
