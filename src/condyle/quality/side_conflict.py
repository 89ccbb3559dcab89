"""Side conflict: tag, name and place of a paired joint that do not agree on left and right."""

from __future__ import annotations

from collections.abc import Mapping

from condyle.quality.protocol import protocol
from condyle.quality.series import diagnostic
from condyle.registry import Plugin
from condyle.study import Check, Study, Volume

PLUGIN = Plugin(
    "side_conflict", "Left or right: tag, name and geometry agree", "condyle.quality.side_conflict:check",
    source="witnesses of the side: docs/explanation/series-roles.md",
)  # fmt: skip


def check(study: Study, volumes: Mapping[str, Volume], joint: str) -> tuple[Check, ...]:
    """One Check for the study: how many witnesses contradict the first. Empty for an unpaired joint.

    The witnesses of all series are heard together, so that two series of one study with two sides are a
    conflict too.
    """
    if not protocol(joint).paired:
        return ()
    heard = [(source, side) for one in diagnostic(study) for source, side in one.role.side.witnesses if side in ("left", "right")]
    if not heard:
        return (Check("side_conflict", None, None, 0.0, "witnesses", "The side is unknown: no tag, name or place of a series gives it."),)
    left = sum(side == "left" for _, side in heard)
    fewer = min(left, len(heard) - left)
    if fewer == 0:
        return (Check("side_conflict", True, 0.0, 0.0, "witnesses", f"All witnesses of the side agree: {heard[0][1]}."),)
    sources = {side: ", ".join(sorted({source for source, said in heard if said == side})) for side in ("left", "right")}
    return (
        Check("side_conflict", False, float(fewer), 0.0, "witnesses",
              f"The witnesses of the side contradict each other: left by {sources['left']}, right by {sources['right']}.",
              "Look at the patient and the order, correct the laterality at the scanner and send the study again."),
    )  # fmt: skip
