"""What a series is, inferred from its headers and geometry: one witness never speaks alone.

Each trait is a file: plane, weighting, fat suppression, contrast, side, body part. A trait whose
witnesses contradict each other, or are too weak, has the value None ("unknown") and lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from condyle.intake.roles.body_part import body_part
from condyle.intake.roles.contrast import contrast
from condyle.intake.roles.fat_suppression import fat_suppressed
from condyle.intake.roles.plane import plane
from condyle.intake.roles.scout import is_scout
from condyle.intake.roles.side import side
from condyle.intake.roles.weighting import weighting
from condyle.study.geometry import Geometry
from condyle.study.role import Role

__all__ = ["infer_role", "is_scout"]


def infer_role(headers: Mapping[str, Any], geometry: Geometry | None) -> Role:
    """The role of a series.

    Parameters
    ----------
    headers : technical tags by the names of ``Series.headers`` (``echo_time`` in ms, ...). Several
        values may be a list, or text joined by a backslash or an underscore. Also heard when present:
        ``laterality``, ``image_laterality``, ``contrast_route``, ``pixel_bandwidth`` (Hz per pixel),
        ``requested_procedure``. Blank values are missing values.
    geometry : of the sorted stack, or None when the files say nothing

    Returns
    -------
    Role - a trait that cannot be told has the value None, with the witnesses that were heard

    Notes
    -----
    Pure: the same headers and geometry give the same role.
    """
    weighted, part = weighting(headers), body_part(headers)
    return Role(
        plane=plane(headers, geometry),
        weighting=weighted,
        fat_suppressed=fat_suppressed(headers, weighted),
        contrast=contrast(headers, part),
        side=side(headers, geometry, part),
        body_part=part,
    )
