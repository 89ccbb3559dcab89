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


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_steps_of_an_earlier_run_took_no_time_today(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 10.0, 10.0, 20.0, 20.0, 20.0, 20.0]).__next__
    monkeypatch.setattr(progress.time, "monotonic", clock)
    monkeypatch.setattr(progress, "PLAIN_EVERY_S", 0.0)
    with Screen(json=False, quiet=False).progress("Reading") as bar:
        bar.update(90, 100)  # at 10 s
        bar.update(91, 100)  # at 20 s: ten seconds a step, nine to go
    assert lines_of(capsys) == ["Reading: 90 of 100", "Reading: 91 of 100, 90 s left"]


def test_another_piece_of_work_begins_its_own_count(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE_S", 0.0)
    monkeypatch.setattr(progress, "PLAIN_EVERY_S", 0.0)
    with Screen(json=False, quiet=False).progress("Training") as bar:
        bar.update(5, 10, what="segmenter")
        bar.update(1, 4, what="heads")
        bar.update(2, 4, what="heads")
    said = lines_of(capsys)
    assert said[:2] == ["segmenter: 5 of 10", "heads: 1 of 4"]
    assert said[2].startswith("heads: 2 of 4, ")


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE_S", 0.0)
    with Screen(json=False, quiet=True).progress("Reading", 4) as bar:
        bar.advance()
    assert capsys.readouterr().err == ""
