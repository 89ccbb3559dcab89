"""From the sampled matrix to the stored one: zero filling, as scanners interpolate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from condyle.simulate.surfaces import Floats
from condyle.study import Geometry


def coarser(geometry: Geometry, most: int) -> Geometry:
    """The grid that is sampled for a square stored one: the same first pixel and field, at most ``most`` rows and columns."""
    slices, rows, _ = geometry.shape
    if rows <= most:
        return geometry
    affine = geometry.affine.copy()
    affine[:3, 1:3] *= rows / most
    return Geometry(affine, (slices, most, most))


def cut(geometry: Geometry, rows: slice, columns: slice) -> Geometry:
    """The part of a grid within some rows and columns (whole slices with a start and a stop)."""
    affine = geometry.affine.copy()
    affine[:3, 3] = geometry.to_world([0, rows.start, columns.start])
    return Geometry(affine, (geometry.shape[0], rows.stop - rows.start, columns.stop - columns.start))


def interpolated(picture: Floats, size: int) -> NDArray[np.float32]:
    """A square picture with ``size`` rows and columns: its k-space within a larger empty one. First pixels coincide."""
    old = picture.shape[0]
    if size == old:
        return np.asarray(picture, np.float32)
    space = fft.fftshift(fft.fft2(picture.astype(np.float32)))
    low = size // 2 - old // 2
    full = np.zeros((size, size), space.dtype)
    full[low : low + old, low : low + old] = space
    found = fft.ifft2(fft.ifftshift(full)).real * (size / old) ** 2
    return np.asarray(np.maximum(found, 0), np.float32)


def nearest(labels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A square label map on ``size`` rows and columns. First pixels coincide."""
    old = labels.shape[0]
    if size == old:
        return labels
    place = np.minimum(np.rint(np.arange(size) * old / size).astype(int), old - 1)
    return labels[np.ix_(place, place)]
