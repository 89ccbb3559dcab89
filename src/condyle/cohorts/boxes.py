"""Predicted and true boxes on disk become evidence: average precision and recall as COCO computes them, over patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from condyle.cohorts.evaluating import Evaluated
from condyle.cohorts.evaluation import digests, in_whole_plan, judged_values, patients_of, plan_beside, plan_warnings, rule_of
from condyle.cohorts.plan import log_opening, unjudged
from condyle.cohorts.table import Table, missing_columns, read_table, table_error, together
from condyle.evaluate.bootstrap import interval_of
from condyle.evaluate.coco import RECALLS, Boxes, CocoResult, boxes, coco
from condyle.evaluate.evidence import Evidence
from condyle.evaluate.figures import Chart, Series
from condyle.evaluate.standalone import Line, Settings, from_interval
from condyle.evaluate.study_evidence import Cell, Sheet
from condyle.outputs import refuse_to_overwrite
from condyle.report.evidence import write_evidence
from condyle.report.provenance import Provenance

CORNERS = ("x0", "y0", "x1", "y1")
CORNERS_3D = ("x0", "y0", "z0", "x1", "y1", "z1")
RESAMPLES = 200  # where no plan says otherwise: every resample matches and ranks all boxes anew


def are_boxes(path: Path | str, corners: Sequence[str] = CORNERS) -> bool:
    """Whether a table holds boxes (columns x0, y0, x1, y1) and not points."""
    return set(corners) <= set(read_table(path, what="table of marks").columns)


def evaluate_boxes(
    said: Path | str,
    truth: Path | str,
    studies: Path | str,
    out: Path | str,
    *,
    plan: Path | str | None = None,
    settings: Settings | None = None,
    ious: Sequence[float] = (),
    figures: bool = True,
) -> Evaluated:
    """Judge boxes.

    Parameters
    ----------
    said : CSV with study_id, x0, y0, x1, y1 (pixels, x1 and y1 exclusive), score, optional finding and slice; with z0 and z1 in both
        tables boxes are three-dimensional, in one unit for all axes or not: an overlap has none
    truth : the same without score; optional ``crowd`` (1: a region to ignore)
    ious : overlaps from which a box hits; none: 0.50 to 0.95 as COCO, in three dimensions 0.10 to 0.50
    studies : manifest of every study that was read; gives the patients
    plan : fixes level and seed; settings may not be given beside it

    Raises
    ------
    InputError, TableError - a table has problems, a study that the manifest lacks; all at once
    """
    said, truth, studies = Path(said), Path(truth), Path(studies)
    refuse_to_overwrite(out)
    planned = plan_beside(plan, lambda: patients_of(studies), lambda: read_table(said, what="table of predicted boxes"))
    if planned is not None:
        settings = Settings(planned.plan.confidence, planned.plan.bootstrap.n, planned.plan.bootstrap.seed)
    settings = settings or Settings(resamples=RESAMPLES)
    sha = planned.sha256 if planned else ""
    earlier = log_opening(truth, sha, command="evaluate detection")
    patients, given, opened = together(
        lambda: patients_of(studies),
        lambda: read_table(said, what="table of predicted boxes"),
        lambda: read_table(truth, what="table of true boxes"),
    )
    corners = CORNERS_3D if all(set(CORNERS_3D) <= set(one.columns) for one in (given, opened)) else CORNERS
    given, opened = together(
        lambda: _checked(given, "table of predicted boxes", (*corners, "score"), patients),
        lambda: _checked(opened, "table of true boxes", corners, patients),
    )
    found, true = _boxes(given, corners), _boxes(opened, corners)
    result = coco(true, found, ious=ious or None)
    lines = _lines(result, true, found, patients, settings)
    claims, endpoints = judged_values(planned, lines)
    others = sum(one.get("plan_sha256") != sha for one in earlier)
    overlaps = ", ".join(f"{iou:.2f}" for iou in result.ious)
    provenance = Provenance(
        digests((said, truth, studies)), sha, planned.plan.name if planned else "",
        f"scores as they are; a box hits at an intersection over union of {overlaps}", openings=(len(earlier), others),
        warnings=(*plan_warnings(sha, others), *(unjudged(planned.plan.endpoints, claims) if planned else ())), rule=rule_of(planned),
    )  # fmt: skip
    evidence = Evidence("Detection", settings, lines, endpoints=endpoints, sheets=(_sheet(result),), figures=(_figure(result),))
    evidence = in_whole_plan(evidence, planned, claims)
    return Evaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


def _lines(result: CocoResult, true: Boxes, found: Boxes, patients: Mapping[str, str], settings: Settings) -> tuple[Line, ...]:
    """The numbers of COCO's page with limits over patients, and AP of each finding where there are several; one alone names them all."""
    named = {str(name): name for name in result.categories}
    whole = _whole(result)

    def values(one: CocoResult) -> dict[tuple[str, str], float]:
        every = {(whole, name): value for name, value in one.summary().items()}
        for title, name in named.items() if len(named) > 1 else ():
            every[title or "boxes without a finding", "AP"] = one.ap(category=name) if name in one.categories else float("nan")
        return every

    point = values(result)
    owner = {f"{study}": person for study, person in patients.items()}
    people = sorted(set(owner.values()))
    by_person = {person: [study for study, own in owner.items() if own == person] for person in people}
    rng = np.random.default_rng(settings.seed)
    draws: dict[tuple[str, str], list[float]] = {key: [] for key in point}
    for _ in range(settings.resamples):
        drawn = [study for k in rng.integers(len(people), size=len(people)) for study in by_person[people[k]]]
        again = values(coco(_drawn(true, drawn), _drawn(found, drawn), ious=result.ious))
        for key, every in draws.items():
            every.append(again.get(key, float("nan")))
    lines = []
    for key, value in point.items():
        own = true.category == named[key[0]] if key[0] in named else np.ones(len(true.category), bool)
        one = interval_of(value, np.array(draws[key]), (len(patients), len(people)), settings.seed, None, settings.level)
        lines.append(Line(key[0], "all", "", from_interval(key[1], one, int((own & ~true.crowd).sum()), settings)))
    return tuple(lines)


def _whole(result: CocoResult) -> str:
    """What the numbers over all boxes are of: the one finding, or 'boxes' of several or of none."""
    names = [str(name) for name in result.categories]
    return names[0] if len(names) == 1 and names[0] else "boxes"


def _drawn(one: Boxes, studies: list[str]) -> Boxes:
    """The boxes of drawn studies; a study drawn twice is two."""
    of = np.array([str(name).split("\n")[0] for name in one.image])
    rows = [np.flatnonzero(of == study) for study in studies]
    place = np.concatenate(rows) if rows else np.zeros(0, np.intp)
    copy = np.repeat(np.arange(len(rows)), [len(own) for own in rows])
    image = np.array([f"{k}\n{one.image[row]}" for k, row in zip(copy, place, strict=True)])
    return Boxes(image, one.category[place], one.box[place], one.score[place], one.area[place], one.crowd[place])


def _sheet(result: CocoResult) -> Sheet:
    rows: list[tuple[Cell, ...]] = []
    for iou in result.told:
        for recall, value in zip(RECALLS.tolist(), _precision(result, iou).tolist(), strict=True):
            rows.append((iou, recall, value))
    return Sheet("precision_recall", "Precision and recall", ("iou", "recall", "precision"), rows, long=True)


def _figure(result: CocoResult) -> Chart:
    series = tuple(Series(f"IoU {iou:g}", RECALLS, _precision(result, iou)) for iou in result.told)
    words = "Interpolated precision at 101 recalls, mean over findings, at several overlaps."
    return Chart("precision_recall", _whole(result), "Precision and recall", "Recall", "Precision", series, words, square=True)


def _precision(result: CocoResult, iou: float) -> np.ndarray:
    part = result.precision[int(np.argmin(np.abs(result.ious - iou))), :, :, 0, -1]
    with_truth = (part > -1).all(axis=0)
    return np.asarray(part[:, with_truth].mean(axis=1)) if with_truth.any() else np.full(len(RECALLS), np.nan)


def _checked(table: Table, what: str, numbers: tuple[str, ...], patients: Mapping[str, str]) -> Table:
    """The table when its numbers are numbers, its boxes have sizes and its studies are in the manifest."""
    problems = missing_columns(table, ("study_id", *numbers))
    for number, row in table.rows if not problems else ():
        if row["study_id"] not in patients:
            problems.append(f"row {number}: the study is not in the manifest of studies that were read")
        bad = [name for name in numbers if not _is_number(row[name])]
        problems += [f"row {number}: {name} is no finite number" for name in bad]
        pairs = [(f"{axis}0", f"{axis}1") for axis in "xyz" if f"{axis}1" in numbers]
        turned = [(start, end) for start, end in pairs if not bad and not float(row[end]) > float(row[start])]
        problems += [f"row {number}: {end} must be above {start}" for start, end in turned]
        if row.get("crowd", "") not in ("", "0", "1"):
            problems.append(f"row {number}: crowd must be 0 or 1")
    if problems:
        raise table_error(table.path, what, problems)
    return table


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _boxes(table: Table, corners: Sequence[str]) -> Boxes:
    rows = [row for _, row in table.rows]
    ends = np.array([[float(row[name]) for name in corners] for row in rows], np.float64).reshape(-1, len(corners))
    axes = len(corners) // 2
    sizes = np.concatenate([ends[:, :axes], ends[:, axes:] - ends[:, :axes]], axis=1)
    image = np.array([f"{row['study_id']}\n{row.get('slice', '')}" for row in rows])
    score = np.array([float(row["score"]) for row in rows]) if "score" in table.columns else None
    crowd = np.array([row.get("crowd", "") == "1" for row in rows], bool)
    return boxes(image, np.array([row.get("finding", "") for row in rows]), sizes, score=score, crowd=crowd)
