"""Is the level of the scores right, and their spread? Logistic recalibration, observed to expected, Spiegelhalter's test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from condyle.errors import InputError
from condyle.evaluate.calibration import logit
from condyle.evaluate.estimate import Estimate, binary, finite, two_sided, z_of

Floats = NDArray[np.float64]

_EDGE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """Coefficients (p,), their covariance (p, p) from the information, -2 log likelihood, and the scores (n, p) of the units."""

    coefficients: Floats
    covariance: Floats
    deviance: float
    scores: Floats

    def sandwich(self, clusters: ArrayLike) -> Floats:
        """Covariance over patients: bread (sum of scores outer products) bread, K / (K - 1)."""
        place = np.unique(np.asarray(clusters), return_inverse=True)[1]
        count = int(place.max()) + 1
        summed = np.stack([np.bincount(place, column, count) for column in self.scores.T], axis=1)
        return np.asarray(self.covariance @ (summed.T @ summed) @ self.covariance * count / (count - 1))


def logistic(truth: ArrayLike, design: ArrayLike, offset: ArrayLike | None = None) -> LogisticFit:
    """Maximum likelihood by Newton steps, without any penalty.

    Parameters
    ----------
    truth : (n,) 0 or 1; design : (n, p), the constant column included; offset : (n,) fixed part

    Raises
    ------
    InputError - one class only, or data that a line separates (no finite estimate)
    """
    y = binary(truth).astype(np.float64)
    x = np.asarray(design, np.float64)
    base = np.zeros(len(y)) if offset is None else finite(offset, what="Offsets")
    if not 0 < y.sum() < len(y):
        raise InputError(
            "statistics-one-class", "A logistic fit needs positives and negatives.",
            what_to_do="Use more data, or a measure of one class such as sensitivity.",
        )  # fmt: skip
    beta = np.zeros(x.shape[1])
    for _ in range(100):
        share = 1 / (1 + np.exp(-np.clip(base + x @ beta, -500, 500)))
        information = x.T @ (x * (share * (1 - share))[:, None])
        try:
            step = np.linalg.solve(information, x.T @ (y - share))
        except np.linalg.LinAlgError:
            break
        beta = beta + step
        if np.abs(beta).max() > 1e3:
            break
        if np.abs(step).max() < 1e-12:
            z = base + x @ beta
            share = 1 / (1 + np.exp(-z))
            deviance = float(2 * (np.logaddexp(0, z) - y * z).sum())
            information = x.T @ (x * (share * (1 - share))[:, None])
            return LogisticFit(beta, np.asarray(np.linalg.inv(information), np.float64), deviance, x * (y - share)[:, None])
    raise InputError(
        "statistics-separated", "The logistic fit has no finite answer.", why="A line separates the classes, or columns repeat each other.",
        what_to_do="Use more data, or a measure that ranks only.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Parameters
    ----------
    slope : Estimate - of logit score; 1 is right, below 1 scores are too extreme
    intercept : Estimate - fitted together with the slope
    in_the_large : Estimate - the intercept with the slope held at 1; above 0 the scores are too low
    observed_to_expected : Estimate - events / sum of scores
    clipped : scores of exactly 0 or 1, moved to 1e-6 from the edge
    """

    slope: Estimate
    intercept: Estimate
    in_the_large: Estimate
    observed_to_expected: Estimate
    clipped: int


def recalibration(truth: ArrayLike, score: ArrayLike, clusters: ArrayLike | None = None, *, level: float = 0.95) -> Recalibration:
    """Logistic recalibration logit P(y) = a + b logit(p).

    Parameters
    ----------
    truth : (n,) 0 or 1; score : (n,) probabilities
    clusters : (n,) patients: errors by the sandwich and t over patients; None: model-based errors and normal limits

    Source: Cox, Biometrika 1958;45:562-565; Van Calster et al., BMC Med 2019;17:230. Observed / expected: log-normal
    limits with the variance (1 - events / n) / events (Debray et al., BMJ 2017;356:i6460).
    """
    y = binary(truth)
    p = probabilities(score, y)
    clipped = int(((p < _EDGE) | (p > 1 - _EDGE)).sum())
    z = logit(p)
    both = logistic(y, np.stack([np.ones(len(p)), z], axis=1))
    alone = logistic(y, np.ones((len(p), 1)), z)
    patients = len(p) if clusters is None else len(np.unique(np.asarray(clusters)))
    df = float("nan") if clusters is None else float(patients - 1)
    factor = z_of(level) if clusters is None else float(t.ppf(0.5 + level / 2, df))
    words = "maximum likelihood, normal" if clusters is None else "maximum likelihood, sandwich over patients, t"
    warnings = (f"{clipped} scores are 0 or 1; they were moved to 1e-6 from the edge.",) if clipped else ()

    def made(name: str, value: float, variance: float, null: float) -> Estimate:
        se = float(np.sqrt(variance))
        gap = (value - null) / se if se > 0 else float("nan")
        return Estimate(
            name, value, value - factor * se, value + factor * se, words, len(p), int(y.sum()), patients, level, se, gap, df,
            p=two_sided(gap) if clusters is None else float(2 * t.sf(abs(gap), df)), null=f"it is {null:g}", warnings=warnings,
        )  # fmt: skip

    cov = both.covariance if clusters is None else both.sandwich(clusters)
    large = alone.covariance if clusters is None else alone.sandwich(clusters)
    return Recalibration(
        made("calibration slope", float(both.coefficients[1]), float(cov[1, 1]), 1.0),
        made("calibration intercept", float(both.coefficients[0]), float(cov[0, 0]), 0.0),
        made("calibration in the large", float(alone.coefficients[0]), float(large[0, 0]), 0.0),
        observed_to_expected(y, p, clusters, level=level), clipped,
    )  # fmt: skip


def observed_to_expected(truth: ArrayLike, score: ArrayLike, clusters: ArrayLike | None = None, *, level: float = 0.95) -> Estimate:
    """Events over the sum of scores, limits on the logarithm.

    Parameters
    ----------
    clusters : (n,) patients: variance of the log ratio K / (K - 1) sum_k (sum_i y_i - R p_i)^2 / events^2, t over patients; None:
        (1 - events / n) / events, normal (Debray et al., BMJ 2017;356:i6460)
    """
    y = binary(truth)
    p = probabilities(score, y)
    events, n = int(y.sum()), len(y)
    place = np.arange(n) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    patients = int(place.max()) + 1 if n else 0
    record: dict[str, Any] = {"n": n, "events": events, "clusters": patients, "level": level}
    if not events or not p.sum() > 0:
        return Estimate("observed / expected", float("nan"), warnings=("No events, or none expected.",), **record)
    ratio = events / float(p.sum())
    if clusters is None:
        half, words = z_of(level) * float(np.sqrt((1 - events / n) / events)), "log-normal"
    elif patients < 2:
        return Estimate("observed / expected", ratio, warnings=("A single patient; no interval.",), **record)
    else:
        residual = np.bincount(place, y - ratio * p)
        spread = float(np.sqrt(patients / (patients - 1) * (residual**2).sum())) / events
        half, words = float(t.ppf(0.5 + level / 2, patients - 1)) * spread, "ratio estimator over patients, logarithm, t"
        record["df"] = patients - 1
    return Estimate("observed / expected", ratio, float(ratio * np.exp(-half)), float(ratio * np.exp(half)), words, **record)


def spiegelhalter(truth: ArrayLike, score: ArrayLike, clusters: ArrayLike | None = None) -> tuple[float, float]:
    """z and two-sided p that the Brier score is what the scores promise.

    Parameters
    ----------
    clusters : (n,) patients: the variance is that of sums over patients, sum_k (sum_i (y_i - p_i)(1 - 2 p_i))^2; None: the one that
        the scores imply for independent units

    Source: Spiegelhalter, Stat Med 1986;5:421-433.
    """
    y = binary(truth)
    p = probabilities(score, y)
    parts = (y - p) * (1 - 2 * p)
    if clusters is None:
        spread = float(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    else:
        spread = float((np.bincount(np.unique(np.asarray(clusters), return_inverse=True)[1], parts) ** 2).sum())
    if not spread > 0:
        return float("nan"), float("nan")
    z = float(parts.sum()) / float(np.sqrt(spread))
    return z, two_sided(z)


def probabilities(score: ArrayLike, like: NDArray[np.bool_]) -> Floats:
    """Scores as probabilities. Raises InputError when one is outside [0, 1]."""
    p = finite(score, like)
    if ((p < 0) | (p > 1)).any():
        raise InputError(
            "statistics-probability", f"{int(((p < 0) | (p > 1)).sum())} scores lie outside [0, 1].",
            why="Calibration is a property of probabilities.", what_to_do="Turn scores into probabilities first, or leave calibration out.",
        )  # fmt: skip
    return p
