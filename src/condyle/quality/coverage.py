"""Coverage: whether the pictures are large enough, and the stack deep enough, for the joint."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from condyle.quality.protocol import Protocol, protocol
from condyle.quality.series import diagnostic, named
from condyle.registry import Plugin
from condyle.study import Check, Geometry, Series, Study, Volume

PLUGIN = Plugin(
    "coverage", "Field of view and depth of the stack", "condyle.quality.coverage:check", source="limits of quality/protocol.py"
)


def check(study: Study, volumes: Mapping[str, Volume], joint: str) -> tuple[Check, ...]:
    """Two Checks for each series in a plane that must cover the joint: field of view and depth, both in mm."""
    expected = protocol(joint)
    return tuple(found for one in diagnostic(study) if _concerns(one, expected) for found in _of_series(one, expected))


def _concerns(one: Series, expected: Protocol) -> bool:
    return one.role.plane.value is None or one.role.plane.value in expected.planes


def _of_series(one: Series, expected: Protocol) -> tuple[Check, ...]:
    if one.geometry is None or not one.geometry.calibrated or one.role.plane.value is None:
        why = "its plane is unknown" if one.geometry is not None and one.geometry.calibrated else "its files give no millimetres"
        return (
            Check("coverage", None, None, expected.min_in_plane_mm, "mm", f"The coverage of {named(one)} cannot be measured: {why}.",
                  series_id=one.series_id),
        )  # fmt: skip
    height, depth = extent_mm(one.geometry, "head-foot" if not expected.paired else "")
    across = "from side to side" if one.role.plane.value == "sagittal" else "across its slices"
    return (
        _judged(one, height, expected.min_in_plane_mm, "head to foot" if not expected.paired else "in the smaller direction of the picture",
                f"Repeat with a field of view of at least {expected.min_in_plane_mm:g} mm, centred on the {expected.title}."),
        _judged(one, depth, expected.min_across_mm, across, "Repeat with more slices, so that both sides of the joint are in the stack."),
    )  # fmt: skip


def _judged(one: Series, measured: float, least: float, direction: str, advice: str) -> Check:
    passed = measured >= least
    return Check(
        "coverage", passed, round(measured, 1), least, "mm",
        f"{named(one)[0].upper()}{named(one)[1:]} covers {measured:.0f} mm {direction}{'' if passed else f', less than {least:g} mm'}.",
        "" if passed else advice,
        one.series_id,
    )  # fmt: skip


def extent_mm(geometry: Geometry, direction: str = "") -> tuple[float, float]:
    """(in the picture, across the slices) in mm, edge to edge.

    In the picture: along the axis nearer to head-foot when ``direction`` is 'head-foot', else the smaller side.
    """
    step, row, column = geometry.spacing
    slices, rows, columns = geometry.shape
    sides = (rows * row, columns * column)
    if direction == "head-foot":
        upright = np.abs(geometry.directions[2, 1:])
        return sides[int(np.argmax(upright))], slices * step
    return min(sides), slices * step
