"""index.html: the way into the reports of several studies, and the reasons of those that could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from condyle.errors import CondyleError
from condyle.outputs import write_whole
from condyle.report.html_page import render
from condyle.report.statements import catalogue
from condyle.report.summary import summarise
from condyle.study import Reading


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One study that was read: all that the index keeps of its reading, so that a cohort is never held in memory."""

    study_key: str
    link: str
    joint: str
    headline: str
    flags: tuple[str, ...]
    warnings: int
    others: tuple[tuple[str, str], ...]  # name and link of the other documents


class Outcome(Protocol):
    """What became of one study: a row when it was read, an error when not."""

    @property
    def study_key(self) -> str: ...
    @property
    def row(self) -> IndexRow | None: ...
    @property
    def error(self) -> CondyleError | None: ...


def index_row(reading: Reading, files: Sequence[str]) -> IndexRow:
    """The row of a study that was read; ``files`` are relative to the folder of the index."""
    summary = summarise(reading)
    ordered = sorted(files, key=lambda file: not file.endswith(".html"))
    return IndexRow(
        reading.study_key, ordered[0] if ordered else "", catalogue(reading.joint).title, summary.headline, summary.flags,
        len(summary.warnings), tuple((Path(file).name, file) for file in ordered[1:]),
    )  # fmt: skip


def write_index(outcomes: Sequence[Outcome], out: str | Path) -> Path:
    """Write ``index.html`` into the folder ``out``, which holds the reports.

    Parameters
    ----------
    outcomes : one a study, in the order of the page
    out : existing folder

    Returns
    -------
    the path of the page; an earlier page there is replaced in one step

    Raises
    ------
    ResourceError - the disk is full; an earlier page stays as it was
    """
    return write_whole(Path(out) / "index.html", index_page(outcomes).encode("utf-8"))


def index_page(outcomes: Sequence[Outcome]) -> str:
    """The page as text: studies read, then studies not read with what, where, why and what to do."""
    rows = [outcome.row for outcome in outcomes if outcome.row is not None]
    failed = [(outcome.study_key, outcome.error) for outcome in outcomes if outcome.error is not None]
    return render("index.html", rows=rows, failed=failed, total=len(outcomes))
