"""The F test between groups, against closed forms and under the null."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import f_oneway, ttest_ind

from condyle.evaluate.clustered_auc import compare_clustered
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.jackknife import equal_values
from condyle.evaluate.standalone import Settings
from condyle.evaluate.subgroup_tests import compare_subgroups
from condyle.evaluate.subgroups import auroc_difference

QUICK = Settings(resamples=100)


def measured(seed: int, n: int, shift: float = 0.0, groups: int = 2) -> FindingTable:
    """A measurement whose error is larger by ``shift`` in the last group."""
    rng = np.random.default_rng(seed)
    names, none, text = np.arange(n).astype(str), np.full(n, np.nan), np.array([""] * n)
    group = np.arange(n) % groups
    truth = rng.normal(9, 2, n)
    given = truth + rng.normal(0, 0.5 + shift * (group == groups - 1), n)
    return FindingTable(
        "disc_height", "measurement", names, names, text, text, truth, none, given, none, np.zeros(n, bool),
        columns={"sex": group.astype(str)},
    )  # fmt: skip


def test_two_groups_give_welchs_t() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(0, 1, 60), rng.normal(0.5, 2, 80)
    whole = np.r_[one, other]
    values = np.array([one.mean(), other.mean()])
    without = np.tile(values, (140, 1))
    for k in range(140):
        kept = np.delete(whole, k)
        without[k] = (kept[: 60 - (k < 60)].mean(), kept[60 - (k < 60) :].mean())
    found = equal_values(values, without)
    theirs = ttest_ind(one, other, equal_var=False)
    assert (found.df, found.df_error) == (1, 138)
    assert found.statistic == pytest.approx(theirs.statistic**2, rel=0.03)
    assert found.p == pytest.approx(theirs.pvalue, rel=0.15)


def test_errors_of_groups_are_tested_and_a_planted_difference_is_found() -> None:
    for shift, found in ((0.0, False), (1.0, True)):
        table = measured(3, 160, shift)
        (test,) = compare_subgroups([table], ["sex"], QUICK)[1]
        assert (test.p < 0.01) == found
        apart = np.abs(table.given - table.truth)
        classic = f_oneway(*(apart[table.columns["sex"] == name] for name in ("0", "1")))
        assert test.p == pytest.approx(classic.pvalue, abs=0.08)
        assert (test.holm, test.false_discovery) == (test.p, test.p)


def test_kappa_of_grades_has_a_test() -> None:
    rng = np.random.default_rng(5)
    base = measured(5, 240, groups=3)
    truth = rng.integers(1, 6, 240).astype(float)
    group = base.columns["sex"]
    wrong = rng.random(240) < np.where(group == "2", 0.8, 0.2)
    given = np.where(wrong, rng.integers(1, 6, 240), truth)
    table = replace(base, finding="pfirrmann", kind="ordinal", truth=truth, given=given, scale=(1, 2, 3, 4, 5))
    (test,) = compare_subgroups([table], ["sex"], QUICK)[1]
    assert (test.test.df, test.test.method.split(" of ")[0]) == (2, "F(2, 237)")
    assert test.p < 1e-4
    (calm,) = compare_subgroups([replace(table, given=np.where(rng.random(240) < 0.3, given, truth))], ["sex"], QUICK)[1]
    assert calm.measure == "quadratic kappa"
    assert np.isfinite(calm.p)


def test_areas_of_levels_of_one_patient() -> None:
    """Both levels of every patient with one truth: the F is the paired comparison's z squared, up to the jackknife."""
    rng = np.random.default_rng(6)
    n = 150
    truth = (rng.random(n) < 0.5).astype(float)
    scores = [gain * truth + rng.normal(0, 1, n) for gain in (1.0, 2.0)]
    patients = np.tile(np.arange(n), 2)
    level = np.repeat(["L4-L5", "L5-S1"], n)
    found = auroc_difference(np.tile(truth, 2), np.concatenate(scores), level, patients, n=100)
    paired = compare_clustered(truth, scores[1], scores[0], np.arange(n))
    assert found.statistic == pytest.approx(paired.statistic**2, rel=0.05)
    assert found.p < 0.01
    assert "F over patients" in found.note


@pytest.mark.slow("evaluate")
def test_level_of_the_test_under_the_null(record_property: pytest.RecordProperty) -> None:
    """Three groups that do not differ: p below 0.05 in about 5 of 100 (400 samples, Monte-Carlo error 1.1 points)."""
    rejected = {"error": 0, "kappa": 0}
    for seed in range(400):
        table = measured(seed, 120, groups=3)
        rng = np.random.default_rng(seed)
        truth = rng.integers(1, 6, 120).astype(float)
        given = np.clip(truth + rng.choice([-1, 0, 1], 120, p=[0.2, 0.6, 0.2]), 1, 5)
        graded = replace(table, finding="pfirrmann", kind="ordinal", truth=truth, given=given, scale=(1, 2, 3, 4, 5))
        tests = compare_subgroups([table, graded], ["sex"], replace(QUICK, resamples=1))[1]
        rejected["error"] += tests[0].p < 0.05
        rejected["kappa"] += tests[1].p < 0.05
    for name, count in rejected.items():
        record_property(f"false positives of the F test, {name}", count / 400)
        assert 0.02 <= count / 400 <= 0.09, name
