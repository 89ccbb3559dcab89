"""The mid-sagittal picture: one path for PNG, NIfTI and DICOM.

Whatever comes in becomes a picture with square pixels of one size, head up and front to the left, with
a known way back to the pixels of its series. Grey values keep their linear scale: they are shifted and
stretched by two robust percentiles, so rescale, window and bit depth of the file do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.prepare.orient import orient
from condyle.quantiles import percentiles
from condyle.study import Geometry, Volume

STEP_MM = 0.46875  # side of a picture's pixel: 512 x 640 of them cover the 240 x 300 mm of a lumbar T2 SPACE
NOMINAL_HEIGHT_MM = 300.0  # field assumed for a picture without millimetres; its readings stay uncalibrated
_MAX_PIXELS = 1600  # a side of 750 mm; no spine coil sees more


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One sagittal slice on square pixels.

    Parameters
    ----------
    pixels : [row, column] float32, head up, front to the left; 0 and 1 are the 1st and 99th percentile of
        the slice, not clipped
    geometry : Geometry of these pixels, shape (1, rows, columns). ``calibrated`` is that of the series: when
        False its millimetres are nominal and nothing may be reported in them
    series_id, slice_index : where it comes from
    source_shape : rows and columns of that slice
    """

    pixels: NDArray[np.float32]
    geometry: Geometry
    series_id: str = ""
    slice_index: int = 0
    source_shape: tuple[int, int] = (0, 0)

    @property
    def calibrated(self) -> bool:
        return self.geometry.calibrated

    def to_world(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n, 2) picture (row, column) -> (n, 3) LPS mm."""
        points = np.asarray(points, np.float64).reshape(-1, 2)
        return self.geometry.to_world(np.column_stack([np.zeros(len(points)), points]))

    def from_world(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n, 3) LPS mm -> (n, 2) picture (row, column) of their projection onto the slice."""
        return self.geometry.to_index(np.asarray(points, np.float64).reshape(-1, 3))[:, 1:]


def sagittal(volume: Volume) -> Volume:
    """The volume seen from the patient's left: slices right to left, head up, front to the left. A view.

    Raises
    ------
    InputError - an image plane that is not sagittal
    """
    if volume.geometry.plane != "sagittal" and min(volume.geometry.spacing) * 1.5 < max(volume.geometry.spacing):
        raise InputError(
            "not-sagittal",
            f"A {volume.geometry.plane} series cannot be read as a sagittal one.",
            where=f"series {volume.series_id}",
            why="Its slices are too coarse to be cut in another plane.",
            what_to_do="Send the sagittal series.",
        )
    return orient(volume, plane="sagittal")


def picture(volume: Volume, slice_index: int, *, pixel_aspect: float | None = None) -> Picture:
    """One slice of a volume that ``sagittal`` has turned, on square pixels of ``STEP_MM``.

    Parameters
    ----------
    slice_index : k in the turned volume
    pixel_aspect : row step / column step of a picture without millimetres. None: it covers a square field,
        as research pictures of sagittal T1 and T2 mostly do, whatever their numbers of rows and columns

    Raises
    ------
    InputError - a field of view that no spine study has
    """
    rows, columns = _target_shape(volume.geometry, pixel_aspect)
    grey = _resize(np.asarray(volume.pixels[slice_index]), rows, columns)
    geometry = _picture_geometry(volume.geometry, slice_index, rows, columns)
    return Picture(stretch(grey), geometry, volume.series_id, slice_index, (volume.shape[1], volume.shape[2]))


def stretch(grey: NDArray[np.floating]) -> NDArray[np.float32]:
    """Shift and stretch so that the 1st percentile becomes 0 and the 99th 1. A flat picture becomes 0."""
    low, high = percentiles(grey[::2, ::2].ravel(), 1, 99)
    if not high > low:
        return np.zeros(grey.shape, np.float32)
    return np.asarray((grey - low) / (high - low), np.float32)


def field_mm(geometry: Geometry, pixel_aspect: float | None = None) -> tuple[float, float]:
    """Height and width in mm of the field of a sagittal slice; nominal when not calibrated."""
    _, rows, columns = geometry.shape
    if geometry.calibrated:
        return rows * geometry.spacing[1], columns * geometry.spacing[2]
    shape = 1.0 if pixel_aspect is None else rows * pixel_aspect / columns
    return NOMINAL_HEIGHT_MM, NOMINAL_HEIGHT_MM / shape


def _target_shape(geometry: Geometry, pixel_aspect: float | None) -> tuple[int, int]:
    height, width = field_mm(geometry, pixel_aspect)
    rows, columns = round(height / STEP_MM), round(width / STEP_MM)
    if not (100 <= rows <= _MAX_PIXELS and 100 <= columns <= _MAX_PIXELS):
        raise InputError(
            "field-of-view",
            f"A field of view of {height:.0f} x {width:.0f} mm is not that of a spine study.",
            why=f"Between {100 * STEP_MM:.0f} and {_MAX_PIXELS * STEP_MM:.0f} mm are read.",
            what_to_do="Check the spacing of the series.",
        )
    return rows, columns


def _resize(plane: NDArray[np.generic], rows: int, columns: int) -> NDArray[np.float32]:
    """Area average where an axis shrinks, linear where it grows (OpenCV; edges stay where they are)."""
    import cv2

    grey = np.ascontiguousarray(plane, dtype=np.float32)
    down = (min(rows, grey.shape[0]), min(columns, grey.shape[1]))
    if down != grey.shape:
        grey = cv2.resize(grey, (down[1], down[0]), interpolation=cv2.INTER_AREA)
    if (rows, columns) != down:
        grey = cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grey, np.float32)


def _picture_geometry(source: Geometry, slice_index: int, rows: int, columns: int) -> Geometry:
    """Geometry of the resized slice: the outer edges of the pixels coincide. A picture without millimetres keeps its middle
    and its directions and gets nominal square steps, so that its shape is right wherever it is drawn."""
    affine = np.array(source.affine)
    if source.calibrated:
        affine[:3, 3] = source.to_world((slice_index, 0, 0))
        for axis, (old, new) in ((1, (source.shape[1], rows)), (2, (source.shape[2], columns))):
            affine[:3, axis] = source.affine[:3, axis] * (old / new)
            affine[:3, 3] += (affine[:3, axis] - source.affine[:3, axis]) / 2
    else:
        affine[:3, 1:3] = source.directions[:, 1:3] * STEP_MM
        middle = source.to_world((slice_index, (source.shape[1] - 1) / 2, (source.shape[2] - 1) / 2))
        affine[:3, 3] = middle - affine[:3, 1] * (rows - 1) / 2 - affine[:3, 2] * (columns - 1) / 2
    return Geometry(affine, (1, rows, columns), source.calibrated, source.spacing_source)
