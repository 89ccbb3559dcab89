"""Crop: a box of fixed size in millimetres around a point in the patient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from condyle.errors import InputError, UsageError
from condyle.prepare.step import Parameters, Step, millimetres_known, same_shape
from condyle.registry import Plugin
from condyle.study import Geometry, Volume

_MAX_MM = 2000.0


def crop_mm(volume: Volume, extent_mm: float | Sequence[float], *, centre_mm: ArrayLike | None = None, fill: float | None = None) -> Volume:
    """Cut a box out of a volume, in whole voxels, padding where it reaches beyond.

    Parameters
    ----------
    volume : any
    extent_mm : size of the box in mm: one number (rows and columns alike), two (rows, columns), or three (slices, rows,
        columns). With one or two numbers all slices are kept
    centre_mm : (3,) LPS mm, the middle of the box; None is the middle of the volume
    fill : value outside of the volume; None is the smallest value inside

    Returns
    -------
    Volume with round(extent / spacing) voxels along each cropped axis (at least 1) whose middle lies within half a
    voxel of the centre. A view where nothing was padded. A crop of a fixed extent in mm shows every patient at the same
    scale, which a crop in pixels does not.

    Raises
    ------
    InputError - unknown spacing; a box that does not touch the volume
    UsageError - an extent that is not positive or above 2000 mm

    Notes
    -----
    The padding of each side is recorded as ``padding``. Reference: SimpleITK ``ConstantPad`` and ``RegionOfInterest``,
    bit for bit.
    """
    return _apply(volume, **_settle(volume, extent_mm=extent_mm, centre_mm=centre_mm, fill=fill))


def _settle(
    volume: Volume,
    *,
    extent_mm: float | Sequence[float] | None = None,
    centre_mm: ArrayLike | None = None,
    fill: float | None = None,
    start: Sequence[int] | None = None,
    shape: Sequence[int] | None = None,
    padding: object = None,
    from_shape: Sequence[int] | None = None,
) -> Parameters:
    del padding  # follows from start and shape; recorded for people
    if (start is None) != (shape is None):
        raise UsageError("crop-settings", "'start' and 'shape' belong together.", what_to_do="Give both or neither.")
    if start is None or shape is None:
        if extent_mm is None:
            raise UsageError("crop-settings", "Cropping needs 'extent_mm' (or 'start' and 'shape').", what_to_do="Give one of the two.")
        millimetres_known(volume, "crop_mm")
        start, shape = _box(volume.geometry, extent_mm, centre_mm)
    if len(start) != 3 or len(shape) != 3 or min(shape) < 1:
        raise UsageError("crop-settings", "'start' and 'shape' must hold three whole numbers, 'shape' positive ones.")
    around = [[max(0, -first), max(0, first + n - size)] for first, n, size in zip(start, shape, volume.shape, strict=True)]
    if any(first >= size or first + n <= 0 for first, n, size in zip(start, shape, volume.shape, strict=True)):
        raise InputError(
            "crop-outside", "The box to cut out does not touch the volume.", why="It lies beside it.", what_to_do="Check centre_mm."
        )
    if fill is None:
        fill = float(volume.pixels.min())
    return {
        "start": [int(first) for first in start],
        "shape": [int(n) for n in shape],
        "fill": float(fill),
        "padding": around,
        "from_shape": list(from_shape or volume.shape),
    }


def _box(geometry: Geometry, extent_mm: float | Sequence[float], centre_mm: ArrayLike | None) -> tuple[list[int], list[int]]:
    """First voxel and number of voxels along each axis."""
    extents = [extent_mm, extent_mm] if isinstance(extent_mm, int | float) else list(extent_mm)
    if len(extents) not in (2, 3) or not all(0 < one <= _MAX_MM for one in extents):
        raise UsageError("crop-settings", f"'extent_mm' must hold one to three numbers above 0 and up to {_MAX_MM:g} mm.")
    cropped = range(3 - len(extents), 3)
    middle = geometry.to_index(geometry.centre if centre_mm is None else centre_mm)
    start, shape = [0, 0, 0], list(geometry.shape)
    for axis, extent in zip(cropped, extents, strict=True):
        shape[axis] = max(1, round(extent / geometry.spacing[axis]))
        start[axis] = int(np.floor(middle[axis] - (shape[axis] - 1) / 2 + 0.5))
    return start, shape


def _apply(
    volume: Volume,
    *,
    start: Sequence[int],
    shape: Sequence[int],
    fill: float,
    padding: object = None,
    from_shape: Sequence[int] | None = None,
    labels: bool = False,
) -> Volume:
    del padding
    same_shape(volume, from_shape, "crop_mm")
    inside = [(max(0, first), min(size, first + n)) for first, n, size in zip(start, shape, volume.shape, strict=True)]
    pixels = volume.pixels[tuple(slice(low, high) for low, high in inside)]
    box = (int(shape[0]), int(shape[1]), int(shape[2]))
    if pixels.shape != box:
        kind = volume.pixels.dtype
        whole = np.full(box, kind.type(0 if labels else fill))
        whole[tuple(slice(low - first, high - first) for (low, high), first in zip(inside, start, strict=True))] = pixels
        pixels = whole
    affine = np.array(volume.geometry.affine)
    affine[:3, 3] = volume.geometry.to_world(list(start))
    geometry = Geometry(affine, box, volume.geometry.calibrated, volume.geometry.spacing_source)
    return Volume(pixels, geometry, volume.series_id)


STEP = Step(
    name="crop_mm",
    settle=_settle,
    apply=_apply,
    spatial=True,
    identity=lambda volume: {"start": [0, 0, 0], "shape": list(volume.shape)},
    examples=({"extent_mm": 30.0}, {"extent_mm": [60.0, 25.0]}, {"extent_mm": [12.0, 200.0, 30.0], "fill": 0.0}),
)
PLUGIN = Plugin("crop_mm", "Cut out a box of fixed size in millimetres", "condyle.prepare.crop:STEP")
