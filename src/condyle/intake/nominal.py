"""Geometry by agreement, for pixels that carry none: an upright picture as radiologists look at it.

Rows run to the feet; a sagittal picture shows the front on the left, a coronal or axial one the
patient's right on the left; slices rise to the left, the back, the head. Every use of it leaves a
note in the study, and the geometry says that it is not calibrated unless the user gave a spacing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from condyle.errors import InputError
from condyle.study import Geometry, Problem
from condyle.study.geometry import CANONICAL

_SEEN = {
    "sagittal": "head up, the front of the body on the left",
    "coronal": "head up, the patient's right on the left",
    "axial": "front up, the patient's right on the left",
}


def upright(plane: str, shape: tuple[int, int, int], spacing: Sequence[float] | None) -> Geometry:
    """Nominal geometry of a plane, centred on the origin; ``spacing`` (slices, rows, columns) in mm if known."""
    if plane not in CANONICAL:
        raise InputError("plane-unknown", f"There is no plane {plane!r}.", what_to_do="Use sagittal, coronal or axial.")
    steps = checked_spacing(spacing) if spacing is not None else (1.0, 1.0, 1.0)
    affine = np.eye(4)
    affine[:3, :3] = np.array(CANONICAL[plane], float).T * np.array(steps)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Geometry(affine, shape, calibrated=spacing is not None, spacing_source="user" if spacing is not None else "nominal")


def checked_spacing(spacing: Sequence[float]) -> tuple[float, float, float]:
    """Three positive millimetres. Raises ``InputError``."""
    values = tuple(float(value) for value in spacing)
    if len(values) != 3 or not all(np.isfinite(value) and 0 < value < 1000 for value in values):
        raise InputError(
            "spacing-invalid",
            "A spacing is not three positive numbers of millimetres.",
            why=f"Given: {values}.",
            what_to_do="Give it as between slices, between rows, between columns, such as 4,0.6,0.6.",
        )
    return values[0], values[1], values[2]


def assumed(plane: str, where: str, calibrated: bool) -> Problem:
    """The note that says what was assumed about a picture."""
    measured = "" if calibrated else " Its pixel size is unknown, so nothing is measured in millimetres."
    return Problem(
        "picture-upright",
        "note",
        f"A {plane} picture is taken to stand upright: {_SEEN[plane]}.{measured}",
        where,
        "The file says nothing about its place in the patient.",
        "Give DICOM or NIfTI where you can; give a spacing if you know it.",
    )


def plane_unknown(where: str) -> Problem:
    """The warning for a picture without a plane."""
    return Problem(
        "plane-unknown",
        "warning",
        "A picture does not say which plane it shows, so no reader can choose it.",
        where,
        "The file carries no geometry, and no plane was given.",
        "Say the plane, in a manifest (column plane) or as overrides={'plane': 'sagittal'}.",
    )


def unplaced(shape: tuple[int, ...]) -> Geometry:
    """A grid of 1 mm for pixels of which not even the plane is known: good for looking, not for reading."""
    return Geometry(np.eye(4)[:, [2, 1, 0, 3]], (shape[0], shape[1], shape[2]), calibrated=False, spacing_source="unknown")
