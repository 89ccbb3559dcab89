"""What a series is, inferred from its headers and geometry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from condyle.study import Geometry, Role, Trait

__all__ = ["infer_role"]


def infer_role(headers: Mapping[str, Any], geometry: Geometry | None) -> Role:
    """The role of a series. Pure; unknown stays unknown."""
    plane = Trait() if geometry is None else Trait(geometry.plane, "geometry", 1.0 - geometry.tilt_degrees / 90, (("geometry", geometry.plane),))
    return Role(plane=plane)
