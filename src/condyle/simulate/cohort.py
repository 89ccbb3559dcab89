"""A cohort folder of simulated studies: DICOM, manifest, labels, masks, positions, truth.

    OUT/cohort.json                  what was asked for; the same arguments continue an interrupted cohort
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
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from condyle.errors import UsageError
from condyle.simulate.dicom_writer import patient_id, write_dicom
from condyle.simulate.knee import simulate_knee
from condyle.simulate.knee.findings import difficulty
from condyle.simulate.lumbar import simulate_lumbar
from condyle.simulate.study import SimulatedStudy
from condyle.simulate.vendors import VENDORS, vendor_of
from condyle.study import Volume

SIMULATORS: dict[str, Callable[..., SimulatedStudy]] = {"knee": simulate_knee, "lumbar": simulate_lumbar}

TRUTH = "truth.json"
ASKED = "cohort.json"

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
    out : folder; made when absent, must be empty or hold a cohort of the same arguments (but for ``studies``), whose missing studies
        are then written
    studies : how many; study n has the seed ``seed + n``
    findings : as in the joint's simulator, the same for every study; None or empty draws them
    vendor : one vendor for all, or None or '' to take them in turn
    progress : called with the number of studies done
    options : passed on to the joint's simulator

    Returns
    -------
    The folder. Tables name the studies that are done; they are written anew after every 20.

    Raises
    ------
    UsageError - unknown joint, vendor or finding, or a folder that holds something else
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
    asked = {"joint": joint, "seed": seed, "findings": planted or None, "vendor": vendor or "", "options": options}
    if joint == "knee":  # the table itself: a changed one makes another cohort
        asked["table"] = difficulty(str(options.get("difficulty", "study")))
    asked |= {"name": f"simulated {joint} studies", "licence": "Apache-2.0", "credit": "Condyle's simulator",
              "source": f"condyle simulate {joint} --seed {seed}"}  # fmt: skip
    same = json.dumps(asked, indent=1, sort_keys=True, default=str) + "\n"
    if out.exists() and any(out.iterdir()) and _text(out / ASKED) != same:
        raise UsageError(
            "output-exists", "The output folder already holds something.", where=str(out),
            why="Only a cohort of the very same arguments is continued.", what_to_do="Name another folder.",
        )  # fmt: skip
    truths: list[dict[str, Any]] = []
    for n in range(studies):
        name = study_name(joint, seed + n)
        done = _text(out / name / TRUTH)
        if not done:
            study = SIMULATORS[joint](seed + n, findings=planted or None, vendor=chosen[n % len(chosen)], **options)
            out.mkdir(parents=True, exist_ok=True)
            (out / ASKED).write_text(same, encoding="utf-8")
            done = _write_study(study, out, name)
        truths.append(json.loads(done))
        if (n + 1) % 20 == 0 or n + 1 == studies:
            _write_tables(out, joint, truths)
        if progress is not None:
            progress(n + 1)
    return out


def study_name(joint: str, seed: int) -> str:
    return f"{joint}_{seed:04d}"


def unfinished(out: Path) -> bool:
    """Whether a folder holds studies of a cohort."""
    return (out / ASKED).is_file() and any(out.glob(f"*/{TRUTH}"))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _write_study(study: SimulatedStudy, out: Path, name: str) -> str:
    """Write the files of a study, and last its truth, by which a later run knows that it is whole. Returns that file's text."""
    folder = out / name
    if folder.exists():
        shutil.rmtree(folder)
    write_dicom(study, folder / "dicom")
    write_label_map(study.labels, out / _mask(name))
    text = json.dumps(_truth(study, name), indent=1, sort_keys=True) + "\n"
    begun = folder / f".{TRUTH}"
    begun.write_text(text, encoding="utf-8")
    begun.replace(folder / TRUTH)
    return text


def _mask(name: str) -> str:
    return f"masks/{name}.nii.gz"


def _write_tables(out: Path, joint: str, truths: list[dict[str, Any]]) -> None:
    rows: dict[str, list[Sequence[Any]]] = {"manifest": [], "labels": [], "positions": [], "lesions": []}
    for one in truths:
        name, patient = one["study_id"], one["patient_id"]
        more = (one["side"], one["site"]) if joint != "lumbar" else ()
        row = (name, patient, f"{name}/dicom", joint, one["vendor"], f"{one['field_strength']:g}", _mask(name), one["seed"], "yes")
        rows["manifest"].append((*row, *more))
        for m, lesion in enumerate(lesion for lesion in one.get("lesions", ()) if lesion["present"]):
            rows["lesions"].append((name, m + 1, lesion["finding"], *lesion["centre"], lesion["radius_mm"], 1))
        for level, found in one["levels"].items():
            rows["labels"] += [(name, patient, finding, level, "", value, "simulation") for finding, value in found.items()]
        rows["positions"] += [(name, what, *(f"{v:.2f}" for v in place)) for what, place in one["positions"].items()]
    manifest = _MANIFEST + (_PAIRED if joint != "lumbar" else ())
    tables = [("manifest", manifest), ("labels", _LABELS), ("positions", _POSITIONS)]
    for table, columns in tables if joint == "lumbar" else [*tables, ("lesions", _LESIONS)]:
        begun = out / f".{table}.csv"
        with begun.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([columns, *rows[table]])
        begun.replace(out / f"{table}.csv")


def _truth(study: SimulatedStudy, name: str) -> dict[str, Any]:
    truth = study.truth
    return {
        "study_id": name, "patient_id": patient_id(study), "joint": study.joint, "seed": study.seed, "vendor": study.vendor,
        "field_strength": study.tesla, "codes": dict(truth.codes),
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


