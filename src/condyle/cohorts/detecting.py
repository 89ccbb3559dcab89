"""Marks and lesions on disk become evidence: sensitivity at so many false marks a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import numpy as np

from condyle.cohorts.evaluating import Evaluated
from condyle.cohorts.evaluation import digests, in_whole_plan, judged_values, patients_of, plan_beside, plan_warnings, rule_of
from condyle.cohorts.lesions import POSITION, checked_places
from condyle.cohorts.plan import log_opening, unjudged
from condyle.cohorts.table import Table, read_table, together
from condyle.errors import did_you_mean
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.evidence import Evidence
from condyle.evaluate.finding_figures import froc_figure
from condyle.evaluate.froc import CPM_POINTS, Marked, Places, froc, froc_intervals, match_marks, places
from condyle.evaluate.mrmc.free_response import free_response, marked_reads
from condyle.evaluate.standalone import Line, Settings, from_interval
from condyle.evaluate.study_evidence import Sheet
from condyle.outputs import refuse_to_overwrite
from condyle.report.evidence import write_evidence
from condyle.report.provenance import Provenance


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
    marks : CSV with study_id, x, y, z (LPS mm), score, optional finding, and ``reader_id`` and ``arm`` of a reader study
    lesions : CSV with study_id, x, y, z, radius_mm, optional finding, and ``irrelevant`` (1: counts neither way)
    studies : manifest of every study that was read, also those without mark or lesion; gives the patients
    out : folder to write
    plan : fixes level, resamples and seed; settings may not be given beside it

    Raises
    ------
    InputError, TableError - a table has problems, a study that the manifest lacks
    """
    marks, lesions, studies = Path(marks), Path(lesions), Path(studies)
    refuse_to_overwrite(out)
    planned = plan_beside(plan, lambda: patients_of(studies), lambda: read_table(marks, what="table of marks"))
    if planned is not None:
        settings = Settings(planned.plan.confidence, planned.plan.bootstrap.n, planned.plan.bootstrap.seed)
    settings = settings or Settings(resamples=1000)
    earlier = log_opening(lesions, planned.sha256 if planned else "", command="evaluate detection")
    patients, given, opened = together(
        lambda: patients_of(studies),
        lambda: read_table(marks, what="table of marks"),
        lambda: read_table(lesions, what="table of lesions"),
    )
    given, unmarked = _marks_of(given)
    given, truth = together(
        lambda: checked_places(given, "table of marks", "score", patients),
        lambda: checked_places(opened, "table of lesions", "radius_mm", patients),
    )
    said = _by_reader(given, unmarked)
    lines, curves = [], []
    for finding, (counting, irrelevant) in _lesions(truth).items():
        marked = {
            who: match_marks(list(patients), found.get(finding, _NONE), counting, irrelevant) for who, found in said.items()
        }
        for who, one in marked.items():
            own = _lines(finding, one, patients, settings, who if len(marked) > 1 else ("", ""))
            lines += own
            if not len(counting.scan):
                continue
            curve, name = froc(one), finding or "lesions"
            chart = froc_figure(finding, curve, own[0].estimate)
            where = "_".join(filter(None, who)) if len(marked) > 1 else ""
            if where:  # a picture of each reader in each arm
                chart = replace(chart, name=f"{chart.name}_{where}", title=", ".join((chart.title, *filter(None, who))))
            curves.append((name, where, curve, chart))
        reads = marked_reads(marked, patients)
        name = finding or "lesions"
        lines += [Line(name, site or "all", "", one) for site, one in free_response(reads, level=settings.level)]
    silent = sorted({name for found in said.values() for name in found} - set(_lesions(truth)))
    warnings = [
        f"Reader {who} has no row in the arm {arm or 'without a name'} and is taken as not having read there. A row without position and "
        "score says that a reader read and marked nothing."
        for arm, who in product(*(dict.fromkeys(key[place] for key in said) for place in (0, 1)))
        if (arm, who) not in said
    ]
    known = [name for name in _lesions(truth) if name]
    warnings += [
        f"{name or 'marks without a finding'}: there are marks and no lesion; they are judged nowhere.{did_you_mean(name, known)}"
        for name in silent
    ]
    warnings += [
        f"{one} and {other}: names that differ only in case are two findings."
        for one, other in combinations(known, 2)
        if one.casefold() == other.casefold()
    ]
    points = [
        (name, where, *point)
        for name, where, curve, _ in curves
        for point in zip(curve.thresholds.tolist(), curve.false_per_scan.tolist(), curve.sensitivity.tolist(), strict=True)
    ]
    sheet = Sheet("froc", "FROC curves", ("finding", "reader", "threshold", "false_per_study", "sensitivity"), points, long=True)
    claims, endpoints = judged_values(planned, lines)
    warnings += unjudged(planned.plan.endpoints, claims) if planned else ()
    drawn = tuple(figure for *_, figure in curves)
    evidence = Evidence("Detection", settings, tuple(lines), endpoints=endpoints, sheets=(sheet,), figures=drawn)
    sha = planned.sha256 if planned else ""
    others = sum(one.get("plan_sha256") != sha for one in earlier)
    provenance = Provenance(
        digests((marks, lesions, studies)),
        sha,
        planned.plan.name if planned else "",
        "scores as they are; a mark hits a lesion when nearer to its centre than its radius",
        openings=(len(earlier), others),
        warnings=(*plan_warnings(sha, others), *warnings),
        rule=rule_of(planned),
    )
    evidence = in_whole_plan(evidence, planned, claims)
    return Evaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


_NONE = places([], np.zeros((0, 3)), [])


def _lines(finding: str, marked: Marked, patients: Mapping[str, str], settings: Settings, who: tuple[str, str]) -> list[Line]:
    """CPM and sensitivities of one reader in one arm; ``who`` is empty when there is only one."""
    arm, reader = who
    name, place = finding or "lesions", (arm or "all", f"reader: {reader}" if reader else "")
    if not len(marked.lesion_score):
        sentence = "No lesion counts (all are irrelevant): sensitivity is not defined. "
        sentence += f"{len(marked.false_score)} false marks in {len(marked.scans)} studies, {marked.ignored} marks on irrelevant lesions."
        everybody = len(set(patients.values()))
        none = Estimate("CPM", float("nan"), events=0, clusters=everybody, level=settings.level, warnings=(sentence,))
        return [Line(name, *place, none)]
    people = np.array([patients[str(study)] for study in marked.scans])
    found = froc_intervals(marked, people, n=settings.resamples, seed=settings.seed, confidence=settings.level)
    curve = froc(marked)
    counts = (
        f"{marked.found} of {len(marked.lesion_score)} lesions found, {len(marked.false_score)} false marks in {len(marked.scans)} studies"
    )
    if marked.doubles or marked.ignored:
        counts += f"; {marked.doubles} further marks on lesions, {marked.ignored} on irrelevant lesions"
    ordered = {"CPM": found.pop("CPM"), **found}
    lines = [Line(name, *place, from_interval(measure, one, marked.found, settings)) for measure, one in ordered.items()]
    last = float(curve.false_per_scan[-1])
    if last < CPM_POINTS[-1]:
        counts += f"; the curve ends at {last:.2f} false marks a study and is held flat beyond"
    beyond = {f"sensitivity at {point:g}" for point in CPM_POINTS if point > last}
    flat = f"Not observed: the curve ends at {last:.2f} false marks a study and is held flat."
    told = [replace(one, estimate=one.estimate.warned(flat)) if one.estimate.measure in beyond else one for one in lines[1:]]
    return [Line(name, *place, lines[0].estimate.warned(counts)), *told]


def _marks_of(table: Table) -> tuple[Table, list[tuple[str, str]]]:
    """The rows that mark something, and (arm, reader) of rows that only say who read."""
    marks = [(number, row) for number, row in table.rows if any(row.get(name, "") for name in (*POSITION, "score"))]
    kept = {number for number, _ in marks}
    return replace(table, rows=tuple(marks)), [_who(row) for number, row in table.rows if number not in kept]


def _who(row: Mapping[str, str]) -> tuple[str, str]:
    """Arm and reader."""
    return row.get("arm", ""), row.get("reader_id", "")


def _by_reader(table: Table, unmarked: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Places]]:
    """(arm, reader) -> finding -> marks; ``unmarked`` read too, whether they have marks or not."""
    found: dict[tuple[str, str], dict[str, list[Mapping[str, str]]]] = {}
    for _, row in table.rows:
        found.setdefault(_who(row), {}).setdefault(row.get("finding", ""), []).append(row)
    for who in unmarked:
        found.setdefault(who, {})
    named = {who: {name: _places(rows, "score") for name, rows in own.items()} for who, own in found.items()}
    return named or {("", ""): {}}


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
    position = np.array([[float(row[axis]) for axis in POSITION] for row in rows], np.float64).reshape(-1, 3)
    return places(
        np.array([row["study_id"] for row in rows], dtype=str), position, np.array([float(row[value]) for row in rows], np.float64)
    )
