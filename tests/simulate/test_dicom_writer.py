"""Simulated DICOM: valid, as each vendor writes it, readable by our own intake."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from condyle.intake import load_volume, open_study
from condyle.simulate import Faults, SimulatedStudy, simulate_head, simulate_knee_phantom, simulate_lumbar, write_dicom

VENDORS = ("siemens", "ge", "philips")


@pytest.fixture(scope="module", params=VENDORS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[SimulatedStudy, Path]:
    study = simulate_lumbar(7, vendor=request.param, matrix=96, slices=4)
    folder = tmp_path_factory.mktemp(request.param) / "dicom"
    write_dicom(study, folder)
    return study, folder


def headers(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.rglob("*.dcm"))]


def test_every_file_is_an_mr_image_of_its_own(written: tuple[SimulatedStudy, Path]) -> None:
    files = headers(written[1])
    assert len(files) == 8
    for one in files:
        assert one.SOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
        assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID
        assert one.pixel_array.shape == (one.Rows, one.Columns)
        assert not [element for element in one if element.tag.is_private]
        assert all(pydicom.uid.UID(uid).is_valid for uid in (one.SOPInstanceUID, one.SeriesInstanceUID, one.StudyInstanceUID))
    assert len({one.SOPInstanceUID for one in files}) == 8
    assert len({one.SeriesInstanceUID for one in files}) == 2
    assert len({one.StudyInstanceUID for one in files}) == 1


def test_every_value_fits_its_representation(written: tuple[SimulatedStudy, Path]) -> None:
    """pydicom checks lengths, characters and forms of every value when reading is strict."""
    before = pydicom.config.settings.reading_validation_mode
    pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
    try:
        for one in headers(written[1]):
            for element in one:
                assert element.value is not None
    finally:
        pydicom.config.settings.reading_validation_mode = before


def test_no_demographics_are_invented_and_every_file_says_it_is_simulated(written: tuple[SimulatedStudy, Path]) -> None:
    for one in headers(written[1]):
        assert str(one.PatientName).startswith("SIMULATED")
        assert one.PatientID.startswith("SIM-")
        assert "Simulated" in one.ImageComments
        assert one.PatientBirthDate == "" == one.PatientSex
        assert not hasattr(one, "PatientAge")


def test_each_vendor_writes_its_own_style(written: tuple[SimulatedStudy, Path]) -> None:
    study, folder = written
    one = headers(folder)[0]
    maker, bits, signed = {
        "siemens": ("SIEMENS", 12, 0), "ge": ("GE MEDICAL SYSTEMS", 16, 1), "philips": ("Philips", 12, 0),
    }[study.vendor]  # fmt: skip
    assert one.Manufacturer.startswith(maker)
    assert (one.BitsStored, one.PixelRepresentation) == (bits, signed)
    assert hasattr(one, "RescaleSlope") == (study.vendor == "philips")
    assert one.MagneticFieldStrength == study.tesla


def test_our_intake_reads_it_back(written: tuple[SimulatedStudy, Path]) -> None:
    study, folder = written
    opened = open_study(folder)
    assert [series.role.weighting.value for series in opened.series] == ["t1", "t2"]
    assert not opened.all_problems()
    assert not opened.unused
    for series, made in zip(opened.series, study.series.values(), strict=True):
        assert series.role.plane.value == "sagittal"
        assert series.role.body_part.value == "lumbar"
        volume = load_volume(series)
        np.testing.assert_allclose(volume.geometry.affine, made.volume.geometry.affine, atol=1e-5)
        stored, drawn = volume.pixels.astype(float).ravel(), made.volume.pixels.astype(float).ravel()
        assert np.corrcoef(stored, drawn)[0, 1] > 0.995


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_dicom(simulate_lumbar(9, matrix=64, slices=2), tmp_path / name)
    first, second = (sorted(p for p in (tmp_path / name).rglob("*") if p.is_file()) for name in ("first", "second"))
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    assert [p.name for p in first] == [p.name for p in second]


def test_headers_can_be_planted_and_removed(tmp_path: Path) -> None:
    planted = {"PatientName": "PLANTED^NAME", "OperatorsName": "PLANTED^TOO", "EchoTime": None}
    study = simulate_lumbar(9, matrix=64, slices=1, headers=planted)
    write_dicom(study, tmp_path / "out")
    one = headers(tmp_path / "out")[0]
    assert str(one.PatientName) == "PLANTED^NAME"
    assert str(one.OperatorsName) == "PLANTED^TOO"
    assert not hasattr(one, "EchoTime")


def test_faults_show(tmp_path: Path) -> None:
    clean = simulate_lumbar(9, matrix=128, slices=4)
    noisy = simulate_lumbar(9, matrix=128, slices=4, faults=Faults(noise=8, series=("t2_sag",)))
    clipped = simulate_lumbar(9, matrix=128, slices=4, faults=Faults(clipped=0.2))
    air = np.s_[:, :6, -6:]
    assert noisy.volumes["t2_sag"].pixels[air].mean() > 4 * clean.volumes["t2_sag"].pixels[air].mean()
    np.testing.assert_array_equal(noisy.volumes["t1_sag"].pixels, clean.volumes["t1_sag"].pixels)
    top = clipped.volumes["t1_sag"].pixels
    assert (top == top.max()).mean() > 0.02
    write_dicom(simulate_lumbar(9, matrix=64, slices=6, faults=Faults(missing=(2, -1))), tmp_path / "out")
    assert len(list((tmp_path / "out" / "01_t1_sag").iterdir())) == 4


def test_a_head_and_a_knee_on_the_wrong_side(tmp_path: Path) -> None:
    write_dicom(simulate_head(1, slices=3), tmp_path / "head")
    head = open_study(tmp_path / "head")
    assert {series.role.body_part.value for series in head.series} == {"head"}
    knee = simulate_knee_phantom(1, side="left", laterality="R")
    write_dicom(knee, tmp_path / "knee")
    one = headers(tmp_path / "knee")[0]
    assert one.Laterality == "R"
    assert knee.series["pd_fs_cor"].volume.geometry.centre[0] > 40
