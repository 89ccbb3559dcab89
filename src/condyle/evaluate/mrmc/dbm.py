"""Dorfman-Berbaum-Metz analysis: analysis of variance of jackknife pseudovalues over arms, readers and patients.

With Hillis' degrees of freedom and no dropping of components it says the same as Obuchowski-Rockette with the jackknife
when readers and cases are random. Fixed readers are tested with an F over patients instead of a chi-square.

Source: Dorfman, Berbaum & Metz, Invest Radiol 1992;27:723; Hillis, Berbaum & Metz, Acad Radiol 2008;15:647.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from condyle.errors import InputError
from condyle.evaluate.mrmc.design import design_of_mask
from condyle.evaluate.mrmc.figure import Figures
from condyle.evaluate.mrmc.obuchowski_rockette import INFERENCE, Contrast, contrast_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MeanSquare:
    """One line of the table of variance: source (T arm, R reader, C case and their products), sum of squares, df, mean square."""

    source: str
    ss: float
    df: int
    ms: float


@dataclass(frozen=True, slots=True)
class PseudovalueAnalysis:
    """Result of the pseudovalue analysis.

    Parameters
    ----------
    table : lines T, R, C, TR, TC, RC, TRC
    components : variance components R, C, TR, TC, RC, error; negative ones as estimated
    statistic, df1, df2, p, denominator : F test that all arms are equal; NaN with one arm
    means, differences, reader_differences : contrasts; the last only with fixed readers
    """

    readers: str
    cases: str
    inference: str
    table: tuple[MeanSquare, ...]
    components: dict[str, float]
    statistic: float
    df1: float
    df2: float
    p: float
    denominator: float
    means: tuple[Contrast, ...]
    differences: tuple[Contrast, ...]
    reader_differences: tuple[Contrast, ...]
    level: float


def pseudovalues(figures: Figures) -> Floats:
    """(t, r, K): K * value - (K - 1) * value without the patient, for the K patients that enter the figure."""
    count = len(figures.patients)
    return np.moveaxis(count * figures.value - (count - 1) * figures.without, 0, 2)


def dorfman_berbaum_metz(figures: Figures, *, readers: str = "random", cases: str = "random", level: float = 0.95) -> PseudovalueAnalysis:
    """Compare arms by analysis of variance of pseudovalues.

    Raises
    ------
    InputError - the study is not crossed, the jackknife is not defined, or there is one reader or one arm
    """
    if (readers, cases) not in INFERENCE:
        raise InputError(
            "mrmc-factors", "Readers and cases must be 'random' or 'fixed', and not both fixed.", what_to_do="Fix one of them at most."
        )
    y = pseudovalues(figures)
    if design_of_mask(np.moveaxis(figures.used, 0, 2)).name != "crossed" or np.isnan(y).any() or min(y.shape) < 2:
        raise InputError(
            "mrmc-dbm",
            "Pseudovalues need a crossed study of two or more arms and readers in which no class empties.",
            what_to_do="Leave the method to the design (auto), which takes what the design allows.",
        )
    t, r, k = y.shape
    ms = _mean_squares(y)
    noise, correlated, df2 = {
        ("random", "random"): (ms["TR"], max(ms["TC"] - ms["TRC"], 0.0), (t - 1) * (r - 1)),
        ("fixed", "random"): (ms["TC"], 0.0, (t - 1) * (k - 1)),
        ("random", "fixed"): (ms["TR"], 0.0, (t - 1) * (r - 1)),
    }[readers, cases]
    denominator = noise + correlated
    ddf = denominator**2 / (noise**2 / df2) if noise > 0 else float("inf")
    statistic = ms["T"] / denominator if denominator > 0 else float("nan")
    by_arm = y.mean((1, 2))
    differences = tuple(
        contrast_of(f"{figures.arms[i]} - {figures.arms[m]}", by_arm[i] - by_arm[m], 2 * denominator / (r * k), ddf, level, tested=True)
        for i, m in itertools.combinations(range(t), 2)
    )
    return PseudovalueAnalysis(
        readers, cases, INFERENCE[readers, cases], _table(y, ms), _components(ms, t, r, k),
        float(statistic), t - 1, float(ddf), _p_of_f(statistic, t - 1, ddf), float(denominator),
        tuple(_mean(name, y[i], readers, cases, level) for i, name in enumerate(figures.arms)), differences,
        _each_reader(figures, y, level) if readers == "fixed" else (), level,
    )  # fmt: skip


def _p_of_f(statistic: float, df1: int, df2: float) -> float:
    return float(stats.f.sf(statistic, df1, df2) if np.isfinite(df2) else stats.chi2.sf(df1 * statistic, df1))


def _mean_squares(y: Floats) -> dict[str, float]:
    t, r, k = y.shape
    whole = y.mean()
    arm, reader, case = y.mean((1, 2)) - whole, y.mean((0, 2)) - whole, y.mean((0, 1)) - whole
    tr = y.mean(2) - whole - arm[:, None] - reader[None, :]
    tc = y.mean(1) - whole - arm[:, None] - case[None, :]
    rc = y.mean(0) - whole - reader[:, None] - case[None, :]
    rest = y - whole - arm[:, None, None] - reader[None, :, None] - case - tr[:, :, None] - tc[:, None, :] - rc[None]
    sums = {
        "T": r * k * (arm**2).sum(), "R": t * k * (reader**2).sum(), "C": t * r * (case**2).sum(),
        "TR": k * (tr**2).sum(), "TC": r * (tc**2).sum(), "RC": t * (rc**2).sum(), "TRC": (rest**2).sum(),
    }  # fmt: skip
    return {name: float(value / _df(name, t, r, k)) for name, value in sums.items()}


def _df(source: str, t: int, r: int, k: int) -> int:
    return int(np.prod([{"T": t, "R": r, "C": k}[letter] - 1 for letter in source]))


def _table(y: Floats, ms: dict[str, float]) -> tuple[MeanSquare, ...]:
    return tuple(MeanSquare(name, value * _df(name, *y.shape), _df(name, *y.shape), value) for name, value in ms.items())


def _components(ms: dict[str, float], t: int, r: int, k: int) -> dict[str, float]:
    rest = ms["TRC"]
    return {
        "R": (ms["R"] - ms["TR"] - ms["RC"] + rest) / (t * k),
        "C": (ms["C"] - ms["TC"] - ms["RC"] + rest) / (t * r),
        "TR": (ms["TR"] - rest) / k,
        "TC": (ms["TC"] - rest) / r,
        "RC": (ms["RC"] - rest) / t,
        "error": rest,
    }


def _mean(name: str, y: Floats, readers: str, cases: str, level: float) -> Contrast:
    """Mean of one arm from its own pseudovalues [r, K]."""
    r, k = y.shape
    whole, reader, case = y.mean(), y.mean(1) - y.mean(), y.mean(0) - y.mean()
    rest = y - whole - reader[:, None] - case
    ms_r, ms_c = k * (reader**2).sum() / (r - 1), r * (case**2).sum() / (k - 1)
    ms_rc = (rest**2).sum() / ((r - 1) * (k - 1))
    if readers == "fixed":
        return contrast_of(name, whole, ms_c / (r * k), k - 1, level)
    extra = max(ms_c - ms_rc, 0.0) if cases == "random" else 0.0
    df = (ms_r + extra) ** 2 / (ms_r**2 / (r - 1)) if ms_r > 0 else float("inf")
    return contrast_of(name, whole, (ms_r + extra) / (r * k), df, level)


def _each_reader(figures: Figures, y: Floats, level: float) -> tuple[Contrast, ...]:
    t, _, k = y.shape
    found = []
    for j, reader in enumerate(figures.readers):
        own = y[:, j]
        rest = own - own.mean(1)[:, None] - own.mean(0) + own.mean()
        ms_tc = (rest**2).sum() / ((t - 1) * (k - 1))
        for i, m in itertools.combinations(range(t), 2):
            name = f"{reader}: {figures.arms[i]} - {figures.arms[m]}"
            found.append(contrast_of(name, own[i].mean() - own[m].mean(), 2 * ms_tc / k, (t - 1) * (k - 1), level, tested=True))
    return tuple(found)
