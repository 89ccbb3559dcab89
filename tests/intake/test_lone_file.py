"""Studies of files without DICOM identity: their keys come from all of their content."""

from __future__ import annotations

from pathlib import Path

import cv2
import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake import open_studies, open_study


@pytest.fixture
def volume() -> NDArray[np.int16]:
    """More than 64 KiB, the first half of it air."""
    values = np.random.default_rng(3).integers(1, 900, (8, 96, 96)).astype(np.int16)
    values[:4] = np.arange(96) % 64
    return values


def write(path: Path, values: NDArray[np.int16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".nii":
        nib.Nifti1Image(values.transpose(2, 1, 0), np.diag([-0.5, -0.5, 4, 1])).to_filename(path)
    else:
        assert cv2.imwrite(str(path), values[-1].astype(np.uint16), [cv2.IMWRITE_PNG_COMPRESSION, 0])


@pytest.mark.parametrize("name", ["x.nii", "sagittal/x.npy", "x.png"])
def test_two_scans_that_differ_in_their_last_voxel_have_different_keys(tmp_path: Path, volume: NDArray[np.int16], name: str) -> None:
    """Same header, same size, same first slices: two patients of one protocol."""
    write(tmp_path / "a" / name, volume)
    volume[-1, -1, -1] += 1
    write(tmp_path / "b" / name, volume)
    a, b = open_study(tmp_path / "a"), open_study(tmp_path / "b")
    assert a.study_key != b.study_key
    assert a.patient_key != b.patient_key


def test_the_same_file_has_the_same_key_in_any_folder_and_archive(tmp_path: Path, volume: NDArray[np.int16]) -> None:
    import zipfile

    write(tmp_path / "a" / "x.nii", volume)
    write(tmp_path / "b" / "c" / "y.nii", volume)
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "a" / "x.nii", "deep/z.nii")
    keys = {open_study(tmp_path / place).study_key for place in ("a", "b", "z.zip")}
    assert len(keys) == 1


def test_each_of_several_arrays_of_a_study_counts(tmp_path: Path, volume: NDArray[np.int16]) -> None:
    for place, last in (("a", 1), ("b", 2)):
        write(tmp_path / place / "sagittal" / "7.npy", volume)
        volume[-1, -1, -1] = last
        write(tmp_path / place / "coronal" / "7.npy", volume)
    assert open_study(tmp_path / "a").study_key != open_study(tmp_path / "b").study_key


def test_a_file_that_breaks_while_it_is_hashed_is_a_problem_not_a_crash(
    tmp_path: Path, volume: NDArray[np.int16], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "x.nii", volume)

    def breaking(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("condyle.intake.blob.open", breaking, raising=False)
    (problem,) = open_studies(tmp_path).problems
    assert (problem.code, problem.where) == ("file-unreadable", "x.nii")
    with pytest.raises(InputError, match="No MR study"):
        open_study(tmp_path)
