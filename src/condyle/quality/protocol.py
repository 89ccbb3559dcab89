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

# Lumbar: ACR-ASNR-SCBT-MR practice parameter for adult spine MRI (2023): sagittal T1 and T2 through both foramina,
# slices of at most 4 mm with a gap of at most 1 mm. L1 to S1 measures 170 to 210 mm in adults; 45 mm from
# side to side holds the canal and both lateral recesses.
# Knee and shoulder: ACR-SPR-SSR practice parameters (2020), field of view at most 160 mm, slices of at most 4 mm; the
# joint itself is 110 mm long and 70 mm (knee) or 50 mm (shoulder) deep across the slices of any plane.
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
