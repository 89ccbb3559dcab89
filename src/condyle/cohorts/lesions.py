"""lesions.csv of a cohort: where somebody marked a finding, as a ball in LPS millimetres."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from condyle.cohorts.table import Table, missing_columns, read_table, table_error

POSITION = ("x", "y", "z")


@dataclass(frozen=True, slots=True)
class Lesion:
    """A finding at its place: centre in LPS mm, radius in mm."""

    study_id: str
    finding: str
    centre_mm: tuple[float, float, float]
    radius_mm: float


def read_lesions(path: Path | str, studies: Collection[str]) -> tuple[Lesion, ...]:
    """Read lesions.csv; rows marked ``irrelevant`` are left out.

    Raises
    ------
    TableError - columns are missing, a study is not in the manifest, numbers are not finite or a radius is not above 0; all at once
    """
    table = checked_places(read_table(path, what="table of lesions", required=("finding",)), "table of lesions", "radius_mm", studies)
    return tuple(
        Lesion(row["study_id"], row["finding"], (float(row["x"]), float(row["y"]), float(row["z"])), float(row["radius_mm"]))
        for _, row in table.rows
        if row.get("irrelevant", "") != "1"
    )


def checked_places(table: Table, what: str, value: str, studies: Collection[str]) -> Table:
    """The table when its numbers are finite and its studies are in the manifest. ``value`` is ``radius_mm`` of lesions, ``score`` of marks.

    Raises
    ------
    TableError - every row that is wrong
    """
    problems = missing_columns(table, ("study_id", *POSITION, value))
    seen: dict[tuple[str, str, tuple[float, ...]], int] = {}
    for number, row in table.rows if not problems else ():
        before = len(problems)
        if row["study_id"] not in studies:
            problems.append(f"row {number}: the study is not in the manifest of studies that were read")
        for column in (*POSITION, value):
            try:
                good = bool(np.isfinite(float(row[column])))
            except ValueError:
                good = False
            if not good:
                problems.append(f"row {number}: {column} is no finite number")
            elif column == "radius_mm" and not float(row[column]) > 0:
                problems.append(f"row {number}: radius_mm must be above 0")
        if row.get("irrelevant", "") not in ("", "0", "1"):
            problems.append(f"row {number}: irrelevant must be 0 or 1")
        if value == "radius_mm" and len(problems) == before:
            place = tuple(float(row[column]) for column in (*POSITION, value))
            ball = row["study_id"], row.get("finding", ""), place
            if seen.setdefault(ball, number) != number:
                problems.append(f"rows {seen[ball]} and {number}: the same lesion twice")
    if problems:
        raise table_error(table.path, what, problems)
    return table
