"""Ratings of several readers on disk: reads.csv (decisions) or labels.csv with a reader (values), as one table a finding and arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from condyle.anatomy import FindingEntry
from condyle.cohorts.labels import catalogue
from condyle.cohorts.table import UNKNOWN_WORDS, read_table, table_error
from condyle.errors import did_you_mean
from condyle.evaluate.agreement_study import RatingTable, rating_scale

Unit = tuple[str, str, str]  # study, level, side

_CALLS = {"present": 1.0, "absent": 0.0}


def read_ratings(
    path: Path | str, patients: Mapping[str, str] | None = None, *, arms: Sequence[str] = ()
) -> tuple[tuple[RatingTable, ...], tuple[str, ...]]:
    """Read ratings.

    Parameters
    ----------
    path : CSV with reader_id, study_id, finding and ``decision`` (present, absent, or 0 and 1) or ``value`` (0, 1, step of a scale,
        number); optional level, side, arm, seniority, patient_id. Empty cells, and decisions that are none, are missing ratings
    patients : study -> patient, where the table has no patient_id; without either every study is a patient
    arms : to use; none takes all

    Returns
    -------
    Tables of the findings that two readers or more have rated, and sentences about what was left out

    Raises
    ------
    TableError - missing columns, unknown findings, values off the scale, the same rating twice, one finding alone; all at once
    """
    path = Path(path)
    table = read_table(path, what="table of ratings", required=("reader_id", "study_id", "finding"))
    problems: list[str] = []
    column = "value" if "value" in table.columns else "decision"
    if column not in table.columns:
        problems.append("row 1: there is neither a column 'value' nor a column 'decision'")
    known = catalogue()
    owners = dict(patients or {})
    found: dict[tuple[str, str], dict[tuple[Unit, str], float]] = {}
    ranks: dict[str, str] = {}
    rows: dict[tuple[str, str, Unit, str], int] = {}
    for number, row in table.rows if not problems else ():
        finding, arm, reader = row["finding"], row.get("arm", ""), row["reader_id"]
        if arms and arm not in arms:
            continue
        problems += [f"row {number}: {name} is empty" for name in ("reader_id", "study_id") if not row[name]]
        if finding not in known:
            problems.append(f"row {number}: unknown finding {finding[:40]!r}.{did_you_mean(finding, known)}")
            continue
        unit = (row["study_id"], row.get("level", ""), row.get("side", ""))
        value = _value(number, row[column], known[finding], problems)
        if rows.setdefault((finding, arm, unit, reader), number) != number:
            problems.append(f"rows {rows[finding, arm, unit, reader]} and {number}: the same rating twice")
        if row.get("patient_id", "") and owners.setdefault(row["study_id"], row["patient_id"]) != row["patient_id"]:
            problems.append(f"row {number}: this study belongs to another patient elsewhere")
        ranks.setdefault(reader, row.get("seniority", ""))
        found.setdefault((finding, arm), {})[unit, reader] = value
    if not found and not problems:
        problems.append("no rating is left: check the names of the arms" if arms else "row 2: there are no rows")
    if problems:
        raise table_error(path, "table of ratings", problems)
    made = [_table(known[finding], arm, cells, owners, ranks) for (finding, arm), cells in found.items()]
    alone = [f"{one.finding}: one reader alone; there is nothing to agree with." for one in made if len(one.readers) < 2]
    tables = tuple(one for one in made if len(one.readers) >= 2)
    if not tables:
        raise table_error(path, "table of ratings", ["no finding has two readers"])
    return tables, tuple(alone) + (() if owners else ("No patient is named: every study is taken as another patient.",))


def _table(
    entry: FindingEntry, arm: str, cells: Mapping[tuple[Unit, str], float], owners: Mapping[str, str], ranks: Mapping[str, str]
) -> RatingTable:
    units, readers = sorted({unit for unit, _ in cells}), tuple(dict.fromkeys(reader for _, reader in cells))
    values = np.array([[cells.get((unit, reader), np.nan) for reader in readers] for unit in units])
    people = np.array([owners.get(unit[0], unit[0]) for unit in units])
    scale = () if entry.kind == "measurement" else rating_scale(entry.kind, entry.scale.steps if entry.scale else ())
    named = tuple(" ".join(filter(None, unit)) for unit in units)
    groups = {one: ranks[one] for one in readers}
    return RatingTable(entry.name, entry.kind, scale, arm, named, people, readers, values, entry.unit, groups)


def _value(number: int, text: str, entry: FindingEntry, problems: list[str]) -> float:
    if text.lower() == "nan":
        problems.append(f"row {number}: the rating is not finite; leave the cell empty where there is none")
        return float("nan")
    if text.lower() in UNKNOWN_WORDS or text in ("uncertain", "not_assessed"):
        return float("nan")
    if text in _CALLS:
        return _CALLS[text]
    try:
        value = float(text)
    except ValueError:
        problems.append(f"row {number}: the rating is no number, and none of present and absent")
        return float("nan")
    steps = (0, 1) if entry.kind == "binary" else entry.scale.steps if entry.scale else ()
    if not np.isfinite(value) or (steps and value not in steps):
        problems.append(f"row {number}: {entry.name} is {value:g}; its scale is {', '.join(map(str, steps)) or 'finite numbers'}")
    return value
