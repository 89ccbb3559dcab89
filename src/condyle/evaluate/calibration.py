"""Do scores mean what they say: Brier score, calibration error, slope and intercept."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

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
    """Expected calibration error over bins of equal mass.

    Parameters
    ----------
    bins : number of equal-mass bins; ties at an edge stay in one bin
    debiased : subtract from each squared gap the sampling variance that a perfect model shows. A raw error of a perfect
        model is far above 0 in small samples and must not be read as miscalibration.

    Returns
    -------
    float in [0, 1]: square root of the weighted mean squared gap when debiased (clipped at 0), else the weighted mean gap

    Source: Kumar, Liang & Ma, NeurIPS 2019 (debiased estimator); Naeini et al., AAAI 2015 (raw).
    """
    outcome, share = np.asarray(truth, np.float64), np.asarray(score, np.float64)
    edges = np.unique(np.quantile(share, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, share, side="right")
    total = 0.0
    for one in np.unique(place):
        own = place == one
        n, observed = int(own.sum()), float(outcome[own].mean())
        gap = observed - float(share[own].mean())
        if debiased:
            noise = observed * (1 - observed) / (n - 1) if n > 1 else gap**2
            total += n * (gap**2 - noise)
        else:
            total += n * abs(gap)
    mean = total / len(share)
    return float(np.sqrt(max(mean, 0.0))) if debiased else float(mean)


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
