"""Crops along the disc's axis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.readers.lumbar.crops import CropSpec, Frame, cut, normalise, picture_to_crop

SPEC = CropSpec()


def tilted_disc(angle: float, shape: tuple[int, int] = (400, 400)) -> np.ndarray:
    """A bright bar 80 long and 16 thick in the middle, its back (right) end turned down by ``angle``."""
    row, column = np.mgrid[: shape[0], : shape[1]] - (np.array(shape) / 2)[:, None, None]
    along = np.cos(angle) * column + np.sin(angle) * row
    across = -np.sin(angle) * column + np.cos(angle) * row
    inside = np.clip(40.5 - np.abs(along), 0, 1) * np.clip(8.5 - np.abs(across), 0, 1)
    return np.asarray(inside, np.float32)


def only(picture: np.ndarray, frame: Frame, spec: CropSpec = SPEC) -> np.ndarray:
    return cut(picture, np.zeros((3, *picture.shape), np.float32), [frame], spec)[0, 0]


@given(
    st.floats(20, 380), st.floats(20, 380), st.floats(-1.2, 1.2), st.floats(20, 160)
)
def test_the_disc_centre_lands_on_its_place_and_its_axis_on_the_columns(row: float, column: float, angle: float, width: float) -> None:
    matrix = picture_to_crop(Frame("L4-L5", row, column, angle, width), SPEC)
    centre = matrix @ [column, row, 1]
    assert centre == pytest.approx((SPEC.centre[1], SPEC.centre[0]), abs=1e-6)
    end = matrix @ [column + width * np.cos(angle), row + width * np.sin(angle), 1]
    assert end - centre == pytest.approx((SPEC.pixels_per_width, 0), abs=1e-6)


@pytest.mark.parametrize("degrees", [-40, -15, 0, 25, 40])
def test_g38_a_tilted_disc_becomes_level_within_a_tenth_of_a_degree(degrees: float) -> None:
    angle = np.deg2rad(degrees)
    crop = only(tilted_disc(angle), Frame("L5-S1", 200, 200, float(angle), 80))
    columns = np.flatnonzero(crop.max(axis=0) > 0.5)
    inner = columns[5:-5]
    middle = np.arange(SPEC.rows) @ crop[:, inner] / crop[:, inner].sum(axis=0)
    slope = np.polyfit(inner, middle, 1)[0]
    assert abs(np.rad2deg(np.arctan(slope))) < 0.1
    assert np.ptp(columns) + 1 == pytest.approx(SPEC.pixels_per_width, abs=2)


@pytest.mark.parametrize(("row", "column"), [(0, 200), (399, 200), (200, 0), (200, 399), (0, 0), (399, 399)])
def test_g39_a_disc_at_any_border_is_padded_and_keeps_its_place(row: float, column: float) -> None:
    picture = np.full((400, 400), 0.7, np.float32)
    crop = only(picture, Frame("L5-S1", row, column, 0.0, 80))
    assert crop.shape == (SPEC.rows, SPEC.columns)
    at = tuple(round(place) for place in SPEC.centre)
    inward = (at[0] + (3 if row == 0 else -3), at[1] + (3 if column == 0 else -3))
    assert crop[inward] == pytest.approx(0.7, abs=0.01)
    assert (crop == 0).any()


def test_a_wider_crop_holds_the_narrow_one_in_its_middle() -> None:
    picture = np.random.default_rng(0).random((400, 400)).astype(np.float32)
    frame = Frame("L3-L4", 180.0, 210.0, 0.2, 90.0)
    wide = only(picture, frame, SPEC.widened(10))
    np.testing.assert_allclose(wide[10:-10, 10:-10], only(picture, frame), atol=1e-3)


def test_grey_values_follow_the_spine_whatever_the_scale() -> None:
    """methods G9: a factor changes nothing, one hot pixel hardly anything."""
    rng = np.random.default_rng(1)
    picture = rng.random((200, 200)).astype(np.float32)
    tissue = np.zeros((3, 200, 200), np.float32)
    tissue[0, 50:150, 50:150] = 1
    base = normalise(picture, tissue)
    np.testing.assert_allclose(normalise(3 * picture + 7, tissue), base, atol=1e-4)
    hot = picture.copy()
    hot[100, 100] = 30_000
    assert np.abs(np.delete(normalise(hot, tissue) - base, 100, axis=0)).max() < 0.01
    assert not normalise(np.ones((200, 200)), tissue).any()
