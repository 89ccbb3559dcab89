"""``condyle read``: what it says of files that it could not use, and what it holds in memory of many studies."""

from __future__ import annotations

import json
import weakref
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from condyle.cli.app import run
from condyle.cli.documents import documents
from condyle.cli.read import _chosen, _read_several
from condyle.cli.screen import Screen
from condyle.errors import InputError
from condyle.intake import Opened, load_volumes
from condyle.report import write_report
from condyle.study import Reading, Study
from condyle.testing.readings import lumbar_reading
from tests.intake.writing import write_series


class Reader:
    """Gives readings with a picture each, or fails in the middle of work with one; both must be gone at the next call."""

    def __init__(self) -> None:
        self.pictures: list[weakref.ref[Any]] = []

    def read(self, study: Study, *, maps: bool = True) -> Reading:
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


class Decoder:
    """A reader that decodes every series, as all do, and finds what it always finds."""

    def read(self, study: Study, *, maps: bool = True) -> Reading:
        study, _ = load_volumes(study)
        return replace(lumbar_reading(), study_key=study.study_key, problems=study.all_problems(), unused=study.unused)


Told = tuple[int, dict[str, Any], str]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Told]:
    """Read a path: exit code, the document of --json, what the screen says."""
    monkeypatch.setattr("condyle.readers.load_package", lambda *_, **__: Decoder())

    def read(path: Path, *more: str) -> Told:
        capsys.readouterr()
        code = run(["read", str(path), "-o", str(tmp_path / "report"), "--format", "csv", "--json", *more])
        said = capsys.readouterr()
        return code, json.loads(said.out), said.err

    return read


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Six slices on disk."""
    write_series(tmp_path / "in", np.random.default_rng(1).integers(0, 900, (6, 8, 10)).astype(np.int16))
    return tmp_path / "in"


def cut_a_file(study: Path) -> None:
    (study / "0003.dcm").write_bytes((study / "0003.dcm").read_bytes()[:-9])


def spoil_the_pixels(study: Path) -> None:
    """A fault that only decoding brings to light."""
    import pydicom
    from pydicom.uid import JPEG2000Lossless

    for path in study.iterdir():
        one = pydicom.dcmread(path)
        one.Rows = one.Columns = 64
        one.PixelData = np.random.default_rng(2).integers(0, 900, (64, 64)).astype(np.int16).tobytes()
        one.compress(JPEG2000Lossless, generate_instance_uid=False)
        one.save_as(path, enforce_file_format=True)
    data = bytearray(path.read_bytes())
    place = data.index(b"\xff\x4f\xff\x51")
    data[place + 60 : place + 90] = bytes(30)
    path.write_bytes(data)


def add_an_archive_in_an_archive(study: Path) -> None:
    with zipfile.ZipFile(study / "inner.zip", "w") as archive:
        archive.writestr("IM0", b"")
    with zipfile.ZipFile(study / "outer.zip", "w") as archive:
        archive.write(study / "inner.zip", "inner.zip")
    (study / "inner.zip").unlink()


@pytest.mark.parametrize(("fault", "code"), [
    (cut_a_file, "file-damaged"), (spoil_the_pixels, "pixels-damaged"), (add_an_archive_in_an_archive, "zip-nested"),
])  # fmt: skip
def test_a_file_that_could_not_be_used_is_said_listed_and_counted(
    told: Callable[..., Told], study: Path, fault: Callable[[Path], None], code: str
) -> None:
    assert told(study)[0] == 0
    fault(study)
    exit_code, document, screen = told(study)
    assert exit_code == document["exit_code"] == 1
    (row,) = document["studies"]
    (problem,) = [problem for problem in row["problems"] if problem["severity"] == "error"]
    assert problem["code"] == code
    assert f"error: {problem['what']} ({problem['where']})" in screen
    if code != "pixels-damaged":  # its file is used, for its header: the series is not
        assert problem["where"] in {entry["where"] for entry in row["unused"]}
        assert "1 file was not used" in screen


def test_a_plan_says_the_same(told: Callable[..., Told], study: Path) -> None:
    cut_a_file(study)
    (study / "notes.txt").write_text("no image")
    exit_code, document, screen = told(study, "--dry-run")
    assert exit_code == 1
    (row,) = document["studies"]
    assert [problem["code"] for problem in row["problems"]] == ["file-damaged"]
    assert {entry["where"] for entry in row["unused"]} == {"0003.dcm", "notes.txt"}
    assert "error: An MR object cannot be used. (0003.dcm)" in screen
    assert "2 files were not used" in screen


def test_warnings_are_said_and_are_no_fault(told: Callable[..., Told], study: Path) -> None:
    def another(one: Any, _k: int) -> None:
        one.PatientName = "Somebody^Else"

    noise = np.random.default_rng(4).integers(0, 900, (6, 8, 10)).astype(np.int16)
    write_series(study / "b", noise, origin=(-24, 0, 0), numbers=range(7, 13), change=another)
    exit_code, document, screen = told(study)
    assert exit_code == 0
    assert [[problem["code"] for problem in row["problems"]] for row in document["studies"]] == [["two-patients"]] * 2
    assert screen.count("warning: Objects of different patients") == 1


def test_a_time_course_is_whole_and_no_fault(told: Callable[..., Told], study: Path) -> None:
    """Diffusion and perfusion series are part of many studies; no reader takes them."""

    def later(one: Any, k: int) -> None:
        one.TemporalPositionIdentifier = k // 6
        one.ImagePositionPatient = [-4.0 * (k % 6), 0, 0]

    write_series(study / "b", np.random.default_rng(4).integers(0, 900, (180, 8, 10)).astype(np.int16), series="2", change=later)
    exit_code, document, screen = told(study)
    assert [problem["code"] for series in document["studies"] for problem in series["problems"]] == ["series-mixed"]
    assert "error: The 180 images of one series" in screen
    assert exit_code == 0


def test_a_plan_of_a_stored_reading_writes_nothing(told: Callable[..., Told], tmp_path: Path) -> None:
    (stored,) = write_report(lumbar_reading(), tmp_path / "stored", ("json",))
    before = sorted(tmp_path.rglob("*"))
    exit_code, document, _ = told(stored, "--dry-run")
    assert exit_code == 0
    assert [row["study_key"] for row in document["studies"]] == [lumbar_reading().study_key]
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_found_is_told_from_what_was_opened(study: Path) -> None:
    """Not by opening the path once more: without what the user said of it, that may succeed."""
    with pytest.raises(InputError) as caught:
        _chosen(Opened((), (), (("x.png", "its spacing makes no sense"),)), "", study)
    assert "Its spacing makes no sense" in caught.value.why


@pytest.mark.parametrize("spacing", ["0,0,0", "-1,1,1", "nan,1,1"])
def test_a_spacing_that_is_none_is_wrong_usage(told: Callable[..., Told], study: Path, spacing: str) -> None:
    exit_code, document, _ = told(study, "--given", f"spacing={spacing}", "--dry-run")
    assert (exit_code, document["error"]["code"]) == (2, "given-spacing")
