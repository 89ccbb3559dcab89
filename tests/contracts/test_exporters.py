"""Every exporter that is installed keeps the contract; and the battery notices exporters that do not."""

from __future__ import annotations

import itertools

import pytest

from condyle import registry
from condyle.registry import plugins
from condyle.report import findings_csv, html_page
from condyle.report.write import options_of
from condyle.testing import dicom_exporters as dicom_battery
from condyle.testing import exporters as battery

OURS = {"csv", "dicom-sc", "dicom-seg", "dicom-sr", "html", "json", "pdf", "text"}


@pytest.fixture(scope="module")
def sourced(tmp_path_factory):
    return dicom_battery.sourced(tmp_path_factory.mktemp("sourced"))


@pytest.mark.parametrize("contract", battery.CHECKS, ids=lambda contract: contract.__name__)
@pytest.mark.parametrize("name", [name for name in plugins("exporters") if "source" not in options_of(name)])
def test_exporter(name, contract):
    contract(name)


@pytest.mark.parametrize("contract", dicom_battery.CHECKS, ids=lambda contract: contract.__name__)
@pytest.mark.parametrize("name", [name for name in plugins("exporters") if "source" in options_of(name)])
def test_exporter_of_dicom_objects(name, contract, sourced):
    contract(name, sourced)


def test_our_exporters_are_installed():
    """A line added to pyproject.toml is invisible until the package is installed again."""
    assert set(plugins("exporters")) >= OURS


def _table(reading, *, skip=lambda row: False, **changed):
    rows = [row | changed for row in findings_csv.finding_rows(reading) if not skip(row)]
    text = "\n".join([",".join(findings_csv.COLUMNS), *(",".join(f'"{row[name]}"' for name in findings_csv.COLUMNS) for row in rows)])
    return {"bad.csv": text.encode()}


_count = itertools.count()

BROKEN = {
    "equal_input_gives_equal_bytes": lambda reading: {"bad.csv": f"a\n{next(_count)}\n".encode()},
    "files_have_plain_names": lambda reading: {"../bad.csv": b"a\n"},
    "every_finding_appears": lambda reading: _table(reading, skip=lambda row: row["finding"] == "bulging"),
    "notes_stand_beside_their_values": lambda reading: _table(reading, note=""),
    "every_finding_matters": lambda reading: _table(reading, skip=lambda row: row["decision"] == "absent"),
    "not_assessed_is_visible": lambda reading: _table(reading, reason=""),
    "uncertain_is_told_from_present_and_absent": lambda reading: _table(reading, decision="present"),
    "no_patient_data_appears": lambda reading: {"bad.csv": str(reading.series[0].headers).encode()},
    "whose_study_and_which_package_is_said": lambda reading: _table(reading, study_id="x"),
    "files_are_valid": lambda reading: {
        "bad.html": html_page.export(reading)["report.html"].replace(b"</main>", b"<script>alert(1)</script></main>")
    },
}


@pytest.mark.parametrize("contract", battery.CHECKS, ids=lambda contract: contract.__name__)
def test_the_battery_notices_a_broken_exporter(monkeypatch, contract):
    monkeypatch.setattr(registry, "get", lambda kind, name: BROKEN[contract.__name__])
    with pytest.raises(AssertionError):
        contract("bad")


def test_the_same_table_unbroken_passes_the_battery(monkeypatch):
    monkeypatch.setattr(registry, "get", lambda kind, name: _table)
    for contract in battery.CHECKS:
        contract("good")
