"""Measurements of a level and of the whole lumbar spine, from the outlines on the mid-sagittal picture.

Lengths need a series with known spacing; ratios and angles do not. Only discs that the segmenter saw are measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from condyle.readers.lumbar.discs import CANAL, DISC, VERTEBRA, Disc, at_points
from condyle.readers.lumbar.plates import ACROSS, Plates, find_plates
from condyle.readers.lumbar.view import View

NOT_CALIBRATED = "The pixel size is not known, so nothing is measured in millimetres."
NOT_SEEN = "The disc itself was not seen, only its place between the vertebrae."
NO_EDGE = "The back edge of a vertebra beside the disc was not found."
NO_PLATE = "An end plate that this is measured from was not seen."
NO_CANAL = "The spinal canal was not seen behind the disc."
TRUNCATED = "The disc lies at the edge of the picture."
SIMULATION_ONLY = "Validated on simulation only."
# Heights on a vertebra, in disc widths beyond its end plate: the whole back wall, which is hollow, but evenly so at both ends.
_OFFSETS = tuple(np.linspace(0.06, 0.62, 15).tolist())
_FEWEST_EDGES = 8
_THIRDS = {"anterior": slice(0, 14), "middle": slice(14, 27), "posterior": slice(27, 41)}  # of plates.ACROSS


@dataclass(frozen=True, slots=True)
class Measured:
    """A value in ``unit``, or the reason why there is none. ``line`` are (row, column) ends of what was measured, ``note`` a remark that
    belongs beside the value."""

    value: float | None
    reason: str = ""
    line: tuple[tuple[float, float], ...] = ()
    unit: str = "mm"
    note: str = ""


def disc_height(view: View, name: str, part: str = "") -> Measured:
    """Distance of the end plates across the disc's axis in mm, mean over the middle four fifths of the disc, or over the front,
    middle or back third of these.

    Parameters
    ----------
    part : '', 'anterior', 'middle' or 'posterior'

    Source: three heights as in Dabbs & Dabbs, Spine 1990;15:1366-1369, as means over bands rather than at single points.
    """
    disc = view.levels.by_name[name]
    reason = _unmeasurable(view, disc)
    if reason:
        return Measured(None, reason)
    plates = _plates(view, name)
    band = _THIRDS.get(part, slice(None))
    heights = plates.heights[band]
    seen = np.isfinite(heights)
    if seen.mean() < 0.5:
        return Measured(None, NO_PLATE)
    at = band.start + len(heights) // 2 if part else len(heights) // 2
    ends = _across(plates, at) if np.isfinite(plates.heights[at]) else ()
    return Measured(float(heights[seen].mean()) * _step(view), "", ends)


def disc_height_index(view: View, name: str) -> Measured:
    """Mean height of the disc over the mean depth of the two bodies beside it; needs no millimetres.

    Source: Frobin et al., Clin Biomech 1997;12(Suppl 1):S1-S63, section 3 (height over depth of the vertebra).
    """
    disc = view.levels.by_name[name]
    reason = _unseen(view, disc)
    if reason:
        return Measured(None, reason, unit="")
    plates = _plates(view, name)
    if np.isfinite(plates.heights).mean() < 0.5:
        return Measured(None, NO_PLATE, unit="")
    depths = [depth for side in (1.0, -1.0) if (depth := _depth(plates, view.tissue, side)) is not None] or [disc.width]
    return Measured(float(np.nanmean(plates.heights)) / float(np.mean(depths)), unit="")


def slip(view: View, name: str) -> Measured:
    """Offset in mm of the back walls of two vertebrae along the disc's axis, positive when the upper vertebra lies in front.

    The sacrum is not outlined: at L5-S1 the offset is that of the upper and lower end of the disc's own back edge.

    Source: Meyerding, Surg Gynecol Obstet 1932;54:371-377 (the distance whose share of the end plate is his grade).
    """
    disc = view.levels.by_name[name]
    reason = _unmeasurable(view, disc)
    found = None if reason else _slip(view, name)
    if found is None:
        return Measured(None, reason or NO_EDGE)
    pixels, line = found
    return Measured(pixels * _step(view), "", line, note=SIMULATION_ONLY if name == "L5-S1" else "")


def slip_percent(view: View, name: str) -> Measured:
    """The slip as a share of the depth of the lower vertebra's upper end plate, percent; needs no millimetres. Source: as ``slip``."""
    disc = view.levels.by_name[name]
    reason = _unseen(view, disc)
    found = None if reason else _slip(view, name)
    if found is None:
        return Measured(None, reason or NO_EDGE, unit="%")
    depth = _depth(_plates(view, name), view.tissue, -1.0) or disc.width
    return Measured(100 * found[0] / depth, unit="%", note=SIMULATION_ONLY if name == "L5-S1" else "")


def canal_diameter(view: View, name: str) -> Measured:
    """Antero-posterior diameter of the spinal canal behind the disc in mm, across the canal's own direction."""
    disc = view.levels.by_name[name]
    reason = _unmeasurable(view, disc)
    if reason:
        return Measured(None, reason)
    canal = view.tissue[CANAL]
    behind = np.arange(0.3, 1.4, 0.5 / disc.width)
    inside = at_points(canal, disc.centre + behind[:, None] * disc.width * disc.axis) > 0.5
    if not inside.any():
        return Measured(None, NO_CANAL)
    first = int(inside.argmax())
    last = first + int(np.argmin(inside[first:])) if not inside[first:].all() else len(inside)
    middle = disc.centre + float(behind[first:last].mean()) * disc.width * disc.axis
    rows, columns = np.nonzero(canal > 0.5)
    near = np.column_stack([rows, columns]) - middle
    near = near[np.hypot(*near.T) < 0.6 * disc.width]
    if len(near) < 30:
        return Measured(None, NO_CANAL)
    down = np.linalg.eigh(np.cov(near.T))[1][:, 1]
    across = np.array([-down[1], down[0]])
    across = across if across @ disc.axis > 0 else -across
    runs = [_run(canal, middle + shift * disc.width * down, across, disc.width) for shift in np.linspace(-0.06, 0.06, 7)]
    front, back = np.median([run for run in runs if run is not None] or [(0.0, 0.0)], axis=0)
    if back - front < 2:
        return Measured(None, NO_CANAL)
    return Measured(float(back - front) * _step(view), "", (_place(middle + front * across), _place(middle + back * across)))


def lordosis(view: View, lowest: str) -> Measured:
    """Angle in degrees between the upper end plate of L1 and that of S1 (``lowest`` 'S1') or the lower one of L5 ('L5'); positive when
    the spine is hollow behind. Source: Cobb's angle, as in Vialle et al., J Bone Joint Surg Am 2005;87:260-267."""
    note = SIMULATION_ONLY if lowest == "S1" else ""
    slopes = []
    for name, side in (("T12-L1", -1.0), ("L5-S1", -1.0 if lowest == "S1" else 1.0)):
        disc = view.levels.by_name.get(name)
        reason = f"The disc {name} was not found." if disc is None else _unseen(view, disc)
        slope = None if disc is None or reason else _plates(view, name).slope(side)
        if slope is None:
            return Measured(None, reason or NO_PLATE, unit="degrees", note=note)
        slopes.append(slope)
    return Measured(float(np.degrees(slopes[0] - slopes[1])), unit="degrees", note=note)


LEVEL_MEASURES: Mapping[str, Callable[[View, str], Measured]] = {
    "disc_height": disc_height,
    "disc_height_anterior": lambda view, name: disc_height(view, name, "anterior"),
    "disc_height_middle": lambda view, name: disc_height(view, name, "middle"),
    "disc_height_posterior": lambda view, name: disc_height(view, name, "posterior"),
    "disc_height_index": disc_height_index,
    "slip": slip,
    "slip_percent": slip_percent,
    "canal_diameter": canal_diameter,
}
SPINE_MEASURES: Mapping[str, Callable[[View], Measured]] = {
    "lordosis_l1_s1": lambda view: lordosis(view, "S1"),
    "lordosis_l1_l5": lambda view: lordosis(view, "L5"),
}


@lru_cache(maxsize=16)
def _plates(view: View, name: str) -> Plates:
    """The plates of a level, looked for once: several measurements need them. A view is its own key."""
    return find_plates(view.levels.by_name[name], view.tissue)


def _slip(view: View, name: str) -> tuple[float, tuple[tuple[float, float], ...]] | None:
    """(pixels, ends of the line); None when the edges are not found."""
    disc = view.levels.by_name[name]
    if name == "L5-S1":
        return _shear(_plates(view, name), view.tissue)
    edges = [_back_edges(disc, view.tissue, side) for side in (1.0, -1.0)]
    if min(len(found) for found in edges) < _FEWEST_EDGES:
        return None
    upper, lower = _walls(*edges)
    return lower - upper, (_place(disc.centre + upper * disc.axis), _place(disc.centre + lower * disc.axis))


def _shear(plates: Plates, tissue: NDArray[np.floating]) -> tuple[float, tuple[tuple[float, float], ...]] | None:
    """How far the back edge of a disc moves from its upper to its lower end plate, by a robust line through the edge."""
    disc = plates.disc
    back = plates.heights[27:]
    if np.isfinite(back).mean() < 0.5:
        return None
    top, bottom = float(np.nanmean(plates.upper[27:])), -float(np.nanmean(plates.lower[27:]))
    found = []
    along = np.arange(0.0, 0.8 * disc.width, 0.5)
    for height in np.linspace(0.75 * bottom, 0.75 * top, 9):
        own = at_points(tissue[DISC], disc.centre + height * disc.up + along[:, None] * disc.axis) > 0.5
        if own.any():
            found.append((height, along[np.flatnonzero(own)[-1]]))
    if len(found) < 6:
        return None
    heights, places = np.array(found).T
    slope, start = np.polyfit(heights, places, 1)
    upper, lower = start + slope * top, start + slope * bottom
    ends = (_place(disc.centre + top * disc.up + upper * disc.axis), _place(disc.centre + bottom * disc.up + lower * disc.axis))
    return float(lower - upper), ends


def _depth(plates: Plates, tissue: NDArray[np.floating], side: float) -> float | None:
    """Antero-posterior depth in pixels of the body above (1) or below (-1), an eighth of a disc width beyond its plate."""
    disc = plates.disc
    away = plates.upper if side > 0 else plates.lower
    if not np.isfinite(away).any():
        return None
    start = disc.centre + side * (float(np.nanmedian(away)) + 0.125 * disc.width) * disc.up
    run = _run(tissue[VERTEBRA], start, disc.axis, disc.width)
    return None if run is None or run[1] - run[0] < 0.5 * disc.width else run[1] - run[0]


def _run(layer: NDArray[np.floating], start: NDArray[np.float64], way: NDArray[np.float64], reach: float) -> tuple[float, float] | None:
    """(before, after) in pixels: how far a structure extends around a point along a direction; None when the point is outside of it."""
    step = 0.25
    ends = []
    for sign in (-1.0, 1.0):
        away = np.arange(0.0, reach, step)
        inside = at_points(layer, start + sign * away[:, None] * way) > 0.5
        if not inside[0]:
            return None
        ends.append(sign * float(away[int(np.argmin(inside))] - step / 2 if not inside.all() else away[-1]))
    return ends[0], ends[1]


def _across(plates: Plates, at: int) -> tuple[tuple[float, float], ...]:
    disc = plates.disc
    middle = disc.centre + ACROSS[at] * disc.width * disc.axis
    return _place(middle + plates.upper[at] * disc.up), _place(middle - plates.lower[at] * disc.up)


def _place(point: NDArray[np.float64]) -> tuple[float, float]:
    return float(point[0]), float(point[1])


def _unseen(view: View, disc: Disc) -> str:
    if disc.probability == 0.0 or disc.recovered:
        return NOT_SEEN
    rows, columns = view.picture.pixels.shape
    low, high = disc.outline.min(axis=0), disc.outline.max(axis=0)
    if low.min() < 1 or high[0] > rows - 2 or high[1] > columns - 2:
        return TRUNCATED
    return ""


def _unmeasurable(view: View, disc: Disc) -> str:
    return _unseen(view, disc) if view.picture.calibrated else NOT_CALIBRATED


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
