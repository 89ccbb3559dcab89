"""A real slab: outlines where its labels are, and the same reading from NIfTI and from a DICOM of other rescale and window."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from condyle.errors import PackageError
from condyle.intake import load_volume, open_study
from condyle.readers import find_package, load_package
from condyle.study import Reading, Volume


@pytest.fixture(scope="module")
def slab(shared_data: Path) -> Path:
    return shared_data / "lumbar_nifti" / "spider5_t2_SPACE_slab.nii.gz"


@pytest.fixture(scope="module")
def reading(slab: Path) -> Reading:
    return _reader().read(open_study(slab))


def _reader():  # type: ignore[no-untyped-def]
    try:
        find_package("lumbar")
    except PackageError:
        pytest.skip("the package 'lumbar' is not in this tree")
    return load_package("lumbar")


@pytest.mark.real_data
def test_discs_lie_where_the_labels_are(reading: Reading, slab: Path) -> None:
    stored = nibabel.load(slab.with_name("spider5_t2_SPACE_slab_labels.nii.gz"))  # intake offers no label map as a study
    to_world, labels = np.diag([-1.0, -1.0, 1.0, 1.0]) @ stored.affine, np.asarray(stored.dataobj)
    for level in ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2"):
        outline = next(one for one in reading.evidence if one.evidence_id == f"t2-{level}-disc")
        centre = np.rint(np.linalg.solve(to_world, [*outline.points.mean(axis=0), 1.0])[:3]).astype(int)
        assert labels[tuple(centre)] == 3, level


@pytest.mark.real_data
def test_the_contrast_of_the_canal_tells_the_weighting(reading: Reading) -> None:
    weighting = reading.series[0].role.weighting
    assert (weighting.value, weighting.source) == ("t2", "pixels")
    assert any(problem.code == "weighting-from-pixels" for problem in reading.problems)


@pytest.mark.real_data
def test_rescale_and_window_do_not_change_the_reading(reading: Reading, slab: Path, tmp_path: Path) -> None:
    _write_dicom(load_volume(open_study(slab).series[0]), tmp_path)
    other = _reader().read(open_study(tmp_path))
    ours, theirs = ({(f.finding, f.site): f for f in one.findings} for one in (reading, other))
    assert ours.keys() == theirs.keys()
    for key, finding in ours.items():
        assert theirs[key].decision == finding.decision
        assert theirs[key].grade == finding.grade
        assert theirs[key].score == pytest.approx(finding.score, abs=5e-3)
        assert theirs[key].value == pytest.approx(finding.value, abs=0.2) if isinstance(finding.value, float) else True


def _write_dicom(volume: Volume, folder: Path) -> None:
    """The volume as a T2 series of single slices: stored = 5 x value + 300, rescale slope 0.04 and intercept -12."""
    study, series = generate_uid(), generate_uid()
    affine = volume.geometry.affine
    for k, plane in enumerate(volume.pixels):
        data = pydicom.Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data.StudyInstanceUID, data.SeriesInstanceUID, data.Modality = study, series, "MR"
        data.PatientID, data.SeriesNumber, data.InstanceNumber = "slab", 1, volume.shape[0] - k
        data.FrameOfReferenceUID = study
        data.ScanningSequence, data.SequenceVariant, data.MRAcquisitionType = "SE", "SK", "3D"
        data.EchoTime, data.RepetitionTime, data.EchoTrainLength, data.FlipAngle = 110.0, 1500.0, 60, 150.0
        data.Rows, data.Columns = plane.shape
        data.ImageOrientationPatient = [float(x) for x in (*volume.geometry.directions[:, 2], *volume.geometry.directions[:, 1])]
        data.ImagePositionPatient = [float(x) for x in affine[:3, 3] + k * affine[:3, 0]]
        data.PixelSpacing, data.SliceThickness = list(volume.geometry.spacing[1:]), volume.geometry.spacing[0]
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
        data.RescaleSlope, data.RescaleIntercept = "0.04", "-12"
        data.WindowCenter, data.WindowWidth = "7", "20"
        data.PixelData = (plane.astype(np.uint16) * 5 + 300).tobytes()
        data.save_as(folder / f"{k:03d}.dcm", enforce_file_format=True)
