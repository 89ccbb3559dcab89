"""Differences of two ways to measure: bias, limits of agreement, and whether both grow with the mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate, finite, z_of


@dataclass(frozen=True, slots=True)
class LimitsOfAgreement:
    """Parameters
    ----------
    bias, lower, upper : Estimate - mean difference (first - second) and the limits that hold 95 % of differences, each with
        its own interval
    sd : of the differences, between and within patients together
    slope : Estimate - of difference on mean; away from 0, one pair of limits does not describe all sizes
    """

    bias: Estimate
    lower: Estimate
    upper: Estimate
    sd: float
    slope: Estimate


def limits_of_agreement(
    first: ArrayLike, second: ArrayLike, clusters: ArrayLike | None = None, *, level: float = 0.95
) -> LimitsOfAgreement:
    """Bland and Altman's limits.

    Parameters
    ----------
    first, second : (n,) of one unit, finite, n at least 3
    clusters : (n,) patient of each pair; with several pairs a patient the variance is that between plus that within
        patients of a one-way analysis of the differences, and intervals count patients

    Source: Bland & Altman, Stat Methods Med Res 1999;8:135-160; several pairs a subject, true value varying: Bland &
    Altman, J Biopharm Stat 2007;17:571-582, section 3. Error of a limit: sd sqrt(1 / n + z^2 / (2 (n - 1))).
    """
    one = finite(first, what="Measurements")
    other = finite(second, one, what="Measurements")
    if len(one) < 3:
        raise InputError(
            "statistics-few", "Limits of agreement need three pairs or more.",
            what_to_do="Give more pairs, or report the differences one by one.",
        )  # fmt: skip
    gap = one - other
    place = np.arange(len(gap)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    sizes = np.bincount(place).astype(np.float64)
    patients = len(sizes)
    repeated = patients < len(gap)
    sd = _sd(gap, place, sizes) if repeated else float(gap.std(ddof=1))
    bias = float(gap.mean())
    se = _se_of_mean(gap, place, sizes) if repeated else sd / np.sqrt(len(gap))
    factor, z = float(t.ppf(0.5 + level / 2, patients - 1)), z_of(0.95)
    se_limit = float(np.sqrt(se**2 + z**2 * sd**2 / (2 * (patients - 1))))
    words = "t over patients" if repeated else "t"
    common = {"n": len(gap), "clusters": patients, "level": level}

    def made(name: str, value: float, error: float) -> Estimate:
        return Estimate(name, value, value - factor * error, value + factor * error, words, se=error, df=patients - 1, **common)  # type: ignore[arg-type]

    return LimitsOfAgreement(
        made("bias", bias, float(se)), made("lower limit of agreement", bias - z * sd, se_limit),
        made("upper limit of agreement", bias + z * sd, se_limit), sd, _slope(gap, (one + other) / 2, place, level),
    )  # fmt: skip


def _sd(gap: np.ndarray, place: np.ndarray, sizes: np.ndarray) -> float:
    n, patients = len(gap), len(sizes)
    means = np.bincount(place, gap) / sizes
    between = (sizes * (means - gap.mean()) ** 2).sum() / (patients - 1)
    within = ((gap - means[place]) ** 2).sum() / (n - patients)
    typical = (n**2 - (sizes**2).sum()) / ((patients - 1) * n)
    # The part between patients may be estimated below 0; it is kept as it is, so that the sum stays unbiased.
    return float(np.sqrt((between - within) / typical + within))


def _se_of_mean(gap: np.ndarray, place: np.ndarray, sizes: np.ndarray) -> float:
    patients = len(sizes)
    residual = np.bincount(place, gap) - gap.mean() * sizes
    return float(np.sqrt(patients / (patients - 1) * (residual**2).sum()) / len(gap))


def _slope(gap: np.ndarray, middle: np.ndarray, place: np.ndarray, level: float) -> Estimate:
    """Least squares with an error over patients (sandwich, K / (K - 1))."""
    centred = middle - middle.mean()
    spread = (centred**2).sum()
    patients = int(place.max()) + 1
    if not spread > 0:
        return Estimate("slope of difference on mean", float("nan"), n=len(gap), warnings=("All means are equal.",))
    slope = float((centred * gap).sum() / spread)
    residual = gap - gap.mean() - slope * centred
    score = np.bincount(place, centred * residual)
    se = float(np.sqrt(patients / (patients - 1) * (score**2).sum()) / spread)
    half = float(t.ppf(0.5 + level / 2, patients - 2)) * se
    z = slope / se if se > 0 else float("nan")
    return Estimate(
        "slope of difference on mean", slope, slope - half, slope + half, "least squares, sandwich over patients, t", len(gap),
        clusters=patients, level=level, se=se, statistic=z, df=patients - 2, p=float(2 * t.sf(abs(z), patients - 2)), null="the slope is 0",
    )  # fmt: skip
