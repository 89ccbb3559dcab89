"""The audit of a cohort as files: one page, the same as JSON, every number as CSV, and a CSV of each table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import condyle
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.figures import Figure
from condyle.evaluate.study_evidence import Sheet
from condyle.outputs import write_through, written_aside
from condyle.report.evidence import ESTIMATE_COLUMNS, NO_FIGURES, estimate_document, sheet_csv
from condyle.report.evidence_page import picture
from condyle.report.figures import can_draw, draw
from condyle.report.html_page import render
from condyle.report.inline_png import data_uri
from condyle.report.study_page import shown_row
from condyle.study import Check

SCHEMA_VERSION = 1
PAGE = "audit.html"


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """Two pictures side by side and what stands below."""

    words: str
    left: NDArray[np.uint8]
    right: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class AuditPart:
    """One question of an audit.

    Parameters
    ----------
    title : of its section; check : what was found; about : how it was looked for, in words
    numbers : (what, estimate) of everything measured, for the CSV
    """

    title: str
    check: Check
    about: str
    sheets: tuple[Sheet, ...] = ()
    figures: tuple[Figure, ...] = ()
    pictures: tuple[Beside, ...] = ()
    numbers: tuple[tuple[str, Estimate], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """An audit as a whole.

    Parameters
    ----------
    inputs : name of each file -> its sha256; counts : what the cohort holds
    left_out : (rows of the manifest, reason) of what could not be looked at
    settings : what the numbers depend on
    """

    parts: tuple[AuditPart, ...]
    inputs: Mapping[str, str]
    counts: Mapping[str, int]
    left_out: tuple[tuple[str, str], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing was found and everything could be looked at."""
        return not self.left_out and all(part.check.passed is not False for part in self.parts)

    @property
    def headline(self) -> str:
        faults = sum(part.check.passed is False for part in self.parts)
        open_ = sum(part.check.passed is None for part in self.parts)
        words = ["Nothing was found" if not faults else f"{faults} of {len(self.parts)} checks found something"]
        words += [f"{open_} check{'s' if open_ > 1 else ''} could not be made"] if open_ else []
        words += [f"{len(self.left_out)} studies or series could not be looked at"] if self.left_out else []
        return "; ".join(words) + "."


def write_audit(audit: Audit, out: Path | str) -> list[Path]:
    """Write the folder, whole or not at all: audit.html, audit.json, audit.csv and NAME.csv of each table with rows.

    Raises
    ------
    UsageError - the folder holds something else; ResourceError - the disk is full
    """
    files = {PAGE: audit_page(audit).encode(), "audit.json": _json(audit), "audit.csv": _numbers(audit)}
    files |= {f"{sheet.name}.csv": sheet_csv(sheet) for part in audit.parts for sheet in part.sheets if sheet.rows}
    with written_aside(out) as folder:
        for name, content in files.items():
            write_through(folder / name, content)
    return [Path(out) / name for name in files]


def audit_page(audit: Audit) -> str:
    """audit.html: self-contained, no script."""
    drawn = can_draw()
    parts = [
        {
            "part": part,
            "sheets": [(sheet, [shown_row(row) for row in sheet.rows]) for sheet in part.sheets if sheet.rows],
            "figures": [picture(draw(figure)) for figure in part.figures] if drawn else [],
            "pictures": [(one.words, data_uri(one.left), data_uri(one.right)) for one in part.pictures],
        }
        for part in audit.parts
    ]
    lacking = NO_FIGURES if not drawn and any(part.figures for part in audit.parts) else ""
    return render("audit.html", styles=("report.css", "evidence.css", "audit.css"), audit=audit, parts=parts, lacking=lacking)


def audit_document(audit: Audit) -> dict[str, Any]:
    """Everything as JSON data; what is not a number is null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "condyle": condyle.__version__,
        "clean": audit.clean,
        "inputs": dict(audit.inputs),
        "counts": dict(audit.counts),
        "settings": dict(audit.settings),
        "left_out": [{"where": where, "reason": reason} for where, reason in audit.left_out],
        "checks": [
            {
                **{name: value for name, value in asdict(part.check).items() if name != "series_id"},
                "title": part.title,
                "about": part.about,
                "numbers": [{"what": what, **_finite(estimate_document(one))} for what, one in part.numbers],
                "tables": {one.name: {"columns": list(one.columns), "rows": [_row(row) for row in one.rows]} for one in part.sheets},
            }
            for part in audit.parts
        ],
    }


def _row(row: Sequence[Any]) -> list[Any]:
    return [_finite(estimate_document(cell)) if isinstance(cell, Estimate) else cell for cell in row]


def _finite(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in document.items()}


def _json(audit: Audit) -> bytes:
    return (json.dumps(audit_document(audit), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _numbers(audit: Audit) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("check", "passed", "what", *ESTIMATE_COLUMNS))
    for part in audit.parts:
        passed = {True: "yes", False: "no", None: ""}[part.check.passed]
        if not part.numbers:
            measured = "" if part.check.measured is None else f"{part.check.measured:.12g}"
            writer.writerow((part.check.name, passed, part.check.unit, part.check.unit, measured, *[""] * (len(ESTIMATE_COLUMNS) - 2)))
        for what, one in part.numbers:
            told = _finite({name: getattr(one, name) for name in ESTIMATE_COLUMNS})
            writer.writerow((part.check.name, passed, what, *("" if value is None else value for value in told.values())))
    return text.getvalue().encode()
