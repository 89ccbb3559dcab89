"""Limits from bootstrap replicates: percentile, BCa, basic, normal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from condyle.evaluate.estimate import z_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bias:
    """Bias correction z0 and acceleration of BCa."""

    z0: float
    acceleration: float


def quantiles(replicates: ArrayLike, shares: ArrayLike, *, rule: str = "linear") -> Floats:
    """Quantiles of replicates.

    Parameters
    ----------
    rule : 'linear' (type 7, the default everywhere) or 'normal': order statistics (R + 1) a interpolated on the normal scale,
        as R's boot.ci does; they differ in the fourth decimal
    """
    given, wanted = np.asarray(replicates, np.float64), np.atleast_1d(np.asarray(shares, np.float64))
    if rule == "linear":
        return np.asarray(np.quantile(given, wanted))
    ranked, count = np.sort(given), len(given)
    place = (count + 1) * wanted
    below = np.trunc(place + 1e-12).astype(int)
    found = np.empty(len(wanted))
    for i, (k, share) in enumerate(zip(below, wanted, strict=True)):
        if k <= 0 or k >= count:
            found[i] = ranked[0 if k <= 0 else -1]
            continue
        left, right = ndtri(k / (count + 1)), ndtri((k + 1) / (count + 1))
        found[i] = ranked[k - 1] + (ndtri(share) - left) / (right - left) * (ranked[k] - ranked[k - 1])
    return found


def percentile(replicates: ArrayLike, *, level: float = 0.95, rule: str = "linear") -> tuple[float, float]:
    """Efron's percentile limits."""
    tail = (1 - level) / 2
    low, high = quantiles(replicates, (tail, 1 - tail), rule=rule)
    return float(low), float(high)


def basic(estimate: float, replicates: ArrayLike, *, level: float = 0.95, rule: str = "linear") -> tuple[float, float]:
    """Limits reflected at the estimate; may leave the range of the statistic."""
    low, high = percentile(replicates, level=level, rule=rule)
    return 2 * estimate - high, 2 * estimate - low


def normal(estimate: float, replicates: ArrayLike, *, level: float = 0.95) -> tuple[float, float]:
    """Estimate less the bootstrap's bias, plus or minus z standard deviations (divisor R - 1). Never divided by sqrt(R)."""
    given = np.asarray(replicates, np.float64)
    centre, half = 2 * estimate - float(given.mean()), z_of(level) * float(given.std(ddof=1))
    return centre - half, centre + half


def bias_of(estimate: float, replicates: ArrayLike, influence: ArrayLike) -> Bias:
    """z0 from the share of replicates strictly below the estimate; acceleration from each patient's influence.

    Parameters
    ----------
    influence : (patients,) such as (K - 1) (estimate - estimate without the patient); only its shape matters
    """
    given, pull = np.asarray(replicates, np.float64), np.asarray(influence, np.float64)
    spread = float((pull**2).sum())
    acceleration = float((pull**3).sum() / (6 * spread**1.5)) if spread > 0 else 0.0
    return Bias(float(ndtri((given < estimate).mean())), acceleration)


def tail_below(at: float, replicates: ArrayLike, bias: tuple[float, float] = (float("nan"), float("nan"))) -> float:
    """One-sided p of "the value is at most ``at``": the level at which the lower limit of the bootstrap meets it.

    Percentile: (1 + replicates at or below) / (1 + replicates), never 0. With the ``bias`` of BCa that share is carried back through
    its correction. Source: Efron & Tibshirani 1993, section 15.4 (achieved significance level); Davison & Hinkley 1997, section 4.4.
    """
    given = np.asarray(replicates, np.float64)
    share = (1 + int((given <= at).sum())) / (1 + len(given))
    z0, acceleration = bias
    if not np.isfinite(z0) or share >= 1:
        return float(share)
    moved = float(ndtri(share)) - z0
    # The correction may not claim more than the resamples can tell.
    return max(float(ndtr(moved / (1 + acceleration * moved) - z0)), 1 / (1 + len(given)))


def bca(
    estimate: float, replicates: ArrayLike, influence: ArrayLike, *, level: float = 0.95, rule: str = "normal"
) -> tuple[float, float] | None:
    """Bias-corrected and accelerated limits; None when all replicates lie on one side of the estimate (z0 infinite).

    Far in the tails, where BCa reads, the rule of interpolation matters; the default is that of R's boot.ci.

    Source: Efron, J Am Stat Assoc 1987;82:171-185.
    """
    bias = bias_of(estimate, replicates, influence)
    if not np.isfinite(bias.z0):
        return None
    ends = bias.z0 + np.array([-1.0, 1.0]) * z_of(level)
    shares = ndtr(bias.z0 + ends / (1 - bias.acceleration * ends))
    low, high = quantiles(replicates, shares, rule=rule)
    return float(low), float(high)
