"""What every evaluation on disk shares: the plan, the opening of the truth, subgroups, and where the numbers come from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from condyle.cohorts.labels import Label, read_labels
from condyle.cohorts.manifest import ManifestRow, read_manifest
from condyle.cohorts.plan import EndpointPlan, Plan, Planned, log_opening, read_plan, read_thresholds, unjudged
from condyle.cohorts.predictions import NO_ANSWER, NO_NUMBER, NO_PREDICTION, NO_SITE, NO_TRUTH, Compared, Prediction
from condyle.cohorts.table import together, told_rows
from condyle.errors import InputError, UsageError, did_you_mean
from condyle.evaluate.endpoints import MEASURES, Endpoint, EndpointResult, decided_again, elsewhere, judge_endpoints
from condyle.evaluate.evidence import Evidence
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.mrmc.table import Read
from condyle.evaluate.standalone import Line, Settings
from condyle.evaluate.study_evidence import Claim, Sheet, StudyEvidence
from condyle.report.provenance import Provenance

AGE_BANDS = ((0, 40), (40, 60), (60, 80), (80, 200))
Earlier = tuple[Mapping[str, Any], ...]
Told = TypeVar("Told", Evidence, StudyEvidence)


def plan_beside(plan: Path | str | None, *tables: Callable[[], object]) -> Planned | None:
    """The plan; when it cannot be used, what is wrong with these tables is told with it. The truth stays closed then."""
    if plan is None:
        return None
    try:
        return read_plan(plan)
    except InputError:
        together(lambda: read_plan(plan), *tables)
        raise


def open_truth(truth: Path | str, planned: Planned | None, command: str) -> tuple[tuple[Label, ...], Earlier]:
    """The truth, and the earlier lines of its log; the opening is logged first."""
    earlier = log_opening(truth, planned.sha256 if planned else "", command=command)
    return read_labels(truth), earlier


def manifest_rows(path: Path | str | None) -> tuple[ManifestRow, ...]:
    """Ids and columns of a manifest, which needs no path then; none without one."""
    return () if path is None else read_manifest(path, files=False)


def patients_of(path: Path | str | None) -> dict[str, str]:
    """study_id -> patient_id of a manifest."""
    return {row.study_id: row.patient_id for row in manifest_rows(path)}


def frozen_thresholds(planned: Planned | None, path: Path | str | None = None) -> tuple[Mapping[str, float], str]:
    """Thresholds of the plan or of a file, and the sha256 of where they come from."""
    if planned is not None:
        return planned.thresholds, planned.thresholds_sha256
    return ({}, "") if path is None else read_thresholds(path)


def in_whole_plan(evidence: Told, planned: Planned | None, judged: Sequence[EndpointPlan]) -> Told:
    """The same with every endpoint of the plan, in its order and decided together; what another command judges counts as not shown.

    Parameters
    ----------
    judged : endpoints of the plan that this analysis judges, in the order of ``evidence.endpoints``
    """
    if planned is None:
        return evidence
    given = {line.estimate.measure.lower() for line in evidence.lines}
    # A measure that another command gives is no failure of this one; a name that none knows is told as such.
    others = {name.lower() for name in MEASURES} - given
    found = {
        one: result for one, result in zip(judged, evidence.endpoints, strict=True) if one.comparison or one.metric.lower() not in others
    }
    listed = [found[one] if one in found else elsewhere(endpoint_of(one)) for one in planned.plan.endpoints]
    alpha, rule = rule_of(planned)
    return replace(evidence, endpoints=decided_again(listed, alpha=alpha, rule=rule))


def endpoint_of(one: EndpointPlan) -> Endpoint:
    """An endpoint as it is judged: a value or a difference."""
    if one.comparison:
        return claim_of(one).endpoint
    return Endpoint(one.finding, one.metric, one.at_most or one.at_least or 0.0, one.site, one.family, one.at_most is not None)


def claim_of(one: EndpointPlan) -> Claim:
    """An endpoint that compares."""
    return Claim(one.finding, one.metric, one.comparison, one.margin or 0.0, one.family)


def without_threshold(reads: Sequence[Read], thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """Why a model beside readers who made decisions lacks its sensitivity: no threshold of the finding was frozen."""
    decided = dict.fromkeys(one.finding for one in reads if one.decision is not None)
    lacking = [name for name in decided if name not in thresholds]
    if not lacking:
        return ()
    return (
        f"No threshold was frozen for {', '.join(lacking)}: sensitivity, specificity and accuracy of the model beside the readers, its "
        "sensitivity at their specificity and their points are not given. Name a file of thresholds in a plan.",
    )


def values_claimed(planned: Planned | None) -> tuple[list[EndpointPlan], list[Endpoint]]:
    """Endpoints of a plan that claim a value (``at_least`` or ``at_most``), as planned and as they are judged."""
    claims = [one for one in (planned.plan.endpoints if planned else ()) if not one.comparison]
    return claims, [endpoint_of(one) for one in claims]


def judged_values(planned: Planned | None, lines: Sequence[Line]) -> tuple[list[EndpointPlan], tuple[EndpointResult, ...]]:
    """Endpoints of a plan that claim a value of a measure that this analysis gives, and what the lines say of them."""
    measures = {line.estimate.measure.lower() for line in lines}
    listed = [pair for pair in zip(*values_claimed(planned), strict=True) if pair[1].measure.lower() in measures]
    claims, endpoints = [claim for claim, _ in listed], [endpoint for _, endpoint in listed]
    by_name = {(line.finding, line.site, line.estimate.measure.lower()): line.estimate for line in reversed(lines) if not line.group}
    found = [by_name.get((one.finding, one.site, one.measure.lower())) for one in endpoints]
    rule = rule_of(planned)
    return claims, judge_endpoints(endpoints, found, alpha=rule[0], rule=rule[1])


def package_of(said: Sequence[Prediction]) -> str:
    """Name and version of the packages that a table of predictions names."""
    return ", ".join(sorted({one.package for one in said if one.package}))


def settings_of(plan: Plan) -> Settings:
    """The settings that a plan fixes."""
    bands = tuple((one.axis, one.low, one.high) for one in plan.partial_areas)
    draws = plan.bootstrap
    return Settings(
        plan.confidence, draws.n, draws.seed, plan.proportions, plan.failures, plan.prevalences, dict(plan.groups), draws.interval, bands
    )


def checked_bands(bands: Sequence[tuple[str, float, float]]) -> tuple[tuple[str, float, float], ...]:
    """Bands of partial areas as given; UsageError when one is not two rising numbers from 0 to 1."""
    for axis, low, high in bands:
        if not 0 <= low < high <= 1:
            raise UsageError(
                "band-invalid", f"A band of {axis} is two rising numbers from 0 to 1.", what_to_do=f"Write --partial-{axis} 0.9 1."
            )
    return tuple(bands)


def subgroup_columns(rows: Sequence[ManifestRow], names: Sequence[str]) -> dict[str, dict[str, str]]:
    """column -> study_id -> value. Ages become bands; level and side need no column.

    Raises UsageError when a column is in no row.
    """
    known = {"sex", "age", "vendor", "site_id", "field_strength", "joint", "split"} | {name for row in rows for name in row.extra}
    strange = [name for name in names if name not in known | {"level", "side"}]
    if strange or (names and not rows and set(names) - {"level", "side"}):
        near = did_you_mean(strange[0], known) if strange else ""
        raise UsageError(
            "subgroup-unknown",
            f"There is no column {strange[0] if strange else names[0]!r} to make subgroups of.{near}",
            why="Subgroups are columns of the manifest, or level or side.",
            what_to_do="Give the manifest with --manifest, and name its columns.",
        )
    found: dict[str, dict[str, str]] = {name: {} for name in names if name not in ("level", "side")}
    for row in rows:
        for name, values in found.items():
            value = row.extra.get(name) if name in row.extra else getattr(row, name, None)
            text = age_band(value) if name == "age" and isinstance(value, float) else "" if value is None else str(value)
            values.setdefault(row.study_id, text)
    return found


def age_band(years: float) -> str:
    """'40 to 59' and so on."""
    low, high = next((low, high) for low, high in AGE_BANDS if low <= years < high)
    return f"{low} to {high - 1}" if high < AGE_BANDS[-1][1] else f"{low} and over"


def with_threshold(table: FindingTable, frozen: tuple[Mapping[str, float], str]) -> FindingTable:
    """Calls from a frozen threshold in place of the reader's decisions."""
    if table.finding not in frozen[0] or table.kind != "binary":
        return table
    called = np.where(np.isnan(table.score), np.nan, table.score >= frozen[0][table.finding])
    return replace(table, called=called.astype(np.float64))


def provenance_of(
    paths: Sequence[Path],
    planned: Planned | None,
    compared: Mapping[str, Compared],
    earlier: Sequence[Mapping[str, object]],
    *,
    failures: str = "exclude",
    judged: Sequence[EndpointPlan] = (),
    package: str = "",
    frozen: tuple[Mapping[str, float], str] = ({}, ""),
) -> Provenance:
    """Inputs, plan and what has to be said first.

    Parameters
    ----------
    compared : what was judged; its name ('' when there is one) stands before what has to be said of it
    judged : endpoints of the plan that this analysis judges; each other one is named
    package : name and version of what was judged; frozen : thresholds and the sha256 of their file
    """
    sha = planned.sha256 if planned else ""
    others = sum(one.get("plan_sha256") != sha for one in earlier)
    warnings = list(plan_warnings(sha, others))
    warnings += unjudged(planned.plan.endpoints, judged) if planned else ()
    for name, own in compared.items():
        warnings += [f"{name}: {sentence}" if name else sentence for sentence in _said_of(own, failures)]
    words = f"frozen thresholds, sha256 {frozen[1]}" if frozen[0] else "decisions of the reader"
    return Provenance(
        digests(paths),
        sha,
        planned.plan.name if planned else "",
        words,
        sum(len(one.unread) for one in compared.values()),
        sum(len(one.unknown) for one in compared.values()),
        (len(earlier), others),
        tuple(dict.fromkeys(warnings)),
        package,
        dict(frozen[0]),
        rule_of(planned),
    )


def _said_of(compared: Compared, failures: str) -> list[str]:
    """What does not fit between truth and predictions, with rows; rows without an answer; what is not judged."""
    found = []
    for which, why, words, then in (
        ("predictions", NO_TRUTH, "{} with predictions and no truth", "they are judged nowhere"),
        ("truth", NO_PREDICTION, "{} with truth and no prediction", "their rows have no answer"),
        ("predictions", NO_SITE, "{} with predictions at sites that the truth does not name", "they are judged nowhere"),
        ("truth", NO_ANSWER, "{} with predictions, but not at every site with truth", "these rows have no answer"),
        ("predictions", NO_NUMBER, "{} with predictions without a number", "these rows have no answer"),
    ):
        own = [(row, study) for at, row, study, reason in compared.stray if (at, reason) == (which, why)]
        if own:
            rows = told_rows([row for row, _ in own])
            count = len({study for _, study in own})
            studies = f"{count} stud{'y' if count == 1 else 'ies'}"
            found.append(f"{words.format(studies)} ({which}, rows {rows}); {then}. Each is named in unmatched.csv.")
    missed = sum(int((np.isnan(table.score) if table.kind == "binary" else np.isnan(table.given)).sum()) for table in compared.tables)
    if missed:
        how = "left out" if failures == "exclude" else "counted as wrong"
        found.append(f"{missed} rows have truth and no answer; they are {how}. The number stands beside each finding.")
    return found + [f"{name}: {reason}." for name, reason in compared.not_judged]


def unmatched_sheet(compared: Mapping[str, Compared]) -> tuple[Sheet, ...]:
    """Every row that its counterpart lacks, by name, as a file; no sheet when all fit. The header of a table is row 1."""
    rows = [(name or at, at, row, study, why) for name, own in compared.items() for at, row, study, why in own.stray]
    columns = ("Of", "Table", "Row", "Study", "Why")
    return (Sheet("unmatched", "Rows without a counterpart", columns, rows, long=True),) if rows else ()


def rule_of(planned: Planned | None) -> tuple[float, str]:
    """Alpha and the rule of multiplicity over endpoints."""
    return (planned.plan.alpha, planned.plan.multiplicity) if planned else (0.05, "none")


def plan_warnings(sha256: str, others: int) -> tuple[str, ...]:
    """What must be said when a planned evaluation meets a truth that was opened before otherwise."""
    if not sha256 or not others:
        return ()
    times = "1 time" if others == 1 else f"{others} times"
    return (f"This truth was opened {times} before with another plan or none; the plan cannot have been blind to it.",)


def digests(paths: Sequence[Path]) -> dict[str, str]:
    """sha256 by file name; a name that occurs twice is numbered."""
    names = [path.name for path in paths]
    titles = [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, start=1)]
    return {title: hashlib.sha256(path.read_bytes()).hexdigest() for title, path in zip(titles, paths, strict=True)}
