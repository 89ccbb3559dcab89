"""Calibration, subgroups and agreement as studies: what was planted is found, what was not is not claimed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from condyle.evaluate.agreement_study import RatingTable, agreement_study
from condyle.evaluate.calibration_study import calibration_study
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.many_raters import rater_agreement
from condyle.evaluate.standalone import Settings
from condyle.evaluate.study_evidence import StudyEvidence
from condyle.evaluate.subgroup_study import subgroup_study

QUICK = Settings(resamples=200, seed=3)


def table(seed: int, n: int = 800, *, sharp: float = 1.0, prefix: str = "p", **columns: np.ndarray) -> FindingTable:
    """A finding whose scores are right after their logits are divided by ``sharp``."""
    rng = np.random.default_rng(seed)
    share = expit(rng.normal(0, 1.5, n))
    truth, score = (rng.random(n) < share).astype(float), expit(sharp * logit(share))
    names, none, text = np.array([f"{prefix}{k}" for k in range(n)]), np.full(n, np.nan), np.array([""] * n)
    called = (score >= 0.5).astype(float)
    return FindingTable("cyst", "binary", names, names, text, text, truth, score, none, called, np.zeros(n, bool), columns=columns)


def row_of(study: StudyEvidence, sheet: str, *begin: object) -> dict[str, object]:
    found = next(one for one in study.sheets if one.name == sheet)
    return next(dict(zip(found.columns, row, strict=True)) for row in found.rows if tuple(row[: len(begin)]) == begin)


def test_overconfidence_is_found_and_mended_on_other_patients() -> None:
    study = calibration_study([table(1, sharp=2.0)], QUICK, validation=[table(2, sharp=2.0, prefix="v")], miss=0.1)
    slope = next(line.estimate for line in study.lines if line.estimate.measure == "calibration slope" and not line.group)
    assert slope.low < 0.5 < slope.high < 1
    for kind in ("temperature", "platt"):
        row = row_of(study, "recalibration", "cyst", kind)
        assert row["Difference of Brier score"].high < 0
        assert row["Slope after"].low < 1 < row["Slope after"].high
    covered = row_of(study, "conformal", "cyst", "all")["Coverage"]
    assert covered.low < 0.9 < covered.high
    errors = [line.estimate.estimate for line in study.lines if line.estimate.measure.startswith("error among the surest")]
    assert errors == sorted(errors)
    assert {one.name for one in study.figures} == {"reliability_cyst", "decision_curve_cyst", "risk_coverage_cyst"}


def test_the_surest_rows_lie_farthest_from_the_threshold_and_ties_have_no_order() -> None:
    rng = np.random.default_rng(3)
    one = table(1)
    score = np.round(one.score, 1)
    called = np.where(rng.random(len(one)) < 0.1, np.nan, (score >= 0.2).astype(float))
    one = replace(one, score=score, called=called)

    def risk(given: FindingTable, **how: object) -> dict[str, float]:
        lines = calibration_study([given], QUICK, **how).lines
        return {line.estimate.measure: line.estimate.estimate for line in lines if "surest" in line.estimate.measure}

    first = risk(one, thresholds={"cyst": 0.2})
    assert risk(one.where(np.arange(len(one))[::-1]), thresholds={"cyst": 0.2}) == pytest.approx(first)
    away, wrong = np.round(np.abs(score - 0.2), 9), (score >= 0.2) != (one.truth == 1)
    steps = [(float((away == far).sum()), float(wrong[away == far].sum())) for far in sorted(set(away), reverse=True)]
    left = spent = 0.8 * len(one)
    errors = 0.0
    for rows, mistakes in steps:
        part = min(rows, left)
        errors, left = errors + mistakes * part / rows, left - part
    assert first["error among the surest 80%"] == pytest.approx(errors / spent)
    whole = next(value for measure, value in first.items() if "100%" in measure)
    assert whole == pytest.approx(wrong.mean())


def test_without_validation_data_nothing_is_fitted() -> None:
    study = calibration_study([table(1)], QUICK)
    assert not next(one for one in study.sheets if one.name == "recalibration").rows
    assert not any(line.group for line in study.lines)


def test_gain_over_the_default_is_0_where_all_are_treated() -> None:
    study = calibration_study([table(4)], QUICK)
    curve = next(one for one in study.sheets if one.name == "decision_curve")
    first = dict(zip(curve.columns, curve.rows[0], strict=True))
    assert first["threshold"] == 0.01
    assert first["gain_low"] <= first["gain"] <= first["gain_high"]
    assert all(row[3] <= row[2] <= row[4] for row in curve.rows)  # the band holds the curve at every threshold


def test_a_planted_gap_is_found_and_an_unplanted_one_is_not() -> None:
    rng = np.random.default_rng(5)
    sex, vendor = rng.choice(["F", "M"], 800), rng.choice(["A", "B", "C"], 800)
    given = table(6, sex=sex, vendor=vendor)
    blurred = np.where(sex == "M", expit(rng.normal(0, 1.5, 800)), given.score)  # scores of men know nothing
    given = replace(given, score=blurred, called=(blurred >= 0.5).astype(float))
    study = subgroup_study([given], ["sex", "vendor"], QUICK, cohorts="vendor")
    of_sex = row_of(study, "subgroup_tests", "cyst", "sex", "AUROC")
    assert of_sex["p, Holm"] < 0.001
    assert of_sex["Largest gap"].low > 0.1 > of_sex["Gap if equal"].estimate
    of_vendor = row_of(study, "subgroup_tests", "cyst", "vendor", "AUROC")
    assert of_vendor["p, Holm"] > 0.05
    assert of_vendor["Interaction p"] <= of_vendor["p, Benjamini-Hochberg"] <= of_vendor["p, Holm"]
    cohorts = row_of(study, "heterogeneity", "cyst", "AUROC")
    assert (cohorts["Cohorts"], cohorts["df"]) == (3, 2)
    assert cohorts["p"] > 0.05
    assert cohorts["Pooled"].low < cohorts["Pooled"].estimate < cohorts["Pooled"].high
    assert "screen" in study.summary[0]
    assert "fixed in the plan" in subgroup_study([given], ["sex"], QUICK, planned=True).summary[0]


def test_gap_and_test_compare_what_the_table_shows() -> None:
    """A group with too few negatives is in neither; one that is right in every row has a value and a gap, and is named beside the test."""
    n = 300
    group = np.array(["a", "b", "few", "sure"])[np.r_[np.zeros(100), np.ones(100), np.full(40, 2), np.full(60, 3)].astype(int)]
    truth = np.where(group == "few", np.arange(n) % 20 != 0, np.arange(n) % 2 == 0).astype(float)
    rng = np.random.default_rng(1)
    called = np.where(rng.random(n) < 0.2, 1 - truth, truth)
    called[group == "sure"] = truth[group == "sure"]
    called[(group == "few") & (np.arange(n) % 3 == 0)] = 0
    one = replace(table(1, n, site=group), truth=truth, called=called)
    study = subgroup_study([one], ["site"], QUICK)
    values = {row[1]: row[3] for row in next(sheet for sheet in study.sheets if sheet.name == "subgroups").rows if row[2] == "sensitivity"}
    assert values["site: few"] is None
    shown = [values[f"site: {name}"].estimate for name in ("a", "b", "sure")]
    test = row_of(study, "subgroup_tests", "cyst", "site", "sensitivity")
    assert test["Largest gap"].estimate == pytest.approx(max(shown) - min(shown))
    assert (test["df"], test["Note"]) == (1, "Left out of the test, since all or none of its rows are right: sure.")
    assert not np.isfinite(test["Largest gap"].low) or test["Largest gap"].low <= test["Largest gap"].estimate


def test_small_cells_have_counts_only() -> None:
    labels = np.array(["rare"] * 12 + ["usual"] * 788)
    study = subgroup_study([table(7, site_id=labels)], ["site_id"], QUICK)
    rare = [line.estimate for line in study.lines if line.group == "site_id: rare"]
    assert all(np.isnan(one.estimate) and one.n == 12 and "insufficient" in one.warnings[0] for one in rare)


def ratings(arm: str, noise: float, *, per_patient: int = 1, missing: float = 0.0) -> RatingTable:
    rng = np.random.default_rng(8)
    truth = rng.integers(1, 6, 120)
    given = np.clip(np.round(truth[:, None] + rng.normal(0, noise, (120, 4))), 1, 5)
    given[rng.random(given.shape) < missing] = np.nan
    people = np.array([f"p{k // per_patient}" for k in range(120)])
    units, readers = tuple(f"u{k}" for k in range(120)), ("r1", "r2", "r3", "r4")
    ranks = dict(zip(readers, ("junior", "junior", "senior", "senior"), strict=True))
    return RatingTable("pfirrmann", "ordinal", (1, 2, 3, 4, 5), arm, units, people, readers, given, groups=ranks)


def test_agreement_of_arms_groups_and_pairs() -> None:
    study = agreement_study([ratings("unaided", 1.2), ratings("aided", 0.4)], QUICK)
    alpha = {line.site: line.estimate for line in study.lines if line.estimate.measure.startswith("Krippendorff") and not line.group}
    assert alpha["aided"].low > alpha["unaided"].high
    plain = rater_agreement(ratings("aided", 0.4).ratings, (1, 2, 3, 4, 5), "Krippendorff alpha", weighting="ordinal")
    assert (alpha["aided"].estimate, alpha["aided"].low) == (plain.estimate, plain.low)
    gap = next(line.estimate for line in study.lines if line.site == "aided - unaided")
    assert gap.estimate == pytest.approx(alpha["aided"].estimate - alpha["unaided"].estimate)
    assert gap.low > 0
    assert {line.group for line in study.lines} == {"", "seniority: junior", "seniority: senior"}
    assert len(next(one for one in study.sheets if one.name == "pairs").rows) == 2 * 6


def test_units_of_one_patient_are_resampled_together_and_missing_ratings_are_used() -> None:
    once, thrice = (agreement_study([ratings("", 1.0, per_patient=each)], QUICK).lines[0].estimate for each in (1, 3))
    assert "linearised" in once.method
    assert "bootstrap of patients" in thrice.method
    assert thrice.clusters == 40
    some = agreement_study([ratings("", 1.0, missing=0.2)], QUICK)
    assert not any("Fleiss" in line.estimate.measure for line in some.lines)  # needs every rating; the others do not
    assert np.isfinite(some.lines[0].estimate.estimate)
