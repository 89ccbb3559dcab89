"""Blobs: the bytes of a file, on disk and in an archive alike."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from condyle.errors import InputError
from condyle.intake import load_volume, open_studies, open_study
from condyle.intake.blob import Blob
from tests.intake.writing import mr_object, write_series

METHODS = {"stored": zipfile.ZIP_STORED, "deflate": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}


def blobs(folder: Path, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> list[Blob]:
    """The same bytes as a file and as a member of an archive."""
    (folder / "x").write_bytes(content)
    with zipfile.ZipFile(folder / "x.zip", "w", method) as archive:
        archive.writestr("in/x", content)
    return [Blob(str(folder / "x"), "x", len(content)), Blob(str(folder / "x.zip"), "x.zip/in/x", len(content), "in/x")]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=3000), start=st.integers(0, 3100), count=st.integers(0, 3100))
def test_any_part_is_that_of_the_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes, start: int, count: int) -> None:
    for blob in blobs(tmp_path_factory.mktemp("blob"), content):
        assert blob.read() == content
        assert blob.head(count) == content[:count]
        assert blob.digest() == hashlib.sha256(content).digest()
        target = bytearray(count)
        got = blob.read_into(memoryview(target), start)
        assert bytes(target[:got]) == content[start : start + count]


@pytest.mark.parametrize("method", METHODS)
def test_a_damaged_member_is_an_error_of_that_file(tmp_path: Path, noise: NDArray[np.int16], method: str) -> None:
    """Whatever it was packed with; the other members are read."""
    write_series(tmp_path / "a", np.tile(noise, (1, 6, 6)))
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", METHODS[method]) as archive:
        for file in sorted((tmp_path / "a").iterdir()):
            archive.write(file, file.name)
        member = archive.getinfo("0003.dcm")
    data = bytearray(path.read_bytes())
    begin = member.header_offset + 30 + len(member.filename)
    place = begin + (member.compress_size // 2 if method == "stored" else 20)
    data[place : place + 60] = bytes(byte ^ 0x5A for byte in data[place : place + 60])
    path.write_bytes(data)
    opened = open_studies(path)
    problems = [*opened.problems, *(problem for study in opened.studies for problem in study.problems)]
    if not problems:  # the head of a member that is cut short of its checksum is read; its pixels are not
        with pytest.raises(InputError) as caught:
            [load_volume(series) for series in opened.studies[0].series]
        assert caught.value.where == "a.zip/0003.dcm"
        return
    assert [problem.where for problem in problems] == ["a.zip/0003.dcm"]
    assert sum(len(one.source.frames) for one in opened.studies[0].series) == 5


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose whole content was asked for, in order."""
    asked: list[str] = []
    really = Blob.read

    def read(self: Blob) -> bytes:
        asked.append(self.where)
        return really(self)

    monkeypatch.setattr(Blob, "read", read)
    return asked


def test_a_multi_frame_member_is_decompressed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.random.default_rng(5).integers(0, 900, (40, 6, 7)).astype(np.uint16)
    one = mr_object(frames[0])
    one.NumberOfFrames, one.PixelData = len(frames), frames.tobytes()
    one.save_as(tmp_path / "many.dcm", enforce_file_format=True)
    with zipfile.ZipFile(tmp_path / "many.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "many.dcm", "many.dcm")
    (series,) = open_study(tmp_path / "many.zip").series
    asked = counted(monkeypatch)
    assert np.array_equal(load_volume(series).pixels, frames)
    assert asked == ["many.zip/many.dcm"]


def test_a_deflated_multi_frame_object_is_inflated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.random.default_rng(6).integers(0, 900, (40, 6, 7)).astype(np.uint16)
    one = mr_object(frames[0], syntax=DeflatedExplicitVRLittleEndian)
    one.NumberOfFrames, one.PixelData = len(frames), frames.tobytes()
    one.save_as(tmp_path / "many.dcm", enforce_file_format=True)
    (series,) = open_study(tmp_path / "many.dcm").series
    asked = counted(monkeypatch)
    assert np.array_equal(load_volume(series).pixels, frames)
    assert asked == ["many.dcm"]


def test_slices_of_an_archive_in_any_order_are_those_of_its_folder(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    def turned(one: Dataset, k: int) -> None:
        one.InstanceNumber = 6 - k

    write_series(tmp_path / "a", noise, names=list("fbdace"), change=turned)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((tmp_path / "a").iterdir()):
            archive.write(file, file.name)
    packed, plain = (load_volume(open_study(tmp_path / name).series[0]) for name in ("a.zip", "a"))
    assert np.array_equal(packed.pixels, plain.pixels)
