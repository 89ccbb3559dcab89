"""``condyle read`` with corrections, an earlier reading, a language: what is put in, what is refused before any work."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from condyle.report import load_reading
from condyle.report.reading_json import to_bytes, to_document
from condyle.testing.readings import lumbar_reading
from tests.command import condyle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reading, an earlier one of the same patient, and one of another."""
    place = tmp_path_factory.mktemp("readings")
    now = replace(lumbar_reading(), flags=())
    readings = {
        "now": now, "earlier": replace(now, study_key="eeeeeeeeeeeeeeee"),
        "other": replace(now, study_key="ffffffffffffffff", patient_key="ffffffffffffffff"),
    }  # fmt: skip
    for name, reading in readings.items():
        (place / f"{name}.json").write_bytes(to_bytes(to_document(reading)))
    return place


def test_documents_are_made_from_a_stored_reading_and_an_earlier_one(folder: Path, tmp_path: Path) -> None:
    options = ("--prior", folder / "earlier.json", "--format", "json,text", "--language", "de")
    ran = condyle("read", folder / "now.json", *options, "-o", tmp_path / "out", "--json")
    assert ran.code == 0, ran.err
    assert ran.document["studies"][0]["status"] == "rendered"
    comparison = load_reading(tmp_path / "out" / "reading.json").comparison
    assert comparison is not None
    assert comparison.study_key == "eeeeeeeeeeeeeeee"
    assert "VERGLEICH" in (tmp_path / "out" / "report.txt").read_text()


@pytest.mark.parametrize(
    ("options", "code", "exit_code"),
    [
        (("--prior", "other.json"), "prior-other-patient", 3),
        (("--prior", "none.json"), "reading-unreadable", 3),
        (("--corrections", "now.json"), "corrections-version", 3),
        (("--format", "dicom-sr"), "dicom-source-needed", 3),
        (("--format", "text", "--language", "xx"), "unknown-language", 2),
        (("--format", "text", "--phrases", "now.json"), "phrases-invalid", 3),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(folder: Path, tmp_path: Path, options, code, exit_code) -> None:
    ran = condyle("read", "now.json", *options, "-o", tmp_path / "out", "--json", cwd=folder)
    assert ran.code == exit_code
    assert json.loads(ran.out)["error"]["code"] == code
    assert not (tmp_path / "out").exists()
