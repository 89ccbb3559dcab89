"""Resample: in the image plane, over the same field of view, agreeing with references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from condyle.errors import InputError, UsageError
from condyle.prepare import orient, resample
from condyle.study import Geometry, Volume


def _volume(pixels, spacing=(3.0, 1.0, 1.0), **known) -> Volume:
    affine = np.diag([*spacing, 1.0])
    return Volume(pixels, Geometry(affine, pixels.shape, **known))


def _area_average(plane, rows, columns):
    """The mean over each new pixel by exact integration: differences of the interpolated summed-area table."""
    table = np.pad(plane.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    at = np.meshgrid(np.linspace(0, plane.shape[0], rows + 1), np.linspace(0, plane.shape[1], columns + 1), indexing="ij")
    table = ndimage.map_coordinates(table, at, order=1)
    return np.diff(np.diff(table, axis=0), axis=1) * rows * columns / plane.size


@given(rows=st.integers(1, 40), columns=st.integers(1, 30), seed=st.integers(0, 99))
@settings(max_examples=60)
def test_shrinking_is_the_mean_over_the_area(rows, columns, seed):
    pixels = np.random.default_rng(seed).integers(0, 3000, (2, 40, 30)).astype(np.int16)
    volume = _volume(pixels)
    done = resample(volume, (40 / rows, 30 / columns))
    assert done.shape == (2, rows, columns)
    for ours, plane in zip(done.pixels, pixels, strict=True):
        assert np.abs(ours - _area_average(plane, rows, columns)).max() <= 0.5 + 1e-3


@given(shape=st.tuples(*[st.integers(2, 25)] * 3), spacing=st.tuples(*[st.floats(0.3, 4)] * 3), asked=st.floats(0.2, 6))
def test_the_field_of_view_stays(shape, spacing, asked):
    volume = _volume(np.zeros(shape, np.uint8), spacing)
    done = resample(volume, asked, slice_spacing_mm=asked)
    for corner in (np.full(3, -0.5), np.array(shape) - 0.5):
        far = np.where(corner < 0, -0.5, np.array(done.shape) - 0.5)
        np.testing.assert_allclose(done.geometry.to_world(far), volume.geometry.to_world(corner), atol=1e-9)
    for have, n, was, size in zip(done.geometry.spacing, done.shape, spacing, shape, strict=True):
        assert abs(have * n - asked * n) <= asked / 2 + 1e-9 or n == 1, (have, asked, was, size)


def test_slices_are_left_alone_unless_asked(knee_like):
    assert resample(knee_like, 1.0).geometry.spacing == pytest.approx((3.0, 1.0, 1.0))
    assert resample(knee_like, 1.0, slice_spacing_mm=1.5).shape == (12, 45, 35)


def test_slices_are_never_mixed():
    """G14: a volume whose slices are each constant stays so."""
    pixels = np.broadcast_to(np.array([5, 900, 17, 3], np.int16)[:, None, None], (4, 33, 21))
    for spacing in (0.4, 2.7, (0.5, 3.0)):
        done = resample(_volume(np.array(pixels)), spacing)
        assert all(len(np.unique(plane)) == 1 for plane in done.pixels)
        assert [int(plane[0, 0]) for plane in done.pixels] == [5, 900, 17, 3]


def test_rows_and_columns_are_not_swapped():
    """G29: the centre of a 300 x 500 picture stays the centre."""
    pixels = np.zeros((1, 300, 500), np.float32)
    pixels[0, 140:160, 240:260] = 1
    done = resample(_volume(pixels), (2.0, 1.0))
    assert done.shape == (1, 150, 500)
    np.testing.assert_allclose(ndimage.center_of_mass(done.pixels[0]), (74.5, 249.5), atol=1e-4)


@pytest.mark.parametrize("plane", ["sagittal", "coronal", "axial"])
def test_a_view_gives_the_same_as_its_copy(knee_like, plane):
    """Up to the last bit: which axis lies first in memory decides the order of the sums."""
    for kind, last_bit in ((np.int16, 1), (np.float32, 1e-3)):
        view = orient(Volume(knee_like.pixels.astype(kind), knee_like.geometry), plane=plane)
        copy = Volume(np.ascontiguousarray(view.pixels), view.geometry)
        for spacing in (0.8, 0.31, (0.9, 0.3)):
            assert np.abs(resample(view, spacing).pixels - resample(copy, spacing).pixels).max() <= last_bit


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_ordinary_types_stay(kind):
    assert resample(_volume(np.ones((2, 9, 9), kind)), 2.0).pixels.dtype == kind


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.uint32, np.int64, np.float16, ">i2", ">f4"])
def test_other_types_keep_their_values(kind):
    pixels = np.arange(2 * 8 * 8).reshape(2, 8, 8).astype(kind)
    done = resample(_volume(pixels), 2.0).pixels
    want = np.stack([_area_average(plane, 4, 4) for plane in pixels])
    assert np.abs(done - want).max() <= 0.5
    assert done.dtype.isnative


def test_wide_integers_do_not_lose_digits():
    pixels = np.full((1, 8, 8), 2**31 - 1, np.int64)
    assert (resample(_volume(pixels), 2.0).pixels == 2**31 - 1).all()


def test_classes_are_never_averaged(knee_like):
    from condyle.prepare import follow, record

    mask = Volume(((knee_like.pixels > 300) * 7).astype(np.uint8), knee_like.geometry)
    done = record(knee_like, [{"step": "resample", "spacing_mm": 0.83, "slice_spacing_mm": 1.1}])
    moved = follow(mask, done.record)
    assert set(np.unique(moved.pixels)) == {0, 7}
    assert moved.geometry == done.volume.geometry


def test_the_identity_copies_nothing(knee_like):
    assert resample(knee_like, 0.5).pixels is knee_like.pixels


def test_unknown_spacing_is_refused_not_invented():
    """G13: what is not known stays unknown."""
    picture = _volume(np.zeros((1, 20, 20), np.uint8), (1, 1, 1), calibrated=False, spacing_source="nominal")
    with pytest.raises(InputError, match="the spacing of this volume is unknown") as caught:
        resample(picture, 0.5)
    assert caught.value.code == "spacing-unknown"


@pytest.mark.parametrize("spacing", [0, -1, 0.001, 500, float("nan")])
def test_a_spacing_that_is_a_mistake_is_refused(knee_like, spacing):
    with pytest.raises(UsageError, match=r"between 0\.05 and 50"):
        resample(knee_like, spacing)


def test_linear_agrees_with_simpleitk(knee_like):
    sitk = pytest.importorskip("SimpleITK")
    for spacing in ((0.7, 0.9), (0.3, 0.35)):
        done = resample(knee_like, spacing, shrink="linear")
        image = sitk.GetImageFromArray(knee_like.pixels)
        image.SetSpacing(knee_like.geometry.spacing[::-1])
        image.SetDirection(knee_like.geometry.directions[:, ::-1].ravel().tolist())
        image.SetOrigin(knee_like.geometry.affine[:3, 3].tolist())
        grid = sitk.Image([int(n) for n in done.shape[::-1]], sitk.sitkFloat64)
        grid.SetSpacing(done.geometry.spacing[::-1])
        grid.SetDirection(done.geometry.directions[:, ::-1].ravel().tolist())
        grid.SetOrigin(done.geometry.affine[:3, 3].tolist())
        want = sitk.GetArrayFromImage(sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat64))
        inside = (slice(None), slice(1, -1), slice(1, -1))
        assert np.abs(done.pixels[inside] - want[inside]).max() <= 0.5 + 1e-6


def test_agrees_with_scipy_zoom(knee_like):
    done = resample(knee_like, (0.7, 0.9), shrink="linear")
    want = ndimage.zoom(knee_like.pixels.astype(float), np.array(done.shape) / knee_like.shape, order=1, grid_mode=True, mode="nearest")
    assert np.abs(done.pixels - want).max() <= 0.5 + 1e-6
