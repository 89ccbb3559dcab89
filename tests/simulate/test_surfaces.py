"""Implicit surfaces and random fields."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.simulate.surfaces import NoiseField, blend, box, capsule, coverage, ellipsoid, lookup

FINE = 0.1


def grid(step: float = FINE, reach: float = 15.0) -> np.ndarray:
    axis = np.arange(-reach, reach, step, dtype=np.float32)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    return np.stack([x, y, np.zeros_like(x)])


@pytest.mark.parametrize("pixel", [0.5, 1.0])
def test_covered_area_is_the_area_of_the_shape_whatever_the_pixel(pixel: float) -> None:
    """A disc of 8 mm: partial volume by coverage keeps its area within 1 %."""
    points = grid(pixel)
    area = float(coverage(ellipsoid(points, (0.2, 0.1, 0), (8, 8, 8)), pixel).sum()) * pixel**2
    assert area == pytest.approx(np.pi * 64, rel=0.01)


def test_a_capsule_is_its_radius_away_from_its_axis() -> None:
    points = np.array([[0.0, 3.0, 0.0], [0.0, 0.0, 7.0], [0.0, 0.0, 0.0]], np.float32)
    distance = capsule(points, (0, -5, 0), (0, 5, 0), 2.0)
    np.testing.assert_allclose(distance, [-2, 1, 0], atol=1e-6)


def test_a_box_measures_distance_outside_its_corner() -> None:
    distance = box(np.array([7.0, 0.0], np.float32), np.array([6.0, 0.0], np.float32), 4, 2)
    np.testing.assert_allclose(distance, [5, -2], atol=1e-6)


@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(0.1, 8))
def test_a_blend_holds_the_union_and_adds_at_most_a_quarter_of_its_radius(a: float, b: float, radius: float) -> None:
    joined = float(blend(np.array(a), np.array(b), radius))
    assert min(a, b) - radius / 4 - 1e-6 <= joined <= min(a, b) + 1e-6


def test_noise_is_the_same_at_the_same_place_and_smooth() -> None:
    field = NoiseField(np.random.default_rng(1), 6.0, 2)
    points = grid(0.5)
    whole = field(points)
    np.testing.assert_array_equal(whole[10:20], field(points[:, 10:20]))
    assert np.abs(np.diff(whole, axis=1)).max() < 1.5  # per half millimetre, of a field of about unit deviation
    many = field(np.random.default_rng(2).uniform(-300, 300, (3, 100, 100)).astype(np.float32))
    assert abs(float(many.mean())) < 0.15
    assert 0.6 < float(many.std()) < 1.4


def test_lookup_interpolates_and_repeats_the_ends() -> None:
    found = lookup(np.array([0.0, 10.0, 30.0]), np.array([[-5.0, 0.5, 1.5, 9.0]], np.float32))
    np.testing.assert_allclose(found, [[0, 5, 20, 30]], atol=0.4)
