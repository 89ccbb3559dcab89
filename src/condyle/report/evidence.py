"""Evidence as files: evaluation.json with every digit, tables for a spreadsheet, one page for people."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import condyle
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.evidence import Evidence, methods_paragraph
from condyle.evaluate.standalone import Line
from condyle.report.aside import write_whole, written_aside
from condyle.report.evidence_page import evidence_page

SCHEMA_VERSION = 1

ESTIMATE_COLUMNS = (
    "measure", "estimate", "low", "high", "level", "method", "n", "events", "clusters", "se", "statistic", "df", "p", "null",
    "resamples", "drawn", "seed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from.

    Parameters
    ----------
    inputs : name of each file -> its sha256
    plan : sha256 of the plan's file, '' without one; plan_name : its own name
    thresholds : 'decisions of the reader', or the frozen file with its sha256
    unread, unknown : numbers of studies with truth and no prediction, and with predictions and no truth
    openings : how often this truth was opened before, and how many of these with another plan or none
    warnings : sentences to print first
    """

    inputs: Mapping[str, str]
    plan: str = ""
    plan_name: str = ""
    thresholds: str = "decisions of the reader"
    unread: int = 0
    unknown: int = 0
    openings: tuple[int, int] = (0, 0)
    warnings: tuple[str, ...] = ()


def write_evidence(evidence: Evidence, provenance: Provenance, out: Path | str) -> list[Path]:
    """Write the folder, whole or not at all.

    Returns
    -------
    Paths of evaluation.json, results.csv, roc.csv, precision_recall.csv, reliability.csv, evaluation.html (and
    subgroup_tests.csv and endpoints.csv when there are any)

    Raises
    ------
    UsageError - the folder holds something else; ResourceError - the disk is full
    """
    files = {
        "evaluation.json": json.dumps(evidence_document(evidence, provenance), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "results.csv": _csv(("finding", "site", "group", *ESTIMATE_COLUMNS, "warnings"), map(line_row, evidence.lines)),
        "roc.csv": _csv(("finding", "threshold", "sensitivity", "specificity"), _roc_rows(evidence)),
        "precision_recall.csv": _csv(
            ("finding", "recall", "precision"),
            (
                {"finding": one.finding, "recall": recall, "precision": precision}
                for one in evidence.drawn
                for recall, precision in one.precision
            ),
        ),
        "reliability.csv": _csv(
            ("finding", "low", "high", "mean_score", "observed", "observed_low", "observed_high", "n", "events"), _bin_rows(evidence)
        ),
        "evaluation.html": evidence_page(evidence, provenance),
    }
    if evidence.marks:
        files["froc.csv"] = _csv(("finding", "threshold", "false_per_study", "sensitivity"), _froc_rows(evidence))
    if evidence.compared:
        names = ("finding", "column", "measure", "gap", "gap_if_equal", "statistic", "df", "p", "note")
        files["subgroup_tests.csv"] = _csv(names, (asdict(one) for one in evidence.compared))
    if evidence.endpoints:
        files["endpoints.csv"] = _csv(
            ("finding", "site", "measure", "at_least", "estimate", "low", "high", "p", "adjusted", "met"), _endpoint_rows(evidence)
        )
    with written_aside(out) as folder:
        for name, text in files.items():
            write_whole(folder / name, text.encode("utf-8"))
    return [Path(out) / name for name in files]


def evidence_document(evidence: Evidence, provenance: Provenance) -> dict[str, Any]:
    """Everything as JSON data; NaN and infinity are null."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "condyle": condyle.__version__,
        "inputs": dict(provenance.inputs),
        "plan": {"sha256": provenance.plan or None, "name": provenance.plan_name, "statement": plan_sentence(provenance)},
        "thresholds": provenance.thresholds,
        "truth_opened_before": {"times": provenance.openings[0], "with_another_plan": provenance.openings[1]},
        "studies": {"with_truth_unread": provenance.unread, "read_without_truth": provenance.unknown},
        "missed": [{"finding": name, "rows_without_answer": missed, "rows": rows} for name, missed, rows in evidence.missed],
        "settings": asdict(evidence.settings),
        "random_numbers": "numpy PCG64",
        "results": [
            {"finding": line.finding, "site": line.site, "group": line.group, **estimate_document(line.estimate)} for line in evidence.lines
        ],
        "subgroup_tests": [asdict(one) for one in evidence.compared],
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
        "methods": methods_paragraph(evidence, plan=provenance.plan),
        "warnings": list(provenance.warnings),
    }
    cleaned: dict[str, Any] = _clean(document)
    return cleaned


def plan_sentence(provenance: Provenance) -> str:
    """What every page says about the plan."""
    if not provenance.plan:
        return "Exploratory: no plan was fixed."
    return f"Plan {provenance.plan_name or 'without a name'}, sha256 {provenance.plan}, hashed before the truth was opened."


def estimate_document(one: Estimate) -> dict[str, Any]:
    """A number with everything that belongs to it."""
    return {**{name: getattr(one, name) for name in ESTIMATE_COLUMNS}, "warnings": list(one.warnings)}


def line_row(line: Line) -> dict[str, object]:
    """A number as a row of results.csv."""
    row = {name: getattr(line.estimate, name) for name in ESTIMATE_COLUMNS}
    return {"finding": line.finding, "site": line.site, "group": line.group, **row, "warnings": " ".join(line.estimate.warnings)}


def _roc_rows(evidence: Evidence) -> Iterable[dict[str, object]]:
    for one in evidence.drawn:
        for threshold, sensitivity, specificity in zip(one.roc.thresholds, one.roc.sensitivity, one.roc.specificity, strict=True):
            yield {
                "finding": one.finding,
                "threshold": float(threshold),
                "sensitivity": float(sensitivity),
                "specificity": float(specificity),
            }


def _froc_rows(evidence: Evidence) -> Iterable[dict[str, object]]:
    for finding, curve in evidence.marks:
        for threshold, false, sensitivity in zip(curve.thresholds, curve.false_per_scan, curve.sensitivity, strict=True):
            yield {"finding": finding, "threshold": float(threshold), "false_per_study": float(false), "sensitivity": float(sensitivity)}


def _bin_rows(evidence: Evidence) -> Iterable[dict[str, object]]:
    for one in evidence.drawn:
        for place in one.bins:
            seen = place.observed
            yield {
                "finding": one.finding, "low": place.low, "high": place.high, "mean_score": place.mean_score, "observed": seen.estimate,
                "observed_low": seen.low, "observed_high": seen.high, "n": seen.n, "events": seen.events,
            }  # fmt: skip


def _endpoint_rows(evidence: Evidence) -> Iterable[dict[str, object]]:
    for one in evidence.endpoints:
        found = one.estimate
        yield {
            **asdict(one.endpoint), "estimate": None if found is None else found.estimate, "low": None if found is None else found.low,
            "high": None if found is None else found.high, "p": one.p, "adjusted": one.adjusted, "met": one.met,
        }  # fmt: skip


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    if isinstance(value, bool) or value is None or isinstance(value, str | int):
        return value
    number = float(value)
    return number if math.isfinite(number) else None
