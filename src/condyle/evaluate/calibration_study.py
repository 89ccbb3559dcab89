"""Calibration as evidence: does the score mean what it says, is acting on it worth it, and what recalibration and abstention would do.

Recalibration and conformal sets are fitted on validation data and judged on the rest; without validation data they are not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from condyle.evaluate.bootstrap import patient_bootstrap, rows_bootstrap
from condyle.evaluate.calibrated import calibration_lines
from condyle.evaluate.calibration import brier
from condyle.evaluate.conformal import calibrate_conformal, judge_sets, risk_coverage
from condyle.evaluate.endpoints import Endpoint, judge_endpoints
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.evidence import BENEFIT_COLUMNS, RELIABILITY_COLUMNS, benefit_rows
from condyle.evaluate.figures import Chart, Figure, Series, thinned
from condyle.evaluate.finding_figures import benefit, decision_figure, reliability_figure
from condyle.evaluate.finding_table import FindingTable, Floats
from condyle.evaluate.reliability import reliability
from condyle.evaluate.scaling import KINDS, Scaling, fit_scaling
from condyle.evaluate.standalone import Line, Settings, from_interval
from condyle.evaluate.study_evidence import Cell, Sheet, StudyEvidence

HEADLINES = (
    "Brier score", "Brier skill", "calibration slope", "calibration in the large", "observed / expected",
    "excess calibration error", "ICI",
)  # fmt: skip
COVERAGES = (0.5, 0.8, 0.9)


def calibration_study(
    tables: Sequence[FindingTable],
    settings: Settings,
    *,
    validation: Sequence[FindingTable] = (),
    miss: float = 0.1,
    by: str = "",
    endpoints: Sequence[Endpoint] = (),
    rule: tuple[float, str] = (0.05, "none"),
    thresholds: Mapping[str, float] | None = None,
) -> StudyEvidence:
    """Judge the calibration of every binary finding.

    Parameters
    ----------
    tables : to judge; validation : of other patients, to fit on
    miss : share of patients that a conformal set may miss
    rule : alpha and the rule of multiplicity over endpoints
    thresholds : finding -> frozen threshold that made the calls
    by : column in whose groups coverage is given too, such as the site; exchangeability fails there first
    """
    own = [table.answered("exclude") for table in tables if table.kind == "binary"]
    ready = [table for table in own if 0 < table.truth.sum() < len(table)]
    tuned = {table.finding: table.answered("exclude") for table in validation if table.kind == "binary"}
    lines: list[Line] = []
    figures: list[Figure] = []
    named = ("recalibration", "isotonic", "conformal", "reliability", "decision", "risk")
    rows: dict[str, list[tuple[Cell, ...]]] = {name: [] for name in named}
    for table in own:
        lines += calibration_lines(table, settings)
    for table in ready:
        cut = (thresholds or {}).get(table.finding)
        lines += [Line(table.finding, "all", "", one) for one in (*_surest(table, settings, cut), _under_risk(table, settings, cut))]
        gain = benefit(table, settings)
        figures += [reliability_figure(table, settings), decision_figure(table.finding, gain, len(table)), _risk_figure(table, cut)]
        rows["decision"] += benefit_rows(table.finding, gain)
        rows["reliability"] += _bins(table, settings)
        risk = risk_coverage(*_called(table, cut))
        rows["risk"] += [(table.finding, *point) for point in zip(risk.coverage.tolist(), risk.risk.tolist(), strict=True)]
        fitted_on = tuned.get(table.finding)
        if fitted_on is None or not 0 < fitted_on.truth.sum() < len(fitted_on):
            continue
        fits = [fit_scaling(fitted_on.truth, fitted_on.score, kind, split="validation") for kind in KINDS]
        more, recalibrated = _recalibrated(table, fits, settings)
        rows["recalibration"] += recalibrated
        rows["isotonic"] += [(table.finding, *step) for fit in fits if fit.kind == "isotonic" for step in fit.steps]
        sets, covered = _conformal(table, fitted_on, miss, by, settings.level)
        rows["conformal"] += covered
        lines += [*more, *sets]
    by_name = {(line.finding, line.estimate.measure.lower()): line.estimate for line in lines if not line.group}
    found = [by_name.get((one.finding, one.measure.lower())) for one in endpoints]
    sheets = (
        _main(lines), Sheet("recalibration", "After recalibration", RECALIBRATION, rows["recalibration"], RECALIBRATED, how=FITTED),
        Sheet("conformal", "Conformal sets", CONFORMAL, rows["conformal"], COVERED, how=PROMISED),
        Sheet("isotonic", "Steps of isotonic regression", ("finding", "score", "share"), rows["isotonic"], long=True),
        Sheet("reliability", "Reliability", RELIABILITY_COLUMNS, rows["reliability"], long=True),
        Sheet("decision_curve", "Decision curves", BENEFIT_COLUMNS, rows["decision"], long=True),
        Sheet("risk_coverage", "Risk and coverage", ("finding", "coverage", "risk"), rows["risk"], long=True),
    )  # fmt: skip
    return StudyEvidence(
        "Calibration", (), tuple(lines), sheets, judge_endpoints(endpoints, found, alpha=rule[0], rule=rule[1]),
        _methods(settings, bool(tuned), miss), (), tuple(figures), {**asdict(settings), "miss": miss},
    )  # fmt: skip


RECALIBRATION = (
    "Finding", "Kind", "Fitted on", "Positive", "Slope", "Intercept", "Brier score", "Difference of Brier score", "Slope after",
)  # fmt: skip
FITTED = dict.fromkeys(
    ("Slope", "Intercept"),
    "of the new logit on the old, by maximum likelihood on validation data (Platt: his smoothed targets); a fixed part of the model, no "
    "interval; the steps of isotonic regression are in isotonic.csv",
)
RECALIBRATED = "Fitted on validation data alone. A difference below 0 is better; intervals over the patients that judge."
CONFORMAL = ("Finding", "Group", "Coverage", "Promised", "Calibrated on", "Cut-off", "Patients", "Mean set size", "Empty sets")
PROMISED = {
    "Promised": "exact mean coverage ceil((m + 1)(1 - miss)) / (m + 1) of m patients that calibrated; no interval: arithmetic",
    "Cut-off": "that order statistic of the patients' least conforming units of the validation data: a class is in the set when 1 - p is "
    "at or below; a fixed part of the method, no interval; empty: too few patients, every class is in",
}
COVERED = (
    "The cut-off comes from one number a patient of the validation data. Coverage of a finite test set varies with both sets: "
    "a little below the promise is no failure. Clopper-Pearson over patients."
)


def _main(lines: Sequence[Line]) -> Sheet:
    named = list(dict.fromkeys(line.finding for line in lines))
    values = {(line.finding, line.estimate.measure): line.estimate for line in lines if not line.group}
    rows = [(name, *(values.get((name, measure)) for measure in HEADLINES)) for name in named]
    note = (
        "Right: skill above 0, slope 1, in the large 0, observed / expected 1, errors 0. The expected calibration error of a perfect model "
        "is above 0; what stands here is its excess over that."
    )
    return Sheet("calibration", "Calibration", ("Finding", *HEADLINES), rows, note)


def _called(table: FindingTable, threshold: float | None) -> tuple[Floats, Floats]:
    """Whether each row is called right (by its score where it has no call), and how far its score is from the threshold of the calls."""
    cut = _cut(table) if threshold is None else threshold
    calls = np.where(np.isnan(table.called), table.score >= cut, table.called)
    return (calls == table.truth).astype(np.float64), np.asarray(np.round(np.abs(table.score - cut), 12), np.float64)


def _cut(table: FindingTable) -> float:
    """Where nothing was frozen: the middle between the highest score called absent and the lowest called present, or 0.5."""
    absent, present = table.score[table.called == 0], table.score[table.called == 1]
    if not len(absent) or not len(present) or absent.max() >= present.min():
        return 0.5
    return float(absent.max() + present.min()) / 2


def _surest(table: FindingTable, settings: Settings, threshold: float | None) -> list[Estimate]:
    """Share of wrong calls when only the surest part of the rows is decided; rows that are equally sure enter in proportion."""
    right, sure = _called(table, threshold)
    levels, place = np.unique(-sure, return_inverse=True)

    def among(share: float, weights: Floats) -> float:
        rows, wrong = (np.bincount(place, values, len(levels)) for values in (weights, weights * (1 - right)))
        before, wanted = np.cumsum(rows) - rows, share * rows.sum()
        part = np.clip((wanted - before) / np.where(rows > 0, rows, 1.0), 0.0, 1.0)
        return float((part * wrong).sum() / wanted) if wanted > 0 else float("nan")

    metrics = {f"error among the surest {share:.0%}": partial(among, share) for share in (*COVERAGES, 1.0)}
    found = patient_bootstrap(metrics, table.patients, n=settings.resamples, seed=settings.seed, confidence=settings.level)
    return [from_interval(name, one, int(table.truth.sum()), settings) for name, one in found.items()]


def _under_risk(table: FindingTable, settings: Settings, threshold: float | None) -> Estimate:
    """Mean risk over coverage."""
    right, sure = _called(table, threshold)

    def area(rows: NDArray[np.intp]) -> float:
        return risk_coverage(right[rows], sure[rows]).area

    name = "area under risk and coverage"
    found = rows_bootstrap({name: area}, table.patients, n=settings.resamples, seed=settings.seed, confidence=settings.level)
    return from_interval(name, found[name], int(table.truth.sum()), settings)


def _risk_figure(table: FindingTable, threshold: float | None) -> Chart:
    risk = risk_coverage(*_called(table, threshold))
    x, y = thinned(risk.coverage, risk.risk)
    words = f"Share of wrong calls when only the surest part is decided; area {risk.area:.3f}. At 1 everything is decided."
    return Chart(
        f"risk_coverage_{table.finding}", table.finding, "Risk and coverage", "Share decided, the surest first", "Share wrong",
        (Series("", x, y),), words, up_from=0.0,
    )  # fmt: skip


def _bins(table: FindingTable, settings: Settings) -> list[tuple[Cell, ...]]:
    found = reliability(table.truth, table.score, table.patients, level=settings.level)
    return [
        (table.finding, one.low, one.high, one.mean_score, seen.estimate, seen.low, seen.high, seen.n, seen.events)
        for one in found for seen in [one.observed]
    ]  # fmt: skip


def _recalibrated(table: FindingTable, fits: Sequence[Scaling], settings: Settings) -> tuple[list[Line], list[tuple[Cell, ...]]]:
    lines: list[Line] = []
    rows: list[tuple[Cell, ...]] = []
    n, events = settings.resamples, int(table.truth.sum())
    for fit in fits:
        after = replace(table, score=np.asarray(fit.apply(table.score)))
        group = f"recalibration: {fit.kind}"
        found = calibration_lines(after, settings)
        lines += [replace(line, group=group) for line in found if line.estimate.measure in HEADLINES]
        metrics = {"gap": partial(_brier_gap, after, table)}
        gap = patient_bootstrap(metrics, table.patients, n=n, seed=settings.seed, confidence=settings.level)["gap"]
        difference = from_interval("difference of Brier score", gap, events, settings).warned(*fit.warnings)
        lines.append(Line(table.finding, "all", group, difference))
        values = {line.estimate.measure: line.estimate for line in found}
        slope, intercept = (None, None) if fit.kind == "isotonic" else (*fit.parameters, 0.0)[:2]
        told = (table.finding, fit.kind, fit.n, fit.events, slope, intercept)
        rows.append((*told, values["Brier score"], difference, values.get("calibration slope")))
    return lines, rows


def _brier_gap(after: FindingTable, before: FindingTable, weights: Floats) -> float:
    return brier(after.truth, after.score, weights) - brier(before.truth, before.score, weights)


def _conformal(
    table: FindingTable, fitted_on: FindingTable, miss: float, by: str, level: float
) -> tuple[list[Line], list[tuple[Cell, ...]]]:
    """Coverage over all, of positives and negatives, and in each group of a column."""

    def both(score: Floats) -> Floats:
        return np.stack([1 - score, score], axis=1)

    cut = calibrate_conformal(fitted_on.truth.astype(int), both(fitted_on.score), fitted_on.patients, alpha=miss)
    member = cut.sets(both(table.score))
    groups = np.unique(table.columns[by]) if by in table.columns else ()
    parts: Mapping[str, np.ndarray] = {
        "all": np.ones(len(table), bool), "truth: positive": table.truth == 1, "truth: negative": table.truth == 0,
        **{f"{by}: {name or 'unknown'}": table.columns[by] == name for name in groups},
    }  # fmt: skip
    lines: list[Line] = []
    rows: list[tuple[Cell, ...]] = []
    for name, own in parts.items():
        report = judge_sets(table.truth[own].astype(int), member[own], table.patients[own], level=level)
        found = (report.coverage, report.mean_size, report.empty)
        lines += [Line(table.finding, "all", f"conformal sets: {name}", one) for one in found]
        edge = cut.cut if np.isfinite(cut.cut) else None
        rows.append((table.finding, name, found[0], cut.expected_coverage, cut.patients, edge, found[0].n, *found[1:]))
    return lines, rows


def _methods(settings: Settings, tuned: bool, miss: float) -> str:
    said = [
        f"Intervals are {settings.level:.0%}, two-sided, over patients ({settings.resamples} resamples, seed {settings.seed}, where there "
        "is no analytic one).",
        "Slope and intercepts come from logistic recalibration by maximum likelihood, with a sandwich over patients where a patient has "
        "several rows; calibration in the large is the intercept with the slope held at 1.",
        "Calibration errors use 15 bins, of equal width and of equal mass (cut at quantiles of the scores, type 7; equal cuts count once, "
        "a score on a cut goes above it): the mean gap (expected calibration error), its excess over the "
        f"mean of 1000 simulated outcomes of a perfect model (seed {settings.seed}), the root mean square gap less sampling noise (Kumar "
        "2019), and the largest gap. "
        "The smooth curve and ICI are loess of degree 2 and span 0.75.",
        "Net benefit is TP/n - FP/n t/(1 - t); its gain over the better of treating all and none is in decision_curve.csv with limits.",
        "Risk and coverage: rows are decided from the one whose score lies farthest from the threshold of the calls (the frozen one; else "
        "the middle between the highest score called absent and the lowest called present, or 0.5); rows equally far enter together, in "
        "proportion where a share of rows cuts them; the area is the mean risk over coverage.",
        "Rows without a score were left out and counted.",
    ]
    if tuned:
        said.append(
            "Temperature, Platt and isotonic scaling and the conformal cut-off were fitted on validation data of other patients; "
            f"sets may miss {miss:.0%} of patients."
        )
    return " ".join(said)
