"""Implicit surfaces: signed distances (mm, negative inside), their union and blend, and smooth random fields.

Every shape is a function from points to a distance; ``coverage`` turns the distance into the share of a pixel that the shape
fills. That is supersampling in the plane without the samples: exact for an edge that is straight within the pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
"""Arrays of float32 in fact; the checker loses track of the width in mixed arithmetic."""

Place = Sequence[float] | NDArray[np.floating[Any]]


def coverage(distance: Floats, width: float) -> Floats:
    """Share of a pixel of ``width`` mm that lies inside, 0 to 1, same shape as ``distance`` (mm)."""
    return np.asarray(np.clip(0.5 - distance * np.float32(1.0 / width), 0.0, 1.0))


def superellipse(u: Floats, v: Floats, a: Floats | float, b: Floats | float, power: float = 2.0) -> Floats:
    """Approximate distance in mm to a superellipse with half axes a (along u) and b (along v).

    Exact at the ends of both axes; in between off by a fraction of the distance, which only widens or narrows a soft edge.
    """
    if power == 2.0:
        radius = np.sqrt((u / a) ** 2 + (v / b) ** 2)
    else:
        radius = (np.abs(u / a) ** power + np.abs(v / b) ** power) ** np.float32(1.0 / power)
    return np.asarray((radius - 1) * np.minimum(a, b))


def ellipsoid(points: Floats, centre: Place, radii: Place, axes: NDArray[np.float64] | None = None) -> Floats:
    """Approximate distance in mm to an ellipsoid.

    Parameters
    ----------
    points : (3, ...) mm
    centre, radii : three numbers in mm
    axes : (3, 3) unit vectors as rows, the ellipsoid's own axes; default the axes of space
    """
    local = [points[n] - np.float32(centre[n]) for n in range(3)]
    if axes is not None:
        local = [sum(np.float32(row[n]) * local[n] for n in range(3)) for row in axes]
    radius = np.sqrt(sum((local[n] / np.float32(radii[n])) ** 2 for n in range(3)))
    return np.asarray((radius - 1) * np.float32(min(radii)))


def capsule(points: Floats, start: Place, end: Place, radius: float | tuple[float, float]) -> Floats:
    """Distance in mm to a rod between two points; ``radius`` may differ at the ends (start, end).

    Source: the segment distance of Quilez, 'distance functions' (public domain formula), with a linear radius.
    """
    first, last = (radius, radius) if isinstance(radius, (int, float)) else radius
    axis = np.asarray(end, np.float64) - np.asarray(start, np.float64)
    length2 = max(float(axis @ axis), 1e-9)
    offset = [points[n] - np.float32(start[n]) for n in range(3)]
    along = np.clip(sum(offset[n] * np.float32(axis[n] / length2) for n in range(3)), 0.0, 1.0)
    gap2 = sum((offset[n] - along * np.float32(axis[n])) ** 2 for n in range(3))
    return np.asarray(np.sqrt(gap2) - (np.float32(first) + along * np.float32(last - first)))


def box(u: Floats, v: Floats, half_u: float, half_v: float, rounding: float = 0.0) -> Floats:
    """Distance in mm to a rectangle with rounded corners, centred at the origin."""
    du, dv = np.abs(u) - np.float32(half_u - rounding), np.abs(v) - np.float32(half_v - rounding)
    outside = np.sqrt(np.maximum(du, 0) ** 2 + np.maximum(dv, 0) ** 2)
    return np.asarray(outside + np.minimum(np.maximum(du, dv), 0) - np.float32(rounding))


def blend(first: Floats, second: Floats, radius: float) -> Floats:
    """Union of two shapes with a fillet of about ``radius`` mm (polynomial smooth minimum)."""
    h = np.clip(0.5 + 0.5 * (second - first) / np.float32(radius), 0.0, 1.0)
    return np.asarray(second + (first - second) * h - np.float32(radius) * h * (1 - h))


def lookup(table: NDArray[np.floating], place: Floats) -> Floats:
    """Values of a table at fractional indices (linear, ends repeated), same shape as ``place``. Indices count in 1/32 steps."""
    import cv2

    flat = np.ascontiguousarray(place.reshape(-1, place.shape[-1]), np.float32)
    row = np.ascontiguousarray(table, np.float32).reshape(1, -1)
    found = cv2.remap(row, flat, np.zeros_like(flat), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32).reshape(place.shape)


class NoiseField:
    """A smooth random field over space, fixed by its generator: the same place has the same value in every slice and series.

    Parameters
    ----------
    rng : numpy Generator
    scale : mm, distance over which values are alike; three numbers for (x, y, z), or one
    octaves : how many finer fields, each half the scale and 0.6 of the weight, are added
    shear : y moved with z, so that streaks run oblique in the sagittal plane

    Notes: values on a periodic lattice, cubic smoothing in between ("value noise"); about zero mean, about unit deviation.
    """

    SIZE = 32

    def __init__(self, rng: np.random.Generator, scale: float | Sequence[float], octaves: int = 1, shear: float = 0.0) -> None:
        self._shear = np.float32(shear)
        self._scale = np.broadcast_to(np.asarray(scale, np.float32), (3,))
        self._lattices = [rng.standard_normal((self.SIZE,) * 3).astype(np.float32) for _ in range(octaves)]
        self.finest = float(self._scale.min()) / 2.0 ** (octaves - 1)
        weights = np.array([0.6**n for n in range(octaves)], np.float32)
        # 2.0: interpolation between independent neighbours shrinks the deviation to about a half
        self._weights = weights * np.float32(2.0 / np.sqrt((weights**2).sum()))

    def __call__(self, points: Floats) -> Floats:
        """Values at (3, ...) mm, shape (...)."""
        if self._shear:
            points = np.stack([points[0], points[1] + self._shear * points[2], points[2]])
        total = np.zeros(points.shape[1:], np.float32)
        for n, (lattice, weight) in enumerate(zip(self._lattices, self._weights, strict=True)):
            total += weight * self._one(points, lattice, np.float32(2.0**n))
        return total

    def _one(self, points: Floats, lattice: Floats, finer: np.float32) -> Floats:
        size = self.SIZE
        low: list[NDArray[np.int32]] = []
        part: list[Floats] = []
        for axis in range(3):
            place = points[axis] * (finer / self._scale[axis])
            floor = np.floor(place)
            rest = place - floor
            low.append(floor.astype(np.int32) & (size - 1))
            part.append(rest * rest * (3 - 2 * rest))
        flat = lattice.ravel()
        x0, y0, z0 = low[0] * (size * size), low[1] * size, low[2]
        x1, y1, z1 = ((low[0] + 1) & (size - 1)) * (size * size), ((low[1] + 1) & (size - 1)) * size, (low[2] + 1) & (size - 1)

        def row(x: NDArray[np.int32], y: NDArray[np.int32]) -> Floats:
            a = flat[x + y + z0]
            return np.asarray(a + part[2] * (flat[x + y + z1] - a))

        near, far = row(x0, y0), row(x1, y0)
        near += part[1] * (row(x0, y1) - near)
        far += part[1] * (row(x1, y1) - far)
        return np.asarray(near + part[0] * (far - near))
