"""Masks on disk become evidence: overlap and distances of each structure, with a stated policy for empty masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.evaluating import Evaluated
from condyle.cohorts.evaluation import digests, in_whole_plan, judged_values, plan_beside, plan_warnings, rule_of
from condyle.cohorts.plan import log_opening, unjudged
from condyle.cohorts.table import Table, read_table, table_error
from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.evidence import Evidence
from condyle.evaluate.figures import Boxes, Figure
from condyle.evaluate.instances import Matches, match_instances, separate, summarise_instances
from condyle.evaluate.proportion import clustered_proportion
from condyle.evaluate.segmentation import MaskScore, StructureSummary, score_masks, summarise_masks
from condyle.evaluate.standalone import Line, Settings, from_interval
from condyle.evaluate.study_evidence import Cell, Sheet
from condyle.intake.blob import Blob
from condyle.intake.loading import load_volume
from condyle.intake.nifti import open_nifti
from condyle.outputs import refuse_to_overwrite
from condyle.report.evidence import write_evidence
from condyle.report.provenance import Provenance
from condyle.study import Volume

REQUIRED = ("study_id", "patient_id", "structure", "truth_path", "predicted_path")
VOLUME, AREA = "volume in ml", "area in cm2"
_NIFTI = (".nii", ".nii.gz")


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A boolean mask [slice, row, column], or [row, column], and the millimetres along each axis; ``affine`` places it."""

    inside: NDArray[np.bool_]
    spacing: tuple[float, ...]
    affine: NDArray[np.float64]


def evaluate_masks(
    table: Path | str,
    out: Path | str,
    *,
    tolerance_mm: float,
    plan: Path | str | None = None,
    settings: Settings | None = None,
    objects: float | None = None,
    figures: bool = True,
) -> Evaluated:
    """Judge predicted against true masks.

    Parameters
    ----------
    table : CSV with study_id, patient_id, structure, truth_path, predicted_path (NIfTI, relative to the table), optional
        truth_value and predicted_value: the label number of the structure; without them everything above 0 is inside.
        An empty predicted_path is an empty mask: the reader found nothing
    out : folder to write
    tolerance_mm : of surface Dice, fixed before, such as the distance between two readers
    plan : fixes level, resamples and seed; its endpoints name a structure, and Dice, IoU, surface Dice, 'HD95, mm', 'ASSD, mm'
    objects : IoU from which separate parts of both masks are one object; None leaves objects out

    Raises
    ------
    TableError - rows that do not parse, masks that cannot be read or lie on different grids; all at once
    """
    table = Path(table)
    refuse_to_overwrite(out)
    planned = plan_beside(plan, lambda: read_table(table, what="table of masks", required=REQUIRED))
    if planned is not None:
        settings = Settings(planned.plan.confidence, planned.plan.bootstrap.n, planned.plan.bootstrap.seed)
    settings = settings or Settings()
    sha = planned.sha256 if planned else ""
    earlier = log_opening(table, sha, command="evaluate segmentation")
    rows = read_table(table, what="table of masks", required=REQUIRED)
    problems = _problems(rows)
    scores, patients, matches, sizes = _scores(rows, tolerance_mm, objects, problems)
    if problems:
        raise table_error(table, "table of masks", problems)
    lines: list[Line] = []
    for structure, own in scores.items():
        if all(one.empty == "both" for one in own):
            why = f"Both masks are empty in all {len(own)} studies: there is nothing to compare."
            people = np.unique(patients[structure])
            nothing = Estimate("Dice", float("nan"), n=len(own), clusters=len(people), level=settings.level, warnings=(why,))
            lines.append(Line(structure, "all", "", nothing))
            continue
        summary = summarise_masks(own, patients[structure], n=settings.resamples, seed=settings.seed, level=settings.level)
        failed = np.array([one.empty in ("truth", "given") for one in own if one.empty != "both"], float)
        people = np.array([person for person, one in zip(patients[structure], own, strict=True) if one.empty != "both"])
        missed = clustered_proportion("one mask empty", failed, people, level=settings.level)
        lines += _lines(structure, summary, missed, settings, sizes[structure])
        if objects is not None:
            how = {"n": settings.resamples, "seed": settings.seed}
            found = summarise_instances(matches[structure], patients[structure], **how, level=settings.level)
            whole = sum(len(one.pairs) + len(one.missed) for one in matches[structure])
            lines += [Line(structure, "all", "", from_interval(name, one, whole, settings)) for name, one in found.items()]
    claims, endpoints = judged_values(planned, lines)
    others = sum(one.get("plan_sha256") != sha for one in earlier)
    provenance = Provenance(
        digests((table,)),
        sha,
        planned.plan.name if planned else "",
        f"surface Dice at {tolerance_mm:g} mm; HD95 is the larger one-sided 95th percentile over the surface"
        + (f"; objects are one from an IoU of {objects:g} on" if objects is not None else ""),
        openings=(len(earlier), others),
        warnings=(*plan_warnings(sha, others), *(unjudged(planned.plan.endpoints, claims) if planned else ())),
        rule=rule_of(planned),
    )
    evidence = Evidence(
        "Segmentation", settings, tuple(lines), endpoints=endpoints, sheets=(_each(rows, scores, patients, matches),),
        figures=_figures(scores, tolerance_mm),
    )  # fmt: skip
    evidence = in_whole_plan(evidence, planned, claims)
    return Evaluated(evidence, provenance, tuple(write_evidence(evidence, provenance, out, figures=figures)))


def _each(
    table: Table,
    scores: Mapping[str, Sequence[MaskScore]],
    patients: Mapping[str, Sequence[str]],
    matches: Mapping[str, Sequence[Matches]],
) -> Sheet:
    """Every study by itself, for a second look at the worst."""
    numbers = ("dice", "iou", "surface_dice", "hd95_mm", "assd_mm", "truth_ml", "predicted_ml")
    counted = ("objects_matched", "objects_missed", "objects_false") if matches else ()
    columns = ("structure", "study_id", "patient_id", *numbers, "empty", *counted)
    rows: list[tuple[Cell, ...]] = []
    for structure, own in scores.items():
        studies = [row["study_id"] for _, row in table.rows if row["structure"] == structure]
        for place, (study, person, one) in enumerate(zip(studies, patients[structure], own, strict=True)):
            values = (one.dice, one.iou, one.surface_dice, one.hd95, one.assd, one.truth_ml, one.given_ml)
            match = matches[structure][place] if matches else None
            more = () if match is None else (len(match.pairs), len(match.missed), len(match.false))
            rows.append((structure, study, person, *values, one.empty, *more))
    return Sheet("masks", "Every mask", columns, rows, long=True)


def _figures(scores: Mapping[str, Sequence[MaskScore]], tolerance_mm: float) -> tuple[Figure, ...]:
    """Box plots of Dice and of surface Dice, a box a structure; one empty mask is a point at 0, two are none."""
    empty = "One empty mask counts as 0; two are left out."
    found = []
    for name, title in (("dice", "Dice"), ("surface_dice", "Surface Dice")):
        groups = tuple((structure, np.array([getattr(one, name) for one in own])) for structure, own in scores.items())
        at = f" At {tolerance_mm:g} mm." if name == "surface_dice" else ""
        found.append(Boxes(name, "", title, title, groups, f"Every study as a point.{at} {empty}"))
    return tuple(found)


def read_mask(path: Path, value: int | None) -> Mask:
    """One NIfTI mask; ``value`` is the label inside, None everything above 0. Raises InputError."""
    volume = mask_volume(path)
    if not np.array_equal(volume.pixels, np.round(volume.pixels)):
        raise InputError(
            "mask-values", "A mask holds numbers that are not whole.", where=path.name, why="It may be a map of probabilities.",
            what_to_do="Cut it at the threshold that was fixed before, and write 0 and 1.",
        )  # fmt: skip
    inside = volume.pixels > 0 if value is None else volume.pixels == value
    # NIfTI keeps single precision: 0.4 mm comes as 0.4000000059604645, which a tolerance of 0.4 mm would leave out.
    spacing = tuple(float(f"{step:.6g}") for step in volume.geometry.spacing)
    return Mask(np.asarray(inside, bool), spacing, volume.geometry.affine)


def mask_volume(path: Path) -> Volume:
    """The numbers of a NIfTI mask, in their place in the patient. Raises InputError."""
    if not path.name.endswith(_NIFTI):
        raise InputError(
            "mask-format", "A mask must be NIfTI (.nii or .nii.gz).", where=path.name, why="Its name ends otherwise.",
            what_to_do="Convert it to NIfTI, one whole number a voxel.",
        )  # fmt: skip
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(
            "file-unreadable", "A mask cannot be read.", where=path.name, why=error.strerror or "",
            what_to_do="Correct the path in the row.",
        ) from error  # fmt: skip
    (series,) = open_nifti(Blob(str(path), path.name, size), path.name, {}).series
    return load_volume(series)


def _lines(structure: str, summary: StructureSummary, failed: Estimate, settings: Settings, size: str) -> list[Line]:
    """``size`` : what the masks measure, 'volume in ml' or 'area in cm2'."""
    counts = f"{summary.n} studies: both masks empty in {summary.both_empty} (left out), only the truth in {summary.truth_empty}, "
    counts += f"only the prediction in {summary.given_empty} (Dice 0, no distance)"
    found = [
        from_interval(name.replace("dice", "Dice").replace("iou", "IoU").replace("_", " "), one, None, settings)
        for name, one in summary.means.items()
    ]
    found[0] = found[0].warned(counts)
    for name, (one, (low, high), of_all) in summary.medians.items():
        made = from_interval(f"{name.upper()}, mm", one, None, settings)
        failures = summary.truth_empty + summary.given_empty
        whole = f" With the {failures} that have one empty mask as infinitely far it is {of_all:.3g} mm." if failures else ""
        found.append(made.warned(f"Median of finite distances; quartiles {low:.3g} and {high:.3g} mm.{whole}"))
    found.append(failed)
    if summary.volume is not None:
        volume = summary.volume
        found += [replace(one, measure=f"{one.measure}: {size}, predicted - true") for one in (volume.bias, volume.lower, volume.upper)]
    return [Line(structure, "all", "", one) for one in found]


def _problems(table: Table) -> list[str]:
    """What is wrong with the table itself."""
    problems: list[str] = [] if table.rows else ["row 1: there is no row below the header"]
    seen: dict[tuple[str, str], int] = {}
    owners: dict[str, str] = {}
    for number, row in table.rows:
        problems += [f"row {number}: {name} is empty" for name in REQUIRED[:4] if not row[name]]
        key = (row["study_id"], row["structure"])
        if seen.setdefault(key, number) != number:
            problems.append(f"rows {seen[key]} and {number}: the same structure of the same study twice")
        if row["study_id"] and owners.setdefault(row["study_id"], row["patient_id"]) != row["patient_id"]:
            problems.append(f"row {number}: this study belongs to another patient in an earlier row")
        for name in ("truth_value", "predicted_value"):
            if row.get(name, "") and not row[name].isdecimal():
                problems.append(f"row {number}: {name} must be a label number")
    return problems


def _scores(
    table: Table, tolerance_mm: float, objects: float | None, problems: list[str]
) -> tuple[dict[str, list[MaskScore]], dict[str, list[str]], dict[str, list[Matches]], dict[str, str]]:
    """Scores, patients, matched objects and what is measured ('volume in ml', 'area in cm2') of each structure; what is wrong with the
    masks is added to the problems, and when anything is nothing is measured."""
    scores: dict[str, list[MaskScore]] = {}
    patients: dict[str, list[str]] = {}
    matches: dict[str, list[Matches]] = {}
    sizes: dict[str, str] = {}
    for number, row in table.rows:
        pair = _pair(table.path.parent, number, row, problems)
        if pair is None:
            continue
        truth, given = _flat(*pair)
        size = AREA if truth.inside.ndim == 2 else VOLUME
        if sizes.setdefault(row["structure"], size) != size:
            name = row["structure"][:40]
            problems.append(f"row {number}: the masks of {name} have one slice here and several in an earlier row, or the reverse")
        if problems:
            continue
        one = score_masks(truth.inside, given, truth.spacing, tolerance_mm=tolerance_mm)
        scores.setdefault(row["structure"], []).append(one)
        if objects is not None:
            match = match_instances(separate(truth.inside), separate(given), at_least=objects)
            matches.setdefault(row["structure"], []).append(match)
        patients.setdefault(row["structure"], []).append(row["patient_id"])
    return scores, patients, matches, sizes


def _flat(truth: Mask, given: NDArray[np.bool_]) -> tuple[Mask, NDArray[np.bool_]]:
    """Masks of one slice as two-dimensional: an outline has no top and bottom, which would lie on each other and dilute every distance."""
    thin = [axis for axis, size in enumerate(truth.inside.shape) if size == 1][:1]
    if not thin:
        return truth, given
    spacing = tuple(step for axis, step in enumerate(truth.spacing) if axis not in thin)
    return replace(truth, inside=truth.inside.squeeze(thin[0]), spacing=spacing), given.squeeze(thin[0])


def _pair(folder: Path, number: int, row: Mapping[str, str], problems: list[str]) -> tuple[Mask, NDArray[np.bool_]] | None:
    """The true mask and what was given, on one grid; None, and a problem for each mask that cannot be used."""
    read: dict[str, Mask] = {}
    for which in ("truth", "predicted"):
        if not row[f"{which}_path"]:
            continue  # of the truth this is a problem of the table; a prediction that is not there found nothing
        try:
            read[which] = read_mask(folder / row[f"{which}_path"], _label(row, f"{which}_value"))
        except InputError as error:
            problems.append(f"row {number}: {which}_path: {error.what}" + (f" {error.why}" if error.why else ""))
    if "truth" not in read or (row["predicted_path"] and "predicted" not in read):
        return None
    truth, given = read["truth"], read.get("predicted")
    if given is None:
        return truth, np.zeros_like(truth.inside)
    if truth.inside.shape != given.inside.shape or not np.allclose(truth.affine, given.affine, atol=1e-3):
        problems.append(
            f"row {number}: the two masks lie on different grids; they must have one shape and one place in the patient: resample one onto "
            "the other with the nearest label, and say so where the figures stand"
        )
        return None
    return truth, given.inside


def _label(row: Mapping[str, str], name: str) -> int | None:
    return int(row[name]) if row.get(name, "").isdecimal() else None
