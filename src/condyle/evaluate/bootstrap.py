"""Intervals by resampling patients: the unit that is independent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.evaluate.interval_limits import bca, bias_of, percentile

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
    replicates : the finite values themselves; bias : z0 and acceleration where the limits are BCa, else NaN
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
    replicates: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)
    bias: tuple[float, float] = field(default=(float("nan"), float("nan")), compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.estimate:.3f} ({self.low:.3f} to {self.high:.3f})"


def draw_patients(rng: np.random.Generator, patients: int) -> NDArray[np.float64]:
    """How often each patient is drawn in one resample of as many with replacement."""
    return np.bincount(rng.integers(patients, size=patients), minlength=patients).astype(np.float64)


def patient_bootstrap(
    metrics: Mapping[str, Metric],
    clusters: ArrayLike,
    *,
    n: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
    interval: str = "percentile",
) -> dict[str, Interval]:
    """Intervals of several metrics over the same resamples of patients.

    Because all metrics see the same draws, a difference of two metrics given as a third is a paired comparison.

    Parameters
    ----------
    metrics : name -> function of row weights. With weights of 1 it must give the estimate
    clusters : (rows,) patient of each row; all rows of a patient are drawn together
    n : resamples; seed : of the draws
    interval : 'percentile', or 'bca' for skewed or bounded metrics (acceleration from leaving out one patient at a time;
        where every resample lies on one side of the estimate it falls back to percentile, and ``method`` says so)

    Returns
    -------
    name -> Interval; limits NaN when more than a tenth of the resamples gave no value

    Source: Efron & Tibshirani 1993, sections 13.3 (percentile) and 14.3 (BCa), cluster resampling of Field & Welsh 2007.
    """
    labels, place = np.unique(np.asarray(clusters), return_inverse=True)
    rng = np.random.default_rng(seed)
    draws: dict[str, list[float]] = {name: [] for name in metrics}
    for _ in range(n):
        weights = draw_patients(rng, len(labels))[place]
        for name, metric in metrics.items():
            draws[name].append(metric(weights))
    ones = np.ones(len(place))
    result = {}
    for name, metric in metrics.items():
        estimate = float(metric(ones))
        pulls = _influence(metric, estimate, place, len(labels)) if interval == "bca" else None
        result[name] = interval_of(estimate, np.array(draws[name]), (len(place), len(labels)), seed, pulls, confidence)
    return result


def sums_bootstrap(
    columns: ArrayLike,
    values: Callable[[NDArray[np.float64]], Mapping[str, NDArray[np.float64]]],
    clusters: ArrayLike,
    *,
    n: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
    interval: str = "percentile",
) -> dict[str, Interval]:
    """As ``patient_bootstrap``, for metrics that depend on weighted sums of columns alone (shares, F1, Brier): all resamples at once.

    Parameters
    ----------
    columns : (rows, m) to be summed; the resamples are those of ``patient_bootstrap`` with this seed
    values : (..., m) sums -> name -> (...,) metric, NaN where it is not defined
    """
    given = np.asarray(columns, np.float64)
    labels, place = np.unique(np.asarray(clusters), return_inverse=True)
    summed = np.stack([np.bincount(place, column, len(labels)) for column in given.T], axis=1)
    rng = np.random.default_rng(seed)
    draws = np.stack([draw_patients(rng, len(labels)) @ summed for _ in range(n)])
    whole = given.sum(axis=0)
    point, without = values(whole), values(whole - summed) if interval == "bca" else {}
    return {
        name: interval_of(
            float(point[name]), every, (len(place), len(labels)), seed,
            pulls_of(float(point[name]), without[name]) if interval == "bca" else None, confidence,
        )
        for name, every in values(draws).items()
    }  # fmt: skip


def rows_bootstrap(
    metrics: Mapping[str, Callable[[NDArray[np.intp]], float]],
    clusters: ArrayLike,
    *,
    n: int = 500,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """As ``patient_bootstrap``, for metrics that take the drawn rows (with repeats) and not weights, such as intraclass correlations."""
    labels, owner = np.unique(np.asarray(clusters), return_inverse=True)
    rows = [np.flatnonzero(owner == place) for place in range(len(labels))]
    rng = np.random.default_rng(seed)
    drawn = [np.concatenate([rows[k] for k in rng.integers(len(labels), size=len(labels))]) for _ in range(n)]
    whole = np.arange(len(owner))
    return {
        name: interval_of(metric(whole), np.array([metric(one) for one in drawn]), (len(owner), len(labels)), seed, None, confidence)
        for name, metric in metrics.items()
    }


def interval_of(
    estimate: float,
    draws: NDArray[np.float64],
    size: tuple[int, int],
    seed: int,
    influence: NDArray[np.float64] | None = None,
    confidence: float = 0.95,
) -> Interval:
    """The interval of a statistic from its value in every resample.

    Parameters
    ----------
    draws : (n,) one value a resample, not finite where it is not defined; size : rows and patients
    influence : (patients,) pull of each, for BCa; None for percentile limits
    """
    kept = draws[np.isfinite(draws)]
    low, high, words = limits_of(estimate, kept, len(draws), influence, confidence)
    nothing = (float("nan"), float("nan"))
    bias = bias_of(estimate, kept, influence) if influence is not None and words.startswith("BCa") else None
    return Interval(
        estimate, low, high, words, *size, len(kept), len(draws), seed, kept, nothing if bias is None else (bias.z0, bias.acceleration)
    )


def pulls_of(estimate: float, without: NDArray[np.float64]) -> NDArray[np.float64]:
    """(patients,) pull of each on a statistic from its values without that patient; where none is left it pulls nothing."""
    return np.where(np.isfinite(without), (len(without) - 1) * (estimate - without), 0.0)


def limits_of(
    estimate: float, values: NDArray[np.float64], drawn: int, influence: NDArray[np.float64] | None = None, confidence: float = 0.95
) -> tuple[float, float, str]:
    """Limits and the method in words from finite replicates: percentile, or BCa when influences are given."""
    words = f"percentile bootstrap of patients, {confidence:.0%}"
    if len(values) < 0.9 * drawn:
        return float("nan"), float("nan"), words
    if influence is not None:
        found = bca(estimate, values, influence, level=confidence)
        if found is not None:
            return *found, f"BCa bootstrap of patients, {confidence:.0%}"
        words += " (BCa is not defined: every resample lies on one side of the estimate)"
    return *percentile(values, level=confidence), words


def _influence(metric: Metric, estimate: float, place: NDArray[np.intp], patients: int) -> NDArray[np.float64]:
    """(patients,) pull of each on the metric, by leaving it out; one whose absence leaves no value pulls nothing."""
    return pulls_of(estimate, np.array([metric((place != one).astype(np.float64)) for one in range(patients)]))
