"""From manifest rows to studies."""

from __future__ import annotations

import cv2
import nibabel
import numpy as np
import pytest

from condyle.cohorts import open_rows, read_manifest
from condyle.errors import InputError
from condyle.intake import load_volume


@pytest.fixture
def pictures(tmp_path):
    for number, name in enumerate(("a.png", "b.png")):
        pixels = np.random.default_rng(number).integers(0, 255, (30, 20)).astype(np.uint8)
        pixels[0, 0] = 40 + number
        cv2.imwrite(str(tmp_path / name), pixels)
    return tmp_path


def test_rows_of_one_study_are_fused_and_override_what_is_found(pictures, table):
    rows = read_manifest(
        table("study_id,patient_id,path,plane,weighting,series_id", "s,p,a.png,sagittal,t1,first", "s,p,b.png,sagittal,t2,second")
    )
    study = open_rows(rows)
    assert [series.role.weighting.value for series in study.series] == ["t1", "t2"]
    assert {series.role.weighting.source for series in study.series} == {"user"}
    assert len({series.series_id for series in study.series}) == 2
    assert [int(load_volume(series).pixels[0, 0, 0]) for series in study.series] == [40, 41]


def test_keys_are_pseudonyms_of_the_manifests_ids(pictures, table):
    study = open_rows(read_manifest(table("study_id,patient_id,path", "Smith,Jones,a.png")))
    assert len(study.study_key) == len(study.patient_key) == 16
    assert "Smith" not in repr(study)


def test_a_spacing_given_makes_a_picture_measurable(pictures, table):
    rows = read_manifest(table("study_id,patient_id,path,plane,spacing", 's,p,a.png,sagittal,"4,0.5,0.6"'))
    geometry = open_rows(rows).series[0].geometry
    assert geometry.calibrated
    assert geometry.spacing == pytest.approx((4, 0.5, 0.6))


def test_the_aspect_of_pixels_reaches_the_series(pictures, table):
    rows = read_manifest(table("study_id,patient_id,path,plane,pixel_aspect", "s,p,a.png,sagittal,0.775"))
    series = open_rows(rows).series[0]
    assert series.headers["pixel_aspect"] == 0.775
    assert not series.geometry.calibrated
    with pytest.raises(InputError, match="pixel_aspect"):
        open_rows(read_manifest(table("study_id,patient_id,path,pixel_aspect", "s,p,a.png,square")))


def test_a_path_with_two_studies_is_refused(tmp_path, table):
    for number, name in enumerate(("a.nii", "b.nii")):
        nibabel.save(nibabel.Nifti1Image(np.full((4, 5, 6), number, np.int16), np.eye(4)), tmp_path / name)
    with pytest.raises(InputError, match="holds 2 studies") as caught:
        open_rows(read_manifest(table("study_id,patient_id,path", "s,p,.")))
    assert "row 2" in caught.value.where


def test_a_path_without_a_study_says_why(tmp_path, table):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "note.txt").write_text("hello")
    with pytest.raises(InputError, match="no usable study"):
        open_rows(read_manifest(table("study_id,patient_id,path", "s,p,x")))
