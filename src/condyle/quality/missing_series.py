"""Missing series: slots of the joint's protocol that no series fills."""

from __future__ import annotations

from collections.abc import Mapping

from condyle.quality.protocol import Slot, protocol
from condyle.quality.series import diagnostic
from condyle.registry import Plugin
from condyle.study import Check, Series, Study, Volume

PLUGIN = Plugin(
    "missing_series", "Expected series that the study lacks", "condyle.quality.missing_series:check",
    source="slots of quality/protocol.py",
)  # fmt: skip


def check(study: Study, volumes: Mapping[str, Volume], joint: str) -> tuple[Check, ...]:
    """One Check for the study: how many slots stay empty.

    A series whose plane or weighting is unknown might fill a slot; then nothing can be said.
    """
    expected = protocol(joint)
    series = diagnostic(study)
    empty = [slot for slot in expected.slots if not any(_fills(one, slot) for one in series)]
    open_to = [slot for slot in empty if any(_might_fill(one, slot) for one in series)]
    names = ", ".join(slot.name for slot in empty)
    if not empty:
        return (Check("missing_series", True, 0.0, 0.0, "series", f"All series expected of a {expected.title} are there."),)
    if open_to:
        return (
            Check("missing_series", None, None, 0.0, "series",
                  f"Whether {names} is missing cannot be told: the plane or the weighting of a series is unknown."),
        )  # fmt: skip
    return (
        Check("missing_series", False, float(len(empty)), 0.0, "series", f"Expected series missing for a {expected.title}: {names}.",
              f"Acquire {names} before the patient leaves, or send the series if it exists."),
    )  # fmt: skip


def _fills(one: Series, slot: Slot) -> bool:
    return (
        one.role.plane.value == slot.plane
        and one.role.weighting.value in slot.weightings
        and (slot.fat_suppressed is None or one.role.fat_suppressed.value == slot.fat_suppressed)
    )


def _might_fill(one: Series, slot: Slot) -> bool:
    """True when only what is unknown keeps a series from filling the slot."""
    role = one.role
    return (
        role.plane.value in (slot.plane, None)
        and (role.weighting.value is None or role.weighting.value in slot.weightings)
        and (slot.fat_suppressed is None or role.fat_suppressed.value in (slot.fat_suppressed, None))
    )
