"""A file that stands where an output shall go is never written over, and that is said before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from condyle.cli.app import run


@pytest.mark.parametrize("command", [["view"], ["data", "scan"]], ids=" ".join)
def test_an_existing_file_is_refused_before_the_input_is_looked_at(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "labels.csv").write_text("mine")
    assert run([*command, str(tmp_path / "no such study"), "-o", str(tmp_path / "labels.csv")]) == 2
    said = capsys.readouterr().err
    assert "output-exists" in said
    assert "output file" in said
    assert (tmp_path / "labels.csv").read_text() == "mine"
