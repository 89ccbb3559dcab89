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
# Heights on a vertebra, in disc widths beyond its end plate: the whole back wall, which is hollow, but evenly so at both ends.
_OFFSETS = tuple(np.linspace(0.06, 0.62, 15).tolist())
_FEWEST_EDGES = 8


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
    """Offset in mm of the back walls of two vertebrae along the disc's axis, positive when the upper vertebra lies in front.

    Source: Meyerding, Surg Gynecol Obstet 1932;54:371-377 (the distance whose share of the end plate is his grade).
    """
    disc = view.levels.by_name[name]
    reason = _unmeasurable(view, disc) or (NO_SACRUM if name == "L5-S1" else "")
    if reason:
        return Measured(None, reason)
    edges = [_back_edges(disc, view.tissue, side) for side in (1.0, -1.0)]
    if min(len(found) for found in edges) < _FEWEST_EDGES:
        return Measured(None, NO_EDGE)
    upper, lower = _walls(*edges)
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


def _back_edges(disc: Disc, tissue: NDArray[np.floating], side: float) -> NDArray[np.float64]:
    """(n, 2) back edges of the vertebra above (side 1) or below (-1): height across the disc's axis and place along it, from
    the disc's centre, pixels. A line counts when it begins in bone and the canal follows."""
    found = []
    along = np.arange(0.0, 0.85 * disc.width, 0.5)
    begins = int(0.15 * disc.width / 0.5)
    for offset in _OFFSETS:
        height = side * (disc.heights[2] / 2 + offset * disc.width)
        rows, columns = np.rint(disc.centre + height * disc.up + along[:, None] * disc.axis).astype(int).T
        if rows.min() < 0 or columns.min() < 0 or rows.max() >= tissue.shape[1] or columns.max() >= tissue.shape[2]:
            continue
        bone = tissue[VERTEBRA][rows, columns]
        beyond = np.flatnonzero(bone[begins:] < 0.5)
        if bone[begins] < 0.5 or not beyond.size:
            continue
        edge = begins + int(beyond[0])
        behind = tissue[CANAL][rows[edge:], columns[edge:]][: int(0.5 * disc.width)]
        if behind.size and behind.max() > 0.5:
            found.append((height, float(along[edge])))
    return np.array(found, np.float64).reshape(-1, 2)


def _walls(upper: NDArray[np.float64], lower: NDArray[np.float64]) -> tuple[float, float]:
    """Where two back walls of one common lean meet the disc's plane.

    The column leans against the disc, so corners compared along the disc's own axis would show a backward slip of 2 to 3 mm
    at most normal upper lumbar discs. The common lean is that of the column; what lordosis adds to one side it adds to
    the other.
    """
    heights, places = np.concatenate([upper, lower]).T
    above = np.r_[np.ones(len(upper)), np.zeros(len(lower))]
    system = np.column_stack([above, 1 - above, heights])
    fit = np.linalg.lstsq(system, places, rcond=None)[0]
    error = np.abs(system @ fit - places)
    near = error <= max(2.5 * float(np.median(error)), 1.0)
    if near[above == 1].sum() >= _FEWEST_EDGES and near[above == 0].sum() >= _FEWEST_EDGES:
        fit = np.linalg.lstsq(system[near], places[near], rcond=None)[0]
    return float(fit[0]), float(fit[1])
