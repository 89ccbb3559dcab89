"""Role: what a series is, with the source of each statement."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

Source = Literal["tag", "text", "geometry", "timing", "user", "pixels", "none"]

WEIGHTINGS = ("t1", "t2", "pd", "stir", "t2star", "other")
CONTRASTS = ("none", "intravenous", "arthrogram")
SIDES = ("left", "right", "both")


@dataclass(frozen=True, slots=True)
class Trait:
    """One statement about a series.

    Parameters
    ----------
    value : str, bool or None - None means unknown, never a default
    source : what the value rests on
    confidence : 0 to 1; below 0.5 the value should not be relied on
    witnesses : (source, value) pairs that were heard, agreeing or not
    conflict : bool - True when witnesses of weight contradict each other
    """

    value: str | bool | None = None
    source: Source = "none"
    confidence: float = 0.0
    witnesses: tuple[tuple[str, str], ...] = ()
    conflict: bool = False


UNKNOWN = Trait()


@dataclass(frozen=True, slots=True)
class Role:
    """What a series is. Every trait carries its source and confidence."""

    plane: Trait = UNKNOWN  # sagittal | coronal | axial
    weighting: Trait = UNKNOWN  # one of WEIGHTINGS
    fat_suppressed: Trait = UNKNOWN  # True | False
    contrast: Trait = UNKNOWN  # one of CONTRASTS
    side: Trait = UNKNOWN  # one of SIDES
    body_part: Trait = UNKNOWN  # a joint of the anatomy catalogue, or another word such as 'head'

    def with_user(self, **values: str | bool | None) -> Role:
        """A copy in which the given traits are what the user says."""
        known = {field.name for field in fields(self)}
        unknown = set(values) - known
        if unknown:
            raise ValueError(f"not traits of a series: {sorted(unknown)}")
        return replace(self, **{name: Trait(value, "user", 1.0) for name, value in values.items() if value is not None})
