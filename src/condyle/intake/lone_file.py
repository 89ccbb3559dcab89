"""Studies of files without DICOM identity: NIfTI, MetaImage, array, picture."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from condyle.intake.blob import Blob
from condyle.intake.identity import patient_key, study_key
from condyle.intake.nominal import assumed, checked_spacing, plane_unknown, upright
from condyle.intake.roles import infer_role
from condyle.study import Geometry, Problem, Series, Study

TRAITS = ("plane", "weighting", "fat_suppressed", "contrast", "side", "body_part")


Member = tuple[Blob, str, Any, Geometry | None, Sequence[Problem]]  # file, format, source, geometry, problems


def study_of(members: Sequence[Member], path: str, overrides: Mapping[str, Any], *, beside: Sequence[Blob] = ()) -> Study:
    """A study of one series a file. Its key comes from all of the content: the same files have the same key in any folder.

    Nothing less will do: of two scans of one protocol the headers, the sizes and the first slices of air are the same.

    Parameters
    ----------
    beside : files without a series of their own that hold voxels of these
    """
    digest = hashlib.sha256()
    series = []
    for number, (_, kind, source, geometry, problems) in enumerate(members, start=1):
        one = Series(f"{number:03d}", kind, source, geometry, infer_role({}, geometry), problems=tuple(problems))
        series.append(overridden(one, overrides))
    for blob in [*(member[0] for member in members), *beside]:
        digest.update(blob.digest())
    identity = f"file {digest.hexdigest()}"
    return Study(study_key(identity), patient_key(identity), tuple(series), path=path)


def placed(shape: tuple[int, int, int], where: str, overrides: Mapping[str, Any]) -> tuple[Geometry | None, list[Problem]]:
    """Geometry of pixels that carry none, from the plane and the spacing that the user gave."""
    plane, spacing = overrides.get("plane"), overrides.get("spacing")
    if not plane:
        return None, [plane_unknown(where)]
    geometry = upright(str(plane), shape, spacing)
    return geometry, [assumed(str(plane), where, geometry.calibrated)]


def overridden(series: Series, overrides: Mapping[str, Any]) -> Series:
    """The series with what the user says of it: traits of its role, and its spacing in mm."""
    traits = {name: value for name, value in overrides.items() if name in TRAITS and value not in (None, "")}
    spacing, geometry = overrides.get("spacing"), series.geometry
    if spacing is not None and geometry is not None and geometry.spacing_source != "user":
        affine = np.array(geometry.affine)
        affine[:3, :3] = geometry.directions * np.array(checked_spacing(spacing))
        series = replace(series, geometry=Geometry(affine, geometry.shape, True, "user"))
    inferred = series.role.plane
    if (
        traits.get("plane")
        and inferred.value
        and inferred.source == "geometry"
        and inferred.value != traits["plane"]
        and series.format != "picture"
    ):
        conflict = Problem(
            "plane-conflict",
            "warning",
            f"The plane given ({traits['plane']}) is not the one that the geometry shows ({inferred.value}).",
            f"series {series.series_id}",
            "What the user says is used.",
            "Check the manifest.",
        )
        series = replace(series, problems=(*series.problems, conflict))
    return series.with_role(series.role.with_user(**traits)) if traits else series
