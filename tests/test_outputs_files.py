"""Outputs are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from condyle.errors import UsageError
from condyle.outputs import file_aside, refuse_existing_file, write_whole, written_aside


def test_a_folder_appears_when_the_work_is_done(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with written_aside(out, sums=False) as aside:
        (aside / "a.txt").write_text("a")
        assert not out.exists()
    assert [path.name for path in out.iterdir()] == ["a.txt"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert out.stat().st_mode & 0o700 == 0o700


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_when_the_work_fails(tmp_path: Path, error: type[BaseException]) -> None:
    def work() -> None:
        with written_aside(tmp_path / "out", sums=False) as aside:
            (aside / "a.txt").write_text("a")
            raise error

    with pytest.raises(error):
        work()
    assert list(tmp_path.iterdir()) == []


def test_a_used_folder_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError), written_aside(tmp_path / "out", sums=False):
        pytest.fail("the work must not begin")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with written_aside(tmp_path / "out", sums=False) as aside:
        (aside / "a.txt").touch()
    assert (tmp_path / "out" / "a.txt").exists()


def test_a_file_replaces_the_old_one_only_when_whole(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    out.write_bytes(b"old")

    def break_off() -> None:
        with file_aside(out) as aside:
            aside.write_bytes(b"ne")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        break_off()
    assert out.read_bytes() == b"old"
    with file_aside(out) as aside:
        aside.write_bytes(b"new")
    assert out.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_a_file_that_cannot_be_read_is_not_called_an_output(tmp_path: Path) -> None:
    def work() -> None:
        with written_aside(tmp_path / "out", sums=False):
            (tmp_path / "source.txt").read_text()

    with pytest.raises(FileNotFoundError):
        work()


def test_a_named_file_that_exists_is_refused(tmp_path: Path) -> None:
    refuse_existing_file(tmp_path / "labels.csv")
    (tmp_path / "labels.csv").write_text("mine")
    with pytest.raises(UsageError, match="output file") as caught:
        refuse_existing_file(tmp_path / "labels.csv")
    assert caught.value.code == "output-exists"


def test_a_whole_file_makes_its_folders_and_says_when_it_cannot(tmp_path: Path) -> None:
    assert write_whole(tmp_path / "a" / "b" / "c.txt", b"c").read_bytes() == b"c"
    with pytest.raises(UsageError) as caught:
        write_whole(tmp_path / "a" / "b" / "c.txt" / "d.txt", b"d")
    assert caught.value.code == "output-not-writable"
    with pytest.raises(UsageError):
        write_whole(tmp_path / "a" / "b", b"a folder stands there")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["c.txt"]
