"""The page of a study that is told in tables: readers, trials, ensembles, subgroups, calibration, agreement."""

from __future__ import annotations

from collections.abc import Sequence

from condyle.anatomy import JOINTS
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.study_evidence import Cell, P, StudyEvidence
from condyle.report.checklists import Checklist
from condyle.report.evidence_page import finding_title, p_text, picture, value_text
from condyle.report.figures import Drawn
from condyle.report.html_page import render
from condyle.report.provenance import Provenance, plan_sentence

_FINDINGS = {entry.name for joint in JOINTS.values() for entry in joint.findings}


def study_page(
    study: StudyEvidence, provenance: Provenance, drawn: Sequence[Drawn], lists: Sequence[Checklist], lacking: Sequence[str]
) -> str:
    """evaluation.html: self-contained, no script."""
    return render(
        "study_evidence.html",
        styles=("report.css", "evidence.css"),
        evidence=study,
        sheets=[(sheet, [shown_row(row) for row in sheet.rows]) for sheet in study.sheets if sheet.rows and not sheet.long],
        figures=[picture(one, titled=True) for one in drawn],
        lists=lists,
        lacking=lacking,
        provenance=provenance,
        plan=plan_sentence(provenance),
        value=value_text,
        p_text=p_text,
        title_of=finding_title,
    )


def shown_row(row: Sequence[Cell]) -> list[str]:
    """Cells for people: findings by their titles, estimates with intervals."""
    return [_text(cell) for cell in row]


def _text(cell: Cell) -> str:
    if isinstance(cell, Estimate):
        return value_text(cell)
    if isinstance(cell, P):
        return p_text(cell)
    if isinstance(cell, float):
        return "" if cell != cell else f"{cell:.3f}" if abs(cell) >= 0.01 or not cell else f"{cell:.3g}"
    text = "" if cell is None else str(cell)
    if text == "auroc":
        return "AUROC"
    return finding_title(text) if text in _FINDINGS or ("_" in text and " " not in text) else text
