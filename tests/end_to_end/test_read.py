"""``condyle read`` from end to end: one study, several, some that cannot be read."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command import Ran, condyle


@pytest.fixture(scope="module")
def two_studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two simulated studies, outside of any cohort folder."""
    base = tmp_path_factory.mktemp("two")
    ran = condyle("simulate", "lumbar", base / "cohort", "--studies", 2, "--seed", 4, env={"CONDYLE_KEY_FILE": str(base / "key")})
    assert ran.code == 0, ran.err
    return base / "cohort"


@pytest.fixture(scope="module")
def one_read(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    base = tmp_path_factory.mktemp("one")
    return condyle("read", simulated, "-o", base / "report", "--json", env={"CONDYLE_KEY_FILE": str(base / "key")}), base / "report"


def test_one_study_gives_its_documents(one_read: tuple[Ran, Path]) -> None:
    ran, out = one_read
    assert ran.code == 0, ran.err
    assert ran.document["studies"][0]["status"] == "read"
    assert {"report.html", "reading.json", "findings.csv"} <= {path.name for path in out.iterdir()}
    for file in ran.document["studies"][0]["files"]:
        assert Path(file).is_file()


def test_the_reading_names_the_five_lumbar_discs(one_read: tuple[Ran, Path]) -> None:
    reading = json.loads((one_read[1] / "reading.json").read_text())
    levels = {finding["site"]["level"] for finding in reading["findings"] if finding["finding"] == "pfirrmann" and finding["grade"]}
    assert {"L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2"} <= levels
    assert reading["package"]["name"] == "lumbar"
    assert reading["timing"]


def test_the_same_study_gives_the_same_reading(simulated: Path, one_read: tuple[Ran, Path], tmp_path: Path) -> None:
    ran = condyle("read", simulated, "-o", tmp_path / "again", "--format", "csv", env={"CONDYLE_KEY_FILE": str(one_read[1].parent / "key")})
    assert ran.code == 0, ran.err
    assert (tmp_path / "again" / "findings.csv").read_bytes() == (one_read[1] / "findings.csv").read_bytes()
    assert not (tmp_path / "again" / "report.html").exists()


def test_several_studies_get_a_folder_each_and_an_index(two_studies: Path, tmp_path: Path) -> None:
    ran = condyle("read", two_studies, "-o", tmp_path / "reports", "--json")
    assert ran.code == 0, ran.err
    keys = [one["study_key"] for one in ran.document["studies"]]
    assert len(set(keys)) == 2
    index = (tmp_path / "reports" / "index.html").read_text()
    for key in keys:
        assert (tmp_path / "reports" / key / "report.html").is_file()
        assert f"{key}/report.html" in index


def changed(studies: Path, place: Path, change: Callable[[Any], None]) -> Path:
    """The DICOM of two studies, the first of them changed."""
    from pydicom import dcmread

    files = sorted(studies.rglob("*.dcm"))
    first = dcmread(files[0], stop_before_pixels=True).StudyInstanceUID
    place.mkdir()
    for number, file in enumerate(files):
        dataset = dcmread(file)
        if dataset.StudyInstanceUID == first:
            change(dataset)
        dataset.save_as(place / f"{number:04}.dcm")
    return place


def turn_into_a_knee(dataset: Any) -> None:
    dataset.BodyPartExamined, dataset.StudyDescription = "KNEE", "MRI KNEE"
    dataset.ProtocolName, dataset.SeriesDescription = "knee", "knee sag"


def cut_the_pixels(dataset: Any) -> None:
    dataset.PixelData = dataset.PixelData[:100]


def test_one_study_that_cannot_be_read_does_not_stop_the_other(two_studies: Path, tmp_path: Path) -> None:
    ran = condyle("read", changed(two_studies, tmp_path / "in", turn_into_a_knee), "-o", tmp_path / "reports", "--json")
    assert ran.code == 1, ran.err
    assert sorted(one["status"] for one in ran.document["studies"]) == ["failed", "read"]
    failed = next(one for one in ran.document["studies"] if one["status"] == "failed")
    assert failed["error"]["what"]
    assert failed["study_key"] in (tmp_path / "reports" / "index.html").read_text()
    assert not (tmp_path / "reports" / failed["study_key"]).exists()


def test_a_study_of_damaged_files_is_said_and_counts(two_studies: Path, tmp_path: Path) -> None:
    ran = condyle("read", changed(two_studies, tmp_path / "in", cut_the_pixels), "-o", tmp_path / "report", "--json")
    assert ran.code == 1, ran.err
    assert [one["status"] for one in ran.document["studies"]] == ["read"]
    assert any(problem["severity"] == "error" for problem in ran.document["problems"])
    assert "more)" in ran.err


def test_one_study_of_several_by_its_key(two_studies: Path, tmp_path: Path) -> None:
    plan = condyle("read", two_studies, "-o", tmp_path / "out", "--dry-run", "--json")
    assert plan.code == 0, plan.err
    assert not (tmp_path / "out").exists()
    key = plan.document["studies"][1]["study_key"]
    ran = condyle("read", two_studies, "-o", tmp_path / "out", "--study", key, "--format", "json", "--json")
    assert ran.code == 0, ran.err
    assert [one["study_key"] for one in ran.document["studies"]] == [key]
    assert condyle("read", two_studies, "-o", tmp_path / "other", "--study", "ffff").code == 2


def zipped(simulated: Path, place: Path) -> Path:
    folder = os.path.commonpath(list(simulated.rglob("*.dcm")))
    return Path(shutil.make_archive(str(place / "study"), "zip", folder))


def shuffled_names(simulated: Path, place: Path) -> Path:
    (place / "in" / "a" / "b").mkdir(parents=True)
    for number, file in enumerate(sorted(simulated.rglob("*.dcm"), key=lambda path: hash(path.name))):
        shutil.copy(file, place / "in" / ("a/b" if number % 2 else "a") / f"{number}")
    return place / "in"


@pytest.mark.parametrize("make", [zipped, shuffled_names], ids=lambda make: make.__name__)
def test_packing_and_file_names_change_nothing(
    make: Callable[[Path, Path], Path], simulated: Path, one_read: tuple[Ran, Path], tmp_path: Path
) -> None:
    env = {"CONDYLE_KEY_FILE": str(one_read[1].parent / "key")}
    ran = condyle("read", make(simulated, tmp_path), "-o", tmp_path / "out", "--format", "csv", env=env)
    assert ran.code == 0, ran.err
    assert (tmp_path / "out" / "findings.csv").read_bytes() == (one_read[1] / "findings.csv").read_bytes()
