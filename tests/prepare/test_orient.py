"""Orient: canonical axes, without copying and without moving anything in the patient."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from condyle.errors import UsageError
from condyle.prepare import orient
from condyle.prepare.orient import CANONICAL
from condyle.study import Geometry, Volume
from condyle.study.geometry import PLANES


def _stack(plane: str, permutation=(0, 1, 2), flips=(1, 1, 1), turn=None, spacing=(3.5, 0.6, 0.8)) -> Volume:
    """A canonical stack of a plane whose axes were then permuted and flipped."""
    shape = (4, 5, 6)
    affine = np.eye(4)
    affine[:3, :3] = (np.array(CANONICAL[plane], float) * np.array(spacing)[:, None]).T
    if turn is not None:
        affine[:3, :3] = turn @ affine[:3, :3]
    affine[:3, 3] = (3, -8, 5)
    pixels = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    turned = pixels.transpose(permutation)[tuple(slice(None, None, step) for step in flips)]
    moved = np.array(affine)
    moved[:3, :3] = affine[:3, list(permutation)] * np.array(flips)
    corner = [0 if step > 0 else n - 1 for step, n in zip(flips, turned.shape, strict=True)]
    moved[:3, 3] = affine[:3, 3] + affine[:3, list(permutation)] @ corner
    return Volume(np.ascontiguousarray(turned), Geometry(moved, turned.shape), "s")


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("permutation", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", list(itertools.product((1, -1), repeat=3)))
def test_any_storage_order_comes_back_canonical(plane, permutation, flips):
    want = _stack(plane)
    done = orient(_stack(plane, permutation, flips))
    assert np.array_equal(done.pixels, want.pixels)
    np.testing.assert_allclose(done.geometry.affine, want.geometry.affine, atol=1e-9)


@settings(max_examples=40)
@given(
    plane=st.sampled_from(PLANES),
    permutation=st.permutations(range(3)),
    flips=st.tuples(*[st.sampled_from((1, -1))] * 3),
    angles=st.tuples(*[st.floats(-20, 20)] * 3),
)
def test_every_voxel_stays_at_its_place_in_the_patient(plane, permutation, flips, angles):
    volume = _stack(plane, tuple(permutation), flips, Rotation.from_euler("xyz", angles, degrees=True).as_matrix())
    done = orient(volume)
    places = {int(value): volume.geometry.to_world(index) for index, value in np.ndenumerate(volume.pixels)}
    for index, value in np.ndenumerate(done.pixels):
        np.testing.assert_allclose(done.geometry.to_world(index), places[int(value)], atol=1e-9)
    assert done.geometry.plane == plane
    # Every axis points the canonical way.
    assert all(np.diag(done.geometry.directions.T @ np.array(CANONICAL[plane], float).T) > 0.5)


def test_the_pixels_are_a_view():
    volume = _stack("sagittal", (2, 0, 1), (-1, 1, -1))
    assert np.shares_memory(orient(volume).pixels, volume.pixels)


def test_an_isotropic_volume_keeps_its_slice_axis_unless_a_plane_is_asked_for():
    volume = _stack("axial", spacing=(0.7, 0.7, 0.7))
    assert orient(volume).geometry.plane == "axial"
    asked = orient(volume, plane="sagittal")
    assert asked.geometry.plane == "sagittal"
    np.testing.assert_allclose(asked.geometry.directions, np.array(CANONICAL["sagittal"], float).T, atol=1e-12)


def test_an_unknown_plane_is_refused():
    with pytest.raises(UsageError, match="There is no plane 'oblique'"):
        orient(_stack("axial"), plane="oblique")


@pytest.mark.parametrize(("plane", "code"), [("sagittal", "PIL"), ("coronal", "LIP"), ("axial", "LPS")])
def test_agrees_with_simpleitk(plane, code):
    sitk = pytest.importorskip("SimpleITK")
    turn = Rotation.from_euler("xyz", (8, -14, 11), degrees=True).as_matrix()
    volume = _stack(plane, (1, 2, 0), (-1, 1, -1), turn)
    image = sitk.GetImageFromArray(volume.pixels)
    image.SetSpacing(volume.geometry.spacing[::-1])
    image.SetDirection(volume.geometry.directions[:, ::-1].ravel().tolist())
    image.SetOrigin(volume.geometry.affine[:3, 3].tolist())
    want = sitk.DICOMOrient(image, code)
    done = orient(volume)
    assert np.array_equal(done.pixels, sitk.GetArrayFromImage(want))
    np.testing.assert_allclose(done.geometry.affine[:3, 3], want.GetOrigin(), atol=1e-9)
    np.testing.assert_allclose(done.geometry.directions[:, ::-1].ravel(), want.GetDirection(), atol=1e-9)
