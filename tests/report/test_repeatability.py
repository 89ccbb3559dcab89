"""The limits of repeated readings: of one package each, for findings that exist, on the scale on which they are compared."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from condyle.anatomy import JOINTS
from condyle.report.repeatability import place_on_scale, repeatability
from condyle.study import Finding, PackageInfo, Site

ENTRIES = json.loads((files("condyle.report") / "repeatability.json").read_text())["packages"]


def test_each_entry_is_of_one_package_and_of_findings_that_exist():
    assert len({one["sha256"] for one in ENTRIES}) == len(ENTRIES)
    for entry in ENTRIES:
        assert entry["command"].startswith("python scripts/repeatability.py")
        for name, limit in entry["limits"].items():
            kind = JOINTS["lumbar"].finding(name).kind
            wanted = {"binary": "logit", "ordinal": "grade"}.get(kind, JOINTS["lumbar"].finding(name).unit)
            assert limit["unit"] == wanted, name
            assert limit["limit"] == max(one["limit"] for one in limit["by_source"].values())
            assert limit["pairs"] == sum(one["pairs"] for one in limit["by_source"].values())


def test_a_package_that_is_not_there_has_no_limits():
    assert repeatability(PackageInfo("lumbar", "9.9", "00" * 32, "", "")) is None


@pytest.mark.parametrize(
    ("finding", "wanted"),
    [
        (Finding("disc_height", Site("L4-L5"), "measurement", "present", value=7.5, unit="mm"), (7.5, "mm")),
        (Finding("pfirrmann", Site("L4-L5"), "ordinal", "present", grade=3, probabilities=(0.0, 0.0, 0.5, 0.5, 0.0)), (3.5, "grade")),
        (Finding("herniation", Site("L4-L5"), "binary", "absent", 0.5), (0.0, "logit")),
        (Finding("herniation", Site("L4-L5"), "binary", "absent"), None),
        (Finding("herniation", Site("L4-L5"), "binary", "not_assessed", reason="no T1"), None),
        (Finding("modic_type", Site("L4-L5"), "category", "present", value="2"), None),
    ],
)
def test_each_kind_has_its_scale(finding, wanted):
    assert place_on_scale(finding) == wanted
