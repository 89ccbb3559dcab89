"""Do scores mean what they say: Brier score, calibration error, slope and intercept."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from condyle.errors import InputError

_EDGE = 1e-6


def brier(truth: ArrayLike, score: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean squared difference between probability and outcome. Source: Brier 1950."""
    squared = (np.asarray(score, np.float64) - np.asarray(truth, np.float64)) ** 2
    return float(np.average(squared, weights=None if weights is None else np.asarray(weights, np.float64)))


def brier_skill(truth: ArrayLike, score: ArrayLike, reference: ArrayLike, weights: ArrayLike | None = None) -> float:
    """1 - Brier / Brier of a reference forecast such as the level alone; above 0 is better than the reference."""
    base = brier(truth, reference, weights)
    return 1 - brier(truth, score, weights) / base if base > 0 else float("nan")


def calibration_error(truth: ArrayLike, score: ArrayLike, *, bins: int = 10, debiased: bool = True) -> float:
    """Calibration error over bins of equal mass: the root mean square gap less its sampling noise, or the plain mean gap (ECE).

    Parameters
    ----------
    bins : number of equal-mass bins; ties at an edge stay in one bin
    debiased : root mean square, from each squared gap the sampling variance that a perfect model shows taken off; False: the mean
        gap, which is far above 0 for a perfect model in a small sample and must not be read as miscalibration.

    Returns
    -------
    float in [0, 1]: square root of the weighted mean squared gap when debiased (clipped at 0), else the weighted mean gap

    Source: Kumar, Liang & Ma, NeurIPS 2019 (debiased estimator); Naeini et al., AAAI 2015 (raw).
    """
    outcome, share = np.asarray(truth, np.float64), np.asarray(score, np.float64)
    raw, without_noise, _ = binned_errors(outcome, share, bin_places(share, bins, "mass"))
    return without_noise if debiased else raw


def bin_places(score: NDArray[np.float64], bins: int, binning: str) -> NDArray[np.intp]:
    """Bin of each score. 'width': [0, 1] cut evenly, 1 in the last; 'mass': cut at quantiles, ties in one bin."""
    if binning == "width":
        return np.minimum((score * bins).astype(np.intp), bins - 1)
    if binning != "mass":
        raise InputError("statistics-binning", f"There is no binning {binning!r}.", what_to_do="Use width or mass.")
    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.asarray(np.searchsorted(edges, score, side="right"))


def binned_errors(outcome: NDArray[np.float64], score: NDArray[np.float64], place: NDArray[np.intp]) -> tuple[float, float, float]:
    """Calibration error over given bins: raw mean gap, root mean square gap less its sampling noise (clipped at 0), largest gap."""
    _, place = np.unique(place, return_inverse=True)
    size = np.bincount(place).astype(np.float64)
    observed = np.bincount(place, outcome) / size
    gap = np.abs(observed - np.bincount(place, score) / size)
    # A bin of one unit has no variance to estimate: its whole gap counts as noise.
    noise = np.where(size > 1, observed * (1 - observed) / np.maximum(size - 1, 1), gap**2)
    spread = float((size * (gap**2 - noise)).sum() / len(score))
    return float((size * gap).sum() / len(score)), float(np.sqrt(max(spread, 0.0))), float(gap.max())


def logit(share: ArrayLike) -> NDArray[np.float64]:
    """log(p / (1 - p)), probabilities kept 1e-6 away from 0 and 1."""
    inside = np.clip(np.asarray(share, np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)))


def fit_platt(truth: ArrayLike, values: ArrayLike, weights: ArrayLike | None = None) -> tuple[float, float]:
    """Slope and intercept of a logistic regression of the outcome on a value, by maximum likelihood.

    Given logits of scores, the slope is the calibration slope (1 is perfect, below 1 overconfident); given a network's raw
    logits it is Platt's calibration. Outcomes are Platt's smoothed targets, so that separable data give finite answers.

    Source: Platt 1999; Cox 1958 for the calibration slope.
    """
    outcome, x = np.asarray(truth, np.float64), np.asarray(values, np.float64)
    weight = np.ones(len(x)) if weights is None else np.asarray(weights, np.float64)
    positives, negatives = float((weight * outcome).sum()), float((weight * (1 - outcome)).sum())
    target = np.where(outcome > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = parameters[0] * x + parameters[1]
        value = float((weight * (np.logaddexp(0, z) - target * z)).sum())
        residual = weight * (1 / (1 + np.exp(-np.clip(z, -500, 500))) - target)
        return value, np.array([float((residual * x).sum()), float(residual.sum())])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B")
    return float(found.x[0]), float(found.x[1])
