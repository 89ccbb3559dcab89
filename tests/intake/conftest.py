"""Fixtures of the intake tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def noise() -> NDArray[np.int16]:
    """Six slices of 8 x 10 pixels, all different."""
    return np.random.default_rng(1).integers(0, 900, (6, 8, 10)).astype(np.int16)


@pytest.fixture(scope="session")
def samples() -> Path:
    """Small real files in the repository."""
    return Path(__file__).resolve().parents[1] / "data" / "dicom"
