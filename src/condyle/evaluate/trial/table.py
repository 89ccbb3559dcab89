"""The trial table as it comes from a file: one row a unit that was assessed, every problem found at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from condyle.errors import InputError, TableError

Rows = Iterable[tuple[int, Mapping[str, str]]]
REQUIRED = ("unit_id", "cluster_id", "arm_assigned", "arm_received")
KNOWN = (*REQUIRED, "stratum", "excluded_reason", "reader_id", "study_id", "patient_id", "period")
UNKNOWN = frozenset({"", "na", "n/a", "nan", "null", "unknown", "?"})
MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: what it was assigned, what it received, what came of it.

    Parameters
    ----------
    row : of the table
    unit, cluster : ids; the cluster is what was randomised, or what makes outcomes alike (patient, reader)
    stratum : of the randomisation, '' without; reader, study : '' when not given
    assigned : arm, '' when it was not randomised; received : arm, '' when it received neither
    excluded : reason, '' when it was not excluded
    values : every other column as text
    period : of a crossover, '' when not given
    """

    row: int
    unit: str
    cluster: str
    stratum: str
    reader: str
    study: str
    assigned: str
    received: str
    excluded: str
    values: Mapping[str, str]
    period: str = ""

    def number(self, column: str) -> float | None:
        """A column as a number; None when it is empty or unknown."""
        text = self.values.get(column, "")
        return None if text.lower() in UNKNOWN else float(text)


@dataclass(frozen=True, slots=True)
class Trial:
    """The units of a trial of two arms; ``control`` and ``arm`` are their names, differences are arm - control."""

    units: tuple[Unit, ...]
    control: str
    arm: str

    @property
    def randomised(self) -> tuple[Unit, ...]:
        return tuple(unit for unit in self.units if unit.assigned)


def parse_trial(
    rows: Rows, *, control: str, arm: str, binary: Sequence[str] = (), positive: Sequence[str] = (), where: str = ""
) -> Trial:
    """Read a trial table.

    Parameters
    ----------
    control, arm : names in ``arm_assigned``
    binary : outcome columns that must hold 0, 1 or nothing
    positive : outcome columns that must hold a number above 0 or nothing (times)

    Raises
    ------
    TableError - missing columns, repeated units, unknown arms, a unit that is neither randomised nor excluded, a received arm
        without an assigned one, outcomes that are not what they should be; all at once with row numbers
    """
    listed, problems = list(rows), []
    if not listed:
        problems.append("row 2: there are no rows")
    else:
        wanted = (*REQUIRED, *binary, *positive)
        problems += [f"row 1: the column {name!r} is missing" for name in wanted if name not in listed[0][1]]
    if problems:
        raise trial_error(problems, where)
    units, seen = [], dict[str, int]()
    for number, cells in listed:
        before = len(problems)
        problems += [f"row {number}: {name} is empty" for name in ("unit_id", "cluster_id") if not cells[name]]
        if cells["unit_id"] in seen:
            problems.append(f"row {number}: this unit stands in row {seen[cells['unit_id']]} already")
        seen.setdefault(cells["unit_id"], number)
        _check_arms(number, cells, control, arm, problems)
        _check_outcomes(number, cells, binary, positive, problems)
        if len(problems) == before:
            units.append(_unit(number, cells))
    absent = [name for name in (control, arm) if not any(unit.assigned == name for unit in units)]
    if absent and not problems:
        problems.append(f"row 1: nothing was assigned to {absent[0]!r}")
    if problems:
        raise trial_error(problems, where)
    return Trial(tuple(units), control, arm)


def trial_error(problems: Sequence[str], where: str = "") -> TableError:
    """The error for a trial table with problems, all of them at once."""
    shown = [*problems[:MAX_SHOWN], *([f"and {len(problems) - MAX_SHOWN} more"] if len(problems) > MAX_SHOWN else [])]
    return TableError(
        "trial-invalid",
        f"The trial table has {len(problems)} problem{'s' if len(problems) != 1 else ''}.",
        where=where,
        why="A table is used as a whole or not at all.",
        what_to_do="Correct the rows below (the header is row 1) and run again.",
        problems=tuple(shown),
    )


def _check_arms(number: int, cells: Mapping[str, str], control: str, arm: str, problems: list[str]) -> None:
    assigned, received, excluded = cells["arm_assigned"], cells["arm_received"], cells.get("excluded_reason", "")
    for name in ("arm_assigned", "arm_received"):
        if cells[name] and cells[name] not in (control, arm):
            problems.append(f"row {number}: {name} must be {control}, {arm} or empty")
    if not assigned and not excluded:
        problems.append(f"row {number}: neither randomised nor excluded: give arm_assigned or excluded_reason")
    if received and not assigned:
        problems.append(f"row {number}: an arm was received but none was assigned")


def _check_outcomes(number: int, cells: Mapping[str, str], binary: Sequence[str], positive: Sequence[str], problems: list[str]) -> None:
    for name in (*binary, *positive):
        text = cells[name]
        if text.lower() in UNKNOWN:
            continue
        value = _number(text)
        if name in binary and value not in (0.0, 1.0):
            problems.append(f"row {number}: {name} must be 0, 1 or empty (missing)")
        elif name in positive and (value is None or value <= 0):
            problems.append(f"row {number}: {name} must be a number above 0, or empty (missing)")


def _unit(number: int, cells: Mapping[str, str]) -> Unit:
    return Unit(
        number, cells["unit_id"], cells["cluster_id"], cells.get("stratum", ""), cells.get("reader_id", ""),
        cells.get("study_id", ""), cells["arm_assigned"], cells["arm_received"], cells.get("excluded_reason", ""),
        {name: text for name, text in cells.items() if name not in KNOWN}, cells.get("period", ""),
    )  # fmt: skip


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def need(condition: bool, what: str, what_to_do: str) -> None:
    """Raise InputError unless a trial holds what an analysis needs."""
    if not condition:
        raise InputError("trial-content", what, what_to_do=what_to_do)
