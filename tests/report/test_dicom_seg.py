"""The segmentation: valid for dciodvfy, unpacked by dcmqi, and each segment where its outline lies in the patient."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest

from condyle.report.dicom_seg import export, filled
from condyle.study import Geometry
from tests.report.dicom_tools import complaints, run


@pytest.fixture(scope="module")
def file(sourced, tmp_path_factory):
    (content,) = export(sourced.reading, source=sourced.study).values()
    path = tmp_path_factory.mktemp("seg") / "outlines.dcm"
    path.write_bytes(content)
    return path


def outlines(sourced):
    return [one for one in sourced.reading.evidence if one.kind == "outline"]


def test_dciodvfy_finds_no_fault(file):
    assert complaints(file) == []


def test_dcmqi_finds_each_segment_where_its_outline_lies(file, sourced, tmp_path):
    SimpleITK = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    options = ("--outputDirectory", tmp_path, "--outputType", "nrrd", "-p", "x")
    run("segimage2itkimage", "--inputDICOM", file, *options, package="pip install dcmqi")
    for number, one in enumerate(outlines(sourced), 1):
        image = SimpleITK.ReadImage(str(tmp_path / f"x-{number}.nrrd"))
        places = np.argwhere(SimpleITK.GetArrayFromImage(image) > 0)
        world = np.array([image.TransformIndexToPhysicalPoint([int(v) for v in place[::-1]]) for place in places])
        low, high = one.points.min(axis=0), one.points.max(axis=0)
        np.testing.assert_allclose(world.min(axis=0), low, atol=1.0)  # a pixel is 1 mm wide
        np.testing.assert_allclose(world.max(axis=0), high, atol=1.0)
        area = 0.5 * abs(np.dot(one.points[:, 1], np.roll(one.points[:, 2], 1)) - np.dot(one.points[:, 2], np.roll(one.points[:, 1], 1)))
        assert len(world) == pytest.approx(area, rel=0.2)


def test_segments_are_named_and_refer_to_the_source_slice(file, sourced):
    found = pydicom.dcmread(file)
    labels = [one.SegmentLabel for one in found.SegmentSequence]
    assert labels[-1] == "spinal canal"
    assert len(set(labels)) == len(labels) == len(outlines(sourced))
    assert {one.SegmentAlgorithmType for one in found.SegmentSequence} == {"AUTOMATIC"}
    header = next(iter(found.ReferencedSeriesSequence[0].ReferencedInstanceSequence))
    frames = [frame for one in sourced.study.series for frame in one.source.frames]
    assert header.ReferencedSOPInstanceUID in {frame.file.header.text("SOPInstanceUID") for frame in frames}


def test_pixels_agree_with_pydicom(file, sourced):
    masks = pydicom.dcmread(io.BytesIO(file.read_bytes())).pixel_array
    series = next(one for one in sourced.study.series if one.series_id == outlines(sourced)[0].series_id)
    for mask, one in zip(masks, outlines(sourced), strict=True):
        np.testing.assert_array_equal(mask, filled(one.points, series.geometry))


def test_a_square_is_filled_to_its_edge():
    geometry = Geometry(np.diag([3.0, 0.5, 0.5, 1.0]), (1, 20, 20))
    square = geometry.to_world([[0, 5, 5], [0, 5, 10], [0, 10, 10], [0, 10, 5]])
    mask = filled(square, geometry)
    assert mask.sum() == 36
    assert mask[5:11, 5:11].all()
