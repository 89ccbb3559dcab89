"""How a cohort is divided: columns of the manifest and split files, each told as study -> parts, faults included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from condyle.cohorts.manifest import ManifestRow
from condyle.cohorts.splits import load_splits
from condyle.cohorts.table import read_table, table_error


@dataclass(frozen=True, slots=True)
class Division:
    """One way in which the studies of a cohort are shared out.

    Parameters
    ----------
    name : of the file, or ``manifest split``, ``manifest fold``
    parts : study_id -> its parts ('train', 'fold 2'); more than one where the division names a study or its patient twice
    strangers : how many studies or patients it names that the manifest lacks
    """

    name: str
    parts: Mapping[str, frozenset[str]]
    strangers: int = 0

    def together(self, studies: Iterable[str]) -> frozenset[str]:
        """All parts in which some of these studies lie."""
        return frozenset[str]().union(*(self.parts.get(study, frozenset()) for study in studies))


def divisions_of(rows: Sequence[ManifestRow]) -> tuple[Division, ...]:
    """What the manifest's own columns say; a column without values is none."""
    found = []
    for column in ("split", "fold"):
        parts: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            value = getattr(row, column)
            if value not in ("", None):
                parts[row.study_id].add(_part(column, str(value)))
        if parts:
            found.append(Division(f"manifest {column}", {study: frozenset(own) for study, own in parts.items()}))
    return tuple(found)


def read_division(path: Path | str, rows: Sequence[ManifestRow]) -> Division:
    """Read a split file.

    Parameters
    ----------
    path : ``splits.json`` as ``train`` saves it, or a CSV with ``study_id`` or ``patient_id`` and ``split`` or ``fold``

    Raises
    ------
    InputError - unreadable, or a splits.json that was altered
    TableError - a CSV without these columns, or with empty cells
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        named = {("patient_id", patient): {_part("fold", str(fold))} for patient, fold in load_splits(path).folds.items()}
    else:
        named = _table(path)
    studies: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        studies["study_id", row.study_id].add(row.study_id)
        studies["patient_id", row.patient_id].add(row.study_id)
    parts: dict[str, set[str]] = defaultdict(set)
    for key, own in named.items():
        for study in studies.get(key, ()):
            parts[study] |= own
    strangers = sum(key not in studies for key in named)
    return Division(path.name, {study: frozenset(own) for study, own in parts.items()}, strangers)


def _table(path: Path) -> dict[tuple[str, str], set[str]]:
    """(column, id) -> parts."""
    table = read_table(path, what="split table")
    key = next((name for name in ("study_id", "patient_id") if name in table.columns), "")
    columns = [name for name in ("split", "fold") if name in table.columns]
    if not key or not columns:
        raise table_error(path, "split table", ["row 1: a column 'study_id' or 'patient_id' and a column 'split' or 'fold' are needed"])
    column, problems = columns[0], []
    named: dict[tuple[str, str], set[str]] = defaultdict(set)
    for number, cells in table.rows:
        if cells[key] and cells[column]:
            named[key, cells[key]].add(_part(column, cells[column]))
        else:
            problems.append(f"row {number}: {key} or {column} is empty")
    if problems:
        raise table_error(path, "split table", problems)
    return named


def _part(column: str, value: str) -> str:
    return f"fold {value}" if column == "fold" else value.lower()
