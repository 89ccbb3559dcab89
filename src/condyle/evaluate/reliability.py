"""Binned calibration: the reliability diagram and the expected calibration error in its several meanings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.evaluate.calibration import bin_places, binned_errors
from condyle.evaluate.estimate import Estimate, binary
from condyle.evaluate.proportion import clustered_proportion, proportion
from condyle.evaluate.recalibration import probabilities

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """Units whose score lies in [low, high): mean score, and the observed share with its interval."""

    low: float
    high: float
    mean_score: float
    observed: Estimate


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Expected calibration error over one set of bins.

    Parameters
    ----------
    raw : sum of n_b / n |observed - mean score|. Far above 0 for a perfect model in a small sample
    root_mean_square : of the bins' gaps, each bin's sampling variance taken off the square, clipped at 0 (Kumar 2019)
    maximum : largest gap of a bin (MCE)
    expected_if_perfect, upper_if_perfect : mean and 95th percentile of ``raw`` when outcomes follow the scores exactly
    binning : str - in words
    """

    raw: float
    root_mean_square: float
    maximum: float
    expected_if_perfect: float
    upper_if_perfect: float
    binning: str
    seed: int
    draws: int

    @property
    def excess(self) -> float:
        """``raw`` less what a perfect model shows on average: about 0 when the scores are right, and may be below."""
        return self.raw - self.expected_if_perfect


def reliability(
    truth: ArrayLike, score: ArrayLike, clusters: ArrayLike | None = None, *, bins: int = 10, binning: str = "mass", level: float = 0.95
) -> tuple[Bin, ...]:
    """The points of a reliability diagram; intervals are Wilson's, or over patients when one occurs twice."""
    y = binary(truth)
    p = probabilities(score, y)
    place = bin_places(p, bins, binning)
    patients = None if clusters is None else np.asarray(clusters)
    repeated = patients is not None and len(np.unique(patients)) < len(patients)
    found = []
    for one in np.unique(place):
        own = place == one
        if repeated and patients is not None:
            observed = clustered_proportion("observed share", y[own], patients[own], level=level)
        else:
            observed = proportion("observed share", int(y[own].sum()), int(own.sum()), level=level)
        low, high = (one / bins, (one + 1) / bins) if binning == "width" else (float(p[own].min()), float(p[own].max()))
        found.append(Bin(float(low), float(high), float(p[own].mean()), observed))
    return tuple(found)


def calibration_errors(
    truth: ArrayLike, score: ArrayLike, *, bins: int = 15, binning: str = "width", draws: int = 1000, seed: int = 0
) -> CalibrationError:
    """Mean, root mean square and largest gap of the bins, beside what a perfect model would show.

    Parameters
    ----------
    draws : simulated outcomes for the null expectation; 0 leaves it NaN

    Source: Naeini, Cooper & Hauskrecht, AAAI 2015 (raw); Kumar, Liang & Ma, NeurIPS 2019 (debiased); Broecker & Smith,
    Weather Forecast 2007;22:651-661 (consistency resampling).
    """
    y = binary(truth)
    p = probabilities(score, y)
    place = bin_places(p, bins, binning)
    raw, spread, largest = binned_errors(y.astype(np.float64), p, place)
    null = _null(p, place, draws, seed)
    filled = len(np.unique(place))
    rule = ", cut at quantiles of the scores (type 7, equal cuts once, a score on a cut above it)" if binning == "mass" else ""
    words = f"{bins} bins of equal {binning}{rule}, {filled} of them filled"
    expected, upper = (float(null.mean()), float(np.quantile(null, 0.95))) if draws else (float("nan"), float("nan"))
    return CalibrationError(raw, spread, largest, expected, upper, words, seed, draws)


def _null(p: Floats, place: NDArray[np.intp], draws: int, seed: int) -> Floats:
    """Raw errors of (draws,) simulated outcomes that follow the scores exactly."""
    rng = np.random.default_rng(seed)
    return np.array([binned_errors((rng.random(len(p)) < p).astype(np.float64), p, place)[0] for _ in range(draws)])
