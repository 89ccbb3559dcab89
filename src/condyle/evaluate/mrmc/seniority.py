"""Do groups of readers, such as juniors and seniors, gain alike from an arm?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate, cut
from condyle.evaluate.mrmc.figure import Figures


def compare_groups(
    figures: Figures, base: str, arm: str, groups: Mapping[str, str], first: str, second: str, *,
    covariance: np.ndarray | None = None, level: float = 0.95,
) -> Estimate:
    """Mean gain of the first group less that of the second: the reader-group-by-arm term.

    All readers see the same cases, so what cases add to every gain alike cancels; what is left is the spread of the gains within
    the groups, t with readers - 2 degrees of freedom. With a ``covariance`` of the figures over patients, [t * r, t * r], these
    readers are fixed, and the interval is normal over cases.

    Raises
    ------
    InputError - a group with fewer than two readers in both arms (one when readers are fixed)
    """  # fmt: skip
    i, k = figures.arms.index(base), figures.arms.index(arm)
    gain = figures.value[k] - figures.value[i]
    rank = np.array([groups.get(name, "") for name in figures.readers])
    inside = [(rank == group) & np.isfinite(gain) for group in (first, second)]
    if covariance is not None and all(one.any() for one in inside):
        return _of_these(figures, gain, inside, gain_covariance(figures, base, arm, covariance), (first, second), level)
    own = [gain[one] for one in inside]
    if min(len(one) for one in own) < 2:
        raise InputError(
            "mrmc-group", f"The groups {first!r} and {second!r} need two readers each who read in both arms.",
            what_to_do="Take readers as fixed, or leave the seniority out.",
        )  # fmt: skip
    df = len(own[0]) + len(own[1]) - 2
    spread = sum(float(((one - one.mean()) ** 2).sum()) for one in own) / df
    se = float(np.sqrt(spread * (1 / len(own[0]) + 1 / len(own[1]))))
    apart = float(own[0].mean() - own[1].mean())
    reach = float(stats.t.ppf((1 + level) / 2, df)) * se
    statistic = apart / se if se > 0 else float("nan")
    few = ("Few readers: no difference found is not evidence of none.",) if df < 8 else ()
    n, events, patients = figures.counts
    p = 2 * float(stats.t.sf(abs(statistic), df))
    return cut(Estimate(
        f"gain in {figures.name}, {first} - {second}", apart, apart - reach, apart + reach, f"t over {df + 2} readers' gains", n, events,
        patients, level, se, statistic, float(df), p, "difference 0" if np.isfinite(p) else "", warnings=few,
    ), -2.0, 2.0)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GainSpread:
    """Test that these readers gain alike (reader by arm): chi-square over cases, its degrees of freedom, p."""

    statistic: float
    df: int
    p: float


def gain_spread(figures: Figures, base: str, arm: str, covariance: np.ndarray) -> GainSpread:
    """Do these readers differ in what the arm does to them, beyond what the cases they read explain?

    Chi-square of the readers' gains about their mean, with the pseudo-inverse of their covariance over patients and its rank.
    NaN with fewer than two readers of both arms, or a covariance of 0.
    """
    gain = figures.value[figures.arms.index(arm)] - figures.value[figures.arms.index(base)]
    both = np.isfinite(gain)
    r = int(both.sum())
    if r < 2:
        return GainSpread(float("nan"), 0, float("nan"))
    contrast = np.eye(r)[1:] - np.eye(r)[:1]
    over_cases = contrast @ gain_covariance(figures, base, arm, covariance)[np.ix_(both, both)] @ contrast.T
    rank = int(np.linalg.matrix_rank(over_cases, hermitian=True))
    if not rank or not np.isfinite(over_cases).all():
        return GainSpread(float("nan"), 0, float("nan"))
    apart = contrast @ gain[both]
    statistic = float(apart @ np.linalg.pinv(over_cases, hermitian=True) @ apart)
    return GainSpread(statistic, rank, float(stats.chi2.sf(statistic, rank)))


def gain_covariance(figures: Figures, base: str, arm: str, covariance: np.ndarray) -> np.ndarray:
    """(r, r) covariance over patients of the readers' gains, from the [t * r, t * r] covariance of their figures."""
    i, k = figures.arms.index(base), figures.arms.index(arm)
    t, r = figures.value.shape
    grid = covariance.reshape(t, r, t, r)
    return np.asarray(grid[k, :, k] + grid[i, :, i] - grid[k, :, i] - grid[i, :, k])


def _of_these(
    figures: Figures, gain: np.ndarray, inside: list[np.ndarray], over_cases: np.ndarray, names: tuple[str, str], level: float
) -> Estimate:
    weight = inside[0] / inside[0].sum() - inside[1] / inside[1].sum()
    used = weight != 0
    apart = float(weight[used] @ gain[used])
    variance = float(weight[used] @ over_cases[np.ix_(used, used)] @ weight[used])
    se = float(np.sqrt(variance)) if variance >= 0 else float("nan")
    reach, (n, events, patients) = float(stats.norm.ppf((1 + level) / 2)) * se, figures.counts
    p = 2 * float(stats.norm.sf(abs(apart) / se)) if se > 0 else float("nan")
    return cut(Estimate(
        f"gain in {figures.name}, {names[0]} - {names[1]}", apart, apart - reach, apart + reach, "these readers, cases random, normal",
        n, events, patients, level, se, apart / se if se > 0 else float("nan"), float("inf"), p, "difference 0" if np.isfinite(p) else "",
    ), -2.0, 2.0)  # fmt: skip
