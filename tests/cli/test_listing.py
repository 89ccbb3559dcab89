"""Lists and single things."""

from __future__ import annotations

import json

import pytest

from condyle.anatomy import JOINTS
from condyle.cli.app import run
from condyle.cli.listing import Kind, rows
from condyle.cli.things import things_named


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_can_be_listed_for_machines(kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", kind.value, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 0
    assert isinstance(document[kind.value], list)


def test_numbers_and_lists_stay_what_they_are_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "joints", "--json"]) == 0
    lumbar = next(row for row in json.loads(capsys.readouterr().out)["joints"] if row["name"] == "lumbar")
    assert lumbar["findings"] == len(JOINTS["lumbar"].findings)
    assert lumbar["sites"] == list(JOINTS["lumbar"].levels)
    assert run(["list", "joints"]) == 0
    assert ", ".join(JOINTS["lumbar"].levels) in capsys.readouterr().out


@pytest.mark.parametrize("kind", list(Kind))
def test_whatever_is_listed_can_be_shown(kind: Kind) -> None:
    for row in rows(kind.value):
        assert things_named(row.get("name") or row["code"]), row


def test_findings_are_those_of_the_catalogue() -> None:
    assert [row["name"] for row in rows("findings")] == [one.name for joint in JOINTS.values() for one in joint.findings]


def test_the_plugins_that_every_reading_needs_are_there() -> None:
    assert {"html", "json", "csv"} <= {row["name"] for row in rows("exporters")}
    assert {"lumbar"} <= {row["name"] for row in rows("packages")}


def test_a_scale_is_shown_with_its_steps_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "pfirrmann"]) == 0
    text = capsys.readouterr().out
    assert "5: black and collapsed" in text
    assert "Spine 2001" in text


def test_an_unknown_name_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "no-such-thing"]) == 2
    assert "unknown-thing" in capsys.readouterr().err
    assert run(["show", "phirrmann"]) == 2
    assert "Did you mean 'pfirrmann'?" in capsys.readouterr().err


def test_a_plugin_is_shown_as_one_of_its_kind() -> None:
    assert [thing.kind for thing in things_named("lumbar")] == ["joint", "package", "recipe", "family"]
