"""From stored to modality values: what changes values is done as the standard says, or refused with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage, ImplicitVRLittleEndian

from condyle.errors import InputError
from condyle.intake import load_volume, open_studies, open_study
from condyle.study import Series
from tests.intake.writing import SAGITTAL, mr_object, read_all, write_series


def codes(series: Series) -> list[str]:
    return [problem.code for problem in series.problems]


def opened(tmp_path: Path, pixels: Any, change: Callable[[Dataset, int], None]) -> Series:
    """The one series of ``pixels`` [slice, row, column], whose objects are changed before they are saved."""
    write_series(tmp_path, np.asarray(pixels), change=change)
    (series,) = (series for study in open_studies(tmp_path).studies for series in study.series)
    return series


def values(series: Series) -> list[Any]:
    """[slice, row, column] in the order of the slices on disk: ``write_series`` goes to the right, intake to the left."""
    found: list[Any] = load_volume(series).pixels[::-1].tolist()
    return found


def lookup_table(one: Dataset, _k: int) -> None:
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [3, 0, 16], "US"
    table.add_new("LUTData", "US", [9, 5, 7])
    one.ModalityLUTSequence = [table]


@pytest.mark.parametrize("syntax", ["explicit", "implicit"])
def test_a_modality_table_is_refused_and_never_ignored(tmp_path: Path, syntax: str) -> None:
    one = mr_object(np.array([[0, 1, 2]], np.uint16), **({"syntax": ImplicitVRLittleEndian} if syntax == "implicit" else {}))
    lookup_table(one, 0)
    one.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    (study,) = open_studies(tmp_path).studies
    assert not study.series[0].used
    assert codes(study.series[0]) == ["modality-lut"]
    with pytest.raises(InputError) as caught:
        load_volume(study.series[0])
    assert (caught.value.code, caught.value.where) == ("modality-lut", "x.dcm")
    table = pydicom.pixels.apply_modality_lut(np.array([[0, 1, 2]]), pydicom.dcmread(tmp_path / "x.dcm"))
    assert table.tolist() == [[9, 5, 7]], "pydicom would have changed the values"


def test_one_slice_with_a_table_is_enough(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    series = opened(tmp_path, noise, lambda one, k: lookup_table(one, k) if k == 4 else None)
    assert not series.used
    assert series.problems[0].where == "0004.dcm"


@pytest.mark.parametrize(("slope", "intercept"), [("abc", "0"), ("1", "x"), ("1e39", "0"), ("0", "5")])
def test_a_rescale_that_is_no_number_is_refused(tmp_path: Path, noise: NDArray[np.int16], slope: str, intercept: str) -> None:
    def change(one: Dataset, _k: int) -> None:
        with pydicom.config.disable_value_validation():
            one.add_new("RescaleSlope", "LO", slope)
            one.add_new("RescaleIntercept", "LO", intercept)
            one["RescaleSlope"].VR = one["RescaleIntercept"].VR = "LO"

    write_series(tmp_path, noise, change=change)
    for path in tmp_path.iterdir():  # the value as text under the representation that it should have
        data = path.read_bytes()
        path.write_bytes(data.replace(b"\x28\x00\x52\x10LO", b"\x28\x00\x52\x10DS").replace(b"\x28\x00\x53\x10LO", b"\x28\x00\x53\x10DS"))
    (study,) = open_studies(tmp_path).studies
    assert codes(study.series[0]) == ["rescale-invalid"]
    assert not study.series[0].used
    with pytest.raises(InputError):
        load_volume(study.series[0])


def test_an_empty_rescale_is_none(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    def change(one: Dataset, _k: int) -> None:
        one.RescaleSlope, one.RescaleIntercept = "", ""

    assert values(opened(tmp_path, noise, change)) == noise.tolist()


def enhanced(pixels: NDArray[np.uint16], rescales: list[tuple[float, float]]) -> Dataset:
    """An enhanced MR object with a rescale for every frame."""
    one = mr_object(pixels[0])
    one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    del one.ImagePositionPatient, one.ImageOrientationPatient, one.PixelSpacing
    one.NumberOfFrames, one.PixelData = len(pixels), pixels.tobytes()
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness, orientation.ImageOrientationPatient = [0.5, 0.5], 4, list(SAGITTAL)
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    one.SharedFunctionalGroupsSequence = [shared]
    one.PerFrameFunctionalGroupsSequence = []
    for k, (slope, intercept) in enumerate(rescales):
        own, place, rescale = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [4.0 * k, 0, 0]
        rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = slope, intercept, "US"
        own.PlanePositionSequence, own.PixelValueTransformationSequence = [place], [rescale]
        one.PerFrameFunctionalGroupsSequence.append(own)
    return one


def test_every_frame_of_an_enhanced_object_has_its_own_rescale(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 900, (3, 6, 8)).astype(np.uint16)
    one = enhanced(pixels, [(1, 0), (0.5, -3), (2, 10)])
    world = Dataset()
    world.RealWorldValueFirstValueMapped, world.RealWorldValueLastValueMapped = 0, 900
    world.RealWorldValueSlope, world.RealWorldValueIntercept = 77.0, 5.0
    one.PerFrameFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [world]
    one.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    (series,) = open_study(tmp_path).series
    expected = [pixels[0], pixels[1] * 0.5 - 3, pixels[2] * 2.0 + 10]
    assert np.allclose(load_volume(series).pixels, expected), "real world values map to other quantities; they are left alone"


def test_grey_scales_of_both_directions_in_one_series(tmp_path: Path) -> None:
    def change(one: Dataset, k: int) -> None:
        one.PhotometricInterpretation = "MONOCHROME1" if k == 1 else "MONOCHROME2"

    series = opened(tmp_path, np.array([[[3, 7]], [[3, 7]], [[3, 7]]], np.uint8), change)
    assert values(series) == [[[3, 7]], [[252, 248]], [[3, 7]]]
    assert [(problem.code, problem.where) for problem in series.problems] == [("monochrome1", "0001.dcm")]


def test_every_slice_has_its_own_padding(tmp_path: Path) -> None:
    def change(one: Dataset, k: int) -> None:
        one.add_new("PixelPaddingValue", "SS", -2000 if k == 0 else 900)

    series = opened(tmp_path, np.array([[[-2000, 900, 5]], [[-2000, 900, 5]]], np.int16), change)
    assert values(series) == [[[-2000, 900, 5]], [[-2000, -2000, 5]]], "each is padding in one slice and a value in the other"


@pytest.mark.parametrize(("value", "limit"), [(60000, 65535), (65535, 60000)])
def test_a_range_of_padding_runs_either_way(tmp_path: Path, value: int, limit: int) -> None:
    def change(one: Dataset, _k: int) -> None:
        one.add_new("PixelPaddingValue", "US", value)
        one.add_new("PixelPaddingRangeLimit", "US", limit)

    assert values(opened(tmp_path, np.array([[[59999, 60000, 65535, 4]]], np.uint16), change)) == [[[59999, 4, 4, 4]]]


def test_padding_of_an_inverted_grey_scale_becomes_dark(tmp_path: Path) -> None:
    def change(one: Dataset, _k: int) -> None:
        one.PhotometricInterpretation = "MONOCHROME1"
        one.add_new("PixelPaddingValue", "US", 0)

    assert values(opened(tmp_path, np.array([[[0, 250, 10]]], np.uint8), change)) == [[[5, 5, 245]]]


def test_a_padding_of_zero_is_a_value_like_any_other(tmp_path: Path) -> None:
    series = opened(tmp_path, np.array([[[0, -3, 9]]], np.int16), lambda one, _k: one.add_new("PixelPaddingValue", "SS", 0))
    assert values(series) == [[[0, -3, 9]]]


@pytest.mark.parametrize(("signed", "expected"), [(0, [1, 0x0FFF, 0x0800]), (1, [1, -1, -2048])])
def test_overlays_in_the_high_bits_are_no_values(tmp_path: Path, signed: int, expected: list[int]) -> None:
    """Bits 12 to 15 hold old overlays; padding and rescale must see what is left."""

    def change(one: Dataset, _k: int) -> None:
        one.BitsStored, one.HighBit, one.PixelRepresentation = 12, 11, signed
        one.RescaleSlope, one.RescaleIntercept = 2, 1

    series = opened(tmp_path, np.array([[[0x7001, 0x1FFF, 0xF800]]], np.uint16), change)
    assert values(series) == [[[2.0 * value + 1 for value in expected]]]


def test_values_in_the_high_bits_are_said(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    def change(one: Dataset, k: int) -> None:
        one.BitsStored, one.HighBit = 12, 15 if k == 3 else 11

    series = opened(tmp_path, noise, change)
    assert [(problem.code, problem.severity, problem.where) for problem in series.problems] == [("high-bit", "warning", "0003.dcm")]


def test_a_table_behind_a_display_is_left_alone(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    """Windows and VOI tables say how to show values, not what they are."""

    def change(one: Dataset, _k: int) -> None:
        table = Dataset()
        table.LUTDescriptor = [3, 0, 16]
        table.add_new("LUTData", "US", [9, 5, 7])
        one.VOILUTSequence, one.WindowCenter, one.WindowWidth = [table], 40, 80

    assert values(opened(tmp_path, noise, change)) == noise.tolist()
    assert len(read_all(tmp_path)) == 1
