"""The ROC curve itself: its points, the area of a part of it, and sensitivity at a given specificity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.errors import InputError
from condyle.evaluate.estimate import binary, finite

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """An empirical ROC curve, from nothing called positive to everything.

    Parameters
    ----------
    thresholds : (k,) falling; a unit is positive when its score is at or above. Midway between neighbouring scores, inf first
        and -inf last
    sensitivity, specificity : (k,)
    """

    thresholds: Floats
    sensitivity: Floats
    specificity: Floats


def roc_curve(truth: ArrayLike, score: ArrayLike, weights: ArrayLike | None = None) -> Curve:
    """Every operating point once, ties at one threshold. Raises InputError when a class is absent."""
    found = roc_of_weights(truth, score)(weights)
    if found is None:
        raise InputError(
            "statistics-one-class", "A ROC curve needs positives and negatives.",
            what_to_do="Use more data, or a measure of one class such as sensitivity.",
        )  # fmt: skip
    return found


def roc_of_weights(truth: ArrayLike, score: ArrayLike) -> Callable[[ArrayLike | None], Curve | None]:
    """The curve as a function of the rows' weights, for resampling: scores are sorted once. None where a class has no weight."""
    positive = binary(truth)
    values = finite(score, positive)
    levels, place = np.unique(values, return_inverse=True)
    falling = levels[::-1]
    thresholds = np.r_[np.inf, (falling[:-1] + falling[1:]) / 2, -np.inf]

    def curve(weights: ArrayLike | None) -> Curve | None:
        weight = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
        ups = np.bincount(place, weight * positive, len(levels))[::-1]
        downs = np.bincount(place, weight * ~positive, len(levels))[::-1]
        if not ups.sum() or not downs.sum():
            return None
        return Curve(thresholds, np.r_[0.0, np.cumsum(ups) / ups.sum()], 1 - np.r_[0.0, np.cumsum(downs) / downs.sum()])

    return curve


def partial_auroc(
    truth: ArrayLike, score: ArrayLike, band: tuple[float, float], *, axis: str = "specificity", standardised: bool = False
) -> float:
    """Area under the part of the curve within a band of specificity (or beside a band of sensitivity).

    Parameters
    ----------
    band : (low, high) in [0, 1]
    axis : 'specificity' (area of sensitivity over it) or 'sensitivity' (area of specificity over it)
    standardised : McClish's (1 + (A - chance) / (width - chance)) / 2, so that chance is 0.5 and the best 1; NaN when the
        curve lies below chance in the band

    Returns
    -------
    float; raw area at most the band's width. Trapezia with linear interpolation at the edges of the band.

    Source: McClish, Med Decis Making 1989;9:190-195.
    """
    raw, mcclish = partial_areas(roc_curve(truth, score), band, axis=axis)
    return mcclish if standardised else raw


def partial_areas(curve: Curve, band: tuple[float, float], *, axis: str = "specificity") -> tuple[float, float]:
    """The raw and the standardised partial area of a curve; see ``partial_auroc``."""
    low, high = band
    if not 0 <= low < high <= 1 or axis not in ("specificity", "sensitivity"):
        raise InputError(
            "statistics-band", "A band is two rising numbers from 0 to 1 on 'specificity' or 'sensitivity'.",
            what_to_do="Write (0.9, 1.0) for the last tenth.",
        )  # fmt: skip
    along, up = (curve.specificity[::-1], curve.sensitivity[::-1]) if axis == "specificity" else (curve.sensitivity, curve.specificity)
    area = _area_between(along, up, low, high)
    chance = ((1 - low) ** 2 - (1 - high) ** 2) / 2
    return area, float("nan") if area < chance else 0.5 * (1 + (area - chance) / (high - low - chance))


def sensitivity_at(curve: Curve, specificity: float) -> float:
    """Sensitivity where the curve crosses a specificity, on the straight line between neighbouring points."""
    return float(np.interp(1 - specificity, 1 - curve.specificity, curve.sensitivity))


def youden_threshold(curve: Curve) -> float:
    """Threshold with the highest sensitivity + specificity (the lowest such threshold on a tie).

    Choose it on tuning data. Sensitivity and specificity at a threshold chosen on the same data are optimistic.
    """
    index = curve.sensitivity + curve.specificity
    return float(curve.thresholds[np.flatnonzero(index >= index.max() - 1e-12)[-1]])


def _area_between(along: Floats, up: Floats, low: float, high: float) -> float:
    x0, x1, y0, y1 = along[:-1], along[1:], up[:-1], up[1:]
    left, right = np.maximum(x0, low), np.minimum(x1, high)
    used = right > left
    slope = (y1[used] - y0[used]) / (x1[used] - x0[used])
    middle = y0[used] + slope * ((left[used] + right[used]) / 2 - x0[used])
    return float((middle * (right[used] - left[used])).sum())
