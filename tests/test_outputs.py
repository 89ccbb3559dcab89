"""A folder is whole or absent."""

from __future__ import annotations

import errno
import subprocess

import pytest

from condyle.errors import ResourceError, UsageError
from condyle.outputs import SUMS, write_through, written_aside


def fill(out, content=b"one"):
    with written_aside(out) as folder:
        write_through(folder / "a.txt", content)


def test_it_appears_whole_with_digests_that_verify(tmp_path):
    fill(tmp_path / "deep" / "out")
    assert sorted(path.name for path in (tmp_path / "deep" / "out").iterdir()) == [SUMS, "a.txt"]
    assert subprocess.run(["sha256sum", "-c", "--strict", SUMS], cwd=tmp_path / "deep" / "out", capture_output=True).returncode == 0


def test_nothing_is_there_before_the_end_nor_after_an_error(tmp_path):
    def fail():
        with written_aside(tmp_path / "out") as folder:
            write_through(folder / "a.txt", b"one")
            assert not (tmp_path / "out").exists()
            raise RuntimeError("the exporter broke")

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_an_untouched_earlier_output_and_an_empty_folder_are_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    fill(tmp_path / "out", b"one")
    fill(tmp_path / "out", b"two")
    assert (tmp_path / "out" / "a.txt").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda out: (out / "corrections.json").write_text("{}"), "corrections.json was added"),
        (lambda out: (out / "a.txt").write_text("edited"), "a.txt was changed"),
        (lambda out: (out / "link").symlink_to("/etc/hostname"), "link was added"),
        (lambda out: (out / SUMS).unlink(), "did not write"),
    ],
)
def test_what_a_person_added_or_changed_is_never_lost(tmp_path, spoil, told):
    fill(tmp_path / "out")
    spoil(tmp_path / "out")
    before = sorted(path.name for path in (tmp_path / "out").iterdir())
    with pytest.raises(UsageError) as error:
        fill(tmp_path / "out", b"two")
    assert told in error.value.where
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == before


def test_a_folder_with_foreign_checksums_is_not_ours(tmp_path):
    (tmp_path / SUMS).write_text("abc  data.bin\n")
    (tmp_path / "data.bin").write_bytes(b"precious")
    with pytest.raises(UsageError):
        fill(tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == b"precious"


def test_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError, match="exists"):
        fill(tmp_path / "out")


def test_a_parent_that_is_a_file_is_a_wrong_path_not_a_full_disk(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as error:
        fill(tmp_path / "file" / "out")
    assert error.value.code == "output-not-writable"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_leaves_the_earlier_output_as_it_was(tmp_path, monkeypatch, number):
    fill(tmp_path / "out", b"one")

    def full(_):
        raise OSError(number, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ResourceError) as error:
        fill(tmp_path / "out", b"two")
    assert error.value.exit_code == 5
    assert (tmp_path / "out" / "a.txt").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_full_disk_is_told_behind_the_error_of_another_library(tmp_path):
    def write():
        with written_aside(tmp_path / "out"):
            try:
                raise OSError(errno.EFBIG, "File too large")
            except OSError as error:
                raise OSError("with tag (7FE0,0010) got exception") from error

    with pytest.raises(ResourceError, match="File too large"):
        write()


def test_a_rename_that_fails_brings_the_earlier_output_back(tmp_path, monkeypatch):
    from pathlib import Path

    fill(tmp_path / "out", b"one")
    rename = Path.rename

    def failing(self, target):
        if "partial" in self.name:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(ResourceError):
        fill(tmp_path / "out", b"two")
    assert (tmp_path / "out" / "a.txt").read_bytes() == b"one"
