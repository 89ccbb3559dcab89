"""The index of several studies: links, and the reasons of those that were not read."""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace

import pytest

from condyle.errors import CondyleError, InputError, ResourceError
from condyle.report import index_row, write_index
from condyle.report.index_page import IndexRow, index_page
from condyle.testing.readings import HOSTILE


@dataclass(frozen=True)
class Done:
    study_key: str
    row: IndexRow | None = None
    error: CondyleError | None = None


@pytest.fixture
def outcomes(lumbar, knee):
    bad = InputError(
        "one-slice", "The study has one slice only.", where=f"series {HOSTILE}", why="A volume needs three.", what_to_do="Send it whole."
    )
    return [
        Done("aaaa", index_row(replace(lumbar, study_key="aaaa"), ("aaaa/findings.csv", "aaaa/report.html"))),
        Done("bbbb", error=bad),
        Done("cccc", index_row(replace(knee, study_key="cccc"), ("cccc/reading.json",))),
    ]


def test_each_study_is_there_with_its_link_or_its_four_reasons(outcomes, tmp_path):
    text = write_index(outcomes, tmp_path).read_text()
    assert '<a href="aaaa/report.html">aaaa</a>' in text
    assert '<a href="cccc/reading.json">cccc</a>' in text
    assert "Abnormal: L4-L5 and L5-S1" in text
    assert "2 of 3 studies read" in text
    for part in ("bbbb", "one slice only", "series &lt;script&gt;", "A volume needs three.", "Send it whole."):
        assert part in text
    assert "<script" not in text
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_all_failed_and_none_at_all_are_pages_too(outcomes):
    assert "0 of 1 studies read" in index_page(outcomes[1:2])
    assert "0 of 0 studies read" in index_page([])


def test_a_full_disk_keeps_the_earlier_page(outcomes, tmp_path, monkeypatch):
    write_index(outcomes[:1], tmp_path)
    before = (tmp_path / "index.html").read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ResourceError):
        write_index(outcomes, tmp_path)
    assert (tmp_path / "index.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
