"""Bands of curves over patients: each point's limits, from resamples of patients with all their rows.

A band is pointwise: it holds the curve at a given place in 95 of 100 studies, not everywhere at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.evaluate.bootstrap import draw_patients
from condyle.evaluate.decision_curve import decision_curve
from condyle.evaluate.estimate import binary, finite
from condyle.evaluate.interval_limits import percentile
from condyle.evaluate.recalibration import probabilities
from condyle.evaluate.smooth_calibration import loess_at

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Limits (k,) of a curve at places ``along`` (k,); NaN where more than a tenth of the resamples gave none."""

    along: Floats
    low: Floats
    high: Floats
    resamples: int
    seed: int


def roc_band(truth: ArrayLike, score: ArrayLike, patients: ArrayLike, *, n: int = 500, seed: int = 0, level: float = 0.95) -> Band:
    """Limits of sensitivity at each of 101 values of 1 - specificity.

    Each resample's empirical curve is read on the straight line between its corners. Resamples without both classes are left out.
    """
    y = binary(truth)
    s = finite(score, y)
    along = np.linspace(0, 1, 101)
    levels, place = np.unique(-s, return_inverse=True)
    draws = np.full((n, len(along)), np.nan)
    for k, weight in enumerate(_weights(patients, n, seed)):
        ups, downs = (np.bincount(place, weight * own, len(levels)) for own in (y, ~y))
        if ups.sum() and downs.sum():
            false, true = np.r_[0.0, np.cumsum(downs) / downs.sum()], np.r_[0.0, np.cumsum(ups) / ups.sum()]
            draws[k] = np.interp(along, false, true)
    return _band(along, draws, n, seed, level)


def smooth_band(truth: ArrayLike, score: ArrayLike, patients: ArrayLike, *, n: int = 200, seed: int = 0, level: float = 0.95) -> Band:
    """Limits of the loess calibration curve (degree 2, span 0.75) at 41 places between the 1st and the 99th percentile of the score.

    Resamples whose curve does not reach a place, or has too few different scores, are left out there. Needs scikit-misc.
    """
    y = binary(truth)
    p = probabilities(score, y)
    start, stop = (float(end) for end in np.quantile(p, (0.01, 0.99)))
    along = np.linspace(start, stop, 41)
    draws = np.stack([loess_at(y, p, weight, along) for weight in _weights(patients, n, seed)])
    low, high = np.full(len(along), np.nan), np.full(len(along), np.nan)
    for place, column in enumerate(draws.T):
        kept = column[np.isfinite(column)]
        if len(kept) >= 0.9 * n:
            low[place], high[place] = percentile(kept, level=level)
    return Band(along, low, high, int(np.isfinite(draws).any(axis=1).sum()), seed)


@dataclass(frozen=True, slots=True, eq=False)
class BenefitBand:
    """Net benefit of a score at ``thresholds`` (k,) with its band, treating all, and the gain over the better default with limits."""

    thresholds: Floats
    net_benefit: Floats
    treat_all: Floats
    standardised: Floats
    avoided: Floats
    band: Band
    gain: Floats
    gain_band: Band


def benefit_band(
    truth: ArrayLike, score: ArrayLike, patients: ArrayLike, thresholds: ArrayLike, *, n: int = 1000, seed: int = 0, level: float = 0.95
) -> BenefitBand:
    """Decision curve with limits over patients, all thresholds from the same resamples.

    The gain is net benefit less that of the better of treating all and none, the default of each resample found anew.
    Source: Vickers & Elkin 2006, as ``decision_curve``.
    """
    y = binary(truth)
    p = probabilities(score, y)
    at = np.asarray(thresholds, np.float64)
    curve = decision_curve(y, p, at)
    labels, owner = np.unique(np.asarray(patients), return_inverse=True)
    treated = (p[:, None] >= at) & (p[:, None] > 0)

    def per_patient(values: NDArray[np.bool_]) -> Floats:
        found = np.zeros((len(labels), values.shape[1]))
        np.add.at(found, owner, values)
        return found

    hits, false = per_patient(treated & y[:, None]), per_patient(treated & ~y[:, None])
    ill, rows = np.bincount(owner, y, len(labels)), np.bincount(owner, minlength=len(labels)).astype(np.float64)
    rng = np.random.default_rng(seed)
    times = np.stack([draw_patients(rng, len(labels)) for _ in range(n)])
    whole, odds = (times @ rows)[:, None], at / (1 - at)
    benefit = (times @ hits) / whole - (times @ false) / whole * odds
    prevalence = (times @ ill)[:, None] / whole
    default = np.maximum(prevalence - (1 - prevalence) * odds, 0.0)
    gain = curve.net_benefit - np.maximum(curve.treat_all, 0.0)
    return BenefitBand(
        at, curve.net_benefit, curve.treat_all, curve.standardised, curve.avoided, _band(at, benefit, n, seed, level), gain,
        _band(at, benefit - default, n, seed, level),
    )  # fmt: skip


def _weights(patients: ArrayLike, n: int, seed: int) -> Iterator[Floats]:
    labels, owner = np.unique(np.asarray(patients), return_inverse=True)
    rng = np.random.default_rng(seed)
    return (draw_patients(rng, len(labels))[owner] for _ in range(n))


def _band(along: Floats, draws: Floats, n: int, seed: int, level: float) -> Band:
    kept = draws[np.isfinite(draws).all(axis=1)]
    if len(kept) < 0.9 * n:
        nothing = np.full(len(along), np.nan)
        return Band(along, nothing, nothing, len(kept), seed)
    ends = [percentile(column, level=level) for column in kept.T]
    return Band(along, np.array([low for low, _ in ends]), np.array([high for _, high in ends]), len(kept), seed)
