"""Orient: a fixed axis order and direction for each plane, as a view."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from condyle.errors import UsageError
from condyle.prepare.step import Parameters, Step, same_shape
from condyle.registry import Plugin
from condyle.study import Geometry, Volume
from condyle.study.geometry import CANONICAL, PLANES

# Beyond this ratio of the coarsest to the next spacing, the coarsest axis is the slice axis wherever a file puts it.
_COARSE = 1.2


def orient(volume: Volume, *, plane: str = "") -> Volume:
    """Turn a volume to the canonical axes of its plane, by permuting and flipping axes of a view.

    Parameters
    ----------
    volume : any axis order, such as a sagittal stack that a file stores as axial slices
    plane : 'sagittal', 'coronal', 'axial', or '' for the plane it was acquired in: across the axis of clearly coarsest
        spacing, or when no spacing stands out (isotropic volumes) across its present slice axis

    Returns
    -------
    Volume [slice, row, column] in the directions of ``CANONICAL``; the pixels are a view, nothing is resampled. Oblique
    stacks stay oblique: each axis points to within 45 degrees of its canonical direction (54.7 at worst).

    Raises
    ------
    UsageError - an unknown plane

    Notes
    -----
    Reference: SimpleITK ``DICOMOrient`` with 'PIL' (sagittal), 'LIP' (coronal), 'LPS' (axial), bit for bit on stacks
    less than 45 degrees oblique.
    """
    return _apply(volume, **_settle(volume, plane=plane))


def _settle(
    volume: Volume,
    *,
    plane: str = "",
    order: Sequence[int] | None = None,
    flips: Sequence[bool] | None = None,
    from_shape: Sequence[int] | None = None,
) -> Parameters:
    if (order is None) != (flips is None):
        raise UsageError("orient-settings", "'order' and 'flips' belong together.", what_to_do="Give both or neither.")
    if order is None or flips is None:
        if plane and plane not in PLANES:
            raise UsageError("unknown-plane", f"There is no plane {plane!r}.", what_to_do=f"Use one of: {', '.join(PLANES)}.")
        order, flips = _canonical_axes(volume.geometry, plane)
    if sorted(order) != [0, 1, 2] or len(flips) != 3:
        raise UsageError("orient-settings", "'order' must hold 0, 1 and 2, 'flips' three truth values.")
    return {"order": [int(axis) for axis in order], "flips": [bool(flip) for flip in flips], "from_shape": list(from_shape or volume.shape)}


def _apply(
    volume: Volume, *, order: Sequence[int], flips: Sequence[bool], from_shape: Sequence[int] | None = None, labels: bool = False
) -> Volume:
    del labels  # a permutation treats classes and grey values alike
    same_shape(volume, from_shape, "orient")
    geometry = volume.geometry
    pixels = volume.pixels.transpose(tuple(order))
    affine = np.array(geometry.affine)
    affine[:3, :3] = geometry.affine[:3, list(order)]
    for axis, flip in enumerate(flips):
        if flip:
            affine[:3, 3] += affine[:3, axis] * (pixels.shape[axis] - 1)
            affine[:3, axis] *= -1
    pixels = pixels[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]
    shape = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
    return Volume(pixels, Geometry(affine, shape, geometry.calibrated, geometry.spacing_source), volume.series_id)


def _canonical_axes(geometry: Geometry, plane: str) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    directions = geometry.directions
    if plane:
        through = max(range(3), key=lambda axis: abs(_normal(directions, axis)[PLANES.index(plane)]))
    else:
        through = _acquired_across(geometry)
        plane = PLANES[int(np.argmax(np.abs(_normal(directions, through))))]
    target = np.array(CANONICAL[plane], dtype=np.float64)
    first, second = (axis for axis in range(3) if axis != through)
    order = max(
        ((through, first, second), (through, second, first)),
        key=lambda axes: sum(abs(float(directions[:, axes[place]] @ target[place])) for place in (1, 2)),
    )
    flips = tuple(bool(directions[:, axis] @ target[place] < 0) for place, axis in enumerate(order))
    return order, (flips[0], flips[1], flips[2])


def _acquired_across(geometry: Geometry) -> int:
    spacing = geometry.spacing
    coarsest = int(np.argmax(spacing))
    return coarsest if spacing[coarsest] > _COARSE * sorted(spacing)[1] else 0


def _normal(directions: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Unit normal of the plane spanned by the two other axes (slices of a tilted stack do not step along it)."""
    first, second = (other for other in range(3) if other != axis)
    normal = np.cross(directions[:, first], directions[:, second])
    return np.asarray(normal / np.linalg.norm(normal))


STEP = Step(
    name="orient",
    settle=_settle,
    apply=_apply,
    spatial=True,
    identity=lambda volume: {"order": [0, 1, 2], "flips": [False, False, False]},
    examples=({}, {"plane": "sagittal"}, {"plane": "axial"}),
)
PLUGIN = Plugin("orient", "Turn to the canonical axes of the plane, without copying", "condyle.prepare.orient:STEP")
