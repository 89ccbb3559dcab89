"""Evidence of a reader study, a trial or an ensemble as files: evaluation.json, results.csv, a table a sheet, one page."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import condyle
from condyle.anatomy import JOINTS
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.study_evidence import Cell, RocPlane, Sheet, StudyEvidence
from condyle.report.aside import write_whole, written_aside
from condyle.report.evidence import ESTIMATE_COLUMNS, SCHEMA_VERSION, Provenance, estimate_document, line_row, plan_sentence
from condyle.report.evidence_page import SIDE, finding_title, p_text, value_text
from condyle.report.html_page import render

_FINDINGS = {entry.name for joint in JOINTS.values() for entry in joint.findings}


def write_study_evidence(evidence: StudyEvidence, provenance: Provenance, out: Path | str) -> list[Path]:
    """Write the folder, whole or not at all; evaluation.html is the last of the returned paths.

    Raises
    ------
    UsageError - the folder holds something else; ResourceError - the disk is full
    """
    files = {
        "evaluation.json": json.dumps(study_document(evidence, provenance), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "results.csv": _csv(("finding", "site", "group", *ESTIMATE_COLUMNS, "warnings"), map(line_row, evidence.lines)),
        **{f"{sheet.name}.csv": _sheet_csv(sheet) for sheet in evidence.sheets},
        "evaluation.html": study_page(evidence, provenance),
    }
    with written_aside(out) as folder:
        for name, text in files.items():
            write_whole(folder / name, text.encode("utf-8"))
    return [Path(out) / name for name in files]


def study_document(evidence: StudyEvidence, provenance: Provenance) -> dict[str, Any]:
    """Everything as JSON data; NaN and infinity are null."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "condyle": condyle.__version__,
        "kind": evidence.title,
        "inputs": dict(provenance.inputs),
        "plan": {"sha256": provenance.plan or None, "name": provenance.plan_name, "statement": plan_sentence(provenance)},
        "thresholds": provenance.thresholds,
        "truth_opened_before": {"times": provenance.openings[0], "with_another_plan": provenance.openings[1]},
        "summary": list(evidence.summary),
        "results": [
            {"finding": line.finding, "site": line.site, "group": line.group, **estimate_document(line.estimate)} for line in evidence.lines
        ],
        "endpoints": [
            {
                **asdict(one.endpoint),
                "estimate": None if one.estimate is None else estimate_document(one.estimate),
                "p": one.p,
                "adjusted": one.adjusted,
                "met": one.met,
            }
            for one in evidence.endpoints
        ],
        "tables": {
            sheet.name: {"title": sheet.title, "columns": sheet.columns, "rows": [_plain(row) for row in sheet.rows]}
            for sheet in evidence.sheets
        },
        "methods": evidence.methods,
        "warnings": [*provenance.warnings, *evidence.warnings],
    }
    cleaned: dict[str, Any] = _clean(document)
    return cleaned


def study_page(evidence: StudyEvidence, provenance: Provenance) -> str:
    """evaluation.html: self-contained, no script."""
    return render(
        "study_evidence.html",
        styles=("report.css", "evidence.css"),
        evidence=evidence,
        sheets=[(sheet, [_shown(row) for row in sheet.rows]) for sheet in evidence.sheets if sheet.rows],
        planes=[_drawn(one) for one in evidence.planes],
        side=SIDE,
        provenance=provenance,
        plan=plan_sentence(provenance),
        value=value_text,
        p_text=p_text,
        title_of=finding_title,
    )


def _drawn(one: RocPlane) -> tuple[str, str, list[tuple[str, float, float]]]:
    """(words, path of the curve, readers as points), in drawing units with the origin at the top left."""
    path = "".join(f"{'L' if place else 'M'}{SIDE * x:.1f} {SIDE * (1 - y):.1f}" for place, (x, y) in enumerate(one.curve))
    words = f"{finding_title(one.finding)}: ROC curve of the model, {len(one.readers)} readers as points"
    return words, path, [(name, SIDE * x, SIDE * (1 - y)) for name, x, y in one.readers]


def _shown(row: Sequence[Cell]) -> list[str]:
    """Cells for people: findings by their titles, estimates with intervals."""
    return [_text(cell) for cell in row]


def _text(cell: Cell) -> str:
    if isinstance(cell, Estimate):
        return value_text(cell)
    text = "" if cell is None else str(cell)
    if text == "auroc":
        return "AUROC"
    return finding_title(text) if text in _FINDINGS or ("_" in text and " " not in text) else text


def _plain(row: Sequence[Cell]) -> list[Any]:
    return [estimate_document(cell) if isinstance(cell, Estimate) else cell for cell in row]


def _sheet_csv(sheet: Sheet) -> str:
    """Estimates take three columns: value, low, high."""
    wide = [any(isinstance(row[place], Estimate) for row in sheet.rows) for place in range(len(sheet.columns))]
    columns = [
        name
        for title, split in zip(sheet.columns, wide, strict=True)
        for name in ((title, f"{title} low", f"{title} high") if split else (title,))
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in sheet.rows:
        cells: list[object] = []
        for cell, split in zip(row, wide, strict=True):
            if isinstance(cell, Estimate):
                cells += [cell.estimate, cell.low, cell.high]
            else:
                cells += [cell, "", ""] if split else [cell]
        writer.writerow([_cell(one) for one in cells])
    return text.getvalue()


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    if isinstance(value, bool) or value is None or isinstance(value, str | int):
        return value
    found = float(value)
    return found if math.isfinite(found) else None
