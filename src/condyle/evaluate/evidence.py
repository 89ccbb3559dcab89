"""All that is said about one table of predictions: numbers, curves, endpoints, and the sentences a paper needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from condyle.evaluate.calibrated import calibration_bins, calibration_lines
from condyle.evaluate.comparison import compare_readers
from condyle.evaluate.endpoints import Endpoint, EndpointResult, judge_endpoints
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.froc import FrocCurve
from condyle.evaluate.precision import precision_recall
from condyle.evaluate.reliability import Bin
from condyle.evaluate.roc import Curve, roc_curve
from condyle.evaluate.standalone import Line, Settings, standalone
from condyle.evaluate.subgroups import auroc_difference, share_difference, subgroup_values


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Curves of one binary finding: ROC, precision against recall, points of the reliability diagram."""

    finding: str
    roc: Curve
    precision: tuple[tuple[float, float], ...]
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class GroupTest:
    """Whether the subgroups of a column differ in a measure of a finding."""

    finding: str
    column: str
    measure: str
    gap: str
    gap_if_equal: float
    statistic: float
    df: int
    p: float
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Parameters
    ----------
    lines : every number; calibration and subgroups follow the standalone ones
    drawn : curves by finding
    compared : tests over subgroups
    endpoints : of the plan, in its order
    missed : finding -> rows with truth and without an answer
    marks : finding -> free-response curve
    """

    settings: Settings
    lines: tuple[Line, ...]
    drawn: tuple[Drawn, ...]
    compared: tuple[GroupTest, ...]
    endpoints: tuple[EndpointResult, ...]
    missed: tuple[tuple[str, int, int], ...]
    marks: tuple[tuple[str, FrocCurve], ...] = ()


def gather(
    tables: Sequence[FindingTable],
    settings: Settings,
    *,
    subgroups: Sequence[str] = (),
    endpoints: Sequence[Endpoint] = (),
    alpha: float = 0.05,
    rule: str = "none",
) -> Evidence:
    """Judge every finding.

    Parameters
    ----------
    subgroups : columns of the tables; 'level' and 'side' too
    endpoints, alpha, rule : of the plan
    """
    lines = list(standalone(tables, settings))
    drawn, compared = [], []
    for table in tables:
        if table.kind == "binary":
            lines += calibration_lines(table, settings)
            own = table.answered(settings.failures)
            if 0 < own.truth.sum() < len(own):
                drawn.append(_drawn(table, own, settings))
            for column in subgroups:
                more, tests = _subgroup(own, column, settings)
                lines += more
                compared += tests
    by_name = {(line.finding, line.site, line.estimate.measure): line.estimate for line in lines if not line.group}
    found = [by_name.get((one.finding, one.site, one.measure)) for one in endpoints]
    missed = tuple(
        (table.finding, int((np.isnan(table.score) if table.kind == "binary" else np.isnan(table.given)).sum()), len(table))
        for table in tables
    )
    return Evidence(
        settings, tuple(lines), tuple(drawn), tuple(compared), judge_endpoints(endpoints, found, alpha=alpha, rule=rule), missed
    )


def gather_comparison(
    first: Sequence[FindingTable], second: Sequence[FindingTable], settings: Settings, *, margin: float | None = None
) -> Evidence:
    """Compare two readers; the lines are differences, second minus first."""
    lines = compare_readers(first, second, settings, margin=margin)
    missed = tuple((one.finding, int((one.missed | other.missed).sum()), len(one)) for one, other in zip(first, second, strict=True))
    return Evidence(settings, lines, (), (), (), missed)


def methods_paragraph(evidence: Evidence, *, plan: str = "") -> str:
    """What was done, in sentences, written from the methods that the numbers name."""
    settings = evidence.settings
    used = {line.estimate.method.split(",")[0] for line in evidence.lines if line.estimate.method}
    parts = [f"Intervals are {settings.level:.0%}, two-sided; the patient is the independent unit."]
    if any(word.startswith("DeLong") for word in used):
        parts.append(
            "Areas under the ROC curve of patients with one row each have DeLong intervals, on the logit scale above 0.9 "
            "or with fewer than 50 of a class."
        )
    if "Obuchowski" in used:
        parts.append("Where patients give several rows, areas have intervals over patients (Obuchowski 1997) with t on the logit scale.")
    if "Newcombe 2006" in used:
        parts.append("Areas without variance have Newcombe's score-type interval (2006, method 5).")
    if used & {"Wilson", "Clopper-Pearson"}:
        parts.append(f"Shares of independent units have {'Wilson' if settings.proportions == 'wilson' else 'Clopper-Pearson'} intervals.")
    if "ratio estimator over patients" in used:
        parts.append("Shares of rows within patients use the ratio estimator with logit limits and t over patients.")
    if any("bootstrap" in word for word in used):
        parts.append(
            f"Other intervals come from {settings.resamples} resamples of patients with all their rows (seed {settings.seed}, PCG64; "
            "percentile, BCa for average precision with fewer than 50 positives)."
        )
    if evidence.compared:
        parts.append(
            "Subgroups were compared by chi-square of areas about their weighted mean, and by logistic regression with a "
            "sandwich over patients."
        )
    how = "left out and counted" if settings.failures == "exclude" else "counted as wrong answers"
    parts.append(f"Rows without an answer were {how}.")
    parts.append(
        f"The plan (sha256 {plan[:12]}...) was hashed before the truth was opened."
        if plan
        else "No plan was fixed: all results are exploratory."
    )
    return " ".join(parts)


def _drawn(table: FindingTable, own: FindingTable, settings: Settings) -> Drawn:
    precision, recall, _ = precision_recall(own.truth, own.score)
    points = tuple((float(r), float(p)) for r, p in zip(recall, precision, strict=True))
    return Drawn(table.finding, roc_curve(own.truth, own.score), points, calibration_bins(table, settings))


def _subgroup(table: FindingTable, column: str, settings: Settings) -> tuple[list[Line], list[GroupTest]]:
    labels = {"level": table.levels, "side": table.sides}.get(column, table.columns.get(column))
    if labels is None or not len(table):
        return [], []
    named = np.where(labels == "", "unknown", labels)
    values = subgroup_values(table.truth, table.score, table.called, named, table.patients, level=settings.level)
    lines = [Line(table.finding, "all", f"{column}: {name}", one) for name, measures in values.items() for one in measures.values()]
    area = auroc_difference(table.truth, table.score, named, table.patients, n=min(settings.resamples, 1000), seed=settings.seed)
    tests = [area] + [share_difference(name, table.truth, table.called, named, table.patients) for name in ("sensitivity", "specificity")]
    return lines, [
        GroupTest(
            table.finding,
            column,
            one.measure,
            "" if one.gap is None else str(one.gap),
            one.gap_if_equal,
            one.statistic,
            one.df,
            one.p,
            one.note,
        )
        for one in tests
    ]


def named_measures(lines: Sequence[Line]) -> list[str]:
    """Names of all measures, for messages about endpoints that do not exist."""
    return sorted({line.estimate.measure for line in lines})


def of(lines: Sequence[Line], finding: str, measure: str, site: str = "all") -> Estimate | None:
    """The number of one finding, or None."""
    return next(
        (line.estimate for line in lines if (line.finding, line.site, line.group, line.estimate.measure) == (finding, site, "", measure)),
        None,
    )
