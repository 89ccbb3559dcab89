"""CSV in and out: strict reading that reports every problem with its row, and writing that is whole or absent.

Messages name rows and columns, never the content of an identifier or path: these may come from a hospital.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

from condyle.errors import InputError, TableError, nearest
from condyle.outputs import write_whole

MAX_BYTES = 256 * 2**20  # a manifest of a million rows is about 100 MiB
MAX_SHOWN = 200

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")

# Written for "unknown" by people and by other programs; all mean the same here (methods: blank is missing).
UNKNOWN_WORDS = frozenset({"", "na", "n/a", "nan", "null", "unknown", "?"})


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file as text.

    Parameters
    ----------
    path : where it was read from
    columns : header names in file order
    rows : (row number as a spreadsheet counts, the header being row 1; stripped cell by column)
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]


def read_table(path: Path | str, *, what: str, required: Collection[str] = ()) -> Table:
    """Read a UTF-8 file with a header row, separated by commas; by semicolons (or tabs) where the header holds these and no comma.

    Raises
    ------
    InputError - absent, unreadable, too large, not UTF-8
    TableError - no header, repeated or missing columns, rows longer than the header; all at once
    """
    path = Path(path)
    lines = _records(path, what)
    if not lines or not any(cell.strip() for cell in lines[0]):
        raise table_error(path, what, ["row 1: the file is empty; the first row must name the columns"])
    columns = tuple(cell.strip() for cell in lines[0])
    problems = _header_problems(columns, required)
    rows: list[tuple[int, dict[str, str]]] = []
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(columns):
            problems.append(f"row {number}: {len(cells)} cells, but the header names {len(columns)} columns")
            continue
        padded = [cell.strip() for cell in cells] + [""] * (len(columns) - len(cells))
        rows.append((number, dict(zip(columns, padded, strict=True))))
    if problems:
        raise table_error(path, what, problems)
    return Table(path, columns, tuple(rows))


def table_error(path: Path, what: str, problems: Sequence[str]) -> TableError:
    """The error for a table with problems, in file order, cut at ``MAX_SHOWN`` lines."""
    shown = sorted(problems, key=_row_of)[:MAX_SHOWN]
    if len(problems) > MAX_SHOWN:
        shown.append(f"and {len(problems) - MAX_SHOWN} more")
    return TableError(
        "table-invalid",
        f"The {what} has {len(problems)} problem{'s' if len(problems) != 1 else ''}.",
        where=place_of(path),
        why="A table is used as a whole or not at all.",
        what_to_do="Correct the rows below (the header is row 1) and run the command again.",
        problems=tuple(shown),
    )


def place_of(path: Path) -> str:
    """A file in a message: its name and that of its folder; where the folder lies is nobody's business."""
    return f"{path.absolute().parent.name}/{path.name}".lstrip("/")


def told_rows(rows: Sequence[int], most: int = 20) -> str:
    """Row numbers for a sentence, runs of them shortened: '3, 7 to 12'; cut after so many runs."""
    runs: list[list[int]] = []
    for row in sorted(set(rows)):
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    shown = [f"{first}" if first == last else f"{first} to {last}" for first, last in runs[:most]]
    return ", ".join(shown) + (f" and {len(runs) - most} more runs" if len(runs) > most else "")


def _row_of(problem: str) -> int:
    """The row that a problem is about, 0 for one of the whole table."""
    found = re.match(r"rows? (\d+)", problem)
    return int(found[1]) if found else 0


@overload
def together(first: Callable[[], A], second: Callable[[], B], /) -> tuple[A, B]: ...


@overload
def together(first: Callable[[], A], second: Callable[[], B], third: Callable[[], C], /) -> tuple[A, B, C]: ...


@overload
def together(
    first: Callable[[], A], second: Callable[[], B], third: Callable[[], C], fourth: Callable[[], D], /
) -> tuple[A, B, C, D]: ...


@overload
def together(
    first: Callable[[], A], second: Callable[[], B], third: Callable[[], C], fourth: Callable[[], D], fifth: Callable[[], E], /
) -> tuple[A, B, C, D, E]: ...


def together(*readings: Callable[[], Any]) -> tuple[Any, ...]:
    """What each reading of a file gives; where several cannot be used, the problems of all of them at once.

    Raises
    ------
    InputError - of the one file that cannot be used
    TableError - of several; each problem names its file
    """
    found: list[Any] = []
    errors: list[InputError] = []
    for reading in readings:
        try:
            found.append(reading())
        except InputError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise joined_error(errors)
    return tuple(found)


def all_read(readings: Iterable[Callable[[], A]]) -> list[A]:
    """As ``together``, for any number of files of one kind."""
    return list(together(*readings))


def joined_error(errors: Sequence[InputError]) -> TableError:
    """Several errors as one, the file before each problem."""
    problems = []
    for error in errors:
        own = error.problems if isinstance(error, TableError) else (_line(error),)
        problems += [f"{error.where}: {line}" if error.where and not line.startswith(error.where) else line for line in own]
    shown = problems[:MAX_SHOWN] + ([f"and {len(problems) - MAX_SHOWN} more"] if len(problems) > MAX_SHOWN else [])
    return TableError(
        "tables-invalid",
        f"{len(errors)} files have problems, {len(problems)} together.",
        where=", ".join(dict.fromkeys(error.where for error in errors if error.where)),
        why="A table is used as a whole or not at all.",
        what_to_do="Correct what is listed below (the header of a table is row 1) and run the command again.",
        problems=tuple(shown),
    )


def _line(error: InputError) -> str:
    """An error in one line: what, why, what to do."""
    parts = [part for part in (error.what, error.why, error.what_to_do) if part]
    return " ".join(part if part.endswith((".", "?")) else f"{part}." for part in parts)


def write_table(path: Path | str, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Path:
    """Write a CSV, whole or not at all. None becomes an empty cell, floats their shortest text.

    Raises ``KeyError`` when a row lacks a column, else as :func:`condyle.outputs.write_whole`.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell_text(row[column]) for column in columns])
    return write_whole(path, buffer.getvalue().encode())


def cell_text(value: object) -> str:
    """A value as CSV text: None is empty, True and False are 1 and 0, floats in their shortest exact form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)


def _records(path: Path, what: str) -> list[list[str]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(
                "table-too-large", f"The {what} is larger than {MAX_BYTES >> 20} MiB.", where=place_of(path), what_to_do="Split it."
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            "table-unreadable", f"The {what} cannot be read.", where=place_of(path), why=error.strerror or "", what_to_do="Check the path."
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(
            "table-not-utf8",
            f"The {what} is not UTF-8 text.",
            where=f"{place_of(path)}, line {line}",
            what_to_do="Save it as CSV in UTF-8.",
        ) from error
    if "\0" in text:
        raise InputError("table-not-text", f"The {what} is not a text file.", where=place_of(path), what_to_do="Save it as CSV in UTF-8.")
    first = text.partition("\n")[0]
    mark = next((one for one in (",", ";", "\t") if one in first), ",")  # spreadsheets of many countries separate by semicolons
    try:
        return list(csv.reader(text.splitlines(keepends=True), strict=True, delimiter=mark))
    except csv.Error as error:
        raise table_error(path, what, [f"not a valid CSV file: {error}"]) from error


def _header_problems(columns: Sequence[str], required: Collection[str]) -> list[str]:
    problems = [f"row 1: column {name!r} appears {n} times" for name, n in Counter(columns).items() if n > 1 and name]
    problems += [f"row 1: column {number} has no name" for number, name in enumerate(columns, start=1) if not name]
    return problems + _missing(columns, required)


def missing_columns(table: Table, required: Collection[str]) -> list[str]:
    """What is wrong with a header where columns turned out to be required after it was read."""
    return _missing(table.columns, required)


def _missing(columns: Sequence[str], required: Collection[str]) -> list[str]:
    problems = []
    for name in required:
        if name not in columns:
            near = nearest(name, [column for column in columns if column not in required], cutoff=0.6)
            problems.append(f"row 1: the column {name!r} is missing" + (f"; is it the one called {near!r}?" if near else ""))
    return problems
