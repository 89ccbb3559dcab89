"""MRNet, knee MRI (Bien et al., PLoS Medicine 2018;15:e1002699), as a cohort.

    {train,valid}/{axial,coronal,sagittal}/NNNN.npy      uint8, slices x 256 x 256
    {train,valid}-{abnormal,acl,meniscus}.csv            no header: id, 0 or 1

The release names no patient, no millimetre, no side and no scanner. Every exam therefore stands for a patient of its own, although the
paper counts fewer patients than exams: some patients are in it twice, and nothing in the release tells which.
``valid`` is the set on which the paper tuned; its own test set was never released.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from condyle.cohorts.imported import Files, Imported
from condyle.cohorts.table import table_error, write_table
from condyle.errors import InputError
from condyle.outputs import write_whole
from condyle.registry import Plugin

PLUGIN = Plugin(
    "mrnet",
    "MRNet: knee MRI, 1,250 exams of three planes, ACL tear, meniscal tear, any abnormality",
    "condyle.cohorts.adapters.mrnet:import_mrnet",
    source="Bien et al., PLoS Medicine 2018;15:e1002699; to be had from its authors under their own licence",
)

TASKS = {"acl": "acl_injury", "meniscus": "meniscal_tear", "abnormal": "abnormality"}
SPLITS = {"train": "train", "valid": "validation"}
# Weighting and fat suppression of each plane, as the paper tells.
PLANES = {"sagittal": ("t2", "1"), "coronal": ("t1", "0"), "axial": ("pd", "1")}
_MOST_BYTES = 1 << 20
_LABELS = ("study_id", "patient_id", "finding", "level", "side", "value", "source")


def import_mrnet(source: Path | str, out: Path | str, *, copy: bool = False) -> Imported:
    """Make a cohort folder of an MRNet folder.

    Parameters
    ----------
    source : folder of the release (MRNet-v1.0)
    out : cohort folder to make; absent or empty
    copy : bool - copy the arrays into the cohort; else the manifest names them by relative paths

    Returns
    -------
    Imported. One study an exam, one row a plane; exams that lack a plane keep the others.

    Raises
    ------
    InputError - the layout is not recognised
    TableError - a table of labels is not as published
    UsageError - ``out`` holds something already
    """
    folder = Path(source)
    sets = [name for name in SPLITS if (folder / name).is_dir() and any((folder / f"{name}-{task}.csv").is_file() for task in TASKS)]
    if not sets:
        raise InputError(
            "mrnet-not-recognised", "This is no MRNet folder.", where=folder.name,
            why="Neither 'train' with 'train-acl.csv' nor 'valid' with 'valid-acl.csv' is there.",
            what_to_do="Give the folder into which the release was unpacked (MRNet-v1.0).",
        )  # fmt: skip
    from condyle.cohorts.manifest import write_manifest  # pydantic, not needed to list adapters

    files = Files(folder, Path(out), copy=copy)
    rows: list[dict[str, str]] = []
    labels: list[dict[str, str]] = []
    left_out: list[tuple[str, str]] = []
    for name in sets:
        values = {task: _values(folder / f"{name}-{task}.csv") for task in TASKS}
        left_out += [(f"{name}-{task}.csv", "the table is absent; its values are unknown") for task, own in values.items() if not own]
        exams = sorted({exam for own in values.values() for exam in own} | set(_exams(folder / name)))
        for exam in exams:
            there = [plane for plane in PLANES if files.has(f"{name}/{plane}/{exam}.npy")]
            left_out += [(f"{name}/{plane}/{exam}.npy", "the file is absent") for plane in PLANES if plane not in there]
            if not there:
                continue
            own = {"study_id": f"mrnet-{exam}", "patient_id": f"mrnet-{exam}"}
            for plane in there:
                weighting, suppressed = PLANES[plane]
                path = files.place(f"{name}/{plane}/{exam}.npy")
                rows.append({**own, "path": path, "joint": "knee", "series_id": plane, "plane": plane, "weighting": weighting,
                             "fat_suppressed": suppressed, "split": SPLITS[name]})  # fmt: skip
            labels += [
                {**own, "finding": finding, "level": "", "side": "", "value": values[task].get(exam, ""), "source": "MRNet"}
                for task, finding in TASKS.items()
            ]
    if not rows:
        raise InputError("mrnet-without-arrays", "The MRNet folder holds no array.", where=folder.name, what_to_do="Unpack it again.")
    write_table(files.out / "labels.csv", _LABELS, labels)
    about = {
        "name": "mrnet", "joint": "knee", "credit": "MRNet, Bien et al. 2018", "source": PLUGIN.source,
        "notes": [
            "Every exam stands for a patient of its own; the release does not say which exams are of one patient.",
            "Pictures carry no millimetres. 'valid' is the paper's tuning set, not its test set.",
        ],
    }  # fmt: skip
    write_whole(files.out / "cohort.json", json.dumps(about, indent=2).encode() + b"\n")
    write_manifest(files.out / "manifest.csv", rows)  # last: a folder without it is no cohort
    studies = len({row["study_id"] for row in rows})
    return Imported(files.out, studies, studies, len(rows), len(labels), 0, tuple(left_out))


def _values(path: Path) -> dict[str, str]:
    """Exam -> '0' or '1'; empty when there is no such table. Ids keep, or get back, their leading zeros (fault G35)."""
    if not path.is_file():
        return {}
    if path.stat().st_size > _MOST_BYTES:
        raise table_error(path, "MRNet label table", ["the file is larger than 1 MiB"])
    found: dict[str, str] = {}
    problems = []
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    for number, cells in enumerate(csv.reader(text.splitlines()), start=1):
        told = [cell.strip() for cell in cells]
        if not any(told):
            continue
        if len(told) != 2 or not (told[0].isascii() and told[0].isdecimal()) or told[1] not in ("0", "1"):
            problems.append(f"row {number}: must be an exam's number and 0 or 1")
        elif found.setdefault(told[0].zfill(4), told[1]) != told[1]:
            problems.append(f"row {number}: the exam was named before with another value")
    if problems:
        raise table_error(path, "MRNet label table", problems)
    return found


def _exams(folder: Path) -> Iterator[str]:
    """Numbers of all arrays of a set."""
    for plane in PLANES:
        yield from (path.stem for path in (folder / plane).glob("*.npy") if path.stem.isascii() and path.stem.isdecimal())
