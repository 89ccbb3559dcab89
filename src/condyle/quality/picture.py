"""Slices as pictures to be measured: a few from the middle of a volume, tissue apart from air."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from condyle.quantiles import percentiles
from condyle.study.volume import Volume

Picture = NDArray[np.float32]

MOST_SLICES = 5
LEAST_PIXELS = 64
"""A picture smaller than this on a side holds too few pixels for a measure of motion or noise."""


def middle_slices(volume: Volume) -> Iterator[Picture]:
    """Up to ``MOST_SLICES`` slices [row, column], evenly over the middle 60 % of the stack, unpadded.

    Constant slices and such with values that are not numbers are left out.
    """
    count = volume.shape[0]
    low, high = (0.2 * (count - 1), 0.8 * (count - 1))
    for k in dict.fromkeys(np.linspace(low, high, min(MOST_SLICES, count)).round().astype(int).tolist()):
        picture = np.asarray(volume.pixels[k], dtype=np.float32)
        if np.isfinite(picture).all() and picture.max() > picture.min():
            yield without_padding(picture)


def without_padding(picture: Picture) -> Picture:
    """The picture without the frame of one grey value that square exports put around it; its sharp edge is no anatomy."""
    varied = picture != picture[0, 0]
    rows, columns = np.flatnonzero(varied.any(axis=1)), np.flatnonzero(varied.any(axis=0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def power_spectrum(picture: Picture) -> Picture:
    """[row frequency, column frequency] power of the picture under a Hann window, zero frequency first."""
    rows, columns = picture.shape
    window = np.hanning(rows).astype(np.float32)[:, None] * np.hanning(columns).astype(np.float32)
    half = np.fft.rfft2((picture - picture.mean()) * window)
    power = np.empty((rows, columns), np.float32)
    kept = half.shape[1]
    power[:, :kept] = half.real**2 + half.imag**2
    # A real picture has the same power at opposite frequencies: the other half is the first one turned round.
    mirrored = power[:, columns - kept : 0 : -1]
    power[0, kept:], power[1:, kept:] = mirrored[0], mirrored[:0:-1]
    return power


def tissue(picture: Picture) -> NDArray[np.bool_]:
    """[row, column] True in tissue that is not near the ceiling of the grey scale."""
    return foreground(picture) & (_smooth(picture) < 0.9 * percentiles(picture.ravel(), 99.5)[0])


def foreground(picture: Picture) -> NDArray[np.bool_]:
    """[row, column] True where the smoothed picture is brighter than air.

    The border is 0.6 of Otsu's threshold, but never above 0.3 of the bright tissue, so that a picture
    with much white fat keeps its darker muscle.

    Source: Otsu, IEEE Trans Syst Man Cybern 1979;9:62-66.
    """
    smooth = _smooth(picture)
    return np.asarray(smooth > 0.6 * min(_otsu(smooth), 0.5 * percentiles(smooth.ravel(), 95)[0]))


def _smooth(picture: Picture) -> Picture:
    import cv2

    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 2), dtype=np.float32)


def _otsu(picture: Picture) -> float:
    counts, edges = np.histogram(picture, 256)
    centres = (edges[1:] + edges[:-1]) / 2
    below = counts.cumsum()
    above = below[-1] - below
    sums = (counts * centres).cumsum()
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(centres[int(np.nanargmax(np.where(above > 0, between, -1)))])
