"""Stored values against other decoders, and what becomes of them on the way to modality values."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from condyle.errors import InputError
from condyle.intake import load_volume, open_studies, open_study
from condyle.intake.blob import Blob
from condyle.intake.dicom_file import read_dicom
from condyle.intake.eligible import damage, not_an_mr_image
from condyle.intake.frame import Frame
from condyle.intake.pixels import read_frames
from tests.intake.writing import mr_object, trouble_at, write_series


def stored(path: Path) -> NDArray[Any]:
    """All frames of one file, tiles not cut."""
    file = read_dicom(Blob(str(path), path.name, path.stat().st_size))
    frames = [Frame(file, index, None, None, None, file.layout.rows, file.layout.columns) for index in range(file.layout.frames)]
    return read_frames(frames)


def test_bit_for_bit_as_pydicom_on_every_mr_image(shared_data: Path) -> None:
    compared = 0
    for path in sorted((shared_data / "dicom").rglob("*")):
        if not path.is_file():
            continue
        try:
            file = read_dicom(Blob(str(path), path.name, path.stat().st_size))
        except InputError:
            continue
        if not_an_mr_image(file) or damage(file) or file.layout.syntax.endswith(".51"):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = pydicom.dcmread(path).pixel_array
        ours = stored(path)
        assert ours.dtype.newbyteorder("=") == theirs.dtype.newbyteorder("=")
        assert np.array_equal(ours, theirs.reshape(ours.shape)), path.name
        compared += 1
    assert compared > 180


def test_twelve_bit_jpeg_as_gdcm_reads_it(shared_data: Path) -> None:
    """pydicom's decoders refuse these files; gdcm's own reader takes them. Lossy: one grey step may differ."""
    gdcm = pytest.importorskip("gdcm")
    for path in sorted((shared_data / "dicom" / "nema_wg04").glob("MR*_JPLY")):
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        data = reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape")
        ours = stored(path)
        theirs = np.frombuffer(data, ours.dtype).reshape(ours.shape)
        assert np.abs(ours.astype(int) - theirs).max() <= 1, path.name


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16])
def test_every_uncompressed_syntax(tmp_path: Path, syntax: Any, kind: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (6, 8)).astype(kind)
    one = mr_object(pixels.astype(np.dtype(kind).newbyteorder(">")) if syntax == ExplicitVRBigEndian else pixels, syntax=syntax)
    if kind is np.uint8 and syntax == ExplicitVRBigEndian:
        one["PixelData"].VR = "OB"
    one.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    assert np.array_equal(stored(tmp_path / "x.dcm")[0], pixels)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16])
def test_every_lossless_compression(tmp_path: Path, syntax: Any, kind: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (48, 64)).astype(kind)
    one = mr_object(pixels)
    one.compress(syntax, generate_instance_uid=False)
    one.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    assert np.array_equal(stored(tmp_path / "x.dcm")[0], pixels)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hnp.arrays(
        np.uint16, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40), elements=st.sampled_from([0, 1, 255, 256, 65535])
    )
)
def test_run_lengths_as_pydicom_writes_them(tmp_path: Path, pixels: NDArray[np.uint16]) -> None:
    one = mr_object(pixels)
    one.compress(RLELossless, generate_instance_uid=False)
    one.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    assert np.array_equal(stored(tmp_path / "x.dcm")[0], pixels)


@pytest.mark.parametrize("table", ["basic", "none", "fragmented", "extended"])
def test_frames_of_encapsulated_objects(tmp_path: Path, table: str) -> None:
    """Several frames, with and without an offset table, whole and in fragments."""
    frames = np.random.default_rng(3).integers(0, 4000, (5, 64, 64)).astype(np.uint16)
    packed = []
    for pixels in frames:
        single = mr_object(pixels)
        single.compress(JPEG2000Lossless, generate_instance_uid=False)
        packed.append(next(pydicom.encaps.generate_frames(single.PixelData, number_of_frames=1)))
    one = mr_object(frames[0], syntax=JPEG2000Lossless)
    one.NumberOfFrames = 5
    if table == "extended":
        one.PixelData, one.ExtendedOffsetTable, one.ExtendedOffsetTableLengths = encapsulate_extended(packed)
    else:
        one.PixelData = encapsulate(packed, fragments_per_frame=3 if table == "fragmented" else 1, has_bot=table != "none")
    one["PixelData"].is_undefined_length = True
    one.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    assert np.array_equal(stored(tmp_path / "x.dcm"), frames)


def test_bits_above_bits_stored_are_cleared(tmp_path: Path) -> None:
    one = mr_object(np.array([[0xF001, 0x0FFF]], np.uint16))
    one.BitsStored, one.HighBit = 12, 11
    one.save_as(tmp_path / "u.dcm", enforce_file_format=True)
    assert stored(tmp_path / "u.dcm").tolist() == [[[1, 0x0FFF]]]
    one.PixelRepresentation = 1
    one.save_as(tmp_path / "s.dcm", enforce_file_format=True)
    assert stored(tmp_path / "s.dcm").tolist() == [[[1, -1]]]


def test_monochrome1_is_turned_round_before_the_rescale(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    def change(one: Dataset, _k: int) -> None:
        one.PhotometricInterpretation, one.BitsStored, one.HighBit = "MONOCHROME1", 12, 11
        one.PixelRepresentation, one.RescaleSlope, one.RescaleIntercept = 0, 2, 10

    write_series(tmp_path, noise[:1], change=change)
    (series,) = open_study(tmp_path).series
    assert [problem.code for problem in series.problems] == ["monochrome1"]
    assert np.allclose(load_volume(series).pixels, (4095 - noise[:1].astype(float)) * 2 + 10)


def test_padding_does_not_stretch_the_values(tmp_path: Path) -> None:
    pixels = np.array([[-2000, 5], [900, -2000]], np.int16)
    one = mr_object(pixels)
    one.add_new("PixelPaddingValue", "SS", -2000)
    one.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    (series,) = open_study(tmp_path).series
    assert load_volume(series).pixels.tolist() == [[[5, 5], [900, 5]]]


def test_integers_stay_integers_without_rescale(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path, noise)
    (series,) = open_study(tmp_path).series
    assert load_volume(series).pixels.dtype == np.int16


def test_a_cut_off_slice_is_named_and_the_rest_is_read(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    paths = write_series(tmp_path, noise)
    paths[0].write_bytes(paths[0].read_bytes()[:-10])
    study = open_study(tmp_path)
    assert [(problem.code, problem.where) for problem in study.problems] == [("file-damaged", "0000.dcm")]
    assert study.unused == (("0000.dcm", "damaged: truncated pixel data, 150 of 160 bytes"),)
    assert load_volume(study.series[0]).shape == (5, 8, 10)


def test_a_file_that_shrinks_after_opening_is_an_error_and_not_a_picture(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    paths = write_series(tmp_path, noise)
    (series,) = open_study(tmp_path).series
    paths[3].write_bytes(paths[3].read_bytes()[:-100])
    with pytest.raises(InputError) as caught:
        load_volume(series)
    assert caught.value.where == "0003.dcm"


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_damaged_streams_are_named(tmp_path: Path, syntax: Any) -> None:
    """Bytes of the stream overwritten, sizes of the file unchanged: the decoder must not be believed."""
    one = mr_object(np.random.default_rng(0).integers(0, 900, (32, 32)).astype(np.uint16))
    one.compress(syntax, generate_instance_uid=False)
    buffer = io.BytesIO()
    one.save_as(buffer, enforce_file_format=True)
    data = bytearray(buffer.getvalue())
    start = data.index(b"\xe0\x7f\x10\x00") + 12 + 8 + 8
    data[start : start + 60] = b"\x07" * 60
    (tmp_path / "x.dcm").write_bytes(data)
    (study,) = open_studies(tmp_path).studies
    with pytest.raises(InputError) as caught:
        load_volume(study.series[0])
    assert caught.value.where == "x.dcm"
    assert caught.value.why


def test_a_stream_that_claims_another_size_is_not_decoded(tmp_path: Path) -> None:
    """A JPEG 2000 header of 65535 x 65535 would make the decoder allocate gigabytes."""
    one = mr_object(np.zeros((32, 32), np.uint16))
    one.compress(JPEG2000Lossless, generate_instance_uid=False)
    buffer = io.BytesIO()
    one.save_as(buffer, enforce_file_format=True)
    data = buffer.getvalue()
    place = data.index(b"\xff\x4f\xff\x51") + 8
    (tmp_path / "x.dcm").write_bytes(data[:place] + struct.pack(">II", 65535, 65535) + data[place + 8 :])
    (study,) = open_studies(tmp_path).studies
    with pytest.raises(InputError, match="pixels of a file"):
        load_volume(study.series[0])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "emri_small_RLE.dcm"]), st.data())
def test_mutated_streams_give_pixels_or_a_located_error(tmp_path: Path, samples: Path, name: str, data: st.DataObject) -> None:
    raw = bytearray((samples / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(len(raw) // 4, len(raw) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "x").write_bytes(raw)
    assert trouble_at(tmp_path / "x") in ("", "x")
