"""The shipped knee reader on a simulated knee with a torn ACL: what the page says first."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from tests.command import condyle


@pytest.fixture(scope="module")
def knee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("knee")
    ran = condyle(
        "simulate", "knee", base / "cohort", "--studies", 1, "--seed", 777, "--matrix", 160, "--slices", 12, "--findings",
        "acl_injury=0.9", "--series", "pd_fs_sag,pd_fs_cor,pd_fs_tra",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    return next((base / "cohort").glob("knee_*"))


def test_the_page_shows_the_surest_finding_where_the_reader_looked(knee: Path, tmp_path: Path) -> None:
    ran = condyle("read", knee, "-o", tmp_path / "out", "--json", env={"CONDYLE_KEY_FILE": str(tmp_path / "key")})
    assert ran.code == 0, ran.err
    reading = json.loads((tmp_path / "out" / "reading.json").read_text())
    findings = {one["finding"]: one for one in reading["findings"]}
    assert findings["acl_injury"]["decision"] == "present"
    maps = [one for one in reading["evidence"] if one["kind"] == "class_map" and "acl_injury" in one["evidence_id"]]
    assert len({one["series_id"] for one in maps}) == 3, "a map in every plane"
    page = (tmp_path / "out" / "report.html").read_text()
    assert 'class="research">Trained on simulated studies only<' in page
    assert re.search(r"<h1>(Left|Right) knee MRI", page)
    assert "ACL injury: where the reader looked" in page
    each = r"in each series \(highest in \w+, in \w+ (&lt;)?\d+% and in \w+ (&lt;)?\d+% of that\)"
    assert re.search(f"highest value of ACL injury {each}", page)
    assert re.search(r"<figcaption>Sagittal, slice \d+ of 12: [^<]*ACL injury", page)


def test_a_scan_keeps_that_studies_are_simulated(knee: Path, tmp_path: Path) -> None:
    ran = condyle("data", "scan", knee, "-o", tmp_path / "manifest.csv", env={"CONDYLE_KEY_FILE": str(tmp_path / "key")})
    assert ran.code == 0, ran.err
    with (tmp_path / "manifest.csv").open() as file:
        assert {row["simulated"] for row in csv.DictReader(file)} == {"yes"}
