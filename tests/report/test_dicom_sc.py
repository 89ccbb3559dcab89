"""The secondary captures: valid for dciodvfy, decoded by dcmtk to the very picture that was drawn, tied to the study."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from condyle.report.dicom_sc import export, patient_orientation
from condyle.report.dicom_seg import export as outlines
from condyle.report.dicom_sr import export as structured
from condyle.study import Geometry
from tests.report.dicom_tools import complaints, run


@pytest.fixture(scope="module")
def files(sourced, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sc")
    for name, content in export(sourced.reading, source=sourced.study).items():
        (folder / name).write_bytes(content)
    return sorted(folder.iterdir())


def test_dciodvfy_finds_no_fault(files):
    assert len(files) == 2
    assert [complaints(file) for file in files] == [[], []]


def test_dcmtk_decodes_the_picture(files, tmp_path):
    import cv2

    run("dcm2pnm", "+on", files[1], tmp_path / "key.png", package="apt-get install dcmtk")
    shown = cv2.cvtColor(cv2.imread(str(tmp_path / "key.png")), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(shown, pydicom.dcmread(files[1]).pixel_array)
    coloured = np.ptp(shown.astype(int), axis=-1) > 60
    assert coloured.sum() > 200  # outlines


def test_who_the_patient_is_is_not_in_the_pixels_header(files):
    found = pydicom.dcmread(files[0])
    assert (found.BurnedInAnnotation, list(found.PatientOrientation)) == ("NO", ["P", "F"])
    assert found.ConversionType == "WSD"


@pytest.mark.parametrize(
    ("rows", "columns", "wanted"),
    [([0, 0, -1], [0, 1, 0], ("P", "F")), ([0, 1, 0], [1, 0, 0], ("L", "P")), ([0, 0, -1], [1, 0, 0], ("L", "F"))],
)
def test_orientation_is_where_rows_and_columns_run_to(rows, columns, wanted):
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = np.cross(rows, columns), rows, columns
    assert patient_orientation(Geometry(affine, (1, 4, 4))) == wanted


def test_all_objects_of_a_reading_agree_on_the_patient_and_the_study(files, sourced, tmp_path):
    for name, content in (outlines(sourced.reading, source=sourced.study) | structured(sourced.reading, source=sourced.study)).items():
        (tmp_path / name).write_bytes(content)
    said = run("dcentvfy", *files, *tmp_path.glob("*.dcm"), package="apt-get install dicom3tools")
    assert [line for line in said.splitlines() if "Error" in line] == []
