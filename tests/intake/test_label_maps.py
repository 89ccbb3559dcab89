"""Label maps are told from pictures by their values; no study is made of them."""

from __future__ import annotations

import csv
import shutil
import zipfile
from pathlib import Path
from typing import Any

import cv2
import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake import open_studies, open_study
from tests.intake.writing import write_series

REASON = "few values: a label map or an empty picture"


@pytest.fixture
def labels() -> NDArray[np.uint16]:
    """Twenty structures numbered as SPIDER numbers them, [slice, row, column]."""
    made = np.zeros((6, 80, 70), np.uint16)
    for place, code in enumerate((*range(1, 10), 100, *range(201, 210))):
        made[1:5, 4 * place : 4 * place + 3, 20:50] = code
    return made


@pytest.fixture
def picture() -> NDArray[np.uint16]:
    """A dark picture with noise of a few grey levels and a bright body."""
    made = np.abs(np.random.default_rng(0).normal(0, 4, (6, 80, 70)))
    made[1:5, 20:60, 20:50] += 90
    return made.astype(np.uint16)


def save(path: Path, array: Any) -> None:
    if path.suffix == ".png":
        assert cv2.imwrite(str(path), array[2])
    elif path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".mha":
        sitk = pytest.importorskip("SimpleITK")
        sitk.WriteImage(sitk.GetImageFromArray(array), str(path), useCompression=True)
    else:
        nib.save(nib.Nifti1Image(array, np.diag([4.0, 1, 1, 1])), path)


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz", "x.mha", "x.npy", "x.png"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_few_values_are_a_label_map_in_every_format(
    tmp_path: Path, labels: NDArray[Any], picture: NDArray[Any], name: str, kind: Any
) -> None:
    if name == "x.png" and kind is np.float32:
        kind = np.uint8
    save(tmp_path / name, labels.astype(kind))
    opened = open_studies(tmp_path)
    assert opened.studies == ()
    assert opened.problems == (), "a label map is no fault"
    assert opened.unused == ((name, REASON),)
    with pytest.raises(InputError) as caught:
        open_study(tmp_path / name)
    assert "label map" in caught.value.why
    save(tmp_path / name, picture.astype(kind))
    assert len(open_studies(tmp_path).studies) == 1


def test_a_zipped_cohort_without_its_manifest_offers_its_studies_alone(
    tmp_path: Path, labels: NDArray[Any], noise: NDArray[np.int16]
) -> None:
    for number in ("1", "2"):
        write_series(tmp_path / "c" / number / "dicom", noise, study=number)
    (tmp_path / "c" / "masks").mkdir()
    save(tmp_path / "c" / "masks" / "1.nii.gz", labels)
    shutil.copy(tmp_path / "c" / "masks" / "1.nii.gz", tmp_path / "c" / "masks" / "2.nii.gz")
    with zipfile.ZipFile(tmp_path / "cohort.zip", "w") as archive:
        for path in sorted((tmp_path / "c").rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path))
    opened = open_studies(tmp_path / "cohort.zip")
    assert len(opened.studies) == 2
    assert opened.unused == tuple((f"cohort.zip/c/masks/{number}.nii.gz", REASON) for number in "12")


def test_a_map_behind_a_megabyte_of_background(tmp_path: Path) -> None:
    """Its first bytes are all zero, as those of many a picture are: the rest decides."""
    array = np.zeros((24, 256, 256), np.int16)
    array[20:, 100:150, 100:150] = 7
    save(tmp_path / "map.nii.gz", array)
    array[20:] = np.random.default_rng(0).integers(0, 2000, (4, 256, 256))
    save(tmp_path / "picture.nii.gz", array)
    opened = open_studies(tmp_path)
    assert len(opened.studies) == 1
    assert opened.unused == (("map.nii.gz", REASON),)


def test_real_pictures_and_real_masks(shared_data: Path) -> None:
    """All pictures of the SPIDER subset are studies, all its masks are listed."""
    folder = shared_data / "spider"
    opened = open_studies(folder)
    unused = {where for where, reason in opened.unused if reason == REASON}
    used = {one.source.blob.where for study in opened.studies for one in study.series}
    masks = {str(path.relative_to(folder)) for path in folder.rglob("*.png") if "mask" in str(path.relative_to(folder))}
    assert masks
    assert unused == masks
    assert len(used) == len(list(folder.rglob("*.png"))) - len(masks)


def test_manifests_name_masks_that_hold_many_values(tmp_path: Path, picture: NDArray[Any]) -> None:
    save(tmp_path / "truth.nii.gz", picture)
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("study_id", "patient_id", "path", "mask"), ("1", "1", "a", "truth.nii.gz")])
    assert ("truth.nii.gz", "a label map of the manifest") in open_studies(tmp_path).unused
