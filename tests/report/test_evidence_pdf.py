"""The evidence on paper: the notes of the page, headings with what they head; files of figures that stand alone."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from condyle.evaluate.estimate import Estimate
from condyle.evaluate.evidence import Evidence
from condyle.evaluate.figures import Chart, Series
from condyle.evaluate.standalone import Line, Settings
from condyle.evaluate.study_evidence import Sheet, StudyEvidence
from condyle.report.evidence_pdf import evidence_pdf
from condyle.report.figures import can_draw, draw, whole_title
from condyle.report.provenance import Provenance


def pages(study: StudyEvidence) -> list[str]:
    program = shutil.which("pdftotext") or pytest.skip("pdftotext is not installed (apt-get install poppler-utils)")
    content = evidence_pdf(study, Provenance({}), (), ())
    read = subprocess.run([program, "-", "-"], input=content, capture_output=True, check=True).stdout.decode()
    return [" ".join(page.split()) for page in read.split("\f") if page.strip()]


def test_paper_says_why_a_number_has_no_interval() -> None:
    why = "Every resample gives the same value; no interval."
    dice = Estimate("Dice", 1.0, n=14, clusters=14, warnings=("14 studies: both masks empty in 1 (left out).", why))
    (page,) = pages(Evidence("Segmentation", Settings(), (Line("disc", "all", "", dice),)).as_study())
    assert f"Dice: 14 studies: both masks empty in 1 (left out). Dice: {why}" in page


@pytest.mark.parametrize("sentences", range(50, 57))
def test_a_heading_stands_above_its_first_row(sentences: int) -> None:
    """Wherever on the page it falls."""
    sheet = Sheet("late", "The late table", ("Row", "Value"), [(f"row {k}.", 0.5) for k in range(12)])
    study = StudyEvidence("A study", ("One more sentence.",) * sentences, (), (sheet,), (), "Methods.", ())
    (with_heading,) = (page for page in pages(study) if "The late table" in page)
    assert "row 0." in with_heading


@pytest.mark.skipif(not can_draw(), reason="matplotlib is not installed")
def test_the_file_of_a_figure_names_its_finding_once_and_has_room_for_it() -> None:
    def chart(finding: str, title: str) -> Chart:
        line = (Series("", np.array([0.0, 1.0]), np.array([0.0, 1.0])),)
        return Chart("roc", finding, title, "x", "y", line, "", square=True)

    assert whole_title(chart("acl_injury", "ROC curve")) == "ACL injury: ROC curve"
    assert whole_title(chart("acl_injury", "Areas of ACL injury")) == "Areas of ACL injury"
    assert whole_title(chart("", "Areas")) == "Areas"
    one, two = (draw(chart(name, "ROC curve")).inches for name in ("acl_injury", "a_group_of_findings_with_a_rather_long_name"))
    assert two[0] == one[0]
    assert two[1] > one[1]
