"""Do values of several groups differ? A test from leaving out one patient at a time, for any measure and groups that share patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contrast:
    """F of the hypothesis that all values are equal, its two degrees of freedom, and p; NaN where nothing varies."""

    statistic: float
    df: int
    df_error: int
    p: float

    @property
    def how(self) -> str:
        """The test in words, with both degrees of freedom."""
        return f"F({self.df}, {self.df_error}) of the contrasts, jackknife covariance over patients"


def equal_values(values: Floats, without: Floats) -> Contrast:
    """Wald's test that g values are one, with their covariance over patients.

    Parameters
    ----------
    values : (g,) of each group, finite
    without : (patients, g) the same without each patient; a value that is not defined there counts as unchanged

    Returns
    -------
    Contrast; with S = (K - 1) / K sum (v_k - mean v)(v_k - mean v)' and C the differences to the last group,
    F = (C v)' (C S C')^-1 (C v) / q with q and K - g degrees of freedom

    Source: jackknife covariance, Efron & Tibshirani 1993, section 11.5; F in place of chi-square as Hotelling's T squared.
    """
    patients, groups = without.shape
    kept = np.where(np.isfinite(without), without, values)
    pulls = kept - kept.mean(axis=0)
    covariance = (patients - 1) / patients * pulls.T @ pulls
    contrast = np.hstack([np.eye(groups - 1), -np.ones((groups - 1, 1))])
    gaps, spread = contrast @ values, contrast @ covariance @ contrast.T
    rank, error = int(np.linalg.matrix_rank(spread, hermitian=True)), patients - groups
    if not rank or error < 1:
        return Contrast(float("nan"), 0, 0, float("nan"))
    statistic = float(gaps @ np.linalg.pinv(spread, hermitian=True) @ gaps) / rank
    return Contrast(statistic, rank, error, float(f.sf(statistic, rank, error)))
