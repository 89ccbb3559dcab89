"""Predictions and truth on disk become evidence on disk: plan first, then the log, then the truth."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, combinations
from pathlib import Path

import numpy as np

from condyle.cohorts.evaluation import (
    claim_of,
    frozen_thresholds,
    in_whole_plan,
    manifest_rows,
    open_truth,
    package_of,
    plan_beside,
    provenance_of,
    rule_of,
    settings_of,
    subgroup_columns,
    unmatched_sheet,
    values_claimed,
    with_threshold,
    without_threshold,
)
from condyle.cohorts.plan import EndpointPlan, Planned
from condyle.cohorts.predictions import Prediction, compare_tables, one_model, read_predictions
from condyle.cohorts.table import all_read, read_table, together
from condyle.errors import UsageError
from condyle.evaluate.comparison_study import comparison_study, unpaired_study
from condyle.evaluate.evidence import Evidence, gather
from condyle.evaluate.mrmc.model_study import model_study
from condyle.evaluate.mrmc.table import Read, parse_reads, parse_truth
from condyle.evaluate.standalone import Settings
from condyle.evaluate.study_evidence import Claim, StudyEvidence
from condyle.outputs import refuse_to_overwrite
from condyle.report.evidence import write_evidence
from condyle.report.provenance import Provenance


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
    reading = partial(model_rows, predictions, model)
    planned = plan_beside(plan, reading, lambda: manifest_rows(manifest))
    if planned is not None and (settings is not None or subgroups or thresholds is not None):
        raise UsageError(
            "plan-fixes",
            "Settings, thresholds and subgroups are fixed by the plan.",
            why="What was planned is not changed on the way.",
            what_to_do="Leave out the other options, or the plan.",
        )
    settings = settings_of(planned.plan) if planned is not None else settings or Settings()
    asked = planned.plan.subgroups if planned is not None else tuple(subgroups)
    said, columns, frozen, (labels, earlier) = together(
        reading,
        lambda: subgroup_columns(manifest_rows(manifest), asked),
        lambda: frozen_thresholds(planned, thresholds),
        lambda: open_truth(truth, planned, "evaluate standalone"),
    )
    compared = compare_tables(said, labels, columns)
    tables = [with_threshold(table, frozen) for table in compared.tables]
    claims, endpoints = values_claimed(planned)
    alpha, rule = rule_of(planned)
    evidence = gather(tables, settings, subgroups=asked, endpoints=endpoints, alpha=alpha, rule=rule)
    evidence = in_whole_plan(evidence, planned, claims)
    evidence = replace(evidence, sheets=(*evidence.sheets, *unmatched_sheet({"": compared})))
    provenance = provenance_of(
        (predictions, truth), planned, {"": compared}, earlier, failures=settings.failures, judged=claims, package=package_of(said),
        frozen=frozen,
    )  # fmt: skip
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
    readings = [partial(model_rows, one) for one, _ in paths]
    planned, settings = _plan_or_settings(plan, settings, margin, *readings)
    frozen = frozen_thresholds(planned)
    names = _names([one for one, _ in paths])
    said, opened = together(
        lambda: all_read(readings),
        lambda: all_read([partial(open_truth, truth, planned, "evaluate compare") for _, truth in paths]),
    )
    earlier = [line for _, lines in opened for line in lines]
    joined = {name: compare_tables(one, labels) for name, one, (labels, _) in zip(names, said, opened, strict=True)}
    sets = {name: [with_threshold(table, frozen) for table in one.tables] for name, one in joined.items()}
    own, claims, margin, rule = _comparisons(planned, {"second - first", f"{names[1]} - {names[0]}"}, margin)
    evidence = in_whole_plan(unpaired_study(sets, settings, margin=margin, claims=claims, rule=rule), planned, own)
    evidence = replace(evidence, sheets=(*evidence.sheets, *unmatched_sheet(joined)))
    files = [path for pair in paths for path in pair]
    provenance = provenance_of(
        files, planned, joined, earlier, failures=settings.failures, judged=own, package=package_of(said[-1]), frozen=frozen
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
    readings = [partial(model_rows, path) for path in paths]
    planned, settings = _plan_or_settings(plan, settings, margin, *readings, lambda: _reads(reads))
    frozen = frozen_thresholds(planned)
    names = _names(paths)
    said, read, (labels, earlier) = together(
        lambda: all_read(readings), lambda: _reads(reads), lambda: open_truth(truth, planned, "evaluate compare")
    )
    joined = {name: compare_tables(one, labels, beside=chain(*said)) for name, one in zip(names, said, strict=True)}
    tables = {name: [with_threshold(table, frozen) for table in one.tables] for name, one in joined.items()}
    contrasts = {"second - first"} if len(names) == 2 else set()
    contrasts |= {f"{other} - {one}" for one, other in combinations(names, 2)}
    own, claims, margin, rule = _comparisons(planned, contrasts, margin)
    known = () if read is None else parse_truth(read_table(truth, what="truth table").rows, where=truth.name)
    readers = {
        name: model_study(
            {(one.finding, (one.study_id, one.level, one.side)): one.score for one in rows if np.isfinite(one.score)},
            dict(planned.thresholds) if planned else {}, read, known, arm=arm, level=settings.level, n=settings.resamples,
            seed=settings.seed,
        )
        for name, rows in zip(names, said, strict=True)
        if read is not None
    }  # fmt: skip
    evidence = comparison_study(tables, settings, margin=margin, claims=claims, rule=rule, readers=readers, arm=arm)
    evidence = replace(evidence, warnings=(*evidence.warnings, *without_threshold(read or (), planned.thresholds if planned else {})))
    evidence = in_whole_plan(evidence, planned, own)
    evidence = replace(evidence, sheets=(*evidence.sheets, *unmatched_sheet(joined)))
    files = [*paths, truth, *([Path(reads)] if reads is not None else [])]
    provenance = provenance_of(
        files, planned, joined, earlier, failures=settings.failures, judged=own, package=package_of(said[-1]), frozen=frozen
    )
    return Evaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


def model_rows(path: Path | str, model: str = "") -> tuple[Prediction, ...]:
    """The predictions of one model of a table."""
    return one_model(read_predictions(path), model)


def _reads(path: Path | str | None) -> tuple[Read, ...] | None:
    return None if path is None else parse_reads(read_table(path, what="reading table").rows, where=Path(path).name)


def _plan_or_settings(
    plan: Path | str | None, settings: Settings | None, margin: float | None, *tables: Callable[[], object]
) -> tuple[Planned | None, Settings]:
    """The plan and its settings, or the settings given; see ``plan_beside``."""
    planned = plan_beside(plan, *tables)
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
    """Endpoints of the plan that one of the contrasts judges, as claims; the margin for every row; alpha and the rule.

    With a plan no row has a verdict of non-inferiority but the endpoints: the margin of one says nothing of the others.
    """
    own = [one for one in planned.plan.endpoints if one.comparison in contrasts] if planned else []
    return own, [claim_of(one) for one in own], None if planned else margin, rule_of(planned)


def _names(paths: Sequence[Path]) -> list[str]:
    """Names of the files without their endings, numbered where two are alike."""
    stems = [path.stem for path in paths]
    return [stem if stems.count(stem) == 1 else f"{stem} ({place})" for place, stem in enumerate(stems, start=1)]
