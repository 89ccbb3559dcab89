"""Overlap of masks."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.evaluate import dice


def test_known_overlaps() -> None:
    square = np.zeros((10, 10), bool)
    square[2:6, 2:6] = True
    assert dice(square, square) == 1
    assert dice(square, np.roll(square, 2, axis=0)) == 0.5
    assert dice(square, ~square) == 0
    assert np.isnan(dice(np.zeros(4), np.zeros(4)))
    with pytest.raises(ValueError, match="shapes"):
        dice(square, square[1:])
