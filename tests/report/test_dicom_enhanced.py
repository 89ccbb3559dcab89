"""Documents of enhanced multi-frame objects go into the PACS as those of single slices do, and refer to the right frames."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest

from condyle import registry
from condyle.intake import open_study
from condyle.testing.dicom_exporters import Sourced
from tests.report.dicom_tools import complaints


@pytest.fixture(scope="module")
def enhanced(sourced: Sourced, tmp_path_factory: pytest.TempPathFactory) -> Sourced:
    """The same study but for its last two slices, one multi-frame object a series, its frames from the last slice to the first."""
    folder = tmp_path_factory.mktemp("enhanced")
    for number, series in enumerate(sourced.study.series):
        slices = [pydicom.dcmread(frame.file.blob.path) for frame in series.source.frames[:-2]]
        first = slices[0]
        made = highdicom.legacy.LegacyConvertedEnhancedMRImage(
            slices, series_instance_uid=f"{first.SeriesInstanceUID}.1", series_number=int(first.SeriesNumber),
            sop_instance_uid=f"{first.SOPInstanceUID}.1", instance_number=1,
        )  # fmt: skip
        made.PixelData = np.ascontiguousarray(made.pixel_array[::-1]).tobytes()
        made.PerFrameFunctionalGroupsSequence = pydicom.Sequence(reversed(made.PerFrameFunctionalGroupsSequence))
        made.save_as(folder / f"{number}.dcm")
    study = open_study(folder)
    assert study.study_key == sourced.study.study_key
    assert [one.series_id for one in study.series] == [one.series_id for one in sourced.study.series]
    assert [frame.number for frame in study.series[0].source.frames] == list(reversed(range(13)))
    return Sourced(replace(sourced.reading, series=study.series), study)


@pytest.fixture(scope="module")
def written(enhanced: Sourced) -> dict[str, dict[str, bytes]]:
    """Exporter -> its files."""
    names = ("dicom-sr", "dicom-seg", "dicom-sc")
    return {name: registry.get("exporters", name)(enhanced.reading, source=enhanced.study) for name in names}


def frames_named(dataset: pydicom.Dataset) -> list[tuple[str, int]]:
    """(SOPInstanceUID, frame) of every reference to a frame."""
    return [
        (item.ReferencedSOPInstanceUID, int(item.ReferencedFrameNumber))
        for item in [one for element in dataset.iterall() if element.VR == "SQ" for one in element.value]
        if "ReferencedFrameNumber" in item
    ]


@pytest.mark.parametrize("name", ["dicom-sr", "dicom-seg", "dicom-sc"])
def test_each_object_is_written_valid_and_of_the_right_patient(
    name: str, enhanced: Sourced, written: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    assert written[name]
    source = enhanced.study.series[0].source.frames[0].file.header
    for file, content in written[name].items():
        one = pydicom.dcmread(io.BytesIO(content))
        assert one.PatientID == source.text("PatientID")
        assert one.StudyInstanceUID == source.text("StudyInstanceUID")
        (tmp_path / file).write_bytes(content)
        assert complaints(tmp_path / file) == []


@pytest.mark.parametrize("name", ["dicom-sr", "dicom-seg"])
def test_references_name_the_frame_of_the_slice(name: str, enhanced: Sourced, written: dict[str, dict[str, bytes]]) -> None:
    """Slice 7 is shown; the position of the frame that is named is that of slice 7."""
    shown = {image.series_id: image.slice_index for image in enhanced.reading.key_images}
    right = {}
    for one in enhanced.study.series:
        k = shown.get(one.series_id, 7)
        assert one.geometry is not None
        right[one.source.frames[k].file.header.text("SOPInstanceUID")] = one.geometry.to_world(np.array([k, 0, 0]))
    files = {frame.file.header.text("SOPInstanceUID"): frame.file for one in enhanced.study.series for frame in one.source.frames}
    for content in written[name].values():
        named = frames_named(pydicom.dcmread(io.BytesIO(content)))
        assert named
        for uid, frame in named:
            groups = pydicom.dcmread(files[uid].blob.path).PerFrameFunctionalGroupsSequence
            np.testing.assert_allclose(groups[frame - 1].PlanePositionSequence[0].ImagePositionPatient, right[uid], atol=1e-3)
