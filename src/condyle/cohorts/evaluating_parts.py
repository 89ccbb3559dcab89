"""Calibration, subgroups and agreement on disk: plan first, then the log, then the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from condyle.cohorts.evaluating import model_rows
from condyle.cohorts.evaluating_readers import StudyEvaluated
from condyle.cohorts.evaluation import (
    digests,
    frozen_thresholds,
    in_whole_plan,
    manifest_rows,
    open_truth,
    package_of,
    patients_of,
    plan_beside,
    provenance_of,
    rule_of,
    settings_of,
    subgroup_columns,
    unmatched_sheet,
    values_claimed,
    with_threshold,
)
from condyle.cohorts.labels import read_labels
from condyle.cohorts.plan import Planned, unjudged
from condyle.cohorts.predictions import Compared, compare_tables
from condyle.cohorts.ratings import read_ratings
from condyle.cohorts.table import together
from condyle.errors import InputError, UsageError
from condyle.evaluate.agreement_study import agreement_study
from condyle.evaluate.calibration_study import calibration_study
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.standalone import Settings
from condyle.evaluate.subgroup_study import subgroup_study
from condyle.outputs import refuse_to_overwrite
from condyle.report.evidence import write_evidence
from condyle.report.provenance import Provenance


def evaluate_calibration(
    predictions: Path | str,
    truth: Path | str,
    out: Path | str,
    *,
    plan: Path | str | None = None,
    validation: tuple[Path, Path] | None = None,
    manifest: Path | str | None = None,
    by: str = "",
    miss: float = 0.1,
    settings: Settings | None = None,
    figures: bool = True,
) -> StudyEvaluated:
    """Judge the calibration of a table of predictions.

    Parameters
    ----------
    validation : predictions and truth of other patients, on which recalibration and conformal sets are fitted
    manifest, by : table and column in whose groups coverage is given
    miss : share of patients that a conformal set may miss

    Raises
    ------
    InputError - a patient is in both sets; UsageError, TableError - as ``evaluate_predictions``
    """
    files = [Path(predictions), Path(truth)]
    refuse_to_overwrite(out)
    reading = partial(model_rows, files[0])
    planned, settings = _planned(plan, settings, reading, lambda: manifest_rows(manifest))
    frozen = frozen_thresholds(planned)
    said, columns, (labels, earlier), fitted = together(
        reading,
        lambda: subgroup_columns(manifest_rows(manifest), (by,) if by else ()),
        lambda: open_truth(files[1], planned, "evaluate calibration"),
        lambda: None if validation is None else together(partial(model_rows, validation[0]), partial(read_labels, validation[1])),
    )
    compared = {"": compare_tables(said, labels, columns)}
    tuned: Sequence[FindingTable] = ()
    if validation is not None and fitted is not None:
        files += [Path(one) for one in validation]
        compared["validation"] = compare_tables(*fitted)
        _refuse_common_patients(compared[""], compared["validation"])
        tuned = compared["validation"].tables
    claims, endpoints = values_claimed(planned)
    tables = [with_threshold(table, frozen) for table in compared[""].tables]
    evidence = calibration_study(
        tables, settings, validation=tuned, miss=miss, by=by, endpoints=endpoints, rule=rule_of(planned), thresholds=frozen[0]
    )
    evidence = in_whole_plan(evidence, planned, claims)
    evidence = replace(evidence, sheets=(*evidence.sheets, *unmatched_sheet(compared)))
    provenance = provenance_of(files, planned, compared, earlier, judged=claims, package=package_of(said), frozen=frozen)
    return StudyEvaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


def evaluate_subgroups(
    predictions: Path | str,
    truth: Path | str,
    out: Path | str,
    *,
    plan: Path | str | None = None,
    manifest: Path | str | None = None,
    subgroups: Sequence[str] = (),
    cohorts: str = "",
    settings: Settings | None = None,
    figures: bool = True,
) -> StudyEvaluated:
    """Judge predictions in subgroups.

    Parameters
    ----------
    manifest : table with the columns of ``subgroups``; level and side need none
    cohorts : column whose groups are cohorts of different patients; their heterogeneity is given

    Raises
    ------
    UsageError - no subgroup, unknown subgroups, settings or subgroups beside a plan; InputError, TableError - bad tables
    """
    predictions, truth = Path(predictions), Path(truth)
    refuse_to_overwrite(out)
    reading = partial(model_rows, predictions)
    planned, settings = _planned(plan, settings, reading, lambda: manifest_rows(manifest), beside=bool(subgroups or cohorts))
    frozen = frozen_thresholds(planned)
    if planned is not None:
        subgroups, cohorts = planned.plan.subgroups, planned.plan.cohorts
    asked = tuple(dict.fromkeys((*subgroups, *([cohorts] if cohorts else []))))
    if not asked:
        raise UsageError(
            "subgroups-none", "No subgroup is named.", why="Subgroups are a choice, best made before the truth is seen.",
            what_to_do="Name columns with --by, or in the plan under subgroups.",
        )  # fmt: skip
    said, columns, (labels, earlier) = together(
        reading,
        lambda: subgroup_columns(manifest_rows(manifest), asked),
        lambda: open_truth(truth, planned, "evaluate subgroups"),
    )
    compared = {"": compare_tables(said, labels, columns)}
    tables = [with_threshold(table, frozen) for table in compared[""].tables]
    claims, endpoints = values_claimed(planned)
    evidence = subgroup_study(
        tables, subgroups, settings, cohorts=cohorts, planned=planned is not None, endpoints=endpoints, rule=rule_of(planned)
    )  # fmt: skip
    evidence = in_whole_plan(evidence, planned, claims)
    evidence = replace(evidence, sheets=(*evidence.sheets, *unmatched_sheet(compared)))
    provenance = provenance_of(
        (predictions, truth), planned, compared, earlier, failures=settings.failures, judged=claims, package=package_of(said), frozen=frozen
    )
    return StudyEvaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


def evaluate_agreement(
    ratings: Path | str,
    out: Path | str,
    *,
    plan: Path | str | None = None,
    arms: Sequence[str] = (),
    patients: Path | str | None = None,
    settings: Settings | None = None,
    figures: bool = True,
) -> StudyEvaluated:
    """Judge how well readers agree; no truth is needed and none is opened.

    Parameters
    ----------
    ratings : reads.csv (``decision``), or labels.csv with ``reader_id`` (``value``)
    arms : to use; none takes all
    patients : manifest that says whose each study is, when the ratings have no patient_id
    """
    ratings = Path(ratings)
    refuse_to_overwrite(out)
    planned, settings = _planned(plan, settings, partial(read_ratings, ratings, arms=arms), lambda: patients_of(patients))
    owners, _ = together(lambda: patients_of(patients), partial(read_ratings, ratings, arms=arms))
    tables, warnings = read_ratings(ratings, owners, arms=arms)
    claims, endpoints = values_claimed(planned)
    evidence = in_whole_plan(agreement_study(tables, settings, endpoints=endpoints, rule=rule_of(planned)), planned, claims)
    provenance = Provenance(
        digests((ratings,)), planned.sha256 if planned else "", planned.plan.name if planned else "", "decisions of the readers",
        warnings=(*(unjudged(planned.plan.endpoints, claims) if planned else ()), *warnings), rule=rule_of(planned),
    )  # fmt: skip
    return StudyEvaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


def _planned(
    plan: Path | str | None, settings: Settings | None, *tables: Callable[[], object], beside: bool = False
) -> tuple[Planned | None, Settings]:
    """The plan and the settings it fixes, which may not be given beside it; see ``plan_beside``."""
    planned = plan_beside(plan, *tables)
    if planned is None:
        return None, settings or Settings()
    if settings is not None or beside:
        raise UsageError(
            "plan-fixes", "Settings and subgroups are fixed by the plan.", why="What was planned is not changed on the way.",
            what_to_do="Leave out the other options, or the plan.",
        )  # fmt: skip
    return planned, replace(settings_of(planned.plan))


def _refuse_common_patients(judged: Compared, fitted: Compared) -> None:
    people = [{str(one) for table in each.tables for one in table.patients} for each in (judged, fitted)]
    common = len(people[0] & people[1])
    if common:
        raise InputError(
            "calibration-common-patients", f"{common} patients are in the validation data and in the data that judge.",
            why="A score recalibrated on the patients that judge it is optimistic.",
            what_to_do="Give validation data of other patients with --validation.",
        )  # fmt: skip
