"""Scalar fields on a lattice (distances, thicknesses), and how a slice looks them up.

The anatomy of a knee is drawn once a study as signed distances on coarse lattices. Distances are nearly linear, so a lattice of
1 to 2.5 mm holds a surface to a tenth of a millimetre, and a slice of any orientation needs a linear look-up alone. Slices look
them up as often as the lattice has values and fill in between, again linearly: nothing finer is in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.canvas import Canvas, Window
from condyle.simulate.surfaces import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A field in knee coordinates: mm of the reference knee, +x lateral, +y to the back, +z to the head.

    Parameters
    ----------
    low : (3,) x, y, z of the first value
    step : mm between values
    values : [z, y, x]; beyond the lattice the nearest value holds
    """

    low: NDArray[np.float64]
    step: float
    values: NDArray[np.float32]
    _known: dict[float, NDArray[np.float64] | None] = field(default_factory=dict, repr=False)

    @property
    def high(self) -> NDArray[np.float64]:
        return self.low + self.step * (np.array(self.values.shape[::-1]) - 1)

    def points(self) -> NDArray[np.float32]:
        """(3, z, y, x) coordinates of the values."""
        return lattice(self.low, self.step, self.values.shape)

    def at(self, points: Floats) -> NDArray[np.float32]:
        """Values at (3, ...) points, shape (...)."""
        from scipy.ndimage import map_coordinates

        index = [(points[n] - self.low[n]) / self.step for n in (2, 1, 0)]
        return np.asarray(map_coordinates(self.values, index, order=1, mode="nearest"), np.float32)

    def on(self, other: Grid) -> NDArray[np.float32]:
        """Values at the places of another lattice: linear along each axis in turn, which is the same as trilinear."""
        found = self.values
        for axis in range(3):
            n = 2 - axis
            places = (other.low[n] - self.low[n] + other.step * np.arange(other.values.shape[axis])) / self.step
            last = found.shape[axis] - 1
            places = np.clip(places, 0, last)
            below = np.minimum(places.astype(int), max(last - 1, 0))
            above = np.minimum(below + 1, last)
            part = (places - below).astype(np.float32)[tuple(slice(None) if m == axis else None for m in range(3))]
            first = found.take(below, axis)
            found = first + part * (found.take(above, axis) - first)
        return np.asarray(found, np.float32)

    def like(self, values: Floats) -> Grid:
        return Grid(self.low, self.step, np.asarray(values, np.float32))

    def bounds(self, below: float = 0.0) -> NDArray[np.float64] | None:
        """(2, 3) box around the values that are lower than ``below``; None when there are none."""
        if below not in self._known:
            self._known[below] = self._bounds(below)
        return self._known[below]

    def _bounds(self, below: float) -> NDArray[np.float64] | None:
        inside = self.values < below
        ends = []
        for axes in ((0, 1), (0, 2), (1, 2)):
            found = np.flatnonzero(inside.any(axes))
            if not len(found):
                return None
            ends.append((found[0], found[-1]))
        low, high = np.array(ends, float).T
        return np.array([self.low + self.step * (low - 1), self.low + self.step * (high + 1)])


def lattice(low: NDArray[np.float64], step: float, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """(3, z, y, x) points of a lattice, x first."""
    z, y, x = (np.arange(n, dtype=np.float32) * np.float32(step) + np.float32(low[2 - axis]) for axis, n in enumerate(shape))
    full = np.empty((3, *shape), np.float32)
    full[0], full[1], full[2] = x, y[:, None], z[:, None, None]
    return full


def empty(low: NDArray[np.float64], high: NDArray[np.float64], step: float) -> Grid:
    """A lattice over a box, values zero."""
    shape = tuple(int(np.ceil((high[n] - low[n]) / step)) + 1 for n in (2, 1, 0))
    return Grid(np.asarray(low, np.float64), step, np.zeros(shape, np.float32))


@dataclass(frozen=True, eq=False)
class View:
    """A slice in knee coordinates.

    Parameters
    ----------
    canvas : what is painted on
    to_knee : (4, 4) LPS mm to knee coordinates
    """

    canvas: Canvas
    to_knee: NDArray[np.float64]

    @cached_property
    def _back(self) -> NDArray[np.float64]:
        return np.asarray(np.linalg.inv(self.to_knee), np.float64)

    @cached_property
    def _index(self) -> NDArray[np.float64]:
        """(4, 4) indices of the slice stack to knee coordinates."""
        return np.asarray(self.to_knee @ self.canvas.geometry.affine, np.float64)

    @cached_property
    def scale(self) -> float:
        """mm of the patient for a millimetre of the reference knee."""
        return 1.0 / float(np.cbrt(abs(np.linalg.det(self.to_knee[:3, :3]))))

    def window(self, box: NDArray[np.float64], margin: float = 1.5) -> Window | None:
        """Rows and columns that a box of knee coordinates (2, 3) covers; None when the slice misses it."""
        corners = np.array([[box[a, 0], box[b, 1], box[c, 2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
        return self.canvas.window(corners @ self._back[:3, :3].T + self._back[:3, 3], margin)

    def points(self, window: Window) -> NDArray[np.float32]:
        """(3, subslices, rows, columns) knee coordinates of the pixels."""
        world = self.canvas.at(window)
        m = self.to_knee.astype(np.float32)
        return np.stack([m[n, 0] * world[0] + m[n, 1] * world[1] + m[n, 2] * world[2] + m[n, 3] for n in range(3)])

    def around(self, grid: Grid, below: float) -> Window | None:
        """Rows and columns that hold the places where a distance is lower than ``below`` mm; None when the slice has none."""
        box = grid.bounds(below)
        window = None if box is None else self.window(box)
        if window is None:
            return None
        every = 5
        pixel = self.canvas.pixel / self.scale
        # A distance falls by a millimetre a millimetre at most, so nothing lies hidden between the places that are looked at.
        near = np.asarray(self._sparse(grid, window, every).min(0) < below + 0.75 * every * pixel)
        if not near.any():
            return None
        return stretched(near, every, window)

    def look(self, grid: Grid, window: Window) -> NDArray[np.float32]:
        """Values of a field at the pixels of a window, (subslices, rows, columns)."""
        import cv2

        rows, columns = window
        height, width = rows.stop - rows.start, columns.stop - columns.start
        every = max(1, int(grid.step * self.scale / self.canvas.pixel))
        coarse = self._sparse(grid, window, every)
        if every == 1:
            return coarse
        shrink = np.array([[1 / every, 0, 0], [0, 1 / every, 0]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.stack([cv2.warpAffine(one, shrink, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE) for one in coarse])

    def _sparse(self, grid: Grid, window: Window, every: int) -> NDArray[np.float32]:
        """Values at every n-th pixel of a window; if n > 1, also at the first beyond its end."""
        canvas = self.canvas
        rows, columns = window
        height, width = rows.stop - rows.start, columns.stop - columns.start
        count = canvas.water.shape[1]
        gap = canvas.thickness / count / canvas.spacing[0]
        # Index of a place of the window's lattice -> index of the slice stack -> LPS -> knee -> index of the grid.
        stack = np.diag([gap, every, every, 1.0])
        stack[:3, 3] = [canvas.k - gap * (count - 1) / 2, rows.start, columns.start]
        to_grid = np.eye(4)
        to_grid[:3, :3] = np.eye(3)[::-1] / grid.step
        to_grid[:3, 3] = -grid.low[::-1] / grid.step
        m = to_grid @ self._index @ stack
        shape = (count, (height - 1) // every + 2, (width - 1) // every + 2) if every > 1 else (count, height, width)
        return _trilinear(grid.values, m, shape)


def stretched(found: NDArray[np.bool_], every: int, whole: Window) -> Window:
    """Rows and columns of ``whole`` about the places, every n-th row and column of it, at which something was found."""
    parts = []
    for held, part in zip(np.nonzero(found), whole, strict=True):
        low, high = part.start + (int(held.min()) - 1) * every, part.start + (int(held.max()) + 1) * every + 1
        parts.append(slice(max(low, part.start), min(high, part.stop)))
    return parts[0], parts[1]


def common(first: Window, second: Window) -> Window | None:
    """Where two windows overlap."""
    parts = [slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(first, second, strict=True)]
    return (parts[0], parts[1]) if all(one.stop > one.start for one in parts) else None


def inside(outer: Window, inner: Window) -> tuple[slice, slice, slice]:
    """A window in indices of the window that holds it, after the axis of sub-slices."""
    rows = slice(inner[0].start - outer[0].start, inner[0].stop - outer[0].start)
    columns = slice(inner[1].start - outer[1].start, inner[1].stop - outer[1].start)
    return slice(None), rows, columns


def _trilinear(values: NDArray[np.float32], m: NDArray[np.float64], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Values at the places that ``m`` (4, 4) gives the indices of ``shape``; beyond the lattice the nearest ones.

    The layers of the lattice lie below each other in one picture, so that OpenCV looks them up: bilinear in the two layers
    around a place (in steps of 1/32), and between them here.
    """
    import cv2

    depth, rows, columns = values.shape
    picture = values.reshape(depth * rows, columns)
    a = m.astype(np.float32)
    k, j, i = (np.arange(n, dtype=np.float32) for n in shape)
    z, y, x = (a[n, 0] * k[:, None, None] + (a[n, 1] * j + a[n, 3])[:, None] + a[n, 2] * i for n in range(3))
    flat = (shape[0] * shape[1], shape[2])
    z = np.clip(z, 0, depth - 1).reshape(flat)
    y = np.clip(y, 0, rows - 1).reshape(flat)
    x = x.reshape(flat)
    layer = np.minimum(np.floor(z), max(depth - 2, 0)).astype(np.float32)
    place = layer * rows + y
    found = cv2.remap(picture, x, place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if depth > 1:
        above = cv2.remap(picture, x, place + rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        found = found + (z - layer) * (above - found)
    return np.asarray(found, np.float32).reshape(shape)
