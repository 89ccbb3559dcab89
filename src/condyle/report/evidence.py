"""Evidence as files: results.json with every digit, tables, figures, checklists, one page and the same on paper."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import condyle
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.evidence import Evidence
from condyle.evaluate.standalone import Line
from condyle.evaluate.study_evidence import Cell, Sheet, StudyEvidence
from condyle.outputs import write_through, written_aside
from condyle.report.checklists import Checklist, fill
from condyle.report.checklists.facts import facts_of
from condyle.report.evidence_page import evidence_page
from condyle.report.figures import can_draw, draw
from condyle.report.provenance import Provenance, plan_sentence
from condyle.report.study_page import study_page

SCHEMA_VERSION = 3

ESTIMATE_COLUMNS = (
    "measure", "estimate", "low", "high", "level", "method", "n", "events", "clusters", "se", "statistic", "df", "p", "null",
    "resamples", "drawn", "seed",
)  # fmt: skip
LINE_COLUMNS = ("finding", "site", "group", *ESTIMATE_COLUMNS, "counts", "warnings")
PAGE = "evaluation.html"

NO_FIGURES = "Figures were not drawn: pip install 'condyle[evaluate]' brings matplotlib."
NO_PAPER = "The page was not put on paper: pip install 'condyle[evaluate]' brings reportlab."


def write_evidence(evidence: Evidence | StudyEvidence, provenance: Provenance, out: Path | str, *, figures: bool = True) -> list[Path]:
    """Write the folder, whole or not at all.

    Parameters
    ----------
    figures : False leaves out figures and PDF, which take most of the time

    Returns
    -------
    Paths of evaluation.html, results.json, results.csv, checklists.csv, a CSV for each table, figures/NAME.svg and .png, and
    evaluation.pdf. Without matplotlib or reportlab the page says what it lacks

    Raises
    ------
    UsageError - the folder holds something else; ResourceError - the disk is full
    """
    study = evidence if isinstance(evidence, StudyEvidence) else evidence.as_study(plan=provenance.plan)
    lacking = [words for words, there in ((NO_FIGURES, can_draw()), (NO_PAPER, find_spec("reportlab"))) if figures and not there]
    drawn = tuple(draw(one) for one in study.figures) if figures and can_draw() else ()
    lists = fill(facts_of(study, provenance), study.title)
    page = evidence_page(evidence, provenance, drawn, lists, lacking) if isinstance(evidence, Evidence) else None
    files: dict[str, bytes] = {
        PAGE: (page or study_page(study, provenance, drawn, lists, lacking)).encode("utf-8"),
        "results.json": _json(results_document(study, provenance, lists, tuple(one.figure.name for one in drawn))),
        "results.csv": _csv(LINE_COLUMNS, map(line_row, study.lines)),
        "checklists.csv": _csv(("checklist", "applies", "item", "words", "status", "said"), _checklist_rows(lists)),
        **{f"{sheet.name}.csv": sheet_csv(sheet) for sheet in study.sheets if sheet.rows},
        **{f"figures/{one.figure.name}.{ending}": getattr(one, ending) for one in drawn for ending in ("svg", "png")},
    }
    if figures and find_spec("reportlab"):
        from condyle.report.evidence_pdf import evidence_pdf

        files["evaluation.pdf"] = evidence_pdf(study, provenance, drawn, lists)
    with written_aside(out) as folder:
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            write_through(folder / name, content)
    return [Path(out) / name for name in files]


def results_document(
    study: StudyEvidence, provenance: Provenance, lists: Sequence[Checklist] = (), figures: Sequence[str] = ()
) -> dict[str, Any]:
    """Everything as JSON data, as results.schema.json says; NaN and infinity are null."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "condyle": condyle.__version__,
        "kind": study.title,
        "inputs": dict(provenance.inputs),
        "package": provenance.package,
        "plan": {
            "sha256": provenance.plan or None, "name": provenance.plan_name, "statement": plan_sentence(provenance),
            "alpha": provenance.rule[0], "multiplicity": provenance.rule[1],
        },
        "thresholds": {"words": provenance.thresholds, "values": dict(provenance.frozen)},
        "truth_opened_before": {"times": provenance.openings[0], "with_another_plan": provenance.openings[1]},
        "studies": {"with_truth_unread": provenance.unread, "read_without_truth": provenance.unknown},
        "settings": dict(study.settings),
        "random_numbers": "numpy PCG64",
        "summary": list(study.summary),
        "results": [
            {"finding": one.finding, "site": one.site, "group": one.group, **estimate_document(one.estimate)} for one in study.lines
        ],
        "endpoints": [
            {
                **asdict(one.endpoint),
                "estimate": None if one.estimate is None else estimate_document(one.estimate),
                "p": one.p,
                "adjusted": one.adjusted,
                "met": one.met,
                "why": one.why,
                "judged": one.judged,
            }
            for one in study.endpoints
        ],
        "tables": {
            sheet.name: {
                "title": sheet.title, "note": sheet.note, "how": dict(sheet.how), "columns": sheet.columns,
                "rows": [_plain(row) for row in sheet.rows],
            }
            for sheet in study.sheets
            if not sheet.long
        },
        "figures": list(figures),
        "checklists": {
            one.name: {
                "title": one.title, "source": one.source, "applies": one.applies,
                "items": [{"item": item.number, "words": item.words, "status": item.status, "said": item.said} for item in one.items],
            }
            for one in lists
        },
        "methods": study.methods,
        "warnings": [*provenance.warnings, *study.warnings],
    }  # fmt: skip
    cleaned: dict[str, Any] = _clean(document)
    return cleaned


def estimate_document(one: Estimate) -> dict[str, Any]:
    """A number with everything that belongs to it."""
    return {**{name: getattr(one, name) for name in ESTIMATE_COLUMNS}, "counts": list(one.counts), "warnings": list(one.warnings)}


def line_row(line: Line) -> dict[str, object]:
    """A number as a row of results.csv."""
    row = {name: getattr(line.estimate, name) for name in ESTIMATE_COLUMNS}
    counts, said = " ".join(map(str, line.estimate.counts)), " ".join(line.estimate.warnings)
    return {"finding": line.finding, "site": line.site, "group": line.group, **row, "counts": counts, "warnings": said}


def sheet_csv(sheet: Sheet) -> bytes:
    """A table as CSV; estimates with intervals take three columns: value, low, high."""
    cells_of = [[row[place] for row in sheet.rows] for place in range(len(sheet.columns))]
    wide = [any(isinstance(cell, Estimate) and math.isfinite(cell.low) for cell in column) for column in cells_of]
    columns = [
        name
        for title, split in zip(sheet.columns, wide, strict=True)
        for name in ((title, f"{title} low", f"{title} high") if split else (title,))
    ]
    rows = []
    for row in sheet.rows:
        cells: list[object] = []
        for cell, split in zip(row, wide, strict=True):
            if isinstance(cell, Estimate):
                cells += [cell.estimate, cell.low, cell.high] if split else [cell.estimate]
            else:
                cells += [cell, "", ""] if split else [cell]
        rows.append(cells)
    return _written(columns, rows)


def _checklist_rows(lists: Sequence[Checklist]) -> Iterable[dict[str, object]]:
    for one in lists:
        for item in one.items:
            yield {
                "checklist": one.title, "applies": one.applies, "item": item.number, "words": item.words, "status": item.status,
                "said": item.said,
            }  # fmt: skip


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    return _written(columns, ([row[name] for name in columns] for row in rows))


def _written(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(one) for one in row] for row in rows)
    return text.getvalue().encode("utf-8")


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _plain(row: Sequence[Cell]) -> list[Any]:
    return [estimate_document(cell) if isinstance(cell, Estimate) else cell for cell in row]


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    if isinstance(value, bool) or value is None or isinstance(value, str | int):
        return value
    number = float(value)
    return number if math.isfinite(number) else None
