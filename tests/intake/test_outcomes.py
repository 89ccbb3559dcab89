"""Every real file has the outcome that its ``files.csv`` says, alone and in its folder; none crashes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from condyle.errors import InputError
from condyle.intake import Opened, load_volume, open_studies
from condyle.intake.pixels import read_frames
from condyle.study import Series


def rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "files.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def loaded(opened: Opened) -> tuple[list[Series], list[str]]:
    """(series that decode, reasons of those that do not)."""
    good, bad = [], [problem.why for problem in opened.problems]
    for series in (one for study in opened.studies for one in study.series):
        try:
            volume = load_volume(series)
        except InputError as error:
            bad.append(error.why)
            continue
        assert volume.pixels.size
        assert series.used or series.problems, "an unused series says why"
        good.append(series)
    return good, bad


def check(folder: Path, row: dict[str, str]) -> None:
    """One file, opened by itself."""
    path = folder / row["path"]
    if row["expected"].startswith("index only"):
        assert open_studies(path.parent if path.name == "DICOMDIR" else path).unused
        return
    opened = open_studies(path)
    good, bad = loaded(opened)
    mentioned = opened.unused or bad
    if not row["expected"].startswith("image, MR"):
        assert not good, f"{row['path']} was read, but: {row['expected']}"
        assert mentioned, f"{row['path']} was left out in silence"
        if row["expected"].startswith("damaged"):
            assert bad or any("damaged" in reason for _, reason in opened.unused) or "MR" not in row["expected"], row["path"]
        return
    assert good, f"{row['path']}: {bad} {opened.unused}"
    assert not bad, f"{row['path']}: {bad}"
    if row["min"]:
        stored = [read_frames(series.source.frames) for series in good]
        shape = [int(n) for n in row["array_shape"].split("x")]
        assert max(array.max() for array in stored) == float(row["max"]), row["path"]
        if sum(array.size for array in stored) == np.prod(shape):  # a mosaic has empty tiles that no slice uses
            assert min(array.min() for array in stored) == float(row["min"]), row["path"]
        else:
            assert any("MOSAIC" in series.headers.get("image_type", ()) for series in good), row["path"]


def test_samples(samples: Path) -> None:
    for row in rows(samples):
        check(samples, row)


def test_all_real_files(shared_data: Path) -> None:
    for row in rows(shared_data / "dicom"):
        check(shared_data / "dicom", row)


def test_every_file_of_a_folder_is_used_or_listed(shared_data: Path) -> None:
    """Nothing is silently dropped: used files and unused ones are all the files there are."""
    for source in sorted(path for path in (shared_data / "dicom").iterdir() if path.is_dir()):
        opened = open_studies(source)
        used = {frame.file.blob.path for study in opened.studies for series in study.series for frame in series.source.frames}
        unused = [where for entries in (opened.unused, *(study.unused for study in opened.studies)) for where, _ in entries]
        files = [path for path in source.rglob("*") if path.is_file()]
        listed = {entry.partition(", frame")[0] for entry in unused}
        assert len(used) + len(listed - {str(Path(path).relative_to(source)) for path in used}) == len(files), source.name


@pytest.mark.parametrize(
    ("folder", "series"),
    [
        ("pymskt_knee", [24, 12]),  # two echoes share a series
        ("dicom2nifti/failing/sliceorientation", [2, 2]),  # two orientations
        ("dcm_qa_mosaic/sag", [35, 35]),  # two mosaics of 35 tiles
        ("dcm_qa_enh/Siemens", [6, 6, 6, 6]),  # four time points, an enhanced object each
        ("dcm_qa_enh/Philips", [32, 32]),  # magnitude and real part of a field map in one object
    ],
)
def test_mixed_series_come_apart(shared_data: Path, folder: str, series: list[int]) -> None:
    (study,) = open_studies(shared_data / "dicom" / folder).studies
    assert [len(one.source.frames) for one in study.series] == series
    assert all(any(problem.code == "series-split" for problem in one.problems) for one in study.series)
    assert len({one.series_id for one in study.series}) == len(series)


def test_mosaic_geometry_equals_that_of_nibabel(shared_data: Path) -> None:
    from nibabel.nicom.dicomwrappers import wrapper_from_file

    path = next(iter(sorted((shared_data / "dicom" / "dcm_qa_mosaic" / "sag").rglob("MR.*"))))
    (study,) = open_studies(path).studies
    theirs = wrapper_from_file(path)
    volume = load_volume(study.series[0])
    ras_from_lps = np.diag([-1.0, -1.0, 1.0, 1.0])
    assert np.array_equal(volume.pixels.transpose(1, 2, 0), theirs.get_data())
    # nibabel counts (row, column, slice) in LPS here; ours counts (slice, row, column).
    ours = volume.geometry.affine[:, [1, 2, 0, 3]]
    assert np.allclose(ours, theirs.affine, atol=1e-3) or np.allclose(ras_from_lps @ ours, theirs.affine, atol=1e-3)
