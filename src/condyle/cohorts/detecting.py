"""Marks and lesions on disk become evidence: sensitivity at so many false marks a study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from condyle.cohorts.evaluating import Evaluated, digests, plan_warnings
from condyle.cohorts.manifest import read_manifest
from condyle.cohorts.plan import log_opening, read_plan
from condyle.cohorts.table import Table, read_table, table_error
from condyle.evaluate.evidence import Evidence
from condyle.evaluate.finding_figures import froc_figure
from condyle.evaluate.froc import Marked, Places, froc, froc_intervals, match_marks, places
from condyle.evaluate.standalone import Line, Settings, from_interval
from condyle.evaluate.study_evidence import Sheet
from condyle.outputs import refuse_to_overwrite
from condyle.report.evidence import write_evidence
from condyle.report.provenance import Provenance

_POSITION = ("x", "y", "z")


def evaluate_marks(
    marks: Path | str,
    lesions: Path | str,
    studies: Path | str,
    out: Path | str,
    *,
    plan: Path | str | None = None,
    settings: Settings | None = None,
    figures: bool = True,
) -> Evaluated:
    """Judge free-response marks.

    Parameters
    ----------
    marks : CSV with study_id, x, y, z (LPS mm), score, optional finding
    lesions : CSV with study_id, x, y, z, radius_mm, optional finding, and ``irrelevant`` (1: counts neither way)
    studies : manifest of every study that was read, also those without mark or lesion; gives the patients
    out : folder to write
    plan : fixes level, resamples and seed; settings may not be given beside it

    Raises
    ------
    InputError, TableError - a table has problems, a study that the manifest lacks, a finding without a lesion that counts
    """
    marks, lesions, studies = Path(marks), Path(lesions), Path(studies)
    refuse_to_overwrite(out)
    planned = None if plan is None else read_plan(plan)
    if planned is not None:
        settings = Settings(planned.plan.level, planned.plan.bootstrap.n, planned.plan.bootstrap.seed)
    settings = settings or Settings(resamples=1000)
    patients = {row.study_id: row.patient_id for row in read_manifest(studies, files=False)}
    said = _by_finding(_read(marks, "table of marks", "score", patients))
    earlier = log_opening(lesions, planned.sha256 if planned else "", command="evaluate detection")
    truth = _read(lesions, "table of lesions", "radius_mm", patients)
    lines, curves = [], []
    for finding, (counting, irrelevant) in _lesions(truth).items():
        marked = match_marks(list(patients), said.get(finding, _NONE), counting, irrelevant)
        own, curve = _lines(finding, marked, patients, settings), froc(marked)
        lines += own
        curves.append((finding or "lesions", curve, froc_figure(finding, curve, own[0].estimate)))
    silent = sorted(set(said) - set(_lesions(truth)))
    warnings = [f"{name or 'marks without a finding'}: there are marks and no lesion; they are judged nowhere." for name in silent]
    points = [
        (name, *point)
        for name, curve, _ in curves
        for point in zip(curve.thresholds.tolist(), curve.false_per_scan.tolist(), curve.sensitivity.tolist(), strict=True)
    ]
    sheet = Sheet("froc", "FROC curves", ("finding", "threshold", "false_per_study", "sensitivity"), points, long=True)
    evidence = Evidence("Detection", settings, tuple(lines), sheets=(sheet,), figures=tuple(figure for *_, figure in curves))
    sha = planned.sha256 if planned else ""
    others = sum(one.get("plan_sha256") != sha for one in earlier)
    provenance = Provenance(
        digests((marks, lesions, studies)),
        sha,
        planned.plan.name if planned else "",
        "scores as they are; a mark hits a lesion when nearer to its centre than its radius",
        openings=(len(earlier), others),
        warnings=(*plan_warnings(sha, others), *warnings),
    )
    return Evaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


_NONE = places([], np.zeros((0, 3)), [])


def _lines(finding: str, marked: Marked, patients: Mapping[str, str], settings: Settings) -> list[Line]:
    people = np.array([patients[str(study)] for study in marked.scans])
    found = froc_intervals(marked, people, n=settings.resamples, seed=settings.seed, confidence=settings.level)
    curve = froc(marked)
    counts = (
        f"{marked.found} of {len(marked.lesion_score)} lesions found, {len(marked.false_score)} false marks in {len(marked.scans)} studies"
    )
    if marked.doubles or marked.ignored:
        counts += f"; {marked.doubles} further marks on lesions, {marked.ignored} on irrelevant lesions"
    name = finding or "lesions"
    ordered = {"CPM": found.pop("CPM"), **found}
    lines = [Line(name, "all", "", from_interval(measure, one, marked.found, settings)) for measure, one in ordered.items()]
    if curve.false_per_scan[-1] < 8:
        counts += f"; the curve ends at {curve.false_per_scan[-1]:.2f} false marks a study and is held flat beyond"
    return [Line(name, "all", "", lines[0].estimate.warned(counts)), *lines[1:]]


def _read(path: Path, what: str, value: str, patients: Mapping[str, str]) -> Table:
    """A checked table of points: numbers finite, studies in the manifest."""
    table = read_table(path, what=what, required=("study_id", *_POSITION, value))
    problems = []
    for number, row in table.rows:
        if row["study_id"] not in patients:
            problems.append(f"row {number}: the study is not in the manifest of studies that were read")
        for column in (*_POSITION, value):
            try:
                good = bool(np.isfinite(float(row[column])))
            except ValueError:
                good = False
            if not good:
                problems.append(f"row {number}: {column} is no finite number")
        if value == "radius_mm" and not problems and not float(row[value]) > 0:
            problems.append(f"row {number}: radius_mm must be above 0")
        if row.get("irrelevant", "") not in ("", "0", "1"):
            problems.append(f"row {number}: irrelevant must be 0 or 1")
    if problems:
        raise table_error(path, what, problems)
    return table


def _by_finding(table: Table) -> dict[str, Places]:
    return {name: _places([row for _, row in table.rows if row.get("finding", "") == name], "score") for name in _findings(table)}


def _lesions(table: Table) -> dict[str, tuple[Places, Places]]:
    """finding -> lesions that count, lesions that do not."""
    found = {}
    for name in _findings(table):
        own = [row for _, row in table.rows if row.get("finding", "") == name]
        aside = [row.get("irrelevant", "") == "1" for row in own]
        kept = [[row for row, out in zip(own, aside, strict=True) if out == wanted] for wanted in (False, True)]
        found[name] = (_places(kept[0], "radius_mm"), _places(kept[1], "radius_mm"))
    return found


def _findings(table: Table) -> list[str]:
    return list(dict.fromkeys(row.get("finding", "") for _, row in table.rows))


def _places(rows: list[Mapping[str, str]], value: str) -> Places:
    position = np.array([[float(row[axis]) for axis in _POSITION] for row in rows], np.float64).reshape(-1, 3)
    return places(
        np.array([row["study_id"] for row in rows], dtype=str), position, np.array([float(row[value]) for row in rows], np.float64)
    )
