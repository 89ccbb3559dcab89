"""Space: an index has one place in the patient and a place one index, whatever the affine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.study import Geometry
from condyle.study.geometry import CANONICAL, PLANES, from_dicom, unit_normal

SOME = settings(max_examples=40, deadline=None)
NUMBER = st.floats(-400, 400)
POINTS = st.lists(st.tuples(NUMBER, NUMBER, NUMBER), min_size=1, max_size=5).map(np.array)


@st.composite
def rotations(draw: st.DrawFn) -> NDArray[np.float64]:
    """(3, 3) from a unit quaternion: right-handed, every orientation."""
    q = np.array([draw(st.floats(-1, 1)) for _ in range(4)])
    length = np.linalg.norm(q)
    w, x, y, z = q / length if length > 0.1 else (1.0, 0.0, 0.0, 0.0)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    """Any orientation, spacing and place; slices may lean by up to 30 degrees and run either way."""
    steps = draw(st.tuples(*[st.floats(0.1, 9.0)] * 3))
    affine = np.eye(4)
    affine[:3, :3] = draw(rotations()) * np.array(steps)
    affine[:3, 0] += affine[:3, 1] / steps[1] * steps[0] * draw(st.floats(-0.5, 0.5))
    affine[:3, 0] *= draw(st.sampled_from([1, -1]))
    affine[:3, 3] = draw(st.tuples(NUMBER, NUMBER, NUMBER))
    return Geometry(affine, draw(st.tuples(*[st.integers(1, 600)] * 3)))


@SOME
@given(geometries(), POINTS)
def test_index_to_world_and_back(geometry: Geometry, index: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(geometry.to_index(geometry.to_world(index)), index, atol=1e-6)
    np.testing.assert_allclose(geometry.to_world(geometry.to_index(index)), index, atol=1e-6)
    np.testing.assert_allclose(geometry.to_world(index[0]), geometry.to_world(index)[0], atol=1e-9)


@SOME
@given(geometries())
def test_a_step_of_one_is_the_spacing_along_its_direction(geometry: Geometry) -> None:
    origin = geometry.to_world((0, 0, 0))
    np.testing.assert_array_equal(origin, geometry.affine[:3, 3])
    for axis in range(3):
        step = geometry.to_world(np.eye(3)[axis]) - origin
        np.testing.assert_allclose(step, geometry.directions[:, axis] * geometry.spacing[axis], atol=1e-9)
        assert np.linalg.norm(geometry.directions[:, axis]) == pytest.approx(1)
    corners = geometry.to_world([(0, 0, 0), np.array(geometry.shape) - 1])
    np.testing.assert_allclose(geometry.centre, corners.mean(axis=0), atol=1e-6)


@SOME
@given(geometries())
def test_the_normal_is_perpendicular_to_the_picture_and_rises_with_the_slices(geometry: Geometry) -> None:
    assert np.linalg.norm(geometry.normal) == pytest.approx(1)
    for axis in (1, 2):
        assert geometry.normal @ geometry.directions[:, axis] == pytest.approx(0, abs=1e-6)
    assert geometry.normal @ geometry.directions[:, 0] > 0
    nearest = np.abs(geometry.normal).max()
    assert np.abs(geometry.normal)[PLANES.index(geometry.plane)] == nearest
    assert 0 <= geometry.tilt_degrees <= 54.8
    assert np.cos(np.deg2rad(geometry.tilt_degrees)) == pytest.approx(nearest, abs=1e-6)


@SOME
@given(rotations(), st.tuples(NUMBER, NUMBER, NUMBER), st.tuples(st.floats(0.1, 3), st.floats(0.1, 3)), st.floats(0.3, 9), POINTS)
def test_dicom_tags_say_where_a_pixel_lies(turned, position, spacing, gap, index) -> None:
    """Equation C.7.6.2.1-1 of PS3.3: i counts columns and goes with the second number of PixelSpacing."""
    row, column, normal = turned[:, 0], turned[:, 1], turned[:, 2]
    geometry = from_dicom([*row, *column], position, spacing, gap * normal, (5, 6, 7))
    for point in index:
        k, j, i = point
        expected = np.array(position) + row * spacing[1] * i + column * spacing[0] * j + gap * normal * k
        np.testing.assert_allclose(geometry.to_world(point), expected, atol=1e-6)
    assert geometry.spacing == pytest.approx((gap, *spacing))


@SOME
@given(rotations())
def test_the_unit_normal_is_the_cross_product(turned: NDArray[np.float64]) -> None:
    a, b = turned[:, 0] * 3.0, turned[:, 1] * 0.2 + turned[:, 0]
    np.testing.assert_allclose(unit_normal(a.tolist(), b.tolist()), np.cross(turned[:, 0], turned[:, 1]), atol=1e-6)


@pytest.mark.parametrize("plane", PLANES)
def test_canonical_directions_are_those_of_their_plane(plane: str) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.array(CANONICAL[plane], float).T
    geometry = Geometry(affine, (2, 3, 4))
    assert geometry.plane == plane
    assert geometry.tilt_degrees == pytest.approx(0)
    assert (geometry.normal > 0.5).sum() == 1, "slices rise to the left, the back or the head"


@pytest.mark.parametrize(
    ("affine", "shape"),
    [
        (np.zeros((4, 4)), (1, 1, 1)),
        (np.diag([1.0, 1, 0, 1]), (1, 1, 1)),
        (np.full((4, 4), np.nan), (1, 1, 1)),
        (np.diag([np.inf, 1, 1, 1]), (1, 1, 1)),
        (np.eye(3), (1, 1, 1)),
        (np.eye(4), (0, 1, 1)),
        (np.eye(4), (1, 1)),
    ],
)
def test_what_is_no_geometry_cannot_be_built(affine: NDArray[np.float64], shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as caught:
        Geometry(affine, shape)  # type: ignore[arg-type]
    assert caught.value.code == "geometry-invalid"


def test_nobody_changes_it_afterwards() -> None:
    source = np.eye(4)
    geometry = Geometry(source, (2, 2, 2))
    source[0, 3] = 9
    assert geometry.affine[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        geometry.affine[0, 0] = 2
