"""Every format from one simulated DICOM study through the command, judged by independent programs."""

from __future__ import annotations

import json
from pathlib import Path

import pydicom
import pytest

from tests.command import Ran, condyle
from tests.report.dicom_tools import complaints, run

FORMATS = "html,json,csv,text,pdf,dicom-sr,dicom-seg,dicom-sc"


@pytest.fixture(scope="module")
def written(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    out = tmp_path_factory.mktemp("formats") / "report"
    return condyle("read", simulated, "-o", out, "--format", FORMATS), out


def test_every_format_is_written(written: tuple[Ran, Path]) -> None:
    ran, out = written
    assert ran.code == 0, ran.err
    names = {path.name for path in out.iterdir()}
    assert {"report.html", "reading.json", "findings.csv", "report.txt", "report.pdf", "report-sr.dcm"} <= names
    assert len([name for name in names if name.startswith("outlines-")]) == 2
    assert len([name for name in names if name.startswith("key-")]) == 2


def test_the_dicom_objects_are_valid_and_belong_to_the_source(written: tuple[Ran, Path], simulated: Path) -> None:
    source = pydicom.dcmread(next(simulated.rglob("*.dcm")))
    objects = sorted(written[1].glob("*.dcm"))
    for path in objects:
        assert complaints(path) == [], path.name
        assert pydicom.dcmread(path).StudyInstanceUID == source.StudyInstanceUID
    said = run("dcentvfy", *objects, *list(simulated.rglob("*.dcm"))[:2], package="apt-get install dicom3tools")
    assert [line for line in said.splitlines() if "Error" in line] == []


def test_the_structured_report_says_what_reading_json_says(written: tuple[Ran, Path]) -> None:
    findings = json.loads((written[1] / "reading.json").read_text())["findings"]
    text = run("dsrdump", "+Pl", written[1] / "report-sr.dcm", package="apt-get install dcmtk")
    assert text.count("Measurement Group") == len(findings)
    assert text.count('SCT,"Present"') == sum(one["decision"] == "present" and one["kind"] == "binary" for one in findings)


def test_other_documents_name_nobody(written: tuple[Ran, Path], simulated: Path) -> None:
    source = pydicom.dcmread(next(simulated.rglob("*.dcm")))
    for path in written[1].iterdir():
        if path.suffix != ".dcm":
            assert str(source.PatientID).encode() not in path.read_bytes(), path.name
