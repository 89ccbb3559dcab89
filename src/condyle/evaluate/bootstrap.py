"""Intervals by resampling patients: the unit that is independent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Metric = Callable[[NDArray[np.float64]], float]
"""Weight of each row -> value of the metric."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate on the real sample with its interval.

    Parameters
    ----------
    estimate : float - on the sample itself, never the mean of the resamples
    low, high : float - limits; NaN when too few resamples gave a value
    method : str - in words
    n : rows; clusters : patients
    resamples : those that gave a value, of those drawn; a resample without positives gives none
    drawn : int
    seed : int
    """

    estimate: float
    low: float
    high: float
    method: str
    n: int
    clusters: int
    resamples: int
    drawn: int
    seed: int

    def __str__(self) -> str:
        return f"{self.estimate:.3f} ({self.low:.3f} to {self.high:.3f})"


def patient_bootstrap(
    metrics: Mapping[str, Metric], clusters: ArrayLike, *, n: int = 2000, seed: int = 0, confidence: float = 0.95
) -> dict[str, Interval]:
    """Percentile intervals of several metrics over the same resamples of patients.

    Because all metrics see the same draws, a difference of two metrics given as a third is a paired comparison.

    Parameters
    ----------
    metrics : name -> function of row weights. With weights of 1 it must give the estimate
    clusters : (rows,) patient of each row; all rows of a patient are drawn together
    n : resamples; seed : of the draws

    Returns
    -------
    name -> Interval

    Source: Efron & Tibshirani 1993, section 13.3 (percentile), cluster resampling of Field & Welsh 2007.
    """
    labels, place = np.unique(np.asarray(clusters), return_inverse=True)
    rng = np.random.default_rng(seed)
    draws: dict[str, list[float]] = {name: [] for name in metrics}
    for _ in range(n):
        times = np.bincount(rng.integers(len(labels), size=len(labels)), minlength=len(labels)).astype(np.float64)
        weights = times[place]
        for name, metric in metrics.items():
            draws[name].append(metric(weights))
    ones = np.ones(len(place))
    tail = (1 - confidence) / 2
    result = {}
    for name, metric in metrics.items():
        values = np.array(draws[name])
        values = values[np.isfinite(values)]
        low, high = np.quantile(values, (tail, 1 - tail)) if len(values) >= 0.9 * n else (np.nan, np.nan)
        result[name] = Interval(
            float(metric(ones)), float(low), float(high), f"percentile bootstrap of patients, {confidence:.0%}",
            len(place), len(labels), len(values), n, seed,
        )  # fmt: skip
    return result
