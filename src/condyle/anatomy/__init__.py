"""The catalogue of joints, findings and scales. Pure data, instant to import."""

from __future__ import annotations

from condyle.anatomy.catalogue import FindingEntry, Joint, Scale
from condyle.anatomy.knee import KNEE
from condyle.anatomy.lumbar import LUMBAR
from condyle.anatomy.shoulder import SHOULDER
from condyle.errors import UsageError

JOINTS: dict[str, Joint] = {joint.name: joint for joint in (LUMBAR, KNEE, SHOULDER)}

__all__ = ["JOINTS", "FindingEntry", "Joint", "Scale", "joint"]


def joint(name: str) -> Joint:
    """The catalogue entry of a joint. Raises UsageError for an unknown name."""
    if name not in JOINTS:
        raise UsageError("unknown-joint", f"There is no joint {name!r} in the catalogue.", what_to_do=f"Use one of: {', '.join(JOINTS)}.")
    return JOINTS[name]
