"""Subgroups and cohorts as evidence: values in each group, tests whether groups differ, heterogeneity between cohorts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from condyle.evaluate.endpoints import Endpoint, judge_endpoints
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.figures import Figure, Heat, finding_words, forest_of
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.heterogeneity import pool_shares
from condyle.evaluate.standalone import Line, Settings, binary_shares, ranked_area
from condyle.evaluate.study_evidence import Cell, P, Sheet, StudyEvidence
from condyle.evaluate.subgroup_tests import compare_subgroups, graded_whole, tests_sheet

POOLED = ("AUROC", "sensitivity", "specificity")


def subgroup_study(
    tables: Sequence[FindingTable],
    columns: Sequence[str],
    settings: Settings,
    *,
    cohorts: str = "",
    planned: bool = False,
    endpoints: Sequence[Endpoint] = (),
    rule: tuple[float, str] = (0.05, "none"),
) -> StudyEvidence:
    """Judge every finding in every subgroup.

    Parameters
    ----------
    columns : to make groups of
    cohorts : one of the columns whose groups are cohorts of different patients, such as the site: their values are pooled
        and their heterogeneity is given
    planned : the columns were fixed before the truth was opened
    """
    asked = tuple(dict.fromkeys((*columns, *([cohorts] if cohorts else []))))
    lines, tests = compare_subgroups(tables, asked, settings)
    whole = [Line(table.finding, "all", "", one) for table in tables for one in _whole(table, settings)]
    by_name = {(line.finding, line.estimate.measure.lower()): line.estimate for line in whole}
    found = [by_name.get((one.finding, one.measure.lower())) for one in endpoints]
    pooled, more = _heterogeneity(lines, cohorts, settings.level) if cohorts else ((), ())
    small = sum("insufficient" in " ".join(line.estimate.warnings) for line in lines)
    summary = (
        f"Groups by {', '.join(asked)}" + (", fixed in the plan." if planned else ": a screen, read it by the false discovery rate."),
        f"{small} of {len(lines)} cells are insufficient (fewer than 10 positives or 10 negatives) and have counts only.",
    )
    between = [line for test in tests for line in test.lines]
    return StudyEvidence(
        "Subgroups", summary, (*whole, *lines, *between, *more), (_values(whole, lines), tests_sheet(tests), *pooled),
        judge_endpoints(endpoints, found, alpha=rule[0], rule=rule[1]), _methods(settings, cohorts), (), _figures(whole, lines, asked),
        {**asdict(settings), "columns": list(asked), "cohorts": cohorts},
    )  # fmt: skip


def _whole(table: FindingTable, settings: Settings) -> list[Estimate]:
    own = table.answered(settings.failures)
    if own.kind != "binary":
        return graded_whole(own, settings) if len(own) else []
    if not 0 < own.truth.sum() < len(own):
        return []
    shares = [one for one in binary_shares(own, settings) if one.measure in ("sensitivity", "specificity") and np.isfinite(one.estimate)]
    return [ranked_area(own, settings), *shares]


def _values(whole: Sequence[Line], lines: Sequence[Line]) -> Sheet:
    rows: list[tuple[Cell, ...]] = [
        (
            line.finding, line.group or "all", line.estimate.measure, line.estimate if np.isfinite(line.estimate.estimate) else None,
            line.estimate.n, line.estimate.events, line.estimate.clusters, " ".join(line.estimate.warnings),
        )
        for name in dict.fromkeys(line.finding for line in (*whole, *lines)) for line in (*whole, *lines) if line.finding == name
    ]  # fmt: skip
    columns = ("Finding", "Group", "Measure", "Value", "n", "Events", "Patients", "Note")
    return Sheet("subgroups", "Values in each group", columns, rows)


def _heterogeneity(lines: Sequence[Line], column: str, level: float) -> tuple[tuple[Sheet, ...], tuple[Line, ...]]:
    rows: list[tuple[Cell, ...]] = []
    more: list[Line] = []
    for name in dict.fromkeys(line.finding for line in lines):
        for measure in POOLED:
            own = [
                line.estimate for line in lines
                if (line.finding, line.estimate.measure) == (name, measure) and line.group.startswith(f"{column}: ")
                and 0 < line.estimate.estimate < 1 and line.estimate.se > 0
            ]  # fmt: skip
            if len(own) < 2:
                continue
            sizes = (sum(one.n for one in own), sum(one.events or 0 for one in own), sum(one.clusters for one in own))
            found = pool_shares(measure, [one.estimate for one in own], [one.se for one in own], level=level, sizes=sizes)
            more += [Line(name, "all", f"cohorts: {column}", one) for one in (found.mean, found.expected, found.test)]
            rows.append(
                (name, measure, len(own), found.mean, found.expected, found.test, found.df, P(found.p), found.i_squared, found.tau_squared)
            )
    columns = ("Finding", "Measure", "Cohorts", "Pooled", "A new cohort", "Q", "df", "p", "I squared", "tau squared (logit)")
    how = {
        "p": "chi-square of Q", "I squared": "(Q - df) / Q, at least 0; no interval: few cohorts do not tell it",
        "tau squared (logit)": "DerSimonian and Laird's moment estimate; no interval: few cohorts do not tell it",
    }  # fmt: skip
    note = (
        "Random effects on the logit scale, modified Hartung-Knapp limits (never narrower than the usual random-effects error: Roever "
        "2015). 'A new cohort' is where its value is expected; I squared is the share of variation beyond chance. Cohorts at 0 or 1, "
        "without an error, or with too few positives or negatives are left out. Few cohorts: a large p says little."
    )
    return (Sheet("heterogeneity", f"Cohorts by {column}", columns, rows, note, how=how),), tuple(more)


def _figures(whole: Sequence[Line], lines: Sequence[Line], columns: Sequence[str]) -> tuple[Figure, ...]:
    """A forest plot a finding and measure, groups under the heading of their column; a heat map of findings by groups."""
    found: list[Figure] = []
    for name in dict.fromkeys(line.finding for line in lines):
        for measure in dict.fromkeys(line.estimate.measure for line in lines if line.finding == name):
            overall = next((line.estimate for line in whole if (line.finding, line.estimate.measure) == (name, measure)), None)
            rows: list[tuple[str, str, Estimate | None]] = [] if overall is None else [("all", _counts(overall), overall)]
            for column in columns:
                own = [
                    line for line in lines
                    if (line.finding, line.estimate.measure) == (name, measure) and line.group.startswith(f"{column}: ")
                    and np.isfinite(line.estimate.estimate)
                ]  # fmt: skip
                if own:
                    rows.append((finding_words(column), "", None))
                    rows += [("    " + line.group.removeprefix(f"{column}: "), _counts(line.estimate), line.estimate) for line in own]
            words = f"{measure} in each group with its interval; groups with too few are in the table. Overlap of two intervals is no test."
            at = float("nan") if overall is None else overall.estimate
            file = f"subgroups_{name}_{measure}".replace(" ", "_").lower()
            title = f"{finding_words(name)}: {measure} in subgroups"
            found += forest_of(file, title, measure[:1].upper() + measure[1:], rows, words, finding=name, reference=at)
    named = list(dict.fromkeys(line.finding for line in lines if line.estimate.measure == "AUROC"))
    groups = list(dict.fromkeys(line.group for line in lines))
    if len(named) > 1 and groups:
        values = {(line.finding, line.group): line.estimate.estimate for line in lines if line.estimate.measure == "AUROC"}
        cells = np.array([[values.get((name, group), np.nan) for group in groups] for name in named])
        words = "AUROC of each finding in each group; empty where there are too few. Intervals stand in the table."
        found.append(Heat("subgroups", "", "AUROC in subgroups", "", "", tuple(map(finding_words, named)), tuple(groups), cells, words))
    return tuple(found)


def _counts(one: Estimate) -> str:
    return f"{one.n}" if one.events is None else f"{one.events} of {one.n}"


def _methods(settings: Settings, cohorts: str) -> str:
    said = [
        f"Intervals are {settings.level:.0%}, two-sided; the patient is the independent unit.",
        "Areas have DeLong intervals, or Obuchowski's over patients where a patient has several rows; shares are Wilson's or the ratio "
        "estimator over patients. Cells with fewer than 10 positives or 10 negatives have counts only.",
        "Areas of groups without common patients were compared by Welch's F about their weighted mean; sensitivity and specificity by "
        "logistic regression with a sandwich over patients (Wald's F); areas of groups that share patients, kappa and errors by an F "
        "test with the jackknife covariance over patients. Gaps are the largest less the smallest value, with percentile limits over "
        f"{settings.resamples} resamples of patients (seed {settings.seed}) and, for areas, their mean under 200 random "
        "assignments of patients to groups. p were adjusted over all tests by Holm and by Benjamini and Hochberg.",
    ]
    if cohorts:
        said.append(f"Cohorts by {cohorts} were pooled on the logit scale with random effects (DerSimonian-Laird, modified Hartung-Knapp).")
    return " ".join(said)
