"""findings.csv: one row a finding, with the columns of predictions.csv first."""

from __future__ import annotations

import csv
import io

from condyle.study import Finding, Reading, Review

COLUMNS = (
    "study_id", "patient_id", "finding", "level", "side", "score", "grade", "probabilities", "value", "unit",
    "decision", "package", "package_version", "compartment", "threshold", "reason", "review", "reviewed_by", "original_decision",
    "original_score", "original_grade", "original_value", "note",
)  # fmt: skip


def export(reading: Reading) -> dict[str, bytes]:
    """The exporter: UTF-8, comma, header row, line feed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(finding_rows(reading))
    return {"findings.csv": text.getvalue().encode("utf-8")}


def finding_rows(reading: Reading) -> list[dict[str, str]]:
    """One row of text a finding, in the order of the reading; an empty cell means "not given"."""
    reviews = {(review.original.finding, review.original.site): review for review in reading.reviews}
    return [
        {
            "study_id": reading.study_key,
            "patient_id": reading.patient_key,
            **_cells(finding),
            "package": reading.package.name,
            "package_version": reading.package.version,
            **_review_cells(reviews.get((finding.finding, finding.site))),
        }
        for finding in reading.findings
    ]


def _review_cells(review: Review | None) -> dict[str, str]:
    """What the package had said, for a finding that a person reviewed."""
    if review is None:
        return dict.fromkeys(("review", "reviewed_by", "original_decision", "original_score", "original_grade", "original_value"), "")
    original = _cells(review.original)
    return {
        "review": review.action,
        "reviewed_by": _text(review.by),
        **{f"original_{name}": original[name] for name in ("decision", "score", "grade", "value")},
    }


def _cells(finding: Finding) -> dict[str, str]:
    return {
        "finding": finding.finding,
        "level": finding.site.level,
        "side": finding.site.side,
        "compartment": finding.site.compartment,
        "score": _number(finding.score),
        "grade": "" if finding.grade is None else str(finding.grade),
        "probabilities": ";".join(_number(p) for p in finding.probabilities),
        "value": _text(finding.value) if isinstance(finding.value, str) else _number(finding.value),
        "unit": finding.unit,
        "decision": finding.decision,
        "threshold": _number(finding.threshold),
        "reason": _text(finding.reason),
        "note": _text(finding.note),
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{float(value):.6g}"


def _text(value: str) -> str:
    """Free text that a spreadsheet must not take for a formula (OWASP, CSV injection)."""
    return "'" + value if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
