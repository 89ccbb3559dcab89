"""Progress: silent when the work is short, a line with the time left when it is long and nobody watches a terminal."""

from __future__ import annotations

import pytest

from condyle.cli import progress
from condyle.cli.screen import Screen


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(json=False, quiet=False).progress("Reading", 3) as bar:
        for _ in range(3):
            bar.advance()
    assert capsys.readouterr().err == ""


def test_long_work_says_how_long(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE_S", 0.0)
    monkeypatch.setattr(progress, "PLAIN_EVERY_S", 0.0)
    with Screen(json=False, quiet=False).progress("Reading", 4) as bar:
        bar.advance()
        bar.update(2)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Reading: 1 of 4", "Reading: 2 of 4"]
    assert all(line.endswith("left") for line in lines)


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE_S", 0.0)
    with Screen(json=False, quiet=True).progress("Reading", 4) as bar:
        bar.advance()
    assert capsys.readouterr().err == ""
