"""Measured features of a level: heights, signals, slips and bulges, read off the tissue channels of its crops.

A network sees one level at a time; these numbers also say how the level compares with the rest of the same spine
(narrowing is "loss of height in relation to the next normal disc"). Lengths are in disc widths, signals relative to
the canal's fluid or to marrow of the same picture, so neither millimetres nor the scanner's grey scale matter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from condyle.quantiles import median, percentiles
from condyle.readers.lumbar.crops import CANAL, DISC, VERTEBRA, CropSpec

NAMES = (
    "height", "height_front", "height_middle", "height_back", "height_peak", "width",
    "signal_fluid", "signal_marrow", "nucleus_fluid", "signal_spread", "nucleus_contrast",
    "slip_back", "slip_front", "step_back", "bulge_peak", "bulge_mean", "overhang", "canal_depth",
    "marrow_above", "marrow_below", "marrow_spread_above", "marrow_spread_below", "rough_above", "rough_below",
)  # fmt: skip
_RELATIVE = ("height", "height_peak", "signal_fluid", "nucleus_fluid", "bulge_peak", "canal_depth", "marrow_above", "marrow_below")


def names(slots: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the columns that ``measure_levels`` returns."""
    own = [*NAMES, *(f"{name}_to_best" for name in _RELATIVE), *(f"{name}_to_neighbours" for name in _RELATIVE)]
    return tuple(f"{slot}.{name}" for slot in slots for name in own)


def measure_levels(crops: NDArray[np.float32], present: NDArray[np.bool_], spec: CropSpec) -> NDArray[np.float32]:
    """Features of all levels of one study.

    Parameters
    ----------
    crops : [level, slot, 4, row, column] grey, vertebra, canal, disc; levels from the bottom up
    present : [level, slot] - whether there is a crop

    Returns
    -------
    [level, len(names)] float32. NaN where nothing can be measured: no crop, no disc, no canal.
    """
    columns = []
    for slot in range(crops.shape[1]):
        own = np.full((len(crops), len(NAMES)), np.nan)
        for level in np.flatnonzero(present[:, slot]):
            own[level] = measure_crop(crops[level, slot], spec)
        picked = own[:, [NAMES.index(name) for name in _RELATIVE]]
        columns += [own, _to_best(picked), _to_neighbours(picked)]
    return np.concatenate(columns, axis=1).astype(np.float32) if columns else np.zeros((len(crops), 0), np.float32)


def measure_crop(crop: NDArray[np.float32], spec: CropSpec) -> NDArray[np.float64]:
    """The features ``NAMES`` of one crop [4, row, column]; NaN where nothing can be measured."""
    unit = spec.pixels_per_width
    grey, disc = crop[0].astype(np.float64), own_disc(crop[1 + DISC], spec)
    vertebra, canal = crop[1 + VERTEBRA] > 0.5, crop[1 + CANAL] > 0.5
    found = dict.fromkeys(NAMES, np.nan)
    if disc.sum() >= 12:
        found |= _disc_shape(disc, unit) | _disc_signal(grey, disc, canal, vertebra)
        found |= _canal_front(disc, canal, spec) | _vertebrae(grey, vertebra, canal, disc, spec)
    return np.array([found[name] for name in NAMES])


def own_disc(share: NDArray[np.float32], spec: CropSpec) -> NDArray[np.bool_]:
    """The island of disc tissue nearest to the crop's centre, within a third of a disc width of it."""
    import cv2

    _, islands = cv2.connectedComponents((share > 0.5).astype(np.uint8))
    rows, columns = np.nonzero(islands)
    if not rows.size:
        return np.zeros(share.shape, bool)
    distance = np.hypot(rows - spec.centre[0], columns - spec.centre[1])
    nearest = int(np.argmin(distance))
    own: NDArray[np.bool_] = islands == islands[rows[nearest], columns[nearest]]
    return own if distance[nearest] < spec.pixels_per_width / 3 else np.zeros(share.shape, bool)


def _disc_shape(disc: NDArray[np.bool_], unit: float) -> dict[str, float]:
    thickness = disc.sum(axis=0)
    own = np.flatnonzero(thickness)
    first, last = percentiles(np.nonzero(disc)[1], 1, 99)
    width = max(last - first + 1, 1.0)
    place = (own - first) / width

    def band(low: float, high: float) -> float:
        inside = (place >= low) & (place <= high)
        return float(thickness[own][inside].mean() / unit) if inside.any() else np.nan

    return {
        "height": float(disc.sum() / width / unit), "height_front": band(0.1, 0.37), "height_middle": band(0.37, 0.63),
        "height_back": band(0.63, 0.9), "height_peak": percentiles(thickness[own], 90)[0] / unit, "width": width / unit,
    }  # fmt: skip


def _disc_signal(
    grey: NDArray[np.float64], disc: NDArray[np.bool_], canal: NDArray[np.bool_], vertebra: NDArray[np.bool_]
) -> dict[str, float]:
    inside = grey[disc]
    fluid = percentiles(grey[canal], 80)[0] if canal.sum() > 30 else np.nan
    marrow = median(grey[vertebra]) if vertebra.sum() > 50 else np.nan
    low, middle, high = percentiles(inside, 10, 50, 90)
    return {
        "signal_fluid": middle / max(fluid, 0.05), "signal_marrow": middle / max(marrow, 0.05), "nucleus_fluid": high / max(fluid, 0.05),
        "signal_spread": float(inside.std()), "nucleus_contrast": high - low,
    }  # fmt: skip


def _edge(mask: NDArray[np.bool_], low: float, high: float, *, first: bool) -> float:
    """Median over the rows low..high of the first (or last) column of a mask; NaN when fewer than three rows have any."""
    rows = mask[max(0, round(low)) : max(0, round(high))]
    rows = rows[rows.any(axis=1)]
    if len(rows) < 3:
        return np.nan
    at = rows.argmax(axis=1) if first else rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1)
    return median(at)


def _canal_front(disc: NDArray[np.bool_], canal: NDArray[np.bool_], spec: CropSpec) -> dict[str, float]:
    """How far the disc stands out into the canal against the line through the canal's front above and below it."""
    unit = spec.pixels_per_width
    rows = np.nonzero(disc)[0]
    top, bottom = percentiles(rows, 5, 95)
    above = _edge(canal, top - 0.4 * unit, top - 0.12 * unit, first=True)
    below = _edge(canal, bottom + 0.12 * unit, bottom + 0.4 * unit, first=True)
    at = canal[int(top) : int(bottom) + 1]
    at = at[at.any(axis=1)]
    if not len(at) or np.isnan(above + below):
        return {}
    front = at.argmax(axis=1)
    line = (above + below) / 2
    back_of_disc = percentiles(np.nonzero(disc)[1], 99)[0]
    return {
        "step_back": (below - above) / unit, "bulge_peak": (float(front.max()) - line) / unit,
        "bulge_mean": (float(front.mean()) - line) / unit, "overhang": (back_of_disc - line) / unit,
        "canal_depth": float(at.sum(axis=1).min()) / unit,
    }  # fmt: skip


def _vertebrae(
    grey: NDArray[np.float64], vertebra: NDArray[np.bool_], canal: NDArray[np.bool_], disc: NDArray[np.bool_], spec: CropSpec
) -> dict[str, float]:
    """Slip of the bodies, and the marrow beside the end plates against the marrow farther away."""
    unit, found = spec.pixels_per_width, {}
    columns = np.arange(vertebra.shape[1])
    # Bodies only: what lies in front of the canal. The arch behind it belongs to the same class.
    border = np.where(canal.any(axis=1), canal.argmax(axis=1), spec.columns)
    body = vertebra & (columns < border[:, None])
    rows = np.nonzero(disc)[0]
    top, bottom = percentiles(rows, 5, 95)
    above, below = (top - 0.3 * unit, top - 0.05 * unit), (bottom + 0.05 * unit, bottom + 0.3 * unit)
    found["slip_back"] = (_edge(body, *below, first=False) - _edge(body, *above, first=False)) / unit
    found["slip_front"] = (_edge(body, *below, first=True) - _edge(body, *above, first=True)) / unit
    thickness = disc.sum(axis=0)
    own = np.flatnonzero(thickness >= 1)
    low, high = percentiles(own, 12, 88)
    inner = own[(own > low) & (own < high)]
    marrow = median(grey[body]) if body.sum() > 50 else np.nan
    upper, lower = disc.argmax(axis=0), disc.shape[0] - 1 - disc[::-1].argmax(axis=0)
    for side, edge, way in (("above", upper, -1), ("below", lower, 1)):
        if len(inner) < 5:
            continue
        line = np.polyval(np.polyfit(inner, edge[inner], 2), inner)
        found[f"rough_{side}"] = float(np.abs(edge[inner] - line).max() / unit)
        depth = np.arange(round(0.04 * unit), round(0.22 * unit))
        at = edge[inner][None] + way * depth[:, None]
        usable = (at >= 0) & (at < grey.shape[0])
        values = grey[np.clip(at, 0, grey.shape[0] - 1), inner[None]][usable]
        if values.size > 10:
            low, middle, high = percentiles(values, 10, 50, 90)
            found[f"marrow_{side}"] = middle - marrow
            found[f"marrow_spread_{side}"] = high - low
    return found


def _to_best(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each value over the study's 80th percentile: how a level compares with the best of its spine."""
    if np.isnan(values).all():
        return np.full_like(values, np.nan)
    out = np.full_like(values, np.nan)
    for column in range(values.shape[1]):
        known = values[:, column][~np.isnan(values[:, column])]
        if known.size:
            out[:, column] = values[:, column] - np.percentile(known, 80)
    return out


def _to_neighbours(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each value minus the mean of the levels directly above and below that have one."""
    padded = np.pad(values, ((1, 1), (0, 0)), constant_values=np.nan)
    both = np.stack([padded[:-2], padded[2:]])
    known = ~np.isnan(both)
    count = known.sum(axis=0)
    mean = np.where(count > 0, np.where(known, both, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    return values - mean
