"""Slices as pictures to be measured: a few from the middle of a volume, tissue apart from air."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from condyle.study.volume import Volume

Picture = NDArray[np.float32]

MOST_SLICES = 7
LEAST_PIXELS = 64
"""A picture smaller than this on a side holds too few pixels for a measure of motion or noise."""


def middle_slices(volume: Volume) -> Iterator[Picture]:
    """Up to ``MOST_SLICES`` slices [row, column], evenly over the middle 60 % of the stack; constant and non-finite ones left out."""
    count = volume.shape[0]
    low, high = (0.2 * (count - 1), 0.8 * (count - 1))
    for k in np.unique(np.linspace(low, high, min(MOST_SLICES, count)).round().astype(int)):
        picture = np.asarray(volume.pixels[k], dtype=np.float32)
        if np.isfinite(picture).all() and picture.max() > picture.min():
            yield picture


def tissue(picture: Picture) -> NDArray[np.bool_]:
    """[row, column] True where the smoothed picture is brighter than air, and not near its ceiling.

    The border is Otsu's threshold, but never above half of the bright tissue, so that a picture with
    much white fat keeps its darker muscle.

    Source: Otsu, IEEE Trans Syst Man Cybern 1979;9:62-66.
    """
    import cv2

    smooth = cv2.GaussianBlur(picture, (0, 0), 2)
    border = 0.6 * min(_otsu(smooth), 0.5 * float(np.percentile(smooth, 95)))
    return np.asarray((smooth > border) & (smooth < 0.9 * np.percentile(picture, 99.5)))


def _otsu(picture: Picture) -> float:
    counts, edges = np.histogram(picture, 256)
    centres = (edges[1:] + edges[:-1]) / 2
    below = counts.cumsum()
    above = below[-1] - below
    sums = (counts * centres).cumsum()
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(centres[int(np.nanargmax(np.where(above > 0, between, -1)))])
