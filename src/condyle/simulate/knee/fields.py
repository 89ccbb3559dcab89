"""Scalar fields on a lattice (distances, thicknesses), and how a slice looks them up.

The anatomy of a knee is drawn once a study as signed distances on coarse lattices. Distances are nearly linear, so a lattice of
1 to 2.5 mm holds a surface to a tenth of a millimetre, and a slice of any orientation needs a linear look-up alone. Slices look
them up about every millimetre and fill in between, again linearly: nothing finer is in them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.canvas import Canvas, Window
from condyle.simulate.surfaces import Floats

_LOOK_UP = 1.0
"""mm between places at which a slice looks a field up."""


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
        """Values at the places of another lattice."""
        from scipy.ndimage import affine_transform

        scale = other.step / self.step
        offset = ((other.low - self.low) / self.step)[::-1]
        found = affine_transform(self.values, np.full(3, scale), offset, other.values.shape, order=1, mode="nearest")
        return np.asarray(found, np.float32)

    def like(self, values: Floats) -> Grid:
        return replace(self, values=np.asarray(values, np.float32))

    def bounds(self, below: float = 0.0) -> NDArray[np.float64] | None:
        """(2, 3) box around the values that are lower than ``below``; None when there are none."""
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


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A slice in knee coordinates.

    Parameters
    ----------
    canvas : what is painted on
    to_knee : (4, 4) LPS mm to knee coordinates
    """

    canvas: Canvas
    to_knee: NDArray[np.float64]

    @property
    def scale(self) -> float:
        """mm of the patient for a millimetre of the reference knee."""
        return 1.0 / float(np.cbrt(abs(np.linalg.det(self.to_knee[:3, :3]))))

    def window(self, box: NDArray[np.float64], margin: float = 1.5) -> Window | None:
        """Rows and columns that a box of knee coordinates (2, 3) covers; None when the slice misses it."""
        corners = np.array([[box[a, 0], box[b, 1], box[c, 2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
        back = np.linalg.inv(self.to_knee)
        return self.canvas.window(corners @ back[:3, :3].T + back[:3, 3], margin)

    def points(self, window: Window) -> NDArray[np.float32]:
        """(3, subslices, rows, columns) knee coordinates of the pixels."""
        world = self.canvas.at(window)
        m = self.to_knee.astype(np.float32)
        return np.stack([m[n, 0] * world[0] + m[n, 1] * world[1] + m[n, 2] * world[2] + m[n, 3] for n in range(3)])

    def look(self, grid: Grid, window: Window) -> NDArray[np.float32]:
        """Values of a field at the pixels of a window, (subslices, rows, columns)."""
        import cv2
        from scipy.ndimage import affine_transform

        canvas = self.canvas
        rows, columns = window
        height, width = rows.stop - rows.start, columns.stop - columns.start
        every = max(1, round(_LOOK_UP / canvas.pixel))
        count = canvas.water.shape[1]
        gap = canvas.thickness / count / canvas.geometry.spacing[0]
        # Index of a place of the window's lattice -> index of the slice stack -> LPS -> knee -> index of the grid.
        stack = np.diag([gap, every, every, 1.0])
        stack[:3, 3] = [canvas.k - gap * (count - 1) / 2, rows.start, columns.start]
        to_grid = np.eye(4)
        to_grid[:3, :3] = np.eye(3)[::-1] / grid.step
        to_grid[:3, 3] = -grid.low[::-1] / grid.step
        m = to_grid @ self.to_knee @ canvas.geometry.affine @ stack
        shape = (count, (height - 1) // every + 2, (width - 1) // every + 2) if every > 1 else (count, height, width)
        coarse = np.empty(shape, np.float32)
        affine_transform(grid.values, m[:3, :3], m[:3, 3], shape, coarse, order=1, mode="nearest")
        if every == 1:
            return coarse
        shrink = np.array([[1 / every, 0, 0], [0, 1 / every, 0]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.stack([cv2.warpAffine(one, shrink, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE) for one in coarse])
