"""Volumes with known content."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.study import Geometry, Volume


@pytest.fixture
def knee_like() -> Volume:
    """A coronal stack of 6 x 90 x 70 int16 with smooth structure and noise, 3 x 0.5 x 0.5 mm."""
    rng = np.random.default_rng(5)
    z, y, x = np.meshgrid(np.linspace(-1, 1, 6), np.linspace(-1, 1, 90), np.linspace(-1, 1, 70), indexing="ij")
    pixels = 800 * np.exp(-2 * (x**2 + y**2)) * (1 + 0.2 * np.sin(9 * x + 4 * z)) + rng.normal(0, 10, z.shape)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, 0.5], [3, 0, 0], [0, -0.5, 0]])
    affine[:3, 3] = (-17, -9, 22)
    return Volume(np.clip(pixels, 0, None).astype(np.int16), Geometry(affine, (6, 90, 70)), "knee")
