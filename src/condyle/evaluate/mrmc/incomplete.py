"""Readers who did not read everything: each reader's gain, their mean over readers and cases, and variance components.

Every figure carries what each patient adds to it (``Figures.positive`` and ``negative``); the covariance of two figures is the
sum over patients of the products of what they add, whoever read what. On it stands the same analysis as in a complete design.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from condyle.evaluate.estimate import Estimate, cut
from condyle.evaluate.mrmc.figure import Figures
from condyle.evaluate.mrmc.obuchowski_rockette import Components

Floats = NDArray[np.float64]

METHOD = "readers' means, structural components over patients, reads as they were made"


def influence_covariance(figures: Figures) -> Floats:
    """(t * r, t * r) covariance of the figures over patients, K / (K - 1); NaN rows where a reader has no figure in an arm.

    Source: DeLong et al. 1988 summed by patient (Obuchowski 1997), for cells of any sets of patients.
    """
    added = (figures.positive + figures.negative).reshape(len(figures.patients), -1)
    there = np.isfinite(figures.value).ravel()
    filled = np.where(there, np.nan_to_num(added), 0.0)
    both = figures.used.reshape(len(figures.patients), -1).astype(np.float64)
    count = np.maximum(both.T @ both, 2)  # patients that both cells have used
    found = filled.T @ filled * count / (count - 1)
    return np.where(np.outer(there, there), found, np.nan)


def mean_gain(
    figures: Figures, base: str, arm: str, *, readers: str = "random", cases: str = "random", level: float = 0.95
) -> Estimate:
    """Mean over readers of (arm - base); readers of one arm only are left out and counted.

    The difference of two arms is one number a reader, so this is the single-treatment analysis of Obuchowski, Rockette and
    Hillis: variance (MS + r max(Cov2, 0)) / r over the readers' gains, df as Hillis 2007. Each reader weighs alike. With fixed
    readers it is the variance over cases, normal; with fixed cases the t test of the gains.
    """
    gain, cov = _gains(figures, base, arm)
    left = len(figures.readers) - len(gain)
    warnings = (f"Readers of one arm only are left out: {left}.",) if left else ()
    name = f"difference of {figures.name}"
    return cut(_over_readers(name, gain, cov, figures, level, "difference 0", warnings, (readers, cases)))


def mean_value(figures: Figures, arm: str, *, readers: str = "random", cases: str = "random", level: float = 0.95) -> Estimate:
    """Mean over readers of one arm; limits within [0, 1]."""
    place = figures.arms.index(arm)
    there = np.isfinite(figures.value[place])
    grid = _grid(figures)[place, place]
    return cut(_over_readers(
        figures.name, figures.value[place][there], grid[np.ix_(there, there)], figures.of_arms((arm,)), level, "", (), (readers, cases)
    ), 0.0)  # fmt: skip


def components(figures: Figures, base: str, arm: str) -> Components | None:
    """Variance components by the method of moments; None with fewer than two readers of both arms.

    arm by reader = S^2(gains) / 2 - (Var - Cov1 - Cov2 + Cov3); reader = S(base, arm over readers) - Cov1 + Cov3, where Var and
    the covariances are means over the readers of both arms. In a complete design these are Obuchowski and Rockette's.
    """
    i, k = figures.arms.index(base), figures.arms.index(arm)
    both = np.isfinite(figures.value[i]) & np.isfinite(figures.value[k])
    r = int(both.sum())
    if r < 2:
        return None
    grid = _grid(figures)[:, :, both][:, :, :, both]
    off = ~np.eye(r, dtype=bool)
    error = float(np.mean([grid[a, a].diagonal().mean() for a in (i, k)]))
    cov1 = float(grid[i, k].diagonal().mean())
    cov2 = float(np.mean([grid[a, a][off].mean() for a in (i, k)]))
    cov3 = float(grid[i, k][off].mean())
    one, other = figures.value[i][both], figures.value[k][both]
    arm_reader = float((other - one).var(ddof=1) / 2 - (error - cov1 - cov2 + cov3))
    reader = float(np.cov(one, other)[0, 1] - cov1 + cov3)
    return Components(reader, arm_reader, error, cov1, cov2, cov3)


def _gains(figures: Figures, base: str, arm: str) -> tuple[Floats, Floats]:
    i, k = figures.arms.index(base), figures.arms.index(arm)
    both = np.isfinite(figures.value[i]) & np.isfinite(figures.value[k])
    grid = _grid(figures)[:, :, both][:, :, :, both]
    return (figures.value[k] - figures.value[i])[both], grid[k, k] + grid[i, i] - grid[i, k] - grid[k, i]


def _grid(figures: Figures) -> Floats:
    """[arm, arm, reader, reader]."""
    t, r = figures.value.shape
    return np.asarray(influence_covariance(figures).reshape(t, r, t, r).transpose(0, 2, 1, 3))


def _over_readers(
    measure: str, values: Floats, cov: Floats, figures: Figures, level: float, null: str, warnings: tuple[str, ...],
    factors: tuple[str, str],
) -> Estimate:  # fmt: skip
    r, (n, events, patients) = len(values), figures.counts
    if r < (1 if factors[0] == "fixed" else 2):
        words = (*warnings, "Fewer than two readers of both arms: nothing speaks of other readers, no interval.")
        value = float(values[0]) if r else float("nan")
        return Estimate(measure, value, method=METHOD, n=n, events=events, clusters=patients, level=level, warnings=words)
    if factors[0] == "fixed":
        spread, shared, df = 0.0, float(cov.mean()) * r, float("inf")
    else:
        spread = float(values.var(ddof=1))
        shared = r * max(float(cov[~np.eye(r, dtype=bool)].mean()), 0.0) if factors[1] == "random" else 0.0
        df = (spread + shared) ** 2 / (spread**2 / (r - 1)) if spread > 0 else float("inf")
    se = float(np.sqrt((spread + shared) / r))
    value = float(values.mean())
    reach = float(stats.t.ppf((1 + level) / 2, df)) * se if se > 0 else float("nan")
    statistic = value / se if se > 0 and null else float("nan")
    few = ("Fewer than five readers.",) if r < 5 and factors[0] == "random" else ()
    few = few if se > 0 else (*few, "The variance is 0: no interval.")
    who = f"{r} reader{'s' if r > 1 else ''}"
    whom = f"{who} and cases random" if factors == ("random", "random") else f"{who} {factors[0]}, cases {factors[1]}"
    kind = METHOD if factors[0] == "fixed" else f"Obuchowski-Rockette-Hillis on {METHOD}"
    return Estimate(
        measure, value, value - reach, value + reach, f"{kind}, {whom}", n, events, patients, level, se,
        statistic, df, float(2 * stats.t.sf(abs(statistic), df)) if null and se > 0 else float("nan"), null, warnings=(*warnings, *few),
    )  # fmt: skip
