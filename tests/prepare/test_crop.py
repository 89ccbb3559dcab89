"""Crop: millimetres, whole voxels, padding on every side."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.errors import InputError, UsageError
from condyle.prepare import crop_mm, record
from condyle.study import Geometry, Volume

_PIXELS = np.arange(1, 4 * 20 * 30 + 1, dtype=np.int16).reshape(4, 20, 30)


def _volume(**known) -> Volume:
    affine = np.diag([3.0, 0.5, 0.8, 1.0])
    affine[:3, 3] = (5, -7, 11)
    return Volume(_PIXELS, Geometry(affine, _PIXELS.shape, **known), "c")


@given(
    extent=st.tuples(st.floats(0.4, 40), st.floats(0.4, 60)),
    centre=st.tuples(st.floats(0, 3), st.floats(0, 19), st.floats(0, 29)),
)
def test_every_voxel_keeps_its_place_and_padding_is_fill(extent, centre):
    volume = _volume()
    point = volume.geometry.to_world(centre)
    done = record(volume, [{"step": "crop_mm", "extent_mm": list(extent), "centre_mm": point.tolist(), "fill": -1}])
    cropped = done.volume
    assert cropped.shape == (4, max(1, round(extent[0] / 0.5)), max(1, round(extent[1] / 0.8)))
    index = np.stack(np.meshgrid(*(np.arange(n) for n in cropped.shape), indexing="ij"), axis=-1)
    source = np.rint(volume.geometry.to_index(cropped.geometry.to_world(index))).astype(int)
    inside = ((source >= 0) & (source < volume.shape)).all(axis=-1)
    assert np.array_equal(cropped.pixels[inside], volume.pixels[tuple(source[inside].T)])
    assert (cropped.pixels[~inside] == -1).all()
    padding = np.array(done.record[0]["padding"])
    assert inside.sum() == np.prod(np.array(cropped.shape) - padding.sum(axis=1))
    apart = (cropped.geometry.to_index(point) - (np.array(cropped.shape) - 1) / 2)[1:]
    assert (np.abs(apart) <= 0.5 + 1e-6).all()


@pytest.mark.parametrize("corner", [(0, 0), (0, 29), (19, 0), (19, 29)])
def test_g39_every_border_is_padded(corner):
    """A crop around each corner has the corner in its middle and padding on the two sides beyond it."""
    volume = _volume()
    point = volume.geometry.to_world((0, *corner))
    done = crop_mm(volume, (5.5, 8.8), centre_mm=point, fill=0)
    assert done.shape == (4, 11, 11)
    assert np.array_equal(done.pixels[:, 5, 5], volume.pixels[:, corner[0], corner[1]])
    assert np.count_nonzero(done.pixels[0]) == 36


def test_the_same_extent_shows_the_same_millimetres():
    for step in (0.2, 0.5, 0.9):
        volume = Volume(np.zeros((2, 300, 300), np.uint8), Geometry(np.diag([3, step, step, 1]), (2, 300, 300)))
        shown = crop_mm(volume, 40.0).geometry
        assert shown.shape[1] * shown.spacing[1] == pytest.approx(40, abs=step / 2)


def test_without_padding_nothing_is_copied():
    volume = _volume()
    assert np.shares_memory(crop_mm(volume, 4.0).pixels, volume.pixels)


def test_padding_takes_the_smallest_value_by_default():
    assert crop_mm(_volume(), (30.0, 4.0)).pixels[0, 0, 0] == 1


def test_a_box_beside_the_volume_is_refused():
    with pytest.raises(InputError, match="does not touch"):
        crop_mm(_volume(), 4.0, centre_mm=(5, 500, 11))


def test_unknown_spacing_is_refused():
    with pytest.raises(InputError, match="unknown"):
        crop_mm(_volume(calibrated=False), 4.0)


@pytest.mark.parametrize("extent", [0, -3, 1e6, (1, 2, 3, 4), float("nan")])
def test_an_impossible_extent_is_refused(extent):
    with pytest.raises(UsageError, match="extent_mm"):
        crop_mm(_volume(), extent)


def test_agrees_with_simpleitk():
    sitk = pytest.importorskip("SimpleITK")
    volume = _volume()
    done = record(volume, [{"step": "crop_mm", "extent_mm": [14.0, 12.0], "centre_mm": [8.0, -6.0, 18.0], "fill": 3}])
    (before, after), first = zip(*done.record[0]["padding"], strict=True), done.record[0]["start"]
    image = sitk.GetImageFromArray(volume.pixels)
    image.SetSpacing(volume.geometry.spacing[::-1])
    image.SetOrigin(volume.geometry.affine[:3, 3].tolist())
    image.SetDirection(volume.geometry.directions[:, ::-1].ravel().tolist())
    padded = sitk.ConstantPad(image, before[::-1], after[::-1], 3)
    begin = [max(0, n) for n in first[::-1]]
    want = sitk.RegionOfInterest(padded, done.volume.shape[::-1], begin)
    assert np.array_equal(done.volume.pixels, sitk.GetArrayFromImage(want))
    np.testing.assert_allclose(done.volume.geometry.affine[:3, 3], want.GetOrigin(), atol=1e-9)
