"""Lengths of a level in millimetres, from the outlines on the mid-sagittal picture.

Only a series with known spacing is measured, and only discs that the segmenter saw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.readers.lumbar.discs import CANAL, VERTEBRA, Disc
from condyle.readers.lumbar.view import View

NOT_CALIBRATED = "The pixel size is not known, so nothing is measured in millimetres."
NOT_SEEN = "The disc itself was not seen, only its place between the vertebrae."
NO_EDGE = "The back edge of a vertebra beside the disc was not found."
NO_SACRUM = "The sacrum is not outlined, so a slip of L5 on S1 is not measured."
TRUNCATED = "The disc lies at the edge of the picture."
_OFFSETS = (0.08, 0.12, 0.16)  # of a disc width beyond the end plates: on the vertebra's corner, off its rounding


@dataclass(frozen=True, slots=True)
class Measured:
    """A length in mm, or the reason why there is none. ``line`` are (row, column) ends of what was measured."""

    value: float | None
    reason: str = ""
    line: tuple[tuple[float, float], ...] = ()


def disc_height(view: View, name: str) -> Measured:
    """Mean height of a disc in mm: its area over its antero-posterior width, on the mid-sagittal slice.

    Source: area-based disc height, as in Pfirrmann et al., Spine 2006;31:E1-E9 ("mean disc height").
    """
    disc = view.levels.by_name[name]
    reason = _unmeasurable(view, disc)
    if reason:
        return Measured(None, reason)
    step = _step(view)
    half = disc.heights[1] / 2
    line = tuple((float(point[0]), float(point[1])) for point in (disc.centre + disc.up * half, disc.centre - disc.up * half))
    return Measured(disc.height * step, "", line)


def slip(view: View, name: str) -> Measured:
    """Offset in mm of the posterior corners along the disc's axis, positive when the upper vertebra lies in front.

    Source: Meyerding, Surg Gynecol Obstet 1932;54:371-377 (the distance whose share of the end plate is his grade).
    """
    disc = view.levels.by_name[name]
    reason = _unmeasurable(view, disc) or (NO_SACRUM if name == "L5-S1" else "")
    if reason:
        return Measured(None, reason)
    edges = [_back_edge(disc, view.tissue, side) for side in (1.0, -1.0)]
    if edges[0] is None or edges[1] is None:
        return Measured(None, NO_EDGE)
    upper, lower = edges[0], edges[1]
    ends = (disc.centre + upper * disc.axis, disc.centre + lower * disc.axis)
    return Measured((lower - upper) * _step(view), "", tuple((float(p[0]), float(p[1])) for p in ends))


def _unmeasurable(view: View, disc: Disc) -> str:
    if not view.picture.calibrated:
        return NOT_CALIBRATED
    if disc.probability == 0.0 or disc.recovered:
        return NOT_SEEN
    rows, columns = view.picture.pixels.shape
    low, high = disc.outline.min(axis=0), disc.outline.max(axis=0)
    if low.min() < 1 or high[0] > rows - 2 or high[1] > columns - 2:
        return TRUNCATED
    return ""


def _step(view: View) -> float:
    """mm of a picture pixel."""
    return float(np.mean(view.picture.geometry.spacing[1:]))


def _back_edge(disc: Disc, tissue: NDArray[np.floating], side: float) -> float | None:
    """Where the vertebra above (side 1) or below (-1) ends at the back, in pixels along the disc's axis from its centre.

    Each line runs backwards from the middle of the vertebra to the first pixel that is no vertebra; the median of
    three lines. None when a line does not begin in bone or ends in anything but canal or the tissue in front of it.
    """
    found = []
    along = np.arange(0.0, 0.8 * disc.width, 0.5)
    for offset in _OFFSETS:
        start = disc.centre + side * (disc.heights[2] / 2 + offset * disc.width) * disc.up
        rows, columns = np.rint(start + along[:, None] * disc.axis).astype(int).T
        if rows.min() < 0 or columns.min() < 0 or rows.max() >= tissue.shape[1] or columns.max() >= tissue.shape[2]:
            return None
        bone = tissue[VERTEBRA][rows, columns]
        begins = int(0.15 * disc.width / 0.5)
        if bone[begins] < 0.5:
            continue
        beyond = np.flatnonzero(bone[begins:] < 0.5)
        if not beyond.size:
            continue
        edge = begins + int(beyond[0])
        behind = tissue[CANAL][rows[edge:], columns[edge:]][: int(0.5 * disc.width)]
        if behind.size and behind.max() > 0.5:
            found.append(float(along[edge]))
    return float(np.median(found)) if len(found) >= 2 else None
