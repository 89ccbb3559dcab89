"""Predictions and truth on disk become evidence on disk: plan first, then the log, then the truth."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from condyle.cohorts.labels import read_labels
from condyle.cohorts.manifest import ManifestRow, read_manifest
from condyle.cohorts.plan import EndpointPlan, Plan, Planned, log_opening, read_plan, read_thresholds, unjudged
from condyle.cohorts.predictions import Compared, Prediction, compare_tables, one_model, read_predictions
from condyle.cohorts.table import read_table
from condyle.errors import UsageError, did_you_mean
from condyle.evaluate.comparison_study import comparison_study, unpaired_study
from condyle.evaluate.endpoints import Endpoint, EndpointResult, judge_endpoints
from condyle.evaluate.evidence import Evidence, gather
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.mrmc.model_study import model_study
from condyle.evaluate.mrmc.table import parse_reads, parse_truth
from condyle.evaluate.standalone import Line, Settings
from condyle.evaluate.study_evidence import Claim, StudyEvidence
from condyle.outputs import refuse_to_overwrite
from condyle.report.evidence import write_evidence
from condyle.report.provenance import Provenance

AGE_BANDS = ((0, 40), (40, 60), (60, 80), (80, 200))


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What an evaluation left."""

    evidence: Evidence | StudyEvidence
    provenance: Provenance
    files: tuple[Path, ...]


def evaluate_predictions(
    predictions: Path | str,
    truth: Path | str,
    out: Path | str,
    *,
    plan: Path | str | None = None,
    manifest: Path | str | None = None,
    subgroups: Sequence[str] = (),
    settings: Settings | None = None,
    thresholds: Path | str | None = None,
    model: str = "",
    figures: bool = True,
) -> Evaluated:
    """Judge a table of predictions.

    Parameters
    ----------
    predictions, truth : CSV in the formats of ``condyle predict`` and labels.csv
    out : folder to write
    plan : YAML; it then fixes settings and subgroups, which may not be given beside it
    manifest : table with the columns of ``subgroups`` (sex, age, vendor, site_id, any other)
    thresholds : YAML of frozen thresholds, where there is no plan that names one; calls of the table are then not used
    model : which of several models in the table
    figures : False leaves out figures and PDF, which take most of the time

    Raises
    ------
    UsageError - settings beside a plan, unknown subgroup, a folder in the way
    InputError, TableError - a table has problems; all at once
    """
    predictions, truth = Path(predictions), Path(truth)
    refuse_to_overwrite(out)
    planned = None if plan is None else read_plan(plan)
    if planned is not None and (settings is not None or subgroups or thresholds is not None):
        raise UsageError(
            "plan-fixes",
            "Settings, thresholds and subgroups are fixed by the plan.",
            why="What was planned is not changed on the way.",
            what_to_do="Leave out the other options, or the plan.",
        )
    settings = settings_of(planned.plan) if planned is not None else settings or Settings()
    subgroups = planned.plan.subgroups if planned is not None else tuple(subgroups)
    frozen = frozen_thresholds(planned, thresholds)
    said = one_model(read_predictions(predictions), model)
    columns = subgroup_columns(() if manifest is None else read_manifest(manifest, files=False), subgroups)
    earlier = log_opening(truth, planned.sha256 if planned else "", command="evaluate standalone")
    compared = compare_tables(said, read_labels(truth), columns)
    tables = [with_threshold(table, frozen) for table in compared.tables]
    claims, endpoints = values_claimed(planned)
    evidence = gather(
        tables,
        settings,
        subgroups=subgroups,
        endpoints=endpoints,
        alpha=planned.plan.alpha if planned else 0.05,
        rule=planned.plan.multiplicity if planned else "none",
    )
    provenance = provenance_of(
        (predictions, truth), planned, compared, earlier, failures=settings.failures, judged=claims, package=package_of(said), frozen=frozen
    )
    return Evaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


def evaluate_unpaired(
    first: tuple[Path | str, Path | str],
    second: tuple[Path | str, Path | str],
    out: Path | str,
    *,
    plan: Path | str | None = None,
    settings: Settings | None = None,
    margin: float | None = None,
    figures: bool = True,
) -> Evaluated:
    """Compare predictions in two sets of different patients, each with its own truth; differences are second less first.

    Parameters
    ----------
    first, second : predictions.csv and truth.csv of each set, named by the prediction tables
    plan, margin : as ``evaluate_comparison``

    Raises
    ------
    InputError - a patient is in both sets; else as ``evaluate_predictions``
    """
    paths = [(Path(one), Path(other)) for one, other in (first, second)]
    refuse_to_overwrite(out)
    planned, settings = _plan_or_settings(plan, settings, margin)
    frozen = frozen_thresholds(planned)
    names = _names([one for one, _ in paths])
    said = [one_model(read_predictions(one)) for one, _ in paths]
    sha = planned.sha256 if planned else ""
    earlier = [line for _, truth in paths for line in log_opening(truth, sha, command="evaluate compare")]
    joined = [compare_tables(one, read_labels(truth)) for one, (_, truth) in zip(said, paths, strict=True)]
    sets = {name: [with_threshold(table, frozen) for table in one.tables] for name, one in zip(names, joined, strict=True)}
    own, claims, margin, rule = _comparisons(planned, {"second - first", f"{names[1]} - {names[0]}"}, margin)
    evidence = unpaired_study(sets, settings, margin=margin, claims=claims, rule=rule)
    files = [path for pair in paths for path in pair]
    provenance = provenance_of(
        files, planned, joined[0], earlier, failures=settings.failures, judged=own, package=package_of(said[-1]), frozen=frozen
    )
    return Evaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


def evaluate_comparison(
    models: Sequence[Path | str],
    truth: Path | str,
    out: Path | str,
    *,
    plan: Path | str | None = None,
    settings: Settings | None = None,
    margin: float | None = None,
    reads: Path | str | None = None,
    arm: str = "unaided",
    figures: bool = True,
) -> Evaluated:
    """Compare two or more tables of predictions over the same truth; differences are later minus earlier.

    Parameters
    ----------
    models : predictions.csv of each, named by their files
    plan : fixes settings; its endpoints compare ('second - first', or the names of two files without their endings)
    margin : of non-inferiority, positive, on the scale of AUROC; not beside a plan
    reads, arm : readers to put each model beside

    Raises
    ------
    As ``evaluate_predictions``; UsageError - one table alone
    """
    paths, truth = [Path(one) for one in models], Path(truth)
    refuse_to_overwrite(out)
    if len(paths) < 2:
        raise UsageError(
            "compare-one", "A comparison needs two tables of predictions or more.", what_to_do="Name them all, the truth last."
        )
    planned, settings = _plan_or_settings(plan, settings, margin)
    frozen = frozen_thresholds(planned)
    names = _names(paths)
    said = [one_model(read_predictions(path)) for path in paths]
    read = None if reads is None else parse_reads(read_table(reads, what="reading table").rows, where=Path(reads).name)
    earlier = log_opening(truth, planned.sha256 if planned else "", command="evaluate compare")
    labels = read_labels(truth)
    joined = [compare_tables(one, labels) for one in said]
    tables = {name: [with_threshold(table, frozen) for table in one.tables] for name, one in zip(names, joined, strict=True)}
    contrasts = {"second - first"} if len(names) == 2 else set()
    contrasts |= {f"{other} - {one}" for one, other in combinations(names, 2)}
    own, claims, margin, rule = _comparisons(planned, contrasts, margin)
    known = None if read is None else parse_truth(read_table(truth, what="truth table").rows, where=truth.name)
    readers = {
        name: model_study(
            {(one.finding, (one.study_id, one.level, one.side)): one.score for one in rows if np.isfinite(one.score)},
            dict(planned.thresholds) if planned else {}, read, known, arm=arm, level=settings.level, n=settings.resamples,
            seed=settings.seed,
        )
        for name, rows in zip(names, said, strict=True)
        if read is not None and known is not None
    }  # fmt: skip
    evidence = comparison_study(tables, settings, margin=margin, claims=claims, rule=rule, readers=readers, arm=arm)
    files = [*paths, truth, *([Path(reads)] if reads is not None else [])]
    provenance = provenance_of(
        files, planned, joined[0], earlier, failures=settings.failures, judged=own, package=package_of(said[-1]), frozen=frozen
    )
    unread = {name: len(one.unread) for name, one in zip(names, joined, strict=True)}
    counts = [f"{name}: {count} studies with truth and no prediction." for name, count in unread.items() if count]
    provenance = replace(provenance, warnings=(*provenance.warnings, *counts))
    return Evaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


def _plan_or_settings(plan: Path | str | None, settings: Settings | None, margin: float | None) -> tuple[Planned | None, Settings]:
    """The plan and its settings, or the settings given."""
    planned = None if plan is None else read_plan(plan)
    if planned is None:
        return None, settings or Settings()
    if settings is not None or margin is not None:
        raise UsageError(
            "plan-fixes",
            "Settings and margins are fixed by the plan.",
            why="What was planned is not changed on the way.",
            what_to_do="Leave out the other options, or the plan.",
        )
    return planned, settings_of(planned.plan)


def _comparisons(
    planned: Planned | None, contrasts: Collection[str], margin: float | None
) -> tuple[list[EndpointPlan], list[Claim], float | None, tuple[float, str]]:
    """Endpoints of the plan that one of the contrasts judges, as claims; the margin they fix; alpha and the rule."""
    own = [one for one in planned.plan.endpoints if one.comparison in contrasts] if planned else []
    claims = [Claim(one.finding, one.metric, one.comparison, one.margin or 0.0, one.family) for one in own]
    margin = next((one.margin for one in own if one.margin is not None), margin)
    return own, claims, margin, (planned.plan.alpha, planned.plan.multiplicity) if planned else (0.05, "none")


def frozen_thresholds(planned: Planned | None, path: Path | str | None = None) -> tuple[Mapping[str, float], str]:
    """Thresholds of the plan or of a file, and the sha256 of where they come from."""
    if planned is not None:
        return planned.thresholds, planned.thresholds_sha256
    return ({}, "") if path is None else read_thresholds(path)


def _names(paths: Sequence[Path]) -> list[str]:
    """Names of the files without their endings, numbered where two are alike."""
    stems = [path.stem for path in paths]
    return [stem if stems.count(stem) == 1 else f"{stem} ({place})" for place, stem in enumerate(stems, start=1)]


def values_claimed(planned: Planned | None) -> tuple[list[EndpointPlan], list[Endpoint]]:
    """Endpoints of a plan that claim a value (``at_least`` or ``at_most``), as planned and as they are judged."""
    claims = [one for one in (planned.plan.endpoints if planned else ()) if not one.comparison]
    return claims, [
        Endpoint(one.finding, one.metric, one.at_most or one.at_least or 0.0, one.site, one.family, one.at_most is not None)
        for one in claims
    ]


def judged_values(planned: Planned | None, lines: Sequence[Line]) -> tuple[list[EndpointPlan], tuple[EndpointResult, ...]]:
    """Endpoints of a plan that claim a value of a measure that this analysis gives, and what the lines say of them."""
    measures = {line.estimate.measure.lower() for line in lines}
    listed = [pair for pair in zip(*values_claimed(planned), strict=True) if pair[1].measure.lower() in measures]
    claims, endpoints = [claim for claim, _ in listed], [endpoint for _, endpoint in listed]
    by_name = {(line.finding, line.site, line.estimate.measure.lower()): line.estimate for line in reversed(lines) if not line.group}
    found = [by_name.get((one.finding, one.site, one.measure.lower())) for one in endpoints]
    rule = (planned.plan.alpha, planned.plan.multiplicity) if planned else (0.05, "none")
    return claims, judge_endpoints(endpoints, found, alpha=rule[0], rule=rule[1])


def package_of(said: Sequence[Prediction]) -> str:
    """Name and version of the packages that a table of predictions names."""
    return ", ".join(sorted({one.package for one in said if one.package}))


def settings_of(plan: Plan) -> Settings:
    """The settings that a plan fixes."""
    bands = tuple((one.axis, one.low, one.high) for one in plan.partial_areas)
    draws = plan.bootstrap
    return Settings(
        plan.level, draws.n, draws.seed, plan.proportions, plan.failures, plan.prevalences, dict(plan.groups), draws.interval, bands
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
    compared: Compared,
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
    judged : endpoints of the plan that this analysis judges; each other one is named
    package : name and version of what was judged; frozen : thresholds and the sha256 of their file
    """
    sha = planned.sha256 if planned else ""
    others = sum(one.get("plan_sha256") != sha for one in earlier)
    warnings = list(plan_warnings(sha, others))
    warnings += unjudged(planned.plan.endpoints, judged) if planned else ()
    missed = sum(
        int((np.isnan(table.score) if table.kind == "binary" else np.isnan(table.given)).sum()) for table in compared.tables
    )
    if missed:
        how = "left out" if failures == "exclude" else "counted as wrong"
        warnings.append(f"{missed} rows have truth and no answer; they are {how}. The number stands beside each finding.")
    warnings += [f"{name}: {reason}." for name, reason in compared.not_judged]
    words = f"frozen thresholds, sha256 {frozen[1]}" if frozen[0] else "decisions of the reader"
    return Provenance(
        digests(paths),
        sha,
        planned.plan.name if planned else "",
        words,
        len(compared.unread),
        len(compared.unknown),
        (len(earlier), others),
        tuple(warnings),
        package,
    )


def plan_warnings(sha256: str, others: int) -> tuple[str, ...]:
    """What must be said when a planned evaluation meets a truth that was opened before otherwise."""
    if not sha256 or not others:
        return ()
    return (f"This truth was opened {others} times before with another plan or none; the plan cannot have been blind to it.",)


def digests(paths: Sequence[Path]) -> dict[str, str]:
    """sha256 by file name; a name that occurs twice is numbered."""
    names = [path.name for path in paths]
    titles = [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, start=1)]
    return {title: hashlib.sha256(path.read_bytes()).hexdigest() for title, path in zip(titles, paths, strict=True)}
