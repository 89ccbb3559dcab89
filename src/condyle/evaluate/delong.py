"""The area under the ROC curve with DeLong's variance: one model, several on the same studies, or two on different ones.

Source of the components: DeLong, DeLong & Clarke-Pearson, Biometrics 1988;44:837-845. Ties count one half.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2, t

from condyle.evaluate.estimate import Estimate, binary, cut, finite, logit_limits, two_sided, z_of
from condyle.evaluate.near_one import newcombe_limits

Floats = NDArray[np.float64]

_HIGH = 0.9
_FEW = 50


def components(truth: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Structural components of k models on the same n units.

    Parameters
    ----------
    truth : (n,) 0 or 1
    scores : (k, n) or (n,) finite

    Returns
    -------
    V10 (k, positives): of each positive, the share of negatives below it; V01 (k, negatives): of each negative, the share of
    positives above it. Each row's mean is the AUROC of that model. NaN where the other class is absent.

    Notes
    -----
    Counted by binary search in the sorted other class, O(n log n), exact in integers before the one division.
    """
    positive = binary(truth)
    values = np.atleast_2d(finite(scores, positive))
    ups, downs = values[:, positive], values[:, ~positive]
    return _share_below(ups, downs), 1 - _share_below(downs, ups)


def covariance(v10: Floats, v01: Floats) -> Floats:
    """(k, k) covariance of the AUROCs from their components: S10 / m + S01 / n with divisors m - 1 and n - 1.

    NaN when a class has a single unit.
    """
    m, n = v10.shape[1], v01.shape[1]
    if min(m, n) < 2:
        return np.full((len(v10), len(v10)), np.nan)
    return np.asarray(np.atleast_2d(np.cov(v10)) / m + np.atleast_2d(np.cov(v01)) / n)


def delong(truth: ArrayLike, score: ArrayLike, *, level: float = 0.95, interval: str = "auto") -> Estimate:
    """AUROC of one model with an interval for independent units.

    Parameters
    ----------
    truth : (n,) 0 or 1; score : (n,) finite, higher = more disease. Never turned round: below 0.5 is a result
    interval : 'wald' (clipped to [0, 1]), 'logit', 'newcombe', or 'auto': logit when the area is above 0.9 or a class has
        fewer than 50, Newcombe's method 5 where the variance is 0, else Wald

    Returns
    -------
    Estimate; estimate NaN when a class is absent. A constant score gives 0.5 without an interval.

    Source: DeLong 1988; logit limits Pepe 2003, section 5.2; Newcombe 2006 for areas at 1.
    """
    v10, v01 = components(truth, score)
    m, n = v10.shape[1], v01.shape[1]
    if not m or not n:
        return Estimate("AUROC", np.nan, n=m + n, events=m, clusters=m + n, level=level, warnings=(one_class(m),))
    area, variance = float(v10[0].mean()), float(covariance(v10, v01)[0, 0])
    se = float(np.sqrt(variance))
    kind, low, high, warning = _limits(area, se, m, n, level, interval, constant=bool(np.ptp(np.asarray(score, np.float64)) == 0))
    warnings = tuple(one for one in (warning, few_events(m, n)) if one)
    return Estimate("AUROC", area, low, high, kind, m + n, m, m + n, level, se, warnings=warnings)


def compare_paired(truth: ArrayLike, first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Estimate:
    """AUROC of the first minus that of the second model on the same units, DeLong's z. Identical components give p = 1."""
    v10, v01 = components(truth, np.stack([np.asarray(first, np.float64), np.asarray(second, np.float64)]))
    m, n = v10.shape[1], v01.shape[1]
    if not m or not n:
        return Estimate("difference of AUROC", np.nan, n=m + n, events=m, clusters=m + n, level=level, warnings=(one_class(m),))
    cov = covariance(v10, v01)
    areas = v10.mean(axis=1)
    return difference_of(areas, cov, (m + n, m, m + n), level, method="DeLong, paired")


def difference_of(areas: Floats, cov: Floats, counts: tuple[int, int, int], level: float, *, method: str, df: float = np.nan) -> Estimate:
    """First less second of two AUROCs, with interval, cut at -1 and 1, and test: normal, or t where degrees of freedom are given.

    Parameters
    ----------
    areas (2,), cov (2, 2); counts : units, positives, independent units
    """
    gap, se = float(areas[0] - areas[1]), float(np.sqrt(max(float(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]), 0.0)))
    n, events, clusters = counts
    record: dict[str, Any] = {"n": n, "events": events, "clusters": clusters, "level": level, "se": se, "null": "the areas are equal"}
    if not se > 1e-12:
        same = abs(gap) < 1e-12
        return Estimate(
            "difference of AUROC", gap, method=f"{method}; no interval", p=1.0 if same else np.nan, **record,
            warnings=("The two scores order the units alike; the difference has no variance.",),
        )  # fmt: skip
    z = gap / se
    half, p = (z_of(level) * se, two_sided(z)) if np.isnan(df) else (float(t.ppf(0.5 + level / 2, df)) * se, float(2 * t.sf(abs(z), df)))
    few = tuple(one for one in (few_events(events, n - events),) if one)
    return cut(
        Estimate("difference of AUROC", gap, gap - half, gap + half, method, statistic=z, df=df, p=p, warnings=few, **record)
    )


def compare_unpaired(
    truth: ArrayLike, score: ArrayLike, other_truth: ArrayLike, other_score: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """AUROC on one set of units minus that on another, disjoint set: t with Welch's degrees of freedom, as pROC does.

    df = (v1 + v2)^2 / (v1^2 / (N1 - 1) + v2^2 / (N2 - 1)) with N all units of a set. Limits are cut at -1 and 1.
    """
    one, two = delong(truth, score, level=level), delong(other_truth, other_score, level=level)
    record: dict[str, Any] = {
        "n": one.n + two.n,
        "events": (one.events or 0) + (two.events or 0),
        "clusters": one.n + two.n,
        "level": level,
    }
    v1, v2 = one.se**2, two.se**2
    if not v1 + v2 > 0:
        return Estimate("difference of AUROC", one.estimate - two.estimate, **record, warnings=one.warnings + two.warnings)
    gap, se = one.estimate - two.estimate, float(np.sqrt(v1 + v2))
    df = (v1 + v2) ** 2 / (v1**2 / (one.n - 1) + v2**2 / (two.n - 1))
    half = float(t.ppf(0.5 + level / 2, df)) * se
    bound = tuple(
        f"An area is {part.estimate:g} and shows no variance: the interval is too narrow." for part in (one, two) if not part.se > 0
    )
    return cut(Estimate(
        "difference of AUROC", gap, gap - half, gap + half, "DeLong, unpaired, Welch t", se=se, statistic=gap / se, df=df,
        p=float(2 * t.sf(abs(gap / se), df)), null="the areas are equal", warnings=bound, **record,
    ))  # fmt: skip


def equal_areas(truth: ArrayLike, scores: ArrayLike) -> tuple[float, int, float]:
    """Chi-square, degrees of freedom and p of the hypothesis that k models on the same units have one AUROC.

    Differences to the last model, pseudo-inverse of their covariance, its rank as degrees of freedom.
    """
    v10, v01 = components(truth, scores)
    k = len(v10)
    contrast = np.hstack([np.eye(k - 1), -np.ones((k - 1, 1))])
    cov = contrast @ covariance(v10, v01) @ contrast.T
    gap = contrast @ v10.mean(axis=1)
    rank = int(np.linalg.matrix_rank(cov, hermitian=True))
    value = float(gap @ np.linalg.pinv(cov, hermitian=True) @ gap)
    return value, rank, float(chi2.sf(value, rank)) if rank else 1.0


def one_class(positives: int) -> str:
    """Why there is no area."""
    return "There is no negative unit." if positives else "There is no positive unit."


def few_events(positives: int, negatives: int) -> str:
    """A warning below ten of a class, else ''."""
    return f"Only {positives} positives and {negatives} negatives." if min(positives, negatives) < 10 else ""


def _share_below(values: Floats, others: Floats) -> Floats:
    """Of each value in a row, the share of that row's others below it, ties one half."""
    count = others.shape[1]
    if not count:
        return np.full(values.shape, np.nan)
    found = np.empty(values.shape)
    for row, (own, against) in enumerate(zip(values, np.sort(others, axis=1), strict=True)):
        # Searching in order keeps the cache warm: five times faster than in the order of the table.
        order = np.argsort(own)
        ranked = own[order]
        found[row, order] = np.searchsorted(against, ranked, "left") + np.searchsorted(against, ranked, "right")
    return np.asarray(found / (2 * count))


def _limits(area: float, se: float, m: int, n: int, level: float, interval: str, *, constant: bool) -> tuple[str, float, float, str]:
    if constant:
        return "none", np.nan, np.nan, "The score is the same for every unit."
    if interval == "auto":
        interval = "newcombe" if not se > 0 else "logit" if area > _HIGH or min(m, n) < _FEW else "wald"
    if interval == "newcombe":
        return "Newcombe 2006, method 5", *newcombe_limits(area, m, n, level=level), ""
    if not se > 0:
        return "none", np.nan, np.nan, "The variance is 0: ask for Newcombe's interval."
    if interval == "logit":
        return "DeLong, logit", *logit_limits(area, se, z_of(level)), ""
    half = z_of(level) * se
    return "DeLong, Wald", max(area - half, 0.0), min(area + half, 1.0), ""
