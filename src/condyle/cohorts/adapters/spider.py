"""SPIDER, lumbar spine MRI (van der Graaf et al., Scientific Data 2024;11:264, CC-BY 4.0), as a cohort.

Two layouts are recognised: the public release (``images/*.mha``, ``masks/*.mha``, ``overview.csv``,
``radiological_gradings.csv``) and mid-sagittal pictures of it (``manifest.csv``, ``gradings.csv``, ``series.csv``,
``discs.csv``, ``midsagittal/``, ``space_slices/``, ``masks/``).

Levels. The release counts discs from the bottom: 1 is L5-S1, 2 is L4-L5, and so on. Two patients have a level 0, a
rudimentary disc below level 1; it becomes S1-S2, and their rows carry the flag ``numbering_uncertain``, because the
release does not say whether these spines have a lumbarised S1 or a sixth lumbar vertebra.

Millimetres. The pictures' header spacing is wrong for many, so ``spacing`` stays empty and nothing can be reported in
millimetres. ``pixel_aspect`` (row step / column step) is an estimate: T1 and T2 cover a square field, T2 SPACE 240 x 300 mm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from condyle.anatomy.lumbar import LEVELS
from condyle.cohorts.imported import Files, Imported
from condyle.cohorts.table import Table, read_table, table_error, write_table
from condyle.errors import InputError
from condyle.outputs import write_whole
from condyle.registry import Plugin

PLUGIN = Plugin(
    "spider",
    "SPIDER: lumbar spine MRI, 218 patients, degenerative gradings per disc, masks (public release or its mid-sagittal pictures)",
    "condyle.cohorts.adapters.spider:import_spider",
    source="van der Graaf et al., Scientific Data 2024;11:264, doi 10.5281/zenodo.10159290, CC-BY 4.0",
)

# The release's column -> ours. Modic is a type (0 to 3); the finding is its presence.
RELEASE_GRADES = {
    "Pfirrman grade": "pfirrmann", "Modic": "modic_type", "UP endplate": "upper_endplate", "LOW endplate": "lower_endplate",
    "Spondylolisthesis": "spondylolisthesis", "Disc herniation": "herniation", "Disc narrowing": "disc_narrowing",
    "Disc bulging": "bulging",
}  # fmt: skip
PICTURE_GRADES = {
    "pfirrmann": "pfirrmann", "modic": "modic_type", "upper_endplate": "upper_endplate", "lower_endplate": "lower_endplate",
    "spondylolisthesis": "spondylolisthesis", "herniation": "herniation", "narrowing": "disc_narrowing", "bulging": "bulging",
}  # fmt: skip
WEIGHTINGS = {"t1": ("t1", "tse"), "t2": ("t2", "tse"), "t2_space": ("t2", "space")}
VENDORS = {"siemens": "Siemens", "philips": "Philips", "ge": "GE"}
# Mask value ranges (first, last) of each class: 1 vertebra, 2 spinal canal, 3 disc.
RELEASE_MASK = {"1": [[1, 25], [101, 125]], "2": [[100, 100]], "3": [[201, 225]]}
PICTURE_MASK = {"1": [[1, 1]], "2": [[2, 2]], "3": [[3, 3]]}

_Cells = dict[str, Any]

_NAME = re.compile(r"(\d+)_(t1|t2|t2_SPACE)", re.IGNORECASE)
_LABEL_COLUMNS = ("study_id", "patient_id", "finding", "level", "side", "value", "source")
_BOX_COLUMNS = ("path", "study_id", "level", "rank_from_bottom", "n_found", "n_graded", "x0", "y0", "x1", "y1", "source")


def import_spider(source: Path | str, out: Path | str, *, copy: bool = False) -> Imported:
    """Make a cohort folder of a SPIDER folder.

    Parameters
    ----------
    source : folder of the public release or of its mid-sagittal pictures
    out : cohort folder to make; absent or empty
    copy : bool - copy pictures and masks into the cohort; else its tables name them by relative paths

    Returns
    -------
    Imported. One study a patient; one row a series; labels in long form (``modic`` as presence beside ``modic_type``).

    Raises
    ------
    InputError - neither layout is recognised
    TableError - a table of the release is not as published
    UsageError - ``out`` holds something already
    """
    folder = Path(source)
    if (folder / "overview.csv").is_file() and (folder / "images").is_dir():
        return _import(_Release(folder), Files(folder, Path(out), copy=copy))
    if (folder / "gradings.csv").is_file() and (folder / "midsagittal").is_dir():
        return _import(_Pictures(folder), Files(folder, Path(out), copy=copy))
    raise InputError(
        "spider-not-recognised",
        "This is no SPIDER folder.",
        where=folder.name,
        why="Neither 'overview.csv' with 'images/' (the public release) nor 'gradings.csv' with 'midsagittal/' (pictures) is there.",
        what_to_do="Give the folder into which the release was unpacked.",
    )


class _Release:
    """The public release: volumes."""

    mask_values = RELEASE_MASK
    about = "volumes of the public release"

    def __init__(self, folder: Path) -> None:
        self.series = read_table(folder / "overview.csv", what="SPIDER overview", required=("new_file_name",))
        columns = ("Patient", "IVD label", *RELEASE_GRADES)
        grades = read_table(folder / "radiological_gradings.csv", what="SPIDER gradings", required=columns)
        self.grades = _grades(grades, "Patient", "IVD label", RELEASE_GRADES)

    def rows(self) -> Iterator[_Cells]:
        for number, cells in self.series.rows:
            stem = cells["new_file_name"].removesuffix(".mha")
            yield {"name": stem, "row": number, "path": f"images/{stem}.mha", "mask": f"masks/{stem}.mha", **_header(cells)}

    def slices(self) -> Iterator[_Cells]:
        return iter(())

    def boxes(self) -> Iterator[Mapping[str, str]]:
        return iter(())


class _Pictures:
    """Mid-sagittal pictures of the release, further T2 SPACE slices, disc boxes."""

    mask_values = PICTURE_MASK
    about = "mid-sagittal pictures of the public release"

    def __init__(self, folder: Path) -> None:
        columns = ("path", "series", "kind", "mask_path", "height", "width", "flags")
        self.manifest = read_table(folder / "manifest.csv", what="picture manifest", required=columns)
        series = read_table(folder / "series.csv", what="series table", required=("series", "Manufacturer", "MagneticFieldStrength", "sex"))
        self.headers = {cells["series"]: _header(cells) for _, cells in series.rows}
        grades = read_table(folder / "gradings.csv", what="gradings", required=("patient", "level", *PICTURE_GRADES))
        self.grades = _grades(grades, "patient", "level", PICTURE_GRADES)
        self.discs = read_table(folder / "discs.csv", what="disc boxes", required=("patient", *(set(_BOX_COLUMNS) - {"study_id"})))

    def rows(self) -> Iterator[_Cells]:
        yield from (row for row in self._pictures() if row["kind"] == "midsagittal")

    def slices(self) -> Iterator[_Cells]:
        yield from (row for row in self._pictures() if row["kind"] != "midsagittal")

    def boxes(self) -> Iterator[Mapping[str, str]]:
        for _, cells in self.discs.rows:
            level = _level(cells["level"]) if cells["level"] else ""
            yield {**cells, "level": level, "study_id": _identity(cells["patient"])}

    def _pictures(self) -> Iterator[_Cells]:
        for number, cells in self.manifest.rows:
            name = cells["series"]
            own = {"name": name, "row": number, "path": cells["path"], "mask": cells["mask_path"], "kind": cells["kind"]}
            extra = {"flags": cells["flags"], "slice_index": cells.get("slice_index", ""), "pixel_aspect": _aspect(name, cells)}
            yield {**own, **self.headers.get(name, {}), **extra}


def _import(layout: _Release | _Pictures, files: Files) -> Imported:
    left_out: list[tuple[str, str]] = []
    uncertain = {patient for patient, level, _, _ in layout.grades if level == "S1-S2"}
    rows = [_row(row, files, uncertain) for row in layout.rows() if _usable(row, files, left_out)]
    slices = [_row(row, files, uncertain) for row in layout.slices() if _usable(row, files, left_out)]
    studies = {row["study_id"] for row in rows}
    left_out += [(row["path"], "a further slice of a patient without series") for row in slices if row["study_id"] not in studies]
    slices = [row for row in slices if row["study_id"] in studies]
    labels = [
        {"study_id": _identity(patient), "patient_id": _identity(patient), "finding": finding, "level": level, "side": "", "value": value,
         "source": "SPIDER"}
        for patient, level, finding, value in layout.grades
        if _identity(patient) in studies
    ]  # fmt: skip
    ungraded = sorted(studies - {label["study_id"] for label in labels})
    left_out += [(study, "has pictures but no gradings") for study in ungraded]
    unseen = sorted({_identity(grade[0]) for grade in layout.grades} - studies)
    left_out += [(study, "has gradings but no pictures") for study in unseen]
    known = {row["_name"] for row in rows + slices}
    boxes = [{**box, "path": files.place(box["path"])} for box in layout.boxes() if box["path"] in known]
    _write(files.out, layout, rows, slices, labels, boxes)
    masks = sum(bool(row["mask"]) for row in rows + slices)
    return Imported(files.out, len({row["patient_id"] for row in rows}), len(studies), len(rows), len(labels), masks, tuple(left_out))


def _write(
    out: Path, layout: _Release | _Pictures, rows: list[_Cells], slices: list[_Cells], labels: list[_Cells], boxes: list[_Cells]
) -> None:
    from condyle.cohorts.manifest import write_manifest  # pydantic, not needed to list adapters

    def clean(listed: list[_Cells]) -> list[_Cells]:
        return [{name: value for name, value in row.items() if not name.startswith("_")} for row in listed]

    write_table(out / "labels.csv", _LABEL_COLUMNS, labels)
    if slices:
        write_manifest(out / "slices.csv", clean(slices))
    if boxes:
        write_table(out / "boxes.csv", _BOX_COLUMNS, ({name: box[name] for name in _BOX_COLUMNS} for box in boxes))
    about = {
        "name": "spider", "joint": "lumbar", "content": layout.about, "licence": "CC-BY 4.0",
        "credit": "SPIDER data set, van der Graaf et al. 2024, CC-BY 4.0", "source": PLUGIN.source, "mask_values": layout.mask_values,
        "notes": ["Levels are counted from the bottom; level 0 of two patients is S1-S2 and flagged numbering_uncertain."],
    }  # fmt: skip
    write_whole(out / "cohort.json", json.dumps(about, indent=2).encode() + b"\n")
    write_manifest(out / "manifest.csv", clean(rows))  # last: a folder without it is no cohort


def _row(row: Mapping[str, Any], files: Files, uncertain: set[str]) -> _Cells:
    """A row of our manifest. ``_name`` is the picture's path in the release."""
    patient, kind = _parse_name(row["name"])
    weighting, sequence = WEIGHTINGS[kind.lower()]
    flags = [flag for flag in row.get("flags", "").split(";") if flag] + (["numbering_uncertain"] if patient in uncertain else [])
    optional = {name: row[name] for name in ("slice_index", "pixel_aspect") if row.get(name, "") != ""}
    index = row.get("slice_index", "")
    return {
        "_name": row["path"],
        "study_id": _identity(patient),
        "patient_id": _identity(patient),
        "path": files.place(row["path"]),
        "joint": "lumbar",
        "series_id": row["name"] + (f"_s{int(index):03d}" if index else ""),
        "plane": "sagittal",
        "weighting": weighting,
        "vendor": row.get("vendor", ""),
        "field_strength": row.get("field_strength", ""),
        "age": row.get("age", ""),
        "sex": row.get("sex", ""),
        "mask": files.place(row["mask"]) if files.has(row["mask"]) else "",
        "sequence": sequence,
        "flags": ";".join(flags),
        "release_subset": row.get("subset", ""),
        **optional,
    }


def _usable(row: Mapping[str, Any], files: Files, left_out: list[tuple[str, str]]) -> bool:
    if not _NAME.fullmatch(row["name"]):
        left_out.append((row["name"], "not named <patient>_t1, _t2 or _t2_SPACE"))
    elif not files.has(row["path"]):
        left_out.append((row["path"], "listed in the release's table, but the file is absent"))
    else:
        if row["mask"] and not files.has(row["mask"]):
            left_out.append((row["mask"], "the mask is absent; the series is used without it"))
        return True
    return False


def _header(cells: Mapping[str, str]) -> dict[str, str]:
    """What the release's overview says about scanner and patient. Its column 'birth_date' holds an age in years."""
    return {
        "vendor": VENDORS.get(cells.get("Manufacturer", "").lower().partition(" ")[0], cells.get("Manufacturer", "")),
        "field_strength": cells.get("MagneticFieldStrength", ""),
        "age": cells.get("birth_date", ""),
        "sex": cells.get("sex", ""),
        "subset": cells.get("subset", ""),
    }


def _grades(table: Table, patient: str, level: str, columns: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """(patient, level name, finding, value) of every graded level; empty cells stay empty (unknown)."""
    found, problems = [], []
    for number, cells in table.rows:
        try:
            name = _level(cells[level])
        except (ValueError, IndexError):
            problems.append(f"row {number}: the level is no whole number from 0 to {len(LEVELS)}")
            continue
        if not cells[patient].isdecimal():
            problems.append(f"row {number}: the patient is no whole number")
            continue
        for column, finding in columns.items():
            value = cells[column].removesuffix(".0")
            found.append((cells[patient], name, finding, value))
            if finding == "modic_type":
                if value not in ("", "0", "1", "2", "3"):
                    problems.append(f"row {number}: Modic must be 0 to 3 or empty")
                found.append((cells[patient], name, "modic", "" if value == "" else str(int(value != "0"))))
    if problems:
        raise table_error(table.path, "SPIDER gradings", problems)
    return found


def _level(number: str) -> str:
    """The release's disc number (1 = L5-S1, counted upward; 0 lies below it) as a level."""
    count = int(float(number))
    if count < 0:
        raise ValueError(number)
    return "S1-S2" if count == 0 else LEVELS[count - 1]


def _aspect(name: str, cells: Mapping[str, str]) -> str:
    """Row step / column step of a picture: T1 and T2 cover a square field, T2 SPACE 240 mm x 300 mm."""
    height, width = int(cells["height"]), int(cells["width"])
    field = 300 / 240 if _parse_name(name)[1].lower() == "t2_space" else 1.0
    return f"{field * width / height:.4f}"


def _parse_name(name: str) -> tuple[str, str]:
    match = _NAME.fullmatch(name)
    return (match[1], match[2]) if match else ("", "t2")


def _identity(patient: str) -> str:
    """The release's patient number as study and patient id (one study a patient)."""
    return f"spider-{int(patient):03d}"
