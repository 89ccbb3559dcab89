"""The plan, frozen thresholds, and the log of openings."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from condyle.cohorts.plan import log_opening, read_plan
from condyle.errors import InputError, TableError

PLAN = """
name: first
endpoints:
  - {finding: modic, metric: AUROC, at_least: 0.8}
  - {finding: bulging, comparison: aided - unaided, margin: 0.05}
multiplicity: holm
bootstrap: {n: 500, seed: 7}
thresholds: thresholds.yaml
"""


def test_a_plan_with_thresholds(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN, "utf-8")
    (tmp_path / "thresholds.yaml").write_text("modic: {threshold: 0.4, chosen_on: validation}\n", "utf-8")
    found = read_plan(tmp_path / "plan.yaml")
    assert found.sha256 == hashlib.sha256(PLAN.encode()).hexdigest()
    assert found.thresholds == {"modic": 0.4}
    assert (found.plan.bootstrap.n, found.plan.multiplicity, found.plan.endpoints[1].margin) == (500, "holm", 0.05)


def test_an_endpoint_may_be_a_column_of_times(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(
        "endpoints: [{finding: seconds, metric: time ratio, comparison: aided - unaided, margin: 0.1}]\n", "utf-8"
    )
    assert read_plan(tmp_path / "plan.yaml").plan.endpoints[0].finding == "seconds"


def test_a_threshold_chosen_on_test_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("thresholds: t.yaml\n", "utf-8")
    (tmp_path / "t.yaml").write_text(
        "modic: {threshold: 0.4, chosen_on: test}\nbulgin: {threshold: 2, chosen_on: train}\nmodic_type: 3\n", "utf-8"
    )
    with pytest.raises(TableError) as caught:
        read_plan(tmp_path / "plan.yaml")
    text = "\n".join(caught.value.problems)
    for part in (
        "modic: chosen_on must be",
        "bulgin: unknown finding. Did you mean 'bulging'?",
        "a number from 0 to 1",
        "exactly threshold and chosen_on",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("endpoint: []", "endpoint: unknown key. Did you mean 'endpoints'?"),
        ("endpoints: [{finding: modik, at_least: 0.8}]", "unknown finding 'modik'"),
        ("endpoints: [{finding: modic}]", "either at_least, at_most or comparison"),
        ("partial_areas: [{low: 0.9, high: 0.5}]", "low must be below high"),
        ("endpoints: [{finding: modic, at_least: 0.8, margin: 0.1}]", "a margin needs a comparison"),
        ("endpoints: [{finding: modic, at_least: 80}]", "endpoints.0.at_least"),
        ("endpoints: [{finding: seconds, metric: time ratio, at_most: 0.9}]", "a time ratio needs a comparison"),
        ("multiplicity: holmes", "multiplicity"),
        ("{level: 0.95, alpha: 0.1}", "level 0.95 does not belong to alpha 0.1: intervals are 1 - alpha = 0.9"),
        ("prevalences: [20]", "prevalences: 20"),
        ("- a\n- b", "a list of keys"),
        ("a: [", "not valid YAML"),
        ("name: 2026-99-99", "cannot be"),
        ("a: " + "[" * 5000, "too deeply"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "plan.yaml").write_text(text, "utf-8")
    with pytest.raises(TableError) as caught:
        read_plan(tmp_path / "plan.yaml")
    assert part in "\n".join(caught.value.problems)


def test_a_plan_is_data_not_code(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("name: !!python/object/apply:os.system ['true']\n", "utf-8")
    with pytest.raises(TableError, match="1 problem"):
        read_plan(tmp_path / "plan.yaml")


def test_every_opening_is_logged_and_counted(tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("a\n", "utf-8")
    assert log_opening(truth, "abc", command="x") == ()
    assert [one["plan_sha256"] for one in log_opening(truth, "", command="y")] == ["abc"]
    lines = [json.loads(line) for line in (tmp_path / "truth.csv.openings.jsonl").read_text("utf-8").splitlines()]
    assert [line["command"] for line in lines] == ["x", "y"]
    truth.write_text("b\n", "utf-8")
    assert log_opening(truth, "", command="z") == ()  # another truth: its own count


def test_a_damaged_log_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("a\n", "utf-8")
    log = tmp_path / "truth.csv.openings.jsonl"
    log.write_text("{broken\n", "utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        log_opening(tmp_path / "truth.csv", "", command="x")
    assert log.read_text("utf-8") == "{broken\n"


def test_unknown_findings_are_told_beside_unknown_keys(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    ends = "[{finding: modik, at_least: 0.8}, {finding: disc, metric: Dice, at_least: 0.8}]"
    plan.write_text(f"alpa: 0.1\nendpoints: {ends}\n", "utf-8")
    with pytest.raises(TableError) as caught:
        read_plan(plan)
    assert caught.value.problems == (
        "alpa: unknown key. Did you mean 'alpha'?",
        "endpoints: unknown finding 'modik'. Did you mean 'modic'?",
    )
