"""Interpolation as scanners do it: nothing moves, nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.simulate.knee.sampling import coarser, interpolated, nearest
from condyle.study import Geometry


def smooth(size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] * (2 * np.pi / size)
    return (2 + np.sin(3 * x) * np.cos(2 * y)).astype(np.float32)


@pytest.mark.parametrize("size", [64, 96, 129])
def test_a_smooth_picture_is_sampled_more_finely(size: int) -> None:
    np.testing.assert_allclose(interpolated(smooth(64), size), smooth(size), atol=1e-3)


def test_grids_begin_at_the_same_place_and_cover_the_same_field() -> None:
    affine = np.diag([3.0, 0.2, 0.2, 1.0])
    affine[:3, 3] = [5, -7, 11]
    stored = Geometry(affine, (4, 640, 640))
    sampled = coarser(stored, 320)
    np.testing.assert_allclose(sampled.to_world([2, 0, 0]), stored.to_world([2, 0, 0]))
    np.testing.assert_allclose(sampled.to_world([2, 100, 60]), stored.to_world([2, 200, 120]))
    assert coarser(sampled, 320) is sampled


def test_labels_follow_their_picture() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 9, (40, 40)).astype(np.uint8)
    assert (nearest(labels, 80)[::2, ::2] == labels).all()
    assert nearest(labels, 40) is labels
