"""The manifest: which files make which study, and what the user knows about them.

One row per series, or per study when ``path`` is a study. Paths are relative to the file (absolute ones are allowed:
a manifest only names what is read). Rows of one ``study_id`` are fused.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from condyle.anatomy import JOINTS
from condyle.cohorts.table import UNKNOWN_WORDS, read_table, table_error, write_table
from condyle.errors import did_you_mean, nearest
from condyle.study.geometry import PLANES
from condyle.study.problem import Problem
from condyle.study.role import CONTRASTS, SIDES, WEIGHTINGS

REQUIRED = ("study_id", "patient_id", "path")
SPLITS = ("train", "validation", "test", "external")
OPTIONAL = (
    "joint", "side", "series_id", "plane", "weighting", "fat_suppressed", "contrast", "site_id", "vendor",
    "field_strength", "age", "sex", "spacing", "mask", "split", "fold",
)  # fmt: skip
COLUMNS = REQUIRED + OPTIONAL

_ID = re.compile(r"[^/\\\x00-\x1f\x7f]{1,128}")
_TRUE, _FALSE = frozenset({"1", "true", "yes", "y"}), frozenset({"0", "false", "no", "n"})


class ManifestRow(BaseModel):
    """One row of a manifest, checked. Empty text and None mean unknown.

    Attributes
    ----------
    row : int - row in the file, the header being row 1
    path, mask : absolute paths
    spacing : (slices, rows, columns) in mm
    field_strength : tesla; age : years; sex : 'F', 'M' or 'O'
    extra : the columns that Condyle does not know, as text; usable as subgroups
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: int
    study_id: str
    patient_id: str
    path: Path
    joint: str = ""
    side: str = ""
    series_id: str = ""
    plane: str = ""
    weighting: str = ""
    fat_suppressed: bool | None = None
    contrast: str = ""
    site_id: str = ""
    vendor: str = ""
    field_strength: float | None = Field(default=None, gt=0, lt=30)
    age: float | None = Field(default=None, ge=0, le=130)
    sex: str = ""
    spacing: tuple[float, float, float] | None = None
    mask: Path | None = None
    split: str = ""
    fold: int | None = Field(default=None, ge=0)
    extra: Mapping[str, str] = Field(default_factory=dict)

    def overrides(self) -> dict[str, Any]:
        """What the user says about the series; these override what intake finds, with source 'user'."""
        given: dict[str, Any] = {
            name: getattr(self, name) for name in ("plane", "weighting", "contrast", "side") if getattr(self, name)
        }
        if self.fat_suppressed is not None:
            given["fat_suppressed"] = self.fat_suppressed
        if self.joint:
            given["body_part"] = self.joint
        if self.spacing is not None:
            given["spacing"] = self.spacing
        return given


def read_manifest(path: Path | str, *, files: bool = True, crossing: bool = False) -> tuple[ManifestRow, ...]:
    """Read and check a manifest.

    Parameters
    ----------
    path : the CSV file
    files : bool - also check that ``path`` and ``mask`` of every row exist; False: only ids and columns are wanted, and ``path`` may be
        absent or empty
    crossing : bool - let a patient be in two splits or folds: for an audit, which reports it

    Returns
    -------
    One ManifestRow a row, in file order.

    Raises
    ------
    InputError - the file cannot be read
    TableError - anything wrong in it, all problems at once with row numbers: unknown words, unreadable numbers, absent
        files, a file or series twice, a study with two patients, a patient in two splits or two folds
    """
    path = Path(path)
    table = read_table(path, what="manifest", required=REQUIRED if files else REQUIRED[:2])
    problems = _misspelt_columns(table.columns)
    rows: list[ManifestRow] = []
    for number, cells in table.rows:
        found: list[str] = []
        row = _parse(number, cells, path.parent.absolute(), found, with_path=files)
        problems += [f"row {number}: {text}" for text in found]
        if row is not None:
            rows.append(row)
    if not table.rows:
        problems.append("there is no row below the header")
    if files:
        problems += _absent_files(rows)
    problems += _contradictions(rows, crossing=crossing, base=path.parent.absolute())
    if problems:
        raise table_error(path, "manifest", problems)
    return tuple(rows)


def write_manifest(path: Path | str, rows: Iterable[Mapping[str, object]]) -> Path:
    """Write rows (column -> value) as a manifest: the required columns, then the known ones in use, then all others."""
    listed = list(rows)
    used = {name for row in listed for name, value in row.items() if value not in (None, "")}
    others = list(dict.fromkeys(name for row in listed for name in row if name not in COLUMNS))
    columns = [*REQUIRED, *(name for name in OPTIONAL if name in used), *others]
    return write_table(path, columns, ({name: row.get(name) for name in columns} for row in listed))


def by_study(rows: Iterable[ManifestRow]) -> dict[str, tuple[ManifestRow, ...]]:
    """study_id -> its rows, in file order."""
    found: dict[str, list[ManifestRow]] = defaultdict(list)
    for row in rows:
        found[row.study_id].append(row)
    return {study: tuple(own) for study, own in found.items()}


def check_manifest(rows: Iterable[ManifestRow]) -> tuple[Problem, ...]:
    """What is allowed in a manifest and still likely to be a mistake.

    Patients whose ids differ only by case or leading zeros (one person in two folds leaks), rows without a split, and
    unknown columns that are spelt almost as a known one, which no row fills.
    """
    listed = list(rows)
    spellings: dict[str, dict[str, int]] = defaultdict(dict)
    for row in listed:
        spellings[row.patient_id.lower().lstrip("0")].setdefault(row.patient_id, row.row)
    problems = [
        Problem(
            "patient-spelt-twice",
            "warning",
            "Two patient ids differ only by case or leading zeros.",
            where="rows " + ", ".join(str(number) for number in sorted(spelt.values())),
            why="If they are one person, that person may be on both sides of a split.",
            what_to_do="Write the id the same way in every row, or ignore this when they are two people.",
        )
        for spelt in spellings.values()
        if len(spelt) > 1
    ]
    if any(row.split for row in listed) and not all(row.split for row in listed):
        missing = [row.row for row in listed if not row.split]
        problems.append(
            Problem(
                "split-incomplete",
                "warning",
                f"{len(missing)} of {len(listed)} rows have no split.",
                where=f"from row {missing[0]}",
                why="They belong to no part of the evaluation.",
                what_to_do="Fill the column or remove the rows.",
            )
        )
    return (*problems, *_nearly_known(listed))


def _nearly_known(rows: Sequence[ManifestRow]) -> list[Problem]:
    filled = {name for name in COLUMNS if any(getattr(row, name) not in ("", None) for row in rows)}
    unknown = list(dict.fromkeys(name for row in rows for name in row.extra))
    meant = [(name, nearest(name, set(COLUMNS) - filled, cutoff=0.8)) for name in unknown]
    return [
        Problem(
            "column-misspelt",
            "warning",
            f"The column {name!r} is unknown, and {known!r} is empty.",
            where="row 1",
            why="An unknown column is kept as a subgroup; nothing else is done with it.",
            what_to_do=f"Name it {known!r} if that is meant, or leave it as it is.",
        )
        for name, known in meant
        if known
    ]


def _parse(number: int, cells: Mapping[str, str], base: Path, found: list[str], *, with_path: bool) -> ManifestRow | None:
    """One row from its text; what is wrong is appended to ``found``. A row that needs no path and has none gets the manifest's folder."""
    values: dict[str, Any] = {"row": number, "path": base, "extra": {name: text for name, text in cells.items() if name not in COLUMNS}}
    for name in ("study_id", "patient_id"):
        if not cells[name]:
            found.append(f"{name} is empty")
        elif not _ID.fullmatch(cells[name]) or cells[name].startswith("."):
            found.append(f"{name} holds a slash, backslash or control character, starts with a dot or is longer than 128 characters")
        values[name] = cells[name]
    for name in ("path", "mask"):
        text = cells.get(name, "")
        if name == "path" and not text and with_path:
            found.append("path is empty")
        elif "://" in text:
            found.append(f"{name} is an address; only files and folders on this machine are read")
        if text:
            values[name] = Path(os.path.normpath(base / text))
    for name, parse in _PARSERS.items():
        text = cells.get(name, "")
        # 'none' is a contrast; in every other column it says that nothing is known.
        if text.lower() in UNKNOWN_WORDS or (text.lower() == "none" and name != "contrast"):
            continue
        try:
            values[name] = parse(text)
        except ValueError as error:
            found.append(f"{name} {error}")
    return None if found else ManifestRow(**values)


def _one_of(known: Iterable[str]) -> Callable[[str], str]:
    words = tuple(known)

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"{text[:40]!r} is none of {', '.join(words)}.{did_you_mean(text, words)}")
        return text.lower()

    return parse


def _number(low: float, high: float, unit: str) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"is no number ({unit} expected)") from None
        if not low <= value <= high:
            raise ValueError(f"is {value:g}, outside {low:g} to {high:g} {unit}")
        return value

    return parse


def _truth(text: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise ValueError(f"{text[:40]!r} is neither true nor false")


def _sex(text: str) -> str:
    words = {"f": "F", "female": "F", "m": "M", "male": "M", "o": "O", "other": "O"}
    if text.lower() == "u":
        return ""
    if text.lower() not in words:
        raise ValueError(f"{text[:40]!r} is none of F, M, O")
    return words[text.lower()]


def _spacing(text: str) -> tuple[float, float, float]:
    try:
        parts = tuple(float(part) for part in text.replace(";", ",").split(","))
    except ValueError:
        parts = ()
    if len(parts) != 3 or not all(0.01 <= part <= 100 for part in parts):
        raise ValueError("must be 'dz,dy,dx': three numbers in mm between 0.01 and 100")
    return parts[0], parts[1], parts[2]


def _fold(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError("must be a whole number, 0 or more")
    return int(text)


_PARSERS: dict[str, Callable[[str], Any]] = {
    "joint": _one_of(JOINTS),
    "side": _one_of(SIDES),
    "series_id": str,
    "plane": _one_of(PLANES),
    "weighting": _one_of(WEIGHTINGS),
    "fat_suppressed": _truth,
    "contrast": _one_of(CONTRASTS),
    "site_id": str,
    "vendor": str,
    "field_strength": _number(0.01, 20, "tesla"),
    "age": _number(0, 130, "years"),
    "sex": _sex,
    "spacing": _spacing,
    "split": _one_of(SPLITS),
    "fold": _fold,
}


def _misspelt_columns(columns: Iterable[str]) -> list[str]:
    """A known column in other case or with spaces would silently become a subgroup; for typing errors see ``check_manifest``."""
    lower = {name.lower().replace(" ", "_").replace("-", "_"): name for name in columns if name not in COLUMNS}
    return [f"row 1: the column {name!r} should be spelt {known!r}" for known in COLUMNS if (name := lower.get(known)) is not None]


def _absent_files(rows: Iterable[ManifestRow]) -> list[str]:
    return [
        f"row {row.row}: the {name} does not exist"
        for row in rows
        for name, place in (("path", row.path), ("mask", row.mask))
        if place is not None and not place.exists()
    ]


def _contradictions(rows: Iterable[ManifestRow], *, crossing: bool, base: Path) -> list[str]:
    """What no single row can show: pairs of rows that cannot both be right. A row whose path is the manifest's folder names none."""
    rules: tuple[tuple[str, Callable[[ManifestRow], Any], Callable[[ManifestRow], Any]], ...] = (
        ("one study_id with two patient_ids", lambda row: row.study_id, lambda row: row.patient_id),
        # Two studies may share a folder when each row says which series of it is meant.
        ("one path in two studies", lambda row: row.path if row.path != base and not row.series_id else None, lambda row: row.study_id),
        ("one patient in two splits", lambda row: row.patient_id if row.split and not crossing else None, lambda row: row.split),
        ("one patient in two folds", lambda row: row.patient_id if row.fold is not None and not crossing else None, lambda row: row.fold),
    )
    listed = list(rows)
    problems = []
    for sentence, key, value in rules:
        first: dict[Any, ManifestRow] = {}
        for row in listed:
            if key(row) is not None and value(first.setdefault(key(row), row)) != value(row):
                problems.append(f"rows {first[key(row)].row} and {row.row}: {sentence}")
    unique: tuple[tuple[str, Callable[[ManifestRow], Any]], ...] = (
        ("the same path and series_id", lambda row: (row.study_id, row.path, row.series_id) if row.path != base else None),
        ("the same series_id in one study", lambda row: (row.study_id, row.series_id) if row.series_id else None),
    )
    for sentence, key in unique:
        seen: dict[Any, int] = {}
        for row in listed:
            if key(row) is not None and seen.setdefault(key(row), row.row) != row.row:
                problems.append(f"rows {seen[key(row)]} and {row.row}: {sentence}")
    return problems
