"""A cohort on disk: manifest, labels, boxes and masks in one folder, opened as plain data.

    COHORT/manifest.csv   required
    COHORT/labels.csv     optional; long or wide
    COHORT/slices.csv     optional; further pictures with masks for training only, in the manifest's columns
    COHORT/boxes.csv      optional; boxes of structures in pixels of one picture
    COHORT/cohort.json    optional; name, licence, credit, notes
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.labels import Label, read_labels
from condyle.cohorts.manifest import REQUIRED, ManifestRow, by_study, read_manifest
from condyle.cohorts.table import read_table, table_error, together, told_rows
from condyle.errors import InputError, TableError

A = TypeVar("A")

APART = ("test", "external")  # splits that training never opens
BOX_COLUMNS = ("path", "study_id", "level", "rank_from_bottom", "n_found", "n_graded", "x0", "y0", "x1", "y1", "source")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle around one disc in one picture.

    Parameters
    ----------
    path : absolute path of the picture (the ``path`` of its row in the manifest or in slices.csv)
    level : str - empty when the number of discs found and graded differ, so that the name is not certain
    rank_from_bottom : int - 1 is the lowest disc found
    n_found, n_graded : discs found in this picture, levels graded in this study
    x0, y0, x1, y1 : pixels of the picture, columns and rows, x1 and y1 exclusive
    source : str - 'mask' (measured from a mask) or 'box' (drawn by a person, with a margin)
    """

    path: Path
    study_id: str
    level: str
    rank_from_bottom: int
    n_found: int
    n_graded: int
    x0: int
    y0: int
    x1: int
    y1: int
    source: str


@dataclass(frozen=True, slots=True)
class Cohort:
    """Everything a cohort folder says.

    Parameters
    ----------
    folder : where it was read from
    rows : manifest rows in file order; ``studies`` groups them
    labels : long form, unknown values included as None
    slices : further pictures (with masks) that train a segmenter and are no series to read
    boxes : disc boxes
    about : cohort.json (name, licence, credit, notes)
    left_out : studies of the manifest that this part of the cohort goes without; other tables of the folder may name them
    """

    folder: Path
    rows: tuple[ManifestRow, ...]
    labels: tuple[Label, ...] = ()
    slices: tuple[ManifestRow, ...] = ()
    boxes: tuple[Box, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()

    @property
    def studies(self) -> dict[str, tuple[ManifestRow, ...]]:
        """study_id -> its rows, in file order."""
        return by_study(self.rows)

    @property
    def patients(self) -> dict[str, str]:
        """study_id -> patient_id, in file order."""
        return {row.study_id: row.patient_id for row in self.rows}

    def of_contrast(self, contrast: str) -> Cohort:
        """The studies made with a contrast alone, as the manifest's column says.

        Parameters
        ----------
        contrast : a word of a series' role. A study is an arthrogram when any of its rows is one, else intravenous when any row
            is; ``none`` are all others, unknown ones with them: whoever reads their series sees what the headers say

        Raises
        ------
        InputError - there is no such study
        """
        said = {study: {row.contrast for row in rows} for study, rows in self.studies.items()}
        made = {study: next((word for word in ("arthrogram", "intravenous") if word in own), "none") for study, own in said.items()}
        taken = {study for study, own in made.items() if own == contrast}
        if not taken:
            raise InputError(
                "contrast-without-studies", f"No study of the manifest is made as the recipe asks: contrast {contrast}.",
                where="manifest, column contrast", why="The recipe learns from these studies alone (data.contrast).",
                what_to_do="Fill in the column (`condyle data scan` does where headers tell), or use the recipe for the other studies.",
            )  # fmt: skip
        return replace(
            self,
            rows=tuple(row for row in self.rows if row.study_id in taken),
            labels=tuple(label for label in self.labels if label.study_id in taken),
            slices=tuple(row for row in self.slices if row.study_id in taken),
            boxes=tuple(box for box in self.boxes if box.study_id in taken),
            left_out=self.left_out | (set(said) - taken),
        )

    def mask_classes(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """The classes of a mask: 0 background, 1 vertebra, 2 spinal canal, 3 disc.

        Parameters
        ----------
        values : integer array of any shape, as read from a mask file of this cohort. cohort.json says under
            ``mask_values`` which ranges (first, last) mean which class; without it the values are the classes.

        Raises
        ------
        InputError - values that belong to no class
        """
        ranges = self.about.get("mask_values", {"1": [[1, 1]], "2": [[2, 2]], "3": [[3, 3]]})
        classes = np.zeros(values.shape, np.uint8)
        for name, spans in ranges.items():
            for first, last in spans:
                classes[(values >= first) & (values <= last)] = int(name)
        if ((values != 0) & (classes == 0)).any():
            raise InputError(
                "mask-values-unknown",
                "A mask holds values that belong to no class.",
                why="cohort.json names the values of each class under 'mask_values'.",
                what_to_do="Correct the mask or cohort.json.",
            )
        return classes

    def grades(self, finding: str) -> dict[tuple[str, str], float]:
        """(study_id, level) -> value of one finding, unknown values left out. Values that are text are left out too."""
        return {
            (label.study_id, label.level): label.value
            for label in self.labels
            if label.finding == finding and isinstance(label.value, float)
        }


def development(cohort: Cohort) -> Cohort:
    """The cohort without the patients who are set apart: no row, path or label of them is left. Raises InputError where nobody is left."""
    apart = {row.patient_id for row in cohort.rows if row.split in APART}
    rows = tuple(row for row in cohort.rows if row.patient_id not in apart)
    if not rows:
        raise InputError(
            "nothing-to-train-on", "Every patient of the manifest is set apart.", why="All rows are marked test or external.",
            what_to_do="Mark some as train in the column split, or leave it empty.",
        )  # fmt: skip
    return replace(
        cohort,
        rows=rows,
        labels=tuple(label for label in cohort.labels if label.patient_id not in apart),
        slices=tuple(row for row in cohort.slices if row.patient_id not in apart),
        boxes=tuple(box for box in cohort.boxes if cohort.patients.get(box.study_id) not in apart),
        left_out=cohort.left_out | {row.study_id for row in cohort.rows if row.patient_id in apart},
    )


def load_cohort(folder: Path | str, *, files: bool = True) -> Cohort:
    """Open a cohort folder (or the path of its manifest).

    Parameters
    ----------
    files : bool - also check that every file exists

    Raises
    ------
    InputError - no manifest there
    TableError - tables have problems, or contradict the manifest: of all tables at once
    """
    folder = Path(folder)
    manifest = folder if folder.is_file() else folder / "manifest.csv"
    folder = manifest.parent
    if not manifest.is_file():
        raise InputError(
            "cohort-without-manifest",
            "There is no cohort here.",
            where=folder.name,
            why="A cohort is a folder with a manifest.csv.",
            what_to_do="Make one with `condyle data scan`, `condyle data import` or `condyle simulate`.",
        )
    patients = _patients(manifest)
    rows, labels, slices, boxes, about = together(
        lambda: read_manifest(manifest, files=files),
        lambda: _beside(folder / "labels.csv", "label table", read_labels, patients),
        lambda: _beside(folder / "slices.csv", "slice table", lambda path: read_manifest(path, files=files), patients),
        lambda: read_boxes(folder / "boxes.csv") if (folder / "boxes.csv").is_file() else (),
        lambda: _about(folder / "cohort.json"),
    )
    return Cohort(folder, rows, labels, slices, boxes, about)


def _patients(manifest: Path) -> dict[str, str]:
    """study_id -> patient_id as they stand in the manifest, whatever else is wrong with it; empty where it has no such columns."""
    try:
        table = read_table(manifest, what="manifest", required=REQUIRED[:2])
    except InputError:
        return {}
    return {cells["study_id"]: cells["patient_id"] for _, cells in table.rows}


def _beside(path: Path, what: str, read: Callable[[Path], tuple[A, ...]], patients: Mapping[str, str]) -> tuple[A, ...]:
    """A table of the cohort, empty where there is none. Its studies and patients must be those of the manifest: told beside all else."""
    if not path.is_file():
        return ()
    strangers = _strangers(path, what, patients) if patients else []
    try:
        rows = read(path)
    except TableError as error:
        raise table_error(path, what, [*error.problems, *strangers]) from None
    if strangers:
        raise table_error(path, what, strangers)
    return rows


def _strangers(path: Path, what: str, patients: Mapping[str, str]) -> list[str]:
    """Rows that contradict the manifest, in one line each kind; of a table whose header is wrong nothing can be said."""
    try:
        table = read_table(path, what=what, required=REQUIRED[:2])
    except InputError:
        return []
    named = [(number, cells["study_id"], cells["patient_id"]) for number, cells in table.rows if cells["study_id"]]
    unknown = [number for number, study, _ in named if study not in patients]
    moved = [number for number, study, patient in named if patient and patients.get(study, patient) != patient]
    found = [(unknown, "study_id is not in the manifest"), (moved, "patient_id is not that of the study in the manifest")]
    return [f"row{'s' if len(numbers) > 1 else ''} {told_rows(numbers)}: {text}" for numbers, text in found if numbers]


def read_boxes(path: Path | str) -> tuple[Box, ...]:
    """Read boxes.csv. Raises TableError with every row that is not a box."""
    path = Path(path)
    table = read_table(path, what="box table", required=BOX_COLUMNS)
    boxes, problems = [], []
    for number, cells in table.rows:
        try:
            numbers = {name: int(cells[name]) for name in ("rank_from_bottom", "n_found", "n_graded", "x0", "y0", "x1", "y1")}
        except ValueError:
            problems.append(f"row {number}: rank, counts and corners must be whole numbers")
            continue
        if not (0 <= numbers["x0"] < numbers["x1"] and 0 <= numbers["y0"] < numbers["y1"]):
            problems.append(f"row {number}: the box is empty or begins outside the picture")
            continue
        place = Path(os.path.normpath(path.parent.absolute() / cells["path"]))
        boxes.append(Box(place, cells["study_id"], cells["level"], source=cells["source"], **numbers))
    if problems:
        raise table_error(path, "box table", problems)
    return tuple(boxes)


def _about(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):  # not UTF-8, not JSON, a number of ten thousand digits, nested without end
        found = None
    if not isinstance(found, dict):
        raise InputError(
            "cohort-json-invalid", "cohort.json is not a JSON object.", where=path.name, what_to_do="Correct or remove it."
        )
    return found
