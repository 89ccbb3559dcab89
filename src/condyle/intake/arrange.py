"""File axes of NIfTI and MetaImage -> (slice, row, column) as DICOM would store them.

Those formats keep any order and direction of axes. The slice axis is the odd one out of the three
steps (the last axis when all are equal); rows run to the feet (axial: to the back) and columns to the
back (else to the left); slices rise to the left, the back or the head. Pixels are only permuted and
turned round, never resampled, and the affine follows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

EQUAL = 0.01


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How file axes become (slice, row, column).

    Parameters
    ----------
    axes : the file axis of slices, rows, columns
    flips : which of these are turned round
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def pixels(self, array: NDArray[Any]) -> NDArray[Any]:
        """A view of a file array with axes (slice, row, column)."""
        return array.transpose(self.axes)[tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)]

    def shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """The shape of the file array after ``pixels``."""
        return shape[self.axes[0]], shape[self.axes[1]], shape[self.axes[2]]

    def affine(self, affine: NDArray[np.float64], shape: tuple[int, int, int]) -> NDArray[np.float64]:
        """The LPS affine of the arranged array, from that of the file array."""
        result = np.eye(4)
        origin = affine[:3, 3].copy()
        for place, (axis, flip) in enumerate(zip(self.axes, self.flips, strict=True)):
            step = affine[:3, axis]
            result[:3, place] = -step if flip else step
            if flip:
                origin += step * (shape[axis] - 1)
        result[:3, 3] = origin
        return result


def arrange(affine: NDArray[np.float64]) -> Arrangement:
    """The arrangement for a (4, 4) affine from file index to LPS mm."""
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    world = np.abs(affine[:3, :3] / steps)
    runs_along = max(permutations(range(3)), key=lambda order: sum(world[order[axis], axis] for axis in range(3)))
    slices = _odd_one_out(steps)
    rest = [axis for axis in range(3) if axis != slices]
    rows = max(rest, key=lambda axis: runs_along[axis])  # the one nearest to head-feet, or to front-back
    columns = min(rest, key=lambda axis: runs_along[axis])
    axes = (slices, rows, columns)
    wanted = [-1.0 if place == 1 and runs_along[axis] == 2 else 1.0 for place, axis in enumerate(axes)]
    flips = [bool(affine[runs_along[axis], axis] * sign < 0) for axis, sign in zip(axes, wanted, strict=True)]
    return Arrangement(axes, (flips[0], flips[1], flips[2]))


def _odd_one_out(steps: NDArray[np.float64]) -> int:
    """The axis whose two others have the most similar steps: pixels are square more often than not."""
    ratio = np.abs([np.log(steps[1] / steps[2]), np.log(steps[0] / steps[2]), np.log(steps[0] / steps[1])])
    return 2 if ratio.max() < EQUAL else int(np.argmin(ratio))
