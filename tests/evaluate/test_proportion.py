"""Shares: limits, patients, and what is never printed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, t

from condyle.errors import InputError
from condyle.evaluate.diagnostic import Table, accuracy, clustered_likelihood_ratios, f1, likelihood_ratios, mcc, predictive_at
from condyle.evaluate.proportion import clopper_pearson, clustered_proportion, proportion, wilson


@settings(deadline=None)
@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_limits_hold_the_share_and_mirror(counts: tuple[int, int]) -> None:
    x, n = counts
    for limits in (wilson, clopper_pearson):
        low, high = limits(x, n)
        assert 0 <= low <= x / n <= high <= 1
        assert low < high
        assert limits(n - x, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_exact_limit_at_n_of_n() -> None:
    assert clopper_pearson(20, 20)[0] == pytest.approx(0.025 ** (1 / 20))


@pytest.mark.parametrize(("limits", "wanted"), [(wilson, 0.9703), (clopper_pearson, 0.9902)])
def test_coverage_of_a_share_near_1_by_exact_sum(limits: object, wanted: float) -> None:
    """Statistics, section 11: p 0.95, n 60. Wald, which is not offered, would cover 80.56 %."""
    x = np.arange(61)
    inside = np.array([low <= 0.95 <= high for low, high in (limits(int(k), 60) for k in x)])  # type: ignore[operator]
    assert binom.pmf(x, 60, 0.95)[inside].sum() == pytest.approx(wanted, abs=1e-4)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1)), min_size=4, max_size=40), st.integers(2, 4))
def test_repeating_rows_within_patients_changes_no_interval(rows: list[tuple[int, int]], times: int) -> None:
    patients, hits = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    once = clustered_proportion("share", hits, patients)
    often = clustered_proportion("share", np.repeat(hits, times), np.repeat(patients, times))
    assert [often.estimate, often.low, often.high] == pytest.approx([once.estimate, once.low, once.high], nan_ok=True)


def test_all_right_counts_patients_not_rows() -> None:
    found = clustered_proportion("share", np.ones(30), np.arange(30) // 3)
    assert (found.low, found.high) == (pytest.approx(clopper_pearson(10, 10)[0]), 1.0)
    assert found.warnings


def test_rows_of_patients_switch_to_the_ratio_estimator() -> None:
    truth, called = np.array([1, 1, 0, 0, 1, 0]), np.array([1, 0, 0, 1, 1, 0])
    assert accuracy(truth, called, list("abcdef"))["accuracy"].method == "Wilson"
    assert "over patients" in accuracy(truth, called, list("aabbcc"))["accuracy"].method


def test_nothing_to_count_is_no_number() -> None:
    found = accuracy([0, 0, 0], [0, 1, 0])
    assert np.isnan(found["sensitivity"].estimate)
    assert found["sensitivity"].warnings == ("Nothing to count.",)
    assert np.isnan(found["sensitivity"].low)


def test_unknown_interval_is_refused() -> None:
    with pytest.raises(InputError, match="wald"):
        proportion("share", 1, 2, interval="wald")


def test_predictive_values_follow_bayes() -> None:
    truth, called = np.repeat([1, 1, 0, 0], [80, 20, 10, 90]), np.repeat([1, 0, 1, 0], [80, 20, 10, 90])
    found = accuracy(truth, called)
    at = predictive_at(found["sensitivity"], found["specificity"], 0.5)
    assert at["PPV"].estimate == pytest.approx(found["PPV"].estimate)  # the sample's own prevalence
    low = predictive_at(found["sensitivity"], found["specificity"], 0.02)
    assert low["PPV"].estimate == pytest.approx(0.8 * 0.02 / (0.8 * 0.02 + 0.1 * 0.98))
    assert low["PPV"].low < low["PPV"].estimate < low["PPV"].high
    with pytest.raises(InputError):
        predictive_at(found["sensitivity"], found["specificity"], 20)


def test_scores_of_tables() -> None:
    assert f1(Table(0, 0, 0, 5)) != f1(Table(0, 0, 0, 5))  # NaN
    assert mcc(Table(5, 0, 0, 5)) == 1
    assert mcc(Table(0, 5, 5, 0)) == -1
    assert np.isnan(mcc(Table(5, 5, 0, 0)))
    assert likelihood_ratios(Table(5, 0, 0, 5))["LR+"].warnings


def test_predictive_values_of_a_perfect_sensitivity_have_an_honest_interval() -> None:
    truth = np.r_[np.ones(20), np.zeros(80)]
    called = np.r_[np.ones(20), np.ones(8), np.zeros(72)]
    found = accuracy(truth, called)
    at = predictive_at(found["sensitivity"], found["specificity"], 0.1)
    npv, ppv = at["NPV"], at["PPV"]
    assert npv.estimate == npv.high == 1.0
    assert 0.95 < npv.low < 0.999  # a miss in twenty or two at a prevalence of 0.1
    assert ppv.low < ppv.estimate < ppv.high < 1
    assert "z squared" in npv.warnings[0]
    silent = predictive_at(*(accuracy(truth, 0 * called)[name] for name in ("sensitivity", "specificity")), 0.1)["PPV"]
    assert np.isnan(silent.estimate)
    assert silent.warnings == ("Nobody is called: it divides by 0.",)


def test_likelihood_ratios_over_patients() -> None:
    """One unit a patient: the log-scale limits of independent units, but for K / (K - 1) and t. Copied rows are no new evidence."""
    rng = np.random.default_rng(2)
    truth = (rng.random(400) < 0.4).astype(float)
    called = (rng.random(400) < np.where(truth == 1, 0.8, 0.25)).astype(float)
    alone = clustered_likelihood_ratios(truth, called, np.arange(400))
    cells = Table(*(float(((truth == a) & (called == b)).sum()) for a, b in ((1, 1), (0, 1), (1, 0), (0, 0))))
    doubled = clustered_likelihood_ratios(np.tile(truth, 2), np.tile(called, 2), np.tile(np.arange(400), 2))
    for name, plain in likelihood_ratios(cells).items():
        one = alone[name]
        assert one.estimate == pytest.approx(plain.estimate)
        factor = t.ppf(0.975, one.df) / 1.959963984540054 * np.sqrt(400 / 399)
        assert np.log(one.high / one.estimate) == pytest.approx(np.log(plain.high / plain.estimate) * factor)
        assert (doubled[name].low, doubled[name].high) == pytest.approx((one.low, one.high))
    empty = clustered_likelihood_ratios([1, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 2])
    assert all(np.isnan(one.low) and one.warnings for one in empty.values())
