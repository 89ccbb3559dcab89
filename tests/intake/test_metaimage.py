"""MetaImage against SimpleITK, its home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condyle.errors import InputError
from condyle.intake import load_volume, open_studies, open_study
from tests.intake.writing import read_all, trouble_at

sitk = pytest.importorskip("SimpleITK")


def image(seed: int, kind: Any = np.int16) -> Any:
    rng = np.random.default_rng(seed)
    made = sitk.GetImageFromArray(rng.permutation(4 * 5 * 6).reshape(4, 5, 6).astype(kind))
    made.SetSpacing(tuple(rng.uniform(0.3, 5, 3)))
    made.SetOrigin(tuple(rng.uniform(-100, 100, 3)))
    made.SetDirection(tuple(np.linalg.qr(rng.normal(size=(3, 3)))[0].ravel()))
    return made


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64]))
def test_voxels_lie_where_simpleitk_puts_them(tmp_path: Path, seed: int, compressed: bool, kind: Any) -> None:
    made = image(seed, kind)
    sitk.WriteImage(made, str(tmp_path / "x.mha"), useCompression=compressed)
    (series,) = open_study(tmp_path / "x.mha").series
    volume = load_volume(series)
    assert volume.pixels.dtype == kind
    for x, y, z in np.random.default_rng(seed).integers(0, (6, 5, 4), (5, 3)).tolist():
        place = volume.geometry.to_index(made.TransformIndexToPhysicalPoint((x, y, z)))
        assert np.allclose(place, place.round(), atol=1e-3)
        assert volume.pixels[tuple(place.round().astype(int))] == made.GetPixel(x, y, z)


@pytest.mark.parametrize("compressed", [False, True])
def test_header_and_raw_file(tmp_path: Path, compressed: bool) -> None:
    sitk.WriteImage(image(1), str(tmp_path / "x.mhd"), useCompression=compressed)
    opened = open_studies(tmp_path)
    assert len(opened.studies) == 1
    assert opened.unused == (), "the raw file belongs to the header"
    assert load_volume(opened.studies[0].series[0]).pixels.size == 120


def header(**changes: str) -> bytes:
    keys = {
        "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "BinaryDataByteOrderMSB": "False", "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "0 0 0", "ElementSpacing": "1 1 3", "DimSize": "3 4 2",
        "ElementType": "MET_SHORT",
    }  # fmt: skip
    keys.update(changes)
    data = keys.pop("ElementDataFile", "LOCAL")
    return "".join(f"{key} = {value}\n" for key, value in keys.items()).encode() + f"ElementDataFile = {data}\n".encode()


@pytest.mark.parametrize(("changes", "why"), [
    ({"DimSize": "3 4 3"}, "end after 48 of 72 bytes"),
    ({"DimSize": "3000 4000 2000"}, "more than"),
    ({"DimSize": "3 four 2"}, "whole numbers"),
    ({"ElementType": "MET_OTHER"}, "ElementType"),
    ({"ElementNumberOfChannels": "3"}, "one channel"),
    ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "regular matrix"),
    ({"ElementSpacing": "1 nan 1"}, "regular matrix"),
    ({"ElementDataFile": "../other.raw"}, "same folder"),
    ({"ElementDataFile": "/etc/passwd"}, "same folder"),
    ({"ElementDataFile": "missing.raw"}, "missing"),
    ({"CompressedData": "True"}, "compression is damaged"),
])  # fmt: skip
def test_bad_headers_are_named(tmp_path: Path, changes: dict[str, str], why: str) -> None:
    (tmp_path / "x.mha").write_bytes(header(**changes) + b"\1" * 48)
    with pytest.raises(InputError) as caught:
        read_all(tmp_path / "x.mha")
    assert why in caught.value.why


def test_big_endian(tmp_path: Path) -> None:
    (tmp_path / "x.mha").write_bytes(header(BinaryDataByteOrderMSB="True") + np.arange(24, dtype=">i2").tobytes())
    (series,) = open_study(tmp_path / "x.mha").series
    assert sorted(load_volume(series).pixels.ravel().tolist()) == list(range(24))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 240), st.integers(0, 255)), min_size=1, max_size=5))
def test_mutated_headers_give_a_volume_or_an_error(tmp_path: Path, mutations: list[tuple[int, int]]) -> None:
    raw = bytearray(header() + bytes(48))
    for place, value in mutations:
        raw[place] = value
    (tmp_path / "x.mha").write_bytes(raw)
    assert trouble_at(tmp_path / "x.mha") in ("", "x.mha")


@pytest.mark.parametrize(("said", "before"), [("10", 10), ("-1", 37), ("0", 0)])
@pytest.mark.parametrize("local", [False, True])
def test_voxels_behind_a_foreign_header_lie_where_simpleitk_finds_them(tmp_path: Path, said: str, before: int, local: bool) -> None:
    """HeaderSize counts from the start of the file, also where the voxels follow the header; -1: they end with the file."""
    raw = np.arange(24, dtype="<i2").tobytes()
    text = header(HeaderSize=said, ElementDataFile="LOCAL" if local else "x.raw")
    if local and said == "10":
        text, before = header(HeaderSize="400"), 400 - len(header(HeaderSize="400"))
    (tmp_path / "x.mhd").write_bytes(text + (bytes(before) + raw if local else b""))
    (tmp_path / "x.raw").write_bytes(bytes(before) + raw)
    volume = load_volume(open_study(tmp_path / "x.mhd").series[0])
    expected = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "x.mhd")))
    assert sorted(volume.pixels.ravel()) == list(range(24)) == sorted(expected.ravel())
    assert np.array_equal(volume.pixels, np.arange(24).reshape(2, 4, 3))


@pytest.mark.parametrize(("changes", "why"), [
    ({"BinaryData": "False"}, "BinaryData"),
    ({"HeaderSize": "-2"}, "HeaderSize"),
    ({"HeaderSize": "-1", "CompressedData": "True"}, "HeaderSize"),
    ({"HeaderSize": "9999999"}, "voxels end"),
])  # fmt: skip
def test_what_would_be_read_from_the_wrong_place_is_refused(tmp_path: Path, changes: dict[str, str], why: str) -> None:
    (tmp_path / "x.mha").write_bytes(header(**changes) + bytes(48))
    (problem,) = open_studies(tmp_path).problems
    assert why in problem.why


def test_two_raw_files_under_equal_headers_are_two_studies(tmp_path: Path) -> None:
    """The header file alone says nothing of whose voxels they are."""
    for number, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.mhd").write_bytes(header(ElementDataFile="x.raw"))
        (tmp_path / name / "x.raw").write_bytes(np.random.default_rng(number).integers(0, 999, 24).astype("<i2").tobytes())
    studies = open_studies(tmp_path).studies
    assert len(studies) == len({study.study_key for study in studies}) == len({study.patient_key for study in studies}) == 2
