"""Sites by findings."""

from __future__ import annotations

from dataclasses import replace

from condyle.anatomy import JOINTS
from condyle.report.table import measurements, overview
from condyle.study import Finding, Site
from condyle.testing.readings import LEVELS


def test_levels_are_rows_from_the_head_down(lumbar):
    table = overview(lumbar, JOINTS["lumbar"])
    assert [heading.text for heading, _ in table.rows] == list(reversed(LEVELS))
    assert table.columns[0].text == "Disc degeneration (Pfirrmann)"
    assert all(len(cells) == len(table.columns) for _, cells in table.rows)


def test_a_cell_says_its_finding_in_words_too(lumbar):
    table = overview(lumbar, JOINTS["lumbar"])
    cells = next(cells for heading, cells in table.rows if heading.text == "L4-L5")
    row = {column.text: cell for column, cell in zip(table.columns, cells, strict=True)}
    assert (row["Disc narrowing"].weight, row["Disc narrowing"].words) == ("abnormal", "present, probability 90%")
    assert (row["Disc degeneration (Pfirrmann)"].main, row["Disc degeneration (Pfirrmann)"].small) == ("4", "60%")
    assert row["Modic change"].words.startswith("not assessed: Modic change needs")
    assert row["Spondylolisthesis"].words == "uncertain, probability 48%"


def test_few_sites_become_columns_and_what_was_not_asked_there_stays_empty(knee):
    table = overview(knee, JOINTS["knee"])
    assert table.corner == "Finding"
    assert [column.text for column in table.columns] == ["left", "left medial", "left lateral"]
    rows = {heading.text: cells for heading, cells in table.rows}
    assert [cell.weight for cell in rows["Meniscal tear"]] == ["", "abnormal", "uncertain"]


def test_a_measurement_that_failed_says_why(lumbar):
    table = measurements(lumbar, JOINTS["lumbar"])
    rows = {heading.text: cells for heading, cells in table.rows}
    assert rows["L5-S1"][0].main == "9.5\u00a0mm"
    assert rows["T12-L1"][1].words == "not measured: a corner of the vertebra lies outside the picture"


def test_no_measurements_no_rows(knee):
    assert measurements(knee, JOINTS["knee"]).rows == ()


def test_one_reason_for_everything_is_said_once(lumbar):
    lost = [
        Finding(name, Site(level), "measurement", "not_assessed", reason="no millimetres")
        for name in ("slip", "disc_height")
        for level in LEVELS
    ]
    assert measurements(replace(lumbar, findings=tuple(lost)), JOINTS["lumbar"]).only_reason == "no millimetres"
    lost[0] = replace(lost[0], reason="another")
    assert measurements(replace(lumbar, findings=tuple(lost)), JOINTS["lumbar"]).only_reason == ""
    assert measurements(lumbar, JOINTS["lumbar"]).only_reason == ""
