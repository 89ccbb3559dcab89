"""The structured report: valid for dciodvfy, read by dcmtk and by dcmqi, every finding in it as the reading says it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from condyle.report.corrections import WITHDRAWN
from condyle.report.dicom_objects import level_code, own_code
from condyle.report.dicom_sr import export
from condyle.report.statements import catalogue, entry_of
from condyle.study import Review, Site
from tests.report.dicom_tools import complaints, run

LUMBAR = catalogue("lumbar")


@pytest.fixture(scope="module")
def corrected(sourced):
    """The reading after a reader rejected one finding."""
    place, finding = next((n, one) for n, one in enumerate(sourced.reading.findings) if one.decision == "present" and one.kind == "binary")
    gone = replace(finding, decision="not_assessed", score=None, reason=WITHDRAWN)
    findings = (*sourced.reading.findings[:place], gone, *sourced.reading.findings[place + 1 :])
    return replace(sourced.reading, findings=findings, reviews=(Review("rejected", finding, "AB", "2026-11-22T06:00:00Z"),))


@pytest.fixture(scope="module")
def file(sourced, corrected, tmp_path_factory):
    path = tmp_path_factory.mktemp("sr") / "report-sr.dcm"
    path.write_bytes(export(corrected, source=sourced.study)["report-sr.dcm"])
    return path


def test_dciodvfy_finds_no_fault(file):
    assert complaints(file) == []


def test_dcmtk_reads_every_finding_with_site_and_value(file, corrected):
    text = run("dsrdump", "+Pl", file, package="apt-get install dcmtk")
    assert text.count("Measurement Group") == len(corrected.findings)
    for finding in corrected.findings:
        assert entry_of(finding.finding, LUMBAR, finding.kind).title in text
        assert finding.reason in text
        if isinstance(finding.value, float):
            assert f'"{finding.value}" (mm,UCUM' in text
    assert "Rejected by AB on 2026-11-22; the package said: present" in text
    assert "UNVERIFIED" in text


def test_dcmqi_reads_the_same_findings(file, corrected, tmp_path):
    run("tid1500reader", "--inputDICOM", file, "--outputMetadata", tmp_path / "sr.json", package="pip install dcmqi")
    groups = json.loads((tmp_path / "sr.json").read_text())["Measurements"]
    assert len(groups) == len(corrected.findings)
    for group, finding in zip(groups, corrected.findings, strict=True):
        assert group["FindingSite"]["CodeMeaning"] == f"Level of {finding.site.level.replace('-', '/')} intervertebral disc"
        value = group["qualitativeEvaluations"][0]["conceptValue"]["CodeMeaning"]
        if finding.decision == "not_assessed":
            assert value == "Not assessed"
        elif finding.kind == "ordinal":
            assert value == f"Grade {finding.grade}"
        elif finding.kind == "binary":
            assert value.lower() == finding.decision
        numbers = [float(item["value"]) for item in group["measurementItems"]]
        assert numbers == [pytest.approx(one) for one in (finding.value, finding.score) if isinstance(one, float)]


def test_levels_have_codes_of_the_standard_and_uncertain_ones_our_own():
    from pydicom.sr._concepts_dict import concepts

    known = {value: meaning for codes in concepts["SCT"].values() for value, (meaning, _) in codes.items()}
    for level in LUMBAR.levels:
        code = level_code(Site(level))
        assert known[code.value] == code.meaning
    assert level_code(Site("L5-L6")).scheme_designator == "99CONDYLE"
    assert level_code(Site()) is None


def test_our_codes_are_short_and_distinct():
    names = [entry.name for entry in LUMBAR.findings]
    codes = {own_code(name, name).value for name in names}
    assert len(codes) == len(names)
    assert max(map(len, codes)) <= 16
