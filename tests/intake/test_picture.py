"""Pictures: nothing is assumed in silence, nothing is decoded before its size is known."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from condyle.errors import InputError
from condyle.intake import load_volume, open_studies, open_study


@pytest.fixture
def grey() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (12, 9)).astype(np.uint8)


def test_without_a_plane_nothing_is_known(tmp_path: Path, grey: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "x.png"), grey)
    (series,) = open_study(tmp_path / "x.png").series
    assert series.geometry is None
    assert series.role.plane.value is None
    assert [problem.code for problem in series.problems] == ["plane-unknown"]
    volume = load_volume(series)
    assert np.array_equal(volume.pixels, grey[None])
    assert not volume.geometry.calibrated


def test_a_sagittal_picture_stands_upright_with_the_front_on_the_left(tmp_path: Path, grey: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "x.png"), grey)
    (series,) = open_study(tmp_path / "x.png", overrides={"plane": "sagittal"}).series
    assert [(problem.code, problem.severity) for problem in series.problems] == [("picture-upright", "note")]
    geometry = load_volume(series).geometry
    assert geometry.shape == (1, 12, 9)
    assert geometry.plane == "sagittal"
    assert not geometry.calibrated
    assert geometry.directions[:, 1].tolist() == [0, 0, -1], "rows run to the feet"
    assert geometry.directions[:, 2].tolist() == [0, 1, 0], "columns run to the back"
    (spaced,) = open_study(tmp_path / "x.png", overrides={"plane": "sagittal", "spacing": (4, 0.6, 0.5)}).series
    assert spaced.geometry is not None
    assert spaced.geometry.calibrated
    assert spaced.geometry.spacing == (4, 0.6, 0.5)


@pytest.mark.parametrize("plane", ["coronal", "axial"])
def test_other_planes(tmp_path: Path, grey: np.ndarray, plane: str) -> None:
    cv2.imwrite(str(tmp_path / "x.png"), grey)
    (series,) = open_study(tmp_path / "x.png", overrides={"plane": plane}).series
    assert series.geometry is not None
    assert series.geometry.plane == plane
    assert series.geometry.directions[0, 2] == 1, "the patient's left is on the right"


@pytest.mark.parametrize("name", ["x.jpg", "x.png"])
def test_colour_pictures_of_grey_are_grey(tmp_path: Path, grey: np.ndarray, name: str) -> None:
    cv2.imwrite(str(tmp_path / name), cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
    pixels = load_volume(open_study(tmp_path / name).series[0]).pixels
    assert pixels.shape == (1, 12, 9)
    assert np.abs(pixels[0].astype(int) - grey).mean() < (1 if name.endswith("png") else 40)


def test_sixteen_bits_stay(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "x.png"), np.array([[0, 40000]], np.uint16))
    assert load_volume(open_study(tmp_path / "x.png").series[0]).pixels.tolist() == [[[0, 40000]]]


def test_a_picture_bomb_is_refused_before_decoding(tmp_path: Path) -> None:
    body = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + body + struct.pack(">I", zlib.crc32(b"IHDR" + body))
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + bytes(50))
    opened = open_studies(tmp_path)
    assert not opened.studies
    assert "60000 x 60000" in opened.problems[0].why


def test_a_cut_off_picture(tmp_path: Path, grey: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "x.png"), grey)
    raw = (tmp_path / "x.png").read_bytes()
    (tmp_path / "x.png").write_bytes(raw[:40])
    (series,) = open_study(tmp_path).series
    with pytest.raises(InputError) as caught:
        load_volume(series)
    assert caught.value.where == "x.png"


def test_wrong_overrides_are_errors(tmp_path: Path, grey: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "x.png"), grey)
    assert open_studies(tmp_path, overrides={"plane": "diagonal"}).problems[0].code == "plane-unknown"
    assert open_studies(tmp_path, overrides={"plane": "axial", "spacing": (1, -2, 3)}).problems[0].code == "spacing-invalid"
