"""The four studies of docs/examples run from their tables with one plan file each, and what was planted is found."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from condyle.cli.app import run
from tests.conftest import ROOT

EXAMPLES = ROOT / "docs" / "examples"
COMMANDS = dict(re.findall(r"^\| `(\w+)` \| .* \| `condyle (.*)` \|$", (EXAMPLES / "README.md").read_text("utf-8"), re.MULTILINE))


def ran(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    shutil.copytree(EXAMPLES / name, folder, dirs_exist_ok=True)
    monkeypatch.chdir(folder)
    assert run([*shlex.split(COMMANDS[name]), "--no-figures", "--quiet"]) == 0
    document: dict[str, Any] = json.loads((folder / "evidence" / "results.json").read_text("utf-8"))
    assert document["plan"]["sha256"]
    return document


def value(document: dict[str, Any], finding: str, measure: str, site: str, group: str = "") -> dict[str, Any]:
    return next(
        row for row in document["results"] if (row["finding"], row["measure"], row["site"], row["group"]) == (finding, measure, site, group)
    )


def test_the_stored_plans_are_all_run() -> None:
    assert set(COMMANDS) == {path.parent.name for path in EXAMPLES.glob("*/plan.yaml")} - {"lumbar_held_out"}


@pytest.mark.slow("evaluate")
def test_step_1_a_model_beside_ten_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ran("knee_1_model", tmp_path, monkeypatch)
    assert [one["met"] for one in found["endpoints"]] == [True, True, True]  # areas of 0.93, 0.90, 0.95 beside 0.80 and 0.88
    assert found["thresholds"]["words"].startswith("frozen file")
    frozen = yaml.safe_load((EXAMPLES / "knee_1_model" / "thresholds.yaml").read_text("utf-8"))
    assert found["thresholds"]["values"] == {finding: one["threshold"] for finding, one in frozen.items()}


def _same(found: Any, stored: Any) -> None:
    """Equal but for the last digits, which follow the number of threads of the linear algebra."""
    if isinstance(stored, dict):
        assert found.keys() == stored.keys()
        for key, value in stored.items():
            _same(found[key], value)
    elif isinstance(stored, list):
        assert len(found) == len(stored)
        for one, other in zip(found, stored, strict=True):
            _same(one, other)
    elif isinstance(stored, float):
        assert found == pytest.approx(stored, rel=1e-6, abs=1e-9)
    else:
        assert found == stored


def test_step_2_readers_without_and_with_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ran("knee_2_readers", tmp_path, monkeypatch)
    major = value(found, "macro major", "difference of auroc", "aided - unaided")
    assert major["low"] < 0.07 < major["high"]  # 0.09 of juniors and 0.05 of seniors
    assert [one["met"] for one in found["endpoints"]] == [True, True, True]  # the third: help makes reading quicker
    assert found["warnings"] == ["3 of 600 repeated reads came within 28 days."]
    stored = json.loads((EXAMPLES / "knee_2_readers" / "results.json").read_text("utf-8"))
    _same(found["results"], stored["results"])  # the pack in the documents is what these tables give today


def test_step_3_a_randomised_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ran("knee_3_trial", tmp_path, monkeypatch)
    assert [one["met"] for one in found["endpoints"]] == [True] * 4  # the last: a time
    _same(found["results"], json.loads((EXAMPLES / "knee_3_trial" / "results.json").read_text("utf-8"))["results"])
    consort = found["checklists"]["consort_ai"]
    assert consort["applies"]
    assert {item["status"] for item in consort["items"]} == {"partial", "missing"}  # a table vouches for no item as a whole


def test_eight_folds_of_three_views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ran("shoulder_views", tmp_path, monkeypatch)
    areas = {site: value(found, "bankart_lesion", "AUROC", site)["estimate"] for site in ("test", "external")}
    assert areas["external"] < areas["test"]  # a drop of 0.06 was planted
    assert found["endpoints"][0]["met"]
    assert len(found["tables"]["folds"]["rows"]) == 3 * 3
