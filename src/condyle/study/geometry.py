"""Geometry: where the voxels of a volume lie in the patient, in LPS millimetres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.errors import InputError

PLANES = ("sagittal", "coronal", "axial")

# LPS direction of rising slice, row and column index: pictures as radiologists hang them. Sagittal: head up, front to
# the left, slices from right to left. Coronal: head up, the patient's right on the left, slices from front to back.
# Axial: front up, the patient's right on the left, slices from feet to head.
CANONICAL = {
    "sagittal": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "coronal": ((0, 1, 0), (0, 0, -1), (1, 0, 0)),
    "axial": ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """A 4 x 4 affine from array index (k, j, i, 1) to LPS millimetres.

    Parameters
    ----------
    affine : (4, 4) float64 - columns: step of one slice k, one row j, one column i, origin.
        LPS: +x to the patient's left, +y to the back (posterior), +z to the head (superior).
    shape : (slices, rows, columns)
    calibrated : bool - False for pictures whose millimetres are unknown; the affine then holds
        nominal 1 mm steps and nothing may be reported in millimetres.
    spacing_source : str - 'tags', 'positions', 'user', 'nominal', ...

    Raises
    ------
    InputError - a singular or non-finite affine, or a shape that is not three positive numbers
    """

    affine: NDArray[np.float64]
    shape: tuple[int, int, int]
    calibrated: bool = True
    spacing_source: str = "tags"

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        shape = tuple(int(n) for n in self.shape)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise InputError("geometry-invalid", "The geometry is not a regular 4 x 4 matrix of finite numbers.")
        if len(shape) != 3 or min(shape) < 1:
            raise InputError("geometry-invalid", f"A volume needs three positive dimensions, not {shape}.")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", shape)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Geometry)
            and self.shape == other.shape
            and self.calibrated == other.calibrated
            and np.array_equal(self.affine, other.affine)
        )

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance in mm between neighbouring slices, rows and columns."""
        k, j, i = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(k), float(j), float(i)

    @property
    def directions(self) -> NDArray[np.float64]:
        """(3, 3) unit vectors in LPS as columns: along slices k, rows j, columns i."""
        return np.asarray(self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def normal(self) -> NDArray[np.float64]:
        """(3,) unit vector perpendicular to the image plane, on the side of rising k."""
        normal = unit_normal(self.affine[:3, 2].tolist(), self.affine[:3, 1].tolist())
        return normal if float(normal @ self.affine[:3, 0]) >= 0 else -normal

    @property
    def plane(self) -> str:
        """'sagittal', 'coronal' or 'axial': the anatomical plane nearest to the image plane."""
        return PLANES[int(np.argmax(np.abs(self.normal)))]

    @property
    def tilt_degrees(self) -> float:
        """Angle between the image plane and the nearest anatomical plane, 0 to about 54.7."""
        return math.degrees(math.acos(min(max(map(abs, self.normal.tolist())), 1.0)))

    @property
    def centre(self) -> NDArray[np.float64]:
        """(3,) LPS mm of the middle of the volume."""
        return self.to_world((np.array(self.shape) - 1) / 2)

    def to_world(self, index: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) indices (k, j, i), voxel centres at whole numbers -> (..., 3) LPS mm."""
        points = np.asarray(index, dtype=np.float64)
        return points @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_index(self, world: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) LPS mm -> (..., 3) fractional indices (k, j, i)."""
        points = np.asarray(world, dtype=np.float64) - self.affine[:3, 3]
        return points @ np.linalg.inv(self.affine[:3, :3]).T


def unit_normal(along_row: Sequence[float], down_column: Sequence[float]) -> NDArray[np.float64]:
    """(3,) unit vector perpendicular to two directions, right-handed. NumPy's own cross product takes ten times as long."""
    (a, b, c), (d, e, f) = along_row, down_column
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    return np.array((x, y, z)) / math.sqrt(x * x + y * y + z * z)


def from_dicom(
    orientation: Sequence[float],
    position: Sequence[float],
    pixel_spacing: Sequence[float],
    slice_step: ArrayLike,
    shape: tuple[int, int, int],
    spacing_source: str = "tags",
) -> Geometry:
    """Geometry of a stack from its DICOM tags.

    Parameters
    ----------
    orientation : six direction cosines of ImageOrientationPatient (along a row, then down a column)
    position : three, ImagePositionPatient of slice k = 0
    pixel_spacing : (between rows, between columns) in mm, the order of PixelSpacing
    slice_step : (3,) mm from one slice to the next, LPS
    shape : (slices, rows, columns)
    spacing_source : str - what the step between slices rests on

    Source: DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1.
    """
    along_row, down_column = np.asarray(orientation[:3], float), np.asarray(orientation[3:], float)
    affine = np.eye(4)
    affine[:3, 0] = np.asarray(slice_step, float)
    affine[:3, 1] = down_column * pixel_spacing[0]
    affine[:3, 2] = along_row * pixel_spacing[1]
    affine[:3, 3] = position
    return Geometry(affine, shape, True, spacing_source)
