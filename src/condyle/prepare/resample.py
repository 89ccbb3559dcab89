"""Resample: to a spacing in the image plane; through the slices only when asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import UsageError
from condyle.prepare.step import Parameters, Step, millimetres_known, same_shape
from condyle.registry import Plugin
from condyle.study import Geometry, Volume

SHRINK = ("area", "linear")
_FINEST, _COARSEST = 0.05, 50.0  # mm; outside of these a spacing is a mistake of unit
_NATIVE = ("uint8", "uint16", "int16", "float32", "float64")  # what cv2.resize computes on


def resample(volume: Volume, spacing_mm: float | Sequence[float], *, slice_spacing_mm: float | None = None, shrink: str = "area") -> Volume:
    """Resample to a spacing, slice by slice.

    Parameters
    ----------
    volume : any layout; views that ``orient`` made cost no copy
    spacing_mm : mm between rows and between columns, one number or two
    slice_spacing_mm : mm between slices. None (default) leaves the slices as they are: musculoskeletal stacks are six to
        ten times coarser across the slices than within, and interpolated slices show anatomy that nobody saw
    shrink : 'area' averages all pixels under each new one where an axis shrinks, so that noise falls and fine structures
        do not alias; 'linear' interpolates between two, as most toolkits do. Axes that grow are always linear

    Returns
    -------
    Volume over exactly the same field of view, so the spacing reached is field / whole number of pixels: within half a
    pixel over the field of what was asked, and in its geometry. Integers of up to 16 bits stay so (rounded), wider
    ones become floats.

    Raises
    ------
    InputError - the spacing of the volume is unknown
    UsageError - a spacing that is not between 0.05 and 50 mm

    Notes
    -----
    Pixels are areas: the outer edges stay where they are (OpenCV ``INTER_AREA``, ``INTER_LINEAR``). Reference for
    'linear': SimpleITK ``Resample`` with ``sitkLinear`` onto the same grid, within half a grey value in the interior.
    For 'area': the mean over the pixel's area by exact integration, within half a grey value. Beyond the centres of the
    outermost pixels the edge value is repeated.
    """
    return _apply(volume, **_settle(volume, spacing_mm=spacing_mm, slice_spacing_mm=slice_spacing_mm, shrink=shrink))


def _settle(
    volume: Volume,
    *,
    spacing_mm: float | Sequence[float] | None = None,
    slice_spacing_mm: float | None = None,
    shrink: str = "area",
    shape: Sequence[int] | None = None,
    from_shape: Sequence[int] | None = None,
) -> Parameters:
    if shrink not in SHRINK:
        raise UsageError("unknown-shrink", f"There is no way to shrink called {shrink!r}.", what_to_do=f"Use one of: {', '.join(SHRINK)}.")
    if shape is None:
        if spacing_mm is None:
            raise UsageError("resample-settings", "Resampling needs 'spacing_mm' (or 'shape').", what_to_do="Give one of the two.")
        millimetres_known(volume, "resample")
        shape = _new_shape(volume.geometry, spacing_mm, slice_spacing_mm)
    if len(shape) != 3 or min(shape) < 1:
        raise UsageError("resample-settings", "'shape' must hold three positive numbers of pixels.")
    return {"shape": [int(n) for n in shape], "shrink": shrink, "from_shape": list(from_shape or volume.shape)}


def _new_shape(geometry: Geometry, spacing_mm: float | Sequence[float], slice_spacing_mm: float | None) -> list[int]:
    rows, columns = (spacing_mm, spacing_mm) if isinstance(spacing_mm, int | float) else spacing_mm
    wanted = (geometry.spacing[0] if slice_spacing_mm is None else slice_spacing_mm, rows, columns)
    if not all(_FINEST <= step <= _COARSEST for step in wanted[1 if slice_spacing_mm is None else 0 :]):
        raise UsageError("spacing-out-of-range", f"A spacing must lie between {_FINEST} and {_COARSEST} mm.", what_to_do="Give it in mm.")
    shape = [max(1, round(n * have / want)) for n, have, want in zip(geometry.shape, geometry.spacing, wanted, strict=True)]
    return [geometry.shape[0], *shape[1:]] if slice_spacing_mm is None else shape


def _apply(
    volume: Volume, *, shape: Sequence[int], shrink: str = "area", from_shape: Sequence[int] | None = None, labels: bool = False
) -> Volume:
    same_shape(volume, from_shape, "resample")
    slices, rows, columns = shape
    pixels = volume.pixels
    if labels:
        pixels = _nearest(pixels, (slices, rows, columns))
    else:
        if (rows, columns) != pixels.shape[1:]:
            pixels = _in_planes(pixels, rows, columns, shrink)
        if slices != pixels.shape[0]:
            turned = _in_planes(pixels.transpose(1, 0, 2), slices, columns, shrink)
            pixels = turned.transpose(1, 0, 2)
    return Volume(pixels, regrid(volume.geometry, (slices, rows, columns)), volume.series_id)


def regrid(geometry: Geometry, shape: tuple[int, int, int]) -> Geometry:
    """The same field of view cut into another number of voxels."""
    affine = np.array(geometry.affine)
    for axis, (old, new) in enumerate(zip(geometry.shape, shape, strict=True)):
        affine[:3, axis] = geometry.affine[:3, axis] * (old / new)
        affine[:3, 3] += (affine[:3, axis] - geometry.affine[:3, axis]) / 2
    return Geometry(affine, shape, geometry.calibrated, geometry.spacing_source)


def _in_planes(pixels: NDArray[Any], rows: int, columns: int, shrink: str) -> NDArray[Any]:
    """Resize every plane pixels[k] in its own memory order, and look at the result as the caller looked at the input."""
    flips = tuple(slice(None, None, -1) if step < 0 else slice(None) for step in pixels.strides)
    native = pixels[flips]
    swapped = abs(native.strides[1]) < abs(native.strides[2])
    if swapped:
        native, rows, columns = native.transpose(0, 2, 1), columns, rows
    kind = native.dtype.name if native.dtype.name in _NATIVE else _wider(native.dtype)
    out = np.empty((native.shape[0], rows, columns), kind)
    for source, target in zip(native, out, strict=True):
        target[...] = _resize(np.ascontiguousarray(source, dtype=kind), rows, columns, shrink)
    return (out.transpose(0, 2, 1) if swapped else out)[flips]


def _resize(plane: NDArray[Any], rows: int, columns: int, shrink: str) -> NDArray[Any]:
    """One plane; each axis by its own rule, shrinking first."""
    import cv2

    for area in (True, False):
        down = (min(rows, plane.shape[0]), min(columns, plane.shape[1])) if area else (rows, columns)
        if down != plane.shape:
            how = cv2.INTER_AREA if area and shrink == "area" else cv2.INTER_LINEAR
            plane = cv2.resize(plane, (down[1], down[0]), interpolation=how)
    return plane


def _nearest(pixels: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[Any]:
    """The class at the centre of every new voxel."""
    for axis, (old, new) in enumerate(zip(pixels.shape, shape, strict=True)):
        if old != new:
            pixels = pixels.take(((np.arange(new) + 0.5) * (old / new)).astype(np.intp), axis=axis)
    return pixels


def _wider(kind: np.dtype[Any]) -> str:
    if kind.itemsize > 2:
        return "float64"
    return "int16" if kind.kind in "bi" else "float32"


STEP = Step(
    name="resample",
    settle=_settle,
    apply=_apply,
    spatial=True,
    identity=lambda volume: {"shape": list(volume.shape)},
    examples=({"spacing_mm": 1.3}, {"spacing_mm": [0.6, 1.1], "shrink": "linear"}, {"spacing_mm": 0.9, "slice_spacing_mm": 2.0}),
)
PLUGIN = Plugin("resample", "Resample in the image plane, averaging areas when shrinking", "condyle.prepare.resample:STEP")
