"""Coordinates that follow the canal: how far along, how far behind, how far to the side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.lumbar.parts import Spine
from condyle.simulate.surfaces import Floats, lookup

_STEP = 2.5


class CanalCoordinates:
    """(along, behind) of every point near a spine, looked up on a grid in the sagittal plane and interpolated.

    along : index into ``spine.canal`` (about mm from its upper end)
    behind : mm from the middle of the dural sac, positive to the back
    """

    def __init__(self, spine: Spine) -> None:
        from scipy.ndimage import gaussian_filter
        from scipy.spatial import cKDTree

        self._low = spine.canal.min(0) - np.array([170.0, 30.0])
        high = spine.canal.max(0) + np.array([150.0, 30.0])
        counts = ((high - self._low) / _STEP).astype(int) + 1
        y = self._low[0] + _STEP * np.arange(counts[0])
        z = self._low[1] + _STEP * np.arange(counts[1])
        grid = np.stack(np.meshgrid(y, z), -1)  # [z, y, 2]
        nearest = cKDTree(spine.canal).query(grid)[1]
        tangent = np.gradient(spine.canal, axis=0)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
        back = np.stack([-tangent[:, 1], tangent[:, 0]], 1)  # the tangent points to the feet, so this points to the back
        offset = grid - spine.canal[nearest]
        along = nearest + np.einsum("zyc,zyc->zy", offset, tangent[nearest])
        behind = np.einsum("zyc,zyc->zy", offset, back[nearest])
        self._along = gaussian_filter(along, 0.7).astype(np.float32)
        self._behind = gaussian_filter(behind, 0.7).astype(np.float32)
        self._spine = spine

    def __call__(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """(along, behind, left) of (3, subslices, rows, columns) LPS mm."""
        import cv2

        column = ((points[1] - np.float32(self._low[0])) / np.float32(_STEP)).astype(np.float32)
        row = ((points[2] - np.float32(self._low[1])) / np.float32(_STEP)).astype(np.float32)
        flat = (column.shape[0] * column.shape[1], column.shape[2])
        column, row = column.reshape(flat), row.reshape(flat)
        look = (cv2.remap(one, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for one in (self._along, self._behind))
        along, behind = (one.reshape(points.shape[1:]) for one in look)
        return along, behind, points[0] - self._spine.sideways(points[2])

    def at_height(self, z: float) -> float:
        """``along`` of the canal at a height."""
        return float(np.interp(-z, -self._spine.canal[:, 1], np.arange(len(self._spine.canal))))


def per_step(values: NDArray[np.float64], along: Floats) -> Floats:
    """Values given for every step of the canal, at fractional steps."""
    return lookup(values, along)
