"""What a study of a joint should hold: slots, extents and resolution. Data, not rules."""

from __future__ import annotations

from dataclasses import dataclass

from condyle.errors import UsageError


@dataclass(frozen=True, slots=True)
class Slot:
    """A series that is expected: one plane, one of several weightings; fat suppression when it matters."""

    name: str
    plane: str
    weightings: tuple[str, ...]
    fat_suppressed: bool | None = None


@dataclass(frozen=True, slots=True)
class Protocol:
    """What to expect of a joint.

    Parameters
    ----------
    slots : the series without which findings stay unassessed
    planes : the planes whose coverage is measured
    parts : body parts, in the words of roles, that a study of this joint may name
    min_in_plane_mm : least extent of the picture, head to foot in a spine, either way in a joint
    min_across_mm : least extent from the first to the last slice, slice thickness included
    max_step_mm, max_pixel_mm : largest distance of neighbouring slices and of neighbouring pixels
    paired : has a left and a right
    """

    joint: str
    title: str
    slots: tuple[Slot, ...]
    planes: tuple[str, ...]
    parts: frozenset[str]
    min_in_plane_mm: float
    min_across_mm: float
    max_step_mm: float
    max_pixel_mm: float
    paired: bool


_FLUID = ("pd", "t2", "stir")

# The limits are our choice, on the lenient side of what clinical protocols use, and not taken from a standard.
# Lumbar: five vertebrae with their discs and the upper sacrum need about 200 mm; 45 mm from side to side hold the
# canal and both lateral recesses; the steps of the public SPIDER release reach 4.8 mm.
# Knee and shoulder: 110 mm hold the joint in the picture, 60 and 45 mm across the slices of any plane.
PROTOCOLS = {
    "lumbar": Protocol(
        "lumbar", "lumbar spine",
        (Slot("sagittal T1", "sagittal", ("t1",)), Slot("sagittal T2", "sagittal", ("t2",))),
        ("sagittal",), frozenset({"lumbar", "spine"}), 200.0, 45.0, 5.5, 1.2, False,
    ),
    "knee": Protocol(
        "knee", "knee",
        (
            Slot("sagittal fluid-sensitive", "sagittal", _FLUID), Slot("coronal fluid-sensitive", "coronal", _FLUID),
            Slot("axial fluid-sensitive", "axial", _FLUID),
        ),
        ("sagittal", "coronal", "axial"), frozenset({"knee"}), 110.0, 60.0, 5.0, 0.8, True,
    ),
    "shoulder": Protocol(
        "shoulder", "shoulder",
        (
            Slot("sagittal fluid-sensitive", "sagittal", _FLUID), Slot("coronal fluid-sensitive", "coronal", _FLUID),
            Slot("axial fluid-sensitive", "axial", _FLUID),
        ),
        ("sagittal", "coronal", "axial"), frozenset({"shoulder"}), 110.0, 45.0, 5.0, 0.8, True,
    ),
}  # fmt: skip


def protocol(joint: str) -> Protocol:
    """The protocol of a joint. Raises UsageError for a joint without one."""
    if joint not in PROTOCOLS:
        raise UsageError("unknown-joint", f"There is no protocol to check a study of the joint {joint!r} against.",
                         what_to_do=f"Use one of: {', '.join(PROTOCOLS)}.")  # fmt: skip
    return PROTOCOLS[joint]
