"""A cohort folder of simulated studies: DICOM, manifest, labels, masks, positions, truth.

    OUT/manifest.csv                 one row a study
    OUT/labels.csv                   long form, source 'simulation'
    OUT/positions.csv                study_id, structure, x, y, z (LPS mm)
    OUT/lesions.csv                  every planted lesion that counts, with its place and radius (joints that have them)
    OUT/masks/STUDY.nii.gz           label map on the grid of the first series (codes in truth.json)
    OUT/STUDY/dicom/NN_SERIES/*.dcm
    OUT/STUDY/truth.json
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from condyle.errors import UsageError
from condyle.simulate.dicom_writer import patient_id, write_dicom
from condyle.simulate.knee import simulate_knee
from condyle.simulate.lumbar import simulate_lumbar
from condyle.simulate.study import SimulatedStudy
from condyle.simulate.vendors import VENDORS, vendor_of
from condyle.study import Volume

SIMULATORS: dict[str, Callable[..., SimulatedStudy]] = {"knee": simulate_knee, "lumbar": simulate_lumbar}

_MANIFEST = ("study_id", "patient_id", "path", "joint", "vendor", "field_strength", "mask", "seed", "simulated")
# Of a paired joint, drawn at several sites.
_PAIRED = ("side", "site_id")
_LABELS = ("study_id", "patient_id", "finding", "level", "side", "value", "source")
_POSITIONS = ("study_id", "structure", "x", "y", "z")
_LESIONS = ("study_id", "lesion_id", "finding", "x", "y", "z", "radius_mm", "weight")


def write_cohort(
    joint: str,
    out: Path | str,
    *,
    studies: int = 1,
    seed: int = 0,
    findings: Any = None,
    vendor: str | None = None,
    progress: Callable[[int], object] | None = None,
    **options: Any,
) -> Path:
    """Simulate studies and write them as a cohort.

    Parameters
    ----------
    joint : 'knee' or 'lumbar'
    out : folder; made when absent, must be empty
    studies : how many; study n has the seed ``seed + n``
    findings : as in the joint's simulator, the same for every study; None or empty draws them
    vendor : one vendor for all, or None or '' to take them in turn
    progress : called with the number of studies done
    options : passed on to the joint's simulator

    Returns
    -------
    The folder.

    Raises
    ------
    UsageError - unknown joint, vendor or finding, or a folder that holds something
    """
    if joint not in SIMULATORS:
        known = ", ".join(SIMULATORS)
        raise UsageError("unknown-joint", f"There is no simulation of the joint {joint!r}.", what_to_do=f"Use one of: {known}.")
    if joint == "lumbar" and "difficulty" in options:
        raise UsageError("no-difficulty", "The lumbar spine has no tables of difficulty.", what_to_do="Leave the option out.")
    if studies < 1:
        raise UsageError("no-studies", f"A cohort of {studies} studies cannot be written.", what_to_do="Ask for one or more.")
    chosen = [vendor_of(vendor).name] if vendor else sorted(VENDORS)
    planted = findings if isinstance(findings, (str, Mapping)) or findings is None else list(findings)
    out = Path(out)
    if out.exists() and any(out.iterdir()):
        raise UsageError("output-exists", "The output folder already holds something.", where=str(out), what_to_do="Name another folder.")
    out.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[Sequence[Any]]] = {"manifest": [], "labels": [], "positions": [], "lesions": []}
    for n in range(studies):
        study = SIMULATORS[joint](seed + n, findings=planted or None, vendor=chosen[n % len(chosen)], **options)
        _write_study(study, out, rows)
        if progress is not None:
            progress(n + 1)
    manifest = _MANIFEST if joint == "lumbar" else _MANIFEST + _PAIRED
    tables = [("manifest", manifest), ("labels", _LABELS), ("positions", _POSITIONS)]
    for name, columns in tables if joint == "lumbar" else [*tables, ("lesions", _LESIONS)]:
        with (out / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([columns, *rows[name]])
    return out


def _write_study(study: SimulatedStudy, out: Path, rows: dict[str, list[Sequence[Any]]]) -> None:
    name, patient = f"{study.joint}_{study.seed:04d}", patient_id(study)
    folder = out / name
    write_dicom(study, folder / "dicom")
    mask = f"masks/{name}.nii.gz"
    write_label_map(study.labels, out / mask)
    (folder / "truth.json").write_text(json.dumps(_truth(study, name), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    row = (name, patient, f"{name}/dicom", study.joint, study.vendor, f"{study.tesla:g}", mask, study.seed, "yes")
    notes = study.truth.notes
    rows["manifest"].append((*row, notes["side"], notes["site"]) if "side" in notes else row)
    for n, one in enumerate(lesion for lesion in notes.get("lesions", ()) if lesion["present"]):
        rows["lesions"].append((name, n + 1, one["finding"], *one["centre"], one["radius_mm"], 1))
    for level, found in study.truth.levels.items():
        rows["labels"] += [(name, patient, finding, level, "", value, "simulation") for finding, value in found.items()]
    rows["positions"] += [(name, what, *(f"{v:.2f}" for v in place)) for what, place in study.truth.positions.items()]


def _truth(study: SimulatedStudy, name: str) -> dict[str, Any]:
    truth = study.truth
    return {
        "study_id": name, "joint": study.joint, "vendor": study.vendor, "field_strength": study.tesla, "codes": dict(truth.codes),
        "levels": {level: dict(found) for level, found in truth.levels.items()},
        "positions": {what: np.round(place, 2).tolist() for what, place in truth.positions.items()}, **truth.notes,
    }  # fmt: skip


def write_label_map(labels: Volume, path: Path) -> None:
    """Label map as NIfTI (RAS), the same bytes every time: no date and no name in the gzip header."""
    from nibabel.nifti1 import Nifti1Image

    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    image = Nifti1Image(labels.pixels, to_ras @ labels.geometry.affine)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        file.write(image.to_bytes())


