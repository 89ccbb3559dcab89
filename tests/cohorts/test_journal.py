"""The journal: nothing lost, nothing mixed."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.cohorts.journal import journal
from condyle.errors import ResourceError, UsageError

JOB = {"package_sha256": "a", "manifest_sha256": "b"}


@given(cut=st.integers(0, 400))
def test_cut_anywhere_it_keeps_every_whole_entry(cut, tmp_path_factory):
    """kill -9 leaves any prefix of the file."""
    path = tmp_path_factory.mktemp("j") / "j"
    with journal(path, JOB) as done:
        for number in range(4):
            done.add(f"s{number}", {"findings": [{"score": "0.5"}] * number})
    data = path.read_bytes()
    path.write_bytes(data[:cut])
    whole = max(0, data[:cut].count(b"\n") - 1)
    with journal(path, JOB) as done:
        assert list(done.entries) == [f"s{number}" for number in range(4)][:whole]
        done.add("again", {"findings": []})
    with journal(path, JOB) as done:
        assert list(done.entries)[-1] == "again"
        assert len(done.entries) == whole + 1


def test_another_job_is_refused_and_named(tmp_path):
    with journal(tmp_path / "j", JOB):
        pass
    with pytest.raises(UsageError, match="manifest sha256"), journal(tmp_path / "j", {**JOB, "manifest_sha256": "c"}):
        pass


def test_a_second_process_is_refused(tmp_path):
    with journal(tmp_path / "j", JOB), pytest.raises(UsageError, match="Another process"), journal(tmp_path / "j", JOB):
        pass


NO_JOURNAL = [
    "no json\n", "[]\n", '{"journal":1}\n[]\n', "1\n", '{"other":1}\n', '{"journal":1}\n{"no":1}\n', "[" * 9999 + "\n",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_JOURNAL)
def test_what_is_no_journal_is_refused_and_kept(tmp_path, text):
    path = tmp_path / "j"
    path.write_text(text)
    with pytest.raises(UsageError), journal(path, JOB):
        pass
    assert path.read_text() == text


def test_a_full_disk_is_a_resource_error_and_what_is_done_stays(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    with journal(tmp_path / "j", JOB) as done:
        done.add("s1", {"findings": []})
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ResourceError):
            done.add("s2", {"findings": []})
        monkeypatch.undo()
    with journal(tmp_path / "j", JOB) as done:
        assert "s1" in done.entries


def test_folders_on_the_way_are_made(tmp_path):
    with journal(tmp_path / "a" / "b" / "p.journal", {"package": "x"}) as done:
        done.add("s1", {})
    assert (tmp_path / "a" / "b" / "p.journal").is_file()
