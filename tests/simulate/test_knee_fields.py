"""Fields on lattices: linear look-ups that agree with a reference."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import affine_transform

from condyle.simulate.canvas import Canvas, Palette
from condyle.simulate.knee.courses import LIGAMENTS, Course
from condyle.simulate.knee.fields import Grid, View, _trilinear, empty
from condyle.simulate.signal import Sequence
from condyle.study import Geometry


def ball(step: float = 1.5) -> Grid:
    grid = empty(np.array([-15.0, -12.0, -18.0]), np.array([15.0, 12.0, 18.0]), step)
    return grid.like(np.linalg.norm(grid.points(), axis=0) - 8)


def test_a_look_up_is_trilinear() -> None:
    """Against scipy.ndimage.affine_transform, order 1, nearest beyond the lattice."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((9, 11, 13)).astype(np.float32)
    m = np.eye(4)
    m[:3] = [[0.3, 0.05, -0.02, 2.0], [0.01, 0.7, 0.1, 1.0], [0.03, -0.1, 0.8, -3.0]]
    expected = affine_transform(values, m[:3, :3], m[:3, 3], (3, 20, 25), order=1, mode="nearest")
    # OpenCV counts in 1/32 of a step: off by up to 1/64 of the difference of neighbours in two directions.
    assert np.abs(_trilinear(values, m, (3, 20, 25)) - expected).max() < 0.15
    smooth = ball().values
    expected = affine_transform(smooth, m[:3, :3], m[:3, 3], (3, 20, 25), order=1, mode="nearest")
    assert np.abs(_trilinear(smooth, m, (3, 20, 25)) - expected).max() < 0.05


def test_values_on_another_lattice_are_those_at_its_points() -> None:
    grid = ball()
    other = empty(np.array([-20.0, -10.0, -10.0]), np.array([10.0, 20.0, 10.0]), 2.2)
    np.testing.assert_allclose(grid.on(other), grid.at(other.points()), atol=1e-4)


def test_bounds_hold_what_is_inside() -> None:
    low, high = ball().bounds()  # type: ignore[misc]
    assert (low <= -8 + 1.5).all()
    assert (high >= 8 - 1.5).all()
    assert ball().like(np.ones_like(ball().values)).bounds() is None


def test_a_slice_shows_a_ball_at_its_size() -> None:
    """Area of the middle section of a ball of 8 mm, in an oblique slice of a knee of another size."""
    angle = np.radians(12)
    pixel, size = 0.4, 1.1
    x, y, z = np.array([1.0, 0, 0]), np.array([0, np.cos(angle), np.sin(angle)]), np.array([0, -np.sin(angle), np.cos(angle)])
    affine = np.eye(4)
    affine[:3, :3] = np.array([3.0 * x, -pixel * z, pixel * y]).T
    affine[:3, 3] = -affine[:3, :3] @ np.array([0, 31.5, 31.5])
    geometry = Geometry(affine, (1, 64, 64))
    canvas = Canvas(geometry, 0, 0.1, Palette((Sequence("se", 500, 10),), 1.5), 1)
    view = View(canvas, np.diag([1 / size, 1 / size, 1 / size, 1.0]))
    found = view.look(ball(), (slice(0, 64), slice(0, 64)))
    area = (found < 0).sum() * pixel**2
    assert abs(area / (np.pi * (8 * size) ** 2) - 1) < 0.03


def test_distance_to_a_straight_band() -> None:
    band = Course(((0, 0, -20.0), (0, 0, 20.0)), ((6.0, 2.0), (6.0, 2.0)))
    grid = empty(*band.box(), 0.5)
    distance, share = (grid.like(one) for one in band.along(grid.low, grid.step, grid.points()))
    points = np.array([[0, 2.5, 0], [7.0, 0, 0], [0, 0, 0], [6.0, 0, 5], [0, 2.0, -5]], np.float32).T
    found = distance.at(points)
    np.testing.assert_allclose(found[[0, 1, 3, 4]], [0.5, 1.0, 0, 0], atol=0.15)
    assert found[2] < -0.5
    assert share.at(points)[2] == 0.5


def test_every_ligament_fits_its_lattice() -> None:
    for course in LIGAMENTS.values():
        low, high = course.box()
        assert (np.array(course.path).min(0) > low).all()
        assert (np.array(course.path).max(0) < high).all()
