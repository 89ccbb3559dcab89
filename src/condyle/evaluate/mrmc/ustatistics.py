"""U-statistics of reader studies: unbiased variances for any design, from the reads that were made.

The area under the ROC curve, averaged over readers with each pair of a positive and a negative weighing alike, is a mean of
successes. Its variance is a sum of eight moments of products of two successes, by whether reader, positive and negative
are the same in both; coefficients and moments are counted from the pairs present, so a split-plot, partly paired readers
and missing reads need nothing special.

Source: Gallas, Acad Radiol 2006;13:353; Gallas, Bandos, Samuelson & Wagner, Commun Stat Theory 2009;38:2586 (BDG moments,
BCK components); Obuchowski, Gallas & Hillis, Acad Radiol 2012;19:1508 (degrees of freedom).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from condyle.errors import InputError
from condyle.evaluate.mrmc.covariance import success_by_patient
from condyle.evaluate.mrmc.figure import Figures

Floats = NDArray[np.float64]
MANY_DF = 50  # beyond it iMRMC, and so we, use the normal

# Sums over all pairs of pairs that share at least (..) -> sums over those that share exactly (..). Rows and columns: same
# reader with positive and negative the same, positive the same, negative the same, neither; then any reader likewise.
_EXACT = np.array([
    [1, 0, 0, 0, 0, 0, 0, 0],
    [-1, 1, 0, 0, 0, 0, 0, 0],
    [-1, 0, 1, 0, 0, 0, 0, 0],
    [1, -1, -1, 1, 0, 0, 0, 0],
    [-1, 0, 0, 0, 1, 0, 0, 0],
    [1, -1, 0, 0, -1, 1, 0, 0],
    [1, 0, -1, 0, -1, 0, 1, 0],
    [-1, 1, 1, -1, 1, -1, -1, 1],
], np.float64)  # fmt: skip
# Moments -> variance of negatives, positives, their product, readers, readers by each, all three.
_COMPONENTS = np.array([
    [0, 0, 0, 0, 0, 0, 1, -1],
    [0, 0, 0, 0, 0, 1, 0, -1],
    [0, 0, 0, 0, 1, -1, -1, 1],
    [0, 0, 0, 1, 0, 0, 0, -1],
    [0, 0, 1, -1, 0, 0, -1, 1],
    [0, 1, 0, -1, 0, -1, 0, 1],
    [1, -1, -1, 1, -1, 1, 1, -1],
], np.float64)  # fmt: skip
_SHARES = np.array([
    [1, 0, 1, 0, 1, 0, 1, 0],
    [1, 1, 0, 0, 1, 1, 0, 0],
    [1, 0, 0, 0, 1, 0, 0, 0],
    [1, 1, 1, 1, 0, 0, 0, 0],
    [1, 0, 1, 0, 0, 0, 0, 0],
    [1, 1, 0, 0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0, 0, 0, 0],
], np.float64)  # fmt: skip
COMPONENT_NAMES = ("N", "D", "ND", "R", "NR", "DR", "RND")


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Moments of products of successes of two arms (or of one arm with itself).

    Parameters
    ----------
    unbiased, biased : (8,) moments M1..M8. Same reader: same positive and negative, same positive, same negative, neither;
        then different readers likewise. ``biased`` are the V-statistics, where the second pair may repeat the first
    coefficient : (8,) share of each kind among all pairs of pairs; 1 is subtracted from the last
    """

    unbiased: Floats
    biased: Floats
    coefficient: Floats

    @property
    def covariance(self) -> float:
        """Unbiased; may be negative."""
        return float(self.coefficient @ self.unbiased)

    @property
    def covariance_biased(self) -> float:
        return float(self.coefficient @ self.biased)

    @property
    def components(self) -> Floats:
        """(7,) unbiased variance of negatives N, positives D, ND, readers R, NR, DR, RND."""
        return np.asarray(_COMPONENTS @ self.unbiased)

    @property
    def component_coefficients(self) -> Floats:
        """(7,) what each component weighs in the variance: 1 / number of negatives, ... in a crossed study."""
        return np.asarray(_SHARES @ self.coefficient)


@dataclass(frozen=True, slots=True)
class Interval:
    """A variance with the intervals it gives; NaN when the variance is negative.

    Parameters
    ----------
    variance : float
    df : BDG degrees of freedom
    low, high, p : by Student's t with those degrees of freedom cut to a whole number, as iMRMC does (the normal beyond 50)
    low_normal, high_normal, p_normal : with the normal
    """

    variance: float
    df: float
    low: float
    high: float
    p: float
    low_normal: float
    high_normal: float
    p_normal: float


@dataclass(frozen=True, slots=True, eq=False)
class UStatistic:
    """Mean figure of one arm, or the difference of two, over readers and cases.

    Parameters
    ----------
    name : the arm, or ``first - second``
    estimate : pair-weighted mean over readers (each pair of a positive and a negative that was read counts once)
    null : value that p tests: 0.5 for one arm, 0 for a difference
    unbiased, biased : U-statistics, and the V-statistics that never turn negative
    moments : of the arm, or of the two arms together
    n_readers, n_negative, n_positive : int; of a share n_positive counts what it is a share of, and n_negative is 0
    """

    name: str
    estimate: float
    null: float
    unbiased: Interval
    biased: Interval
    moments: Moments
    n_readers: int
    n_negative: int
    n_positive: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class UAnalysis:
    """Arms, their differences, and each reader's own numbers.

    Parameters
    ----------
    arms, differences : UStatistic
    readers : (arm or ``first - second``, reader, estimate, unbiased variance)
    """

    figure: str
    arms: tuple[UStatistic, ...]
    differences: tuple[UStatistic, ...]
    readers: tuple[tuple[str, str, float, float], ...]
    level: float


def u_statistics(figures: Figures, *, level: float = 0.95) -> UAnalysis:
    """Analyse any design with random readers and cases.

    Parameters
    ----------
    figures : a pair statistic (area under the ROC curve, weighted AFROC) or a share; not every reader need read every case

    Raises
    ------
    InputError - a macro average, or areas where a patient has both positive and negative cases
    """
    pairs = figures.pairs or figures.successes
    if pairs is None:
        raise InputError(
            "mrmc-ustatistics", "U-statistics are for areas under curves and for shares, not for macro averages.",
            what_to_do="Leave the method to the design (auto), or analyse findings one by one.",
        )  # fmt: skip
    wins, counts = success_by_patient(pairs)
    t = len(figures.arms)
    moments = {(i, k): _moments(wins[i], counts[i], wins[k], counts[k]) for i in range(t) for k in range(i, t)}
    means = [float(wins[i].sum() / counts[i].sum()) for i in range(t)]
    arms = tuple(
        _statistic(name, means[i], 0.5, _Variance.of_one(moments[i, i]), moments[i, i], counts[[i]], level, figures.pairs is None)
        for i, name in enumerate(figures.arms)
    )
    differences = tuple(
        _statistic(
            f"{figures.arms[i]} - {figures.arms[k]}", means[i] - means[k], 0.0,
            _Variance.of_difference(moments[i, i], moments[k, k], moments[i, k]), moments[i, k], counts[[i, k]], level,
            figures.pairs is None,
        )
        for i, k in itertools.combinations(range(t), 2)
    )  # fmt: skip
    return UAnalysis(figures.name, arms, differences, _each_reader(figures, wins, counts), level)


@dataclass(frozen=True, slots=True, eq=False)
class _Variance:
    """Total variance and the main components by which its degrees of freedom are found."""

    unbiased: float
    biased: float
    main: Floats  # biased components N, D, R
    main_df: Floats

    @classmethod
    def of_one(cls, own: Moments) -> _Variance:
        return cls(own.covariance, own.covariance_biased, _main(own), _main_df(own))

    @classmethod
    def of_difference(cls, one: Moments, other: Moments, both: Moments) -> _Variance:
        return cls(
            one.covariance + other.covariance - 2 * both.covariance,
            one.covariance_biased + other.covariance_biased - 2 * both.covariance_biased,
            _main(one) + _main(other) - 2 * _main(both),
            np.minimum(_main_df(one), _main_df(other)),
        )

    def df(self, variance: float) -> float:
        """Satterthwaite over the three main components, never below the smallest number of units less one."""
        if variance < 0:
            return float("nan")
        own = self.main_df > 0
        floor = float(self.main_df[own].min()) if own.any() else float("nan")
        spread = float((self.main[own] ** 2 / self.main_df[own] ** 3).sum())
        return max(variance**2 / spread, floor) if spread > 0 else float("inf") if variance > 0 else floor


def _main(own: Moments) -> Floats:
    return np.asarray((_COMPONENTS @ own.biased)[[0, 1, 3]])


def _main_df(own: Moments) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.round(1 / own.component_coefficients[[0, 1, 3]] - 1))


def _moments(wins: Floats, counts: Floats, other_wins: Floats, other_counts: Floats) -> Moments:
    """(r, I, J) successes and weights of two arms -> their moments."""
    top, bottom = (_shared(first, second) for first, second in ((wins, other_wins), (counts, other_counts)))
    exact_top, exact_bottom = _EXACT @ top, _EXACT @ bottom
    there = np.abs(exact_bottom) > 1e-9 * bottom[7]
    unbiased = np.divide(exact_top, exact_bottom, out=np.zeros(8), where=there)
    biased = np.divide(top, bottom, out=np.zeros(8), where=bottom > 0)
    coefficient = np.where(there, exact_bottom, 0.0) / bottom[7]
    coefficient[7] -= 1
    for moments in (unbiased, biased):
        if wins.shape[2] == 1:  # a share: the other side is a constant, so another one of it changes nothing
            moments[1::2] = moments[::2]
        if len(wins) == 1:  # a single reader: the variance over cases alone
            moments[4:] = moments[:4]
    return Moments(unbiased, biased, coefficient)


def _shared(one: Floats, other: Floats) -> Floats:
    """(8,) sums of products over pairs of pairs that share at least: same reader (4 kinds), any reader (4 kinds)."""
    pooled, pooled_other = one.sum(0), other.sum(0)
    return np.array([
        (one * other).sum(),
        (one.sum(2) * other.sum(2)).sum(),
        (one.sum(1) * other.sum(1)).sum(),
        (one.sum((1, 2)) * other.sum((1, 2))).sum(),
        (pooled * pooled_other).sum(),
        (pooled.sum(1) * pooled_other.sum(1)).sum(),
        (pooled.sum(0) * pooled_other.sum(0)).sum(),
        pooled.sum() * pooled_other.sum(),
    ])  # fmt: skip


def _statistic(
    name: str, estimate: float, null: float, variance: _Variance, moments: Moments, counts: Floats, level: float,
    of_share: bool,
) -> UStatistic:  # fmt: skip
    unbiased = _interval(estimate, null, variance.unbiased, variance.df(variance.unbiased), level)
    biased = _interval(estimate, null, variance.biased, variance.df(variance.biased), level)
    readers_in = np.asarray(counts.any(axis=(2, 3)))
    said = []
    if variance.unbiased < 0:
        said.append(f"The unbiased variance is negative: no interval. The V-statistic, too large on average, is {variance.biased:.3g}.")
    if len(counts) == 2:
        shared = int(readers_in.all(0).sum())
        if moments.covariance < 0:
            said.append("The estimated covariance of the two arms is negative.")
        if 0 < shared < 5:
            said.append(f"Only {shared} reader{'s' if shared > 1 else ''} read in both arms: the covariance of the arms is unstable.")
    if (used := int(readers_in.any(0).sum())) < 5:
        said.append(f"Only {used} reader{'s' if used > 1 else ''}: a population of readers is judged from few.")
    against = 0 if of_share else int(counts.any((0, 1, 2)).sum())  # the constant that a share is compared with is no case
    numbers = int(readers_in.any(0).sum()), against, int(counts.any((0, 1, 3)).sum())
    return UStatistic(name, estimate, null, unbiased, biased, moments, *numbers, tuple(said))


def _interval(estimate: float, null: float, variance: float, df: float, level: float) -> Interval:
    if not variance >= 0:
        return Interval(variance, df, *(float("nan"),) * 6)
    se = float(np.sqrt(variance))
    reach = float(stats.norm.ppf((1 + level) / 2)) * se
    z = abs(estimate - null) / se if se > 0 else float("inf") if estimate != null else 0.0
    normal = estimate - reach, estimate + reach, 2 * float(stats.norm.sf(z))
    if df > MANY_DF:
        return Interval(variance, df, *normal, *normal)
    whole = np.floor(df)
    reach = float(stats.t.ppf((1 + level) / 2, whole)) * se
    return Interval(variance, df, estimate - reach, estimate + reach, 2 * float(stats.t.sf(z, whole)), *normal)


def _each_reader(figures: Figures, wins: Floats, counts: Floats) -> tuple[tuple[str, str, float, float], ...]:
    """Value and unbiased variance over cases of each reader, and of each reader's differences."""
    t, r = wins.shape[:2]
    read = np.asarray(counts.any(axis=(2, 3)))

    def own(i: int, k: int, j: int) -> Moments:
        return _moments(wins[i, j][None], counts[i, j][None], wins[k, j][None], counts[k, j][None])

    found = []
    for i in range(t):
        for j in range(r):
            if read[i, j]:
                found.append((figures.arms[i], figures.readers[j], float(figures.value[i, j]), own(i, i, j).covariance))
    for i, k in itertools.combinations(range(t), 2):
        for j in range(r):
            if read[i, j] and read[k, j]:
                variance = own(i, i, j).covariance + own(k, k, j).covariance - 2 * own(i, k, j).covariance
                apart = float(figures.value[i, j] - figures.value[k, j])
                found.append((f"{figures.arms[i]} - {figures.arms[k]}", figures.readers[j], apart, variance))
    return tuple(found)
