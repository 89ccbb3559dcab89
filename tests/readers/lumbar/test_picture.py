"""One path for every format: the same slice gives the same picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from condyle.errors import InputError
from condyle.intake.nominal import upright
from condyle.readers.lumbar.picture import STEP_MM, picture, sagittal, stretch
from condyle.study import Geometry, Volume


def _volume(shape: tuple[int, int, int] = (3, 320, 256), spacing: tuple[float, float, float] = (4.0, 0.9375, 0.9375)) -> Volume:
    rng = np.random.default_rng(0)
    return Volume(rng.integers(0, 900, shape).astype(np.int16), upright("sagittal", shape, spacing), "one")


def test_pixels_are_square_and_cover_the_field() -> None:
    one = picture(_volume((3, 200, 300), (4.0, 1.5, 0.8)), 1)
    assert one.pixels.shape == (round(300 / STEP_MM), round(240 / STEP_MM))
    assert one.geometry.spacing[1:] == pytest.approx((STEP_MM, STEP_MM), rel=2e-3)


@settings(max_examples=15, deadline=None)
@given(slope=st.floats(0.01, 50), intercept=st.floats(-2000, 2000))
def test_rescale_does_not_matter(slope: float, intercept: float) -> None:
    volume = _volume()
    changed = Volume(volume.pixels.astype(np.float64) * slope + intercept, volume.geometry)
    np.testing.assert_allclose(picture(changed, 1).pixels, picture(volume, 1).pixels, atol=2e-3)


def test_places_lead_back_to_the_series() -> None:
    volume = _volume()
    one = picture(volume, 2)
    corner = volume.geometry.to_world((2, 40, 30))
    row, column = one.from_world(corner)[0]
    assert one.to_world(np.array([[row, column]]))[0] == pytest.approx(corner)
    assert row == pytest.approx((40.5) * 2 - 0.5, abs=0.01)


def test_axis_order_and_flips_do_not_matter() -> None:
    volume = _volume()
    flipped = Volume(volume.pixels[::-1, ::-1], _flip(volume.geometry, (0, 1)))
    assert np.array_equal(sagittal(flipped).pixels, volume.pixels)
    np.testing.assert_allclose(picture(sagittal(flipped), 1).pixels, picture(volume, 1).pixels, atol=1e-6)


def test_a_picture_without_millimetres_covers_a_square_field() -> None:
    volume = Volume(np.random.default_rng(0).random((1, 578, 448)), upright("sagittal", (1, 578, 448), None))
    one = picture(volume, 0)
    assert one.pixels.shape == (640, 640)
    assert not one.calibrated
    assert one.source_shape == (578, 448)
    assert one.geometry.spacing[1] == one.geometry.spacing[2]


def test_a_known_pixel_shape_is_kept() -> None:
    volume = Volume(np.random.default_rng(0).random((1, 640, 512)), upright("sagittal", (1, 640, 512), None))
    assert picture(volume, 0, pixel_aspect=1.0).pixels.shape == (640, 512)


def test_an_axial_series_is_refused() -> None:
    volume = Volume(np.zeros((20, 256, 256)), upright("axial", (20, 256, 256), (4.0, 0.7, 0.7)))
    with pytest.raises(InputError, match="axial"):
        sagittal(volume)


def test_a_field_of_view_of_no_spine_is_refused() -> None:
    with pytest.raises(InputError, match="field of view"):
        picture(Volume(np.zeros((1, 64, 64)), upright("sagittal", (1, 64, 64), (4.0, 0.3, 0.3))), 0)


def test_a_flat_picture_is_zero() -> None:
    assert not stretch(np.full((64, 64), 7.0)).any()


def _flip(geometry: Geometry, axes: tuple[int, ...]) -> Geometry:
    affine = np.array(geometry.affine)
    for axis in axes:
        affine[:3, 3] += affine[:3, axis] * (geometry.shape[axis] - 1)
        affine[:3, axis] *= -1
    return Geometry(affine, geometry.shape)
