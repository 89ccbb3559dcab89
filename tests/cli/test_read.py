"""``condyle read`` of many studies: what it holds in memory does not grow with their number."""

from __future__ import annotations

import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from condyle.cli.documents import documents
from condyle.cli.read import _read_several
from condyle.cli.screen import Screen
from condyle.errors import InputError
from condyle.study import Reading, Study
from condyle.testing.readings import lumbar_reading


class Reader:
    """Gives readings with a picture each, or fails in the middle of work with one; both must be gone at the next call."""

    def __init__(self) -> None:
        self.pictures: list[weakref.ref[Any]] = []

    def read(self, study: Study) -> Reading:
        assert all(picture() is None for picture in self.pictures), "an earlier reading is still held"
        volume = np.zeros((64, 64), np.float32)
        self.pictures.append(weakref.ref(volume))
        if study.study_key.endswith("3"):
            self.fail(volume)
        reading = lumbar_reading()
        evidence = replace(reading.evidence[0], kind="class_map", image=volume)
        return replace(reading, study_key=study.study_key, evidence=(evidence, *reading.evidence[1:]))

    def fail(self, volume: Any) -> None:
        try:
            np.linalg.cholesky(-np.eye(2) + volume[:2, :2])
        except np.linalg.LinAlgError as error:
            raise InputError("no-spine", "There is no spine.", why="The picture is empty.") from error


@pytest.mark.filterwarnings("error")
def test_each_reading_is_gone_before_the_next_study_is_read(tmp_path: Path) -> None:
    studies = tuple(Study(f"{number:016d}", "p", ()) for number in range(6))
    reader = Reader()
    outcomes = _read_several(Screen(json=False, quiet=True), studies, reader, tmp_path / "out", documents(("csv",), None, None, "en", None))
    assert len(reader.pictures) == 6
    assert [bool(outcome.error) for outcome in outcomes] == [False, False, False, True, False, False]
    page = (tmp_path / "out" / "index.html").read_text()
    assert all(study.study_key in page for study in studies)
    assert "5 of 6 studies read" in page


def test_a_study_that_is_there_twice_never_overwrites_the_other(tmp_path: Path) -> None:
    """Two files with the same content have the same key, so the same folder."""
    studies = tuple(Study(key, "p", ()) for key in ("0" * 16, "1" * 16, "0" * 16))
    wanted = documents(("csv",), None, None, "en", None)
    outcomes = _read_several(Screen(json=False, quiet=True), studies, Reader(), tmp_path / "out", wanted)
    assert [outcome.error.code if outcome.error else "" for outcome in outcomes] == ["", "", "study-repeated"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == ["0" * 16, "1" * 16]
