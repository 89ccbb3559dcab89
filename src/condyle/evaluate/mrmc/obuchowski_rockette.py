"""Obuchowski-Rockette analysis of variance with Hillis' degrees of freedom.

The figures of merit Y of t arms by r readers follow a two-way analysis of variance whose errors are correlated because all
readers see the same cases. Error covariances, averaged over the cells, are Var, Cov1 (same reader, other arm), Cov2 (same
arm, other reader) and Cov3 (both other).

Source: Obuchowski & Rockette, Commun Stat Simul Comput 1995;24:285; Hillis, Stat Med 2007;26:596 (degrees of freedom);
Hillis, Stat Med 2014;33:330 (marginal-mean analysis for nested and split-plot designs).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from condyle.errors import InputError
from condyle.evaluate.mrmc.covariance import covariance as covariance_of
from condyle.evaluate.mrmc.design import Design, design_of_mask
from condyle.evaluate.mrmc.figure import Figures

Floats = NDArray[np.float64]
NESTED = ("readers nested in arms", "nested in arms")
INFERENCE = {
    ("random", "random"): "to the populations of readers and cases",
    ("fixed", "random"): "to the population of cases, read by these readers only",
    ("random", "fixed"): "to the population of readers, reading these cases only",
}

# Of Obuchowski and Rockette's model; with missing reads by the same moments from the readers' own figures.
COMPONENTS = {
    "Reader": "(MS(R) - MS(TR)) / arms - Cov1 + Cov3",
    "Arm by reader": "MS(TR) - Error + Cov1 + Cov2 - Cov3",
    "Error": "variance over patients of a figure, mean over readers and arms",
    "Cov1": "covariance over patients of two arms of a reader, mean",
    "Cov2": "covariance over patients of two readers of an arm, mean",
    "Cov3": "covariance over patients of two readers of two arms, mean",
}


@dataclass(frozen=True, slots=True)
class Components:
    """Variance components; negative ones are reported as estimated.

    ``reader`` and ``arm_reader`` are variances of the random effects, ``error`` is Var, then Cov1, Cov2, Cov3.
    """

    reader: float
    arm_reader: float
    error: float
    cov1: float
    cov2: float
    cov3: float


@dataclass(frozen=True, slots=True)
class ArmTest:
    """Test that all arms are equal.

    Parameters
    ----------
    statistic : F, or chi-square when readers are fixed; p : two-sided
    df1, df2 : degrees of freedom; df2 is inf with a chi-square
    ms_arm, ms_arm_reader : mean squares; denominator : of the statistic
    constraint_active : Cov2 < Cov3, so that their difference was taken as 0
    """

    statistic: float
    df1: float
    df2: float
    p: float
    ms_arm: float
    ms_arm_reader: float
    denominator: float
    constraint_active: bool


@dataclass(frozen=True, slots=True)
class Contrast:
    """An estimate with its interval.

    Parameters
    ----------
    name : an arm, ``first - second``, or the same for one reader
    df : inf with a normal interval
    statistic, p : against 0; NaN for a mean
    """

    name: str
    estimate: float
    se: float
    df: float
    low: float
    high: float
    statistic: float = float("nan")
    p: float = float("nan")


@dataclass(frozen=True, slots=True)
class ArmMean:
    """Mean of an arm over readers: the contrast, and what its error is made of (this arm's data alone)."""

    contrast: Contrast
    ms_reader: float
    error: float
    cov2: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """Result of a multi-reader multi-case analysis.

    Parameters
    ----------
    figure, covariance : names
    design : Design
    readers, cases : ``random`` or ``fixed``
    inference : to whom it speaks, in words
    n_readers, n_patients : int
    components : None with one arm
    test : None with one arm
    means : one an arm
    differences : all pairs of arms, first - second
    reader_means, reader_differences : for these readers only, cases random; empty unless readers are fixed
    level : of the intervals
    warnings : sentences
    """

    figure: str
    covariance: str
    design: Design
    readers: str
    cases: str
    inference: str
    n_readers: int
    n_patients: int
    components: Components | None
    test: ArmTest | None
    means: tuple[ArmMean, ...]
    differences: tuple[Contrast, ...]
    reader_means: tuple[Contrast, ...]
    reader_differences: tuple[Contrast, ...]
    level: float
    warnings: tuple[str, ...]


def obuchowski_rockette(
    figures: Figures,
    *,
    covariance: str | Floats = "jackknife",
    readers: str = "random",
    cases: str = "random",
    level: float = 0.95,
    seed: int = 0,
    limits: tuple[float, float] = (0.0, 1.0),
) -> Analysis:
    """Compare arms over readers and cases.

    Parameters
    ----------
    figures : of t arms by r readers
    covariance : jackknife, delong, unbiased, bootstrap, or a fixed [t * r, t * r] matrix
    readers, cases : ``random`` (the default) or ``fixed``; not both fixed
    limits : of the figure; intervals of means are cut there

    Raises
    ------
    InputError - missing or partially paired reads (use ``ustatistics``), one random reader, a reader without a class
    """
    if (readers, cases) not in INFERENCE:
        raise InputError(
            "mrmc-factors", "Readers and cases must be 'random' or 'fixed', and not both fixed.", what_to_do="Fix one of them at most."
        )
    design = design_of_mask(np.moveaxis(figures.used, 0, 2))
    _check(figures, design, readers)
    matrix = covariance_of(figures, covariance, seed=seed) if isinstance(covariance, str) else np.asarray(covariance, np.float64)
    t, r = figures.value.shape
    if matrix.shape != (t * r, t * r):
        raise InputError(
            "mrmc-covariance", f"The covariance must be {t * r} x {t * r}, arm by arm and reader by reader.",
            what_to_do="Make it with covariance() from the same figures.",
        )  # fmt: skip
    model = _Model(figures.value, matrix.reshape(t, r, t, r), design)
    test = model.test(readers, cases) if t > 1 else None
    means = tuple(model.mean(i, name, readers, cases, level, limits) for i, name in enumerate(figures.arms))
    fixed = readers == "fixed" and not design.name.startswith(("readers nested", "nested"))
    return Analysis(
        figure=figures.name,
        covariance=covariance if isinstance(covariance, str) else "given",
        design=design,
        readers=readers,
        cases=cases,
        inference=INFERENCE[readers, cases],
        n_readers=r,
        n_patients=len(figures.patients),
        components=model.components() if t > 1 else None,
        test=test,
        means=means,
        differences=model.differences(figures.arms, test, readers, cases, level) if test else (),
        reader_means=model.reader_means(figures, level, limits) if fixed else (),
        reader_differences=model.reader_differences(figures, level) if fixed and t > 1 else (),
        level=level,
        warnings=_warnings(r, readers, model, test),
    )


def free_readers(figures: Figures, design: Design) -> int:
    """Degrees of freedom between readers within blocks, or within arms where these have readers of their own."""
    if design.name in NESTED:
        return int(np.isfinite(figures.value).sum()) - len(figures.arms)
    return len(figures.readers) - len(set(design.blocks))


class _Model:
    """Mean squares and averaged covariances of one design."""

    def __init__(self, value: Floats, matrix: Floats, design: Design) -> None:
        self.value, self.matrix, self.design = value, matrix, design
        self.present = ~np.isnan(value)
        self.t, self.r = value.shape
        self.nested = design.name in NESTED
        self.blocks = np.array(design.blocks)
        self.block_count = len(set(design.blocks))
        sizes = np.bincount(self.blocks)
        self.span = float((sizes**2).sum() / self.r)  # readers that share cases with a reader, itself counted; r when crossed
        self.var, self.cov1, self.cov2, self.cov3 = self._covariances()
        self.by_arm = np.array([value[i][self.present[i]].mean() for i in range(self.t)])

    def _covariances(self) -> tuple[float, float, float, float]:
        same_block = self.blocks[:, None] == self.blocks[None, :]
        arm, reader = np.eye(self.t, dtype=bool)[:, None, :, None], np.eye(self.r, dtype=bool)[None, :, None, :]
        there = self.present[:, :, None, None] & self.present[None, None] & same_block[None, :, None, :]
        picks = [there & pick for pick in (arm & reader, ~arm & reader, arm & ~reader, ~arm & ~reader)]
        averages = [float(self.matrix[pick].mean()) if pick.any() else 0.0 for pick in picks]
        return averages[0], averages[1], averages[2], averages[3]

    @property
    def ms_arm(self) -> float:
        if self.nested:
            size = self.t / (1 / self.present.sum(1)).sum()  # harmonic mean; the readers of each arm when equal
            return float(size * self.by_arm.var(ddof=1))
        return float(self.r * self.by_arm.var(ddof=1))

    @property
    def ms_reader(self) -> float:
        return float(self._within_blocks(self.value.mean(0)) * self.t)

    @property
    def ms_arm_reader(self) -> float:
        if self.nested:
            if not self.df_reader:
                return float("nan")
            own = [row[on] for row, on in zip(self.value, self.present, strict=True)]
            return float(sum(((row - row.mean()) ** 2).sum() for row in own) / self.df_reader)
        apart = self.value - self.value.mean(0)
        return float(sum(self._within_blocks(row) for row in apart) / (self.t - 1))

    @property
    def df_reader(self) -> float:
        return float((self.present.sum(1) - 1).sum() if self.nested else (self.t - 1) * (self.r - self.block_count))

    def _within_blocks(self, row: Floats) -> float:
        apart = row - (np.bincount(self.blocks, row) / np.bincount(self.blocks))[self.blocks]
        free = self.r - self.block_count
        return float((apart**2).sum() / free) if free else float("nan")

    def components(self) -> Components:
        if self.nested:
            return Components(float("nan"), self.ms_arm_reader - self.var + self.cov2, self.var, self.cov1, self.cov2, self.cov3)
        return Components(
            (self.ms_reader - self.ms_arm_reader) / self.t - self.cov1 + self.cov3,
            self.ms_arm_reader - self.var + self.cov1 + (self.cov2 - self.cov3),
            self.var, self.cov1, self.cov2, self.cov3,
        )  # fmt: skip

    def test(self, readers: str, cases: str) -> ArmTest:
        shared = self.cov2 - self.cov3
        size = self.ms_arm_size
        if readers == "fixed":
            denominator = self.var - self.cov1 + (self.span - 1) * shared
            statistic = (self.t - 1) * self.ms_arm / denominator if denominator > 0 else float("nan")
            p = float(stats.chi2.sf(statistic, self.t - 1))
            return ArmTest(statistic, self.t - 1, float("inf"), p, self.ms_arm, self.ms_arm_reader, denominator, False)
        noise = self.ms_arm_reader
        correlated = size * max(shared, 0.0) if cases == "random" else 0.0
        denominator = noise + correlated
        df2 = _hillis(noise, correlated, self.df_reader)
        statistic = self.ms_arm / denominator if denominator > 0 else float("nan")
        free = self.t - 1
        p = float(stats.f.sf(statistic, free, df2) if np.isfinite(df2) else stats.chi2.sf(free * statistic, free))
        active = cases == "random" and shared < 0
        return ArmTest(statistic, self.t - 1, df2, p, self.ms_arm, noise, denominator, active)

    @property
    def ms_arm_size(self) -> float:
        """How often Cov2 - Cov3 enters the error of an arm's mean, times r."""
        return float(self.t / (1 / self.present.sum(1)).sum()) if self.nested else self.span

    def differences(self, arms: tuple[str, ...], test: ArmTest, readers: str, cases: str, level: float) -> tuple[Contrast, ...]:
        found = []
        for i, k in itertools.combinations(range(self.t), 2):
            if self.nested:
                share = 1 / self.present[i].sum() + 1 / self.present[k].sum()
                shared = max(self.cov2 - self.cov3, 0.0) if cases == "random" else 0.0
                noise = self.ms_arm_reader * share
                if readers == "fixed":
                    noise, shared = (self.var - self.cov2) * share, self.cov2 - self.cov3
                variance = noise + 2 * shared
                df = float("inf") if readers == "fixed" else _hillis(noise, 2 * shared, self.df_reader)
            else:
                variance, df = 2 / self.r * test.denominator, test.df2
            found.append(contrast_of(f"{arms[i]} - {arms[k]}", float(self.by_arm[i] - self.by_arm[k]), variance, df, level, tested=True))
        return tuple(found)

    def mean(self, i: int, name: str, readers: str, cases: str, level: float, limits: tuple[float, float]) -> ArmMean:
        """From this arm's data alone."""
        on = np.flatnonzero(self.present[i])
        row, block = self.value[i][on], self.blocks[on]
        own = self.matrix[i, :, i, :][np.ix_(on, on)]
        other = (block[:, None] == block[None, :]) & ~np.eye(len(on), dtype=bool)
        error, cov2 = float(np.diag(own).mean()), float(own[other].mean()) if other.any() else 0.0
        sizes = np.bincount(block)
        r, span, free = len(on), float((sizes**2).sum() / len(on)), len(on) - int((sizes > 0).sum())
        ms = float(((row - (np.bincount(block, row) / np.maximum(sizes, 1))[block]) ** 2).sum() / free) if free else float("nan")
        if readers == "fixed":
            variance, df = (error + (span - 1) * max(cov2, 0.0)) / r, float("inf")
        else:
            correlated = span * max(cov2, 0.0) if cases == "random" else 0.0
            variance, df = (ms + correlated) / r, _hillis(ms, correlated, free)
        contrast = contrast_of(name, float(row.mean()), variance, df, level)
        return ArmMean(_cut(contrast, limits), ms, error, cov2)

    def reader_means(self, figures: Figures, level: float, limits: tuple[float, float]) -> tuple[Contrast, ...]:
        return tuple(
            _cut(contrast_of(f"{arm}, {reader}", float(self.value[i, j]), float(self.matrix[i, j, i, j]), float("inf"), level), limits)
            for i, arm in enumerate(figures.arms)
            for j, reader in enumerate(figures.readers)
        )

    def reader_differences(self, figures: Figures, level: float) -> tuple[Contrast, ...]:
        found = []
        for j, reader in enumerate(figures.readers):
            own = self.matrix[:, j, :, j]
            apart = 2 * (float(np.diag(own).mean()) - float(own[~np.eye(self.t, dtype=bool)].mean()))
            for i, k in itertools.combinations(range(self.t), 2):
                name = f"{reader}: {figures.arms[i]} - {figures.arms[k]}"
                found.append(contrast_of(name, float(self.value[i, j] - self.value[k, j]), apart, float("inf"), level, tested=True))
        return tuple(found)


def _hillis(noise: float, correlated: float, df: float) -> float:
    """(noise + correlated)^2 / (noise^2 / df): infinite when readers do not vary at all."""
    return float((noise + correlated) ** 2 / (noise**2 / df)) if noise > 0 else (float("inf") if noise == 0 else float("nan"))


def contrast_of(name: str, estimate: float, variance: float, df: float, level: float, *, tested: bool = False) -> Contrast:
    """An estimate with the interval of its variance, and the test against 0 when it is ``tested``."""
    se = float(np.sqrt(variance)) if variance >= 0 else float("nan")
    reach = float(stats.t.ppf((1 + level) / 2, df) if np.isfinite(df) else stats.norm.ppf((1 + level) / 2)) * se
    if not tested:
        return Contrast(name, estimate, se, df, estimate - reach, estimate + reach)
    statistic = estimate / se if se > 0 else float("nan")
    p = 2 * float(stats.t.sf(abs(statistic), df) if np.isfinite(df) else stats.norm.sf(abs(statistic)))
    if se == 0:
        p = 1.0 if estimate == 0 else float("nan")
    return Contrast(name, estimate, se, df, estimate - reach, estimate + reach, statistic, p)


def _cut(contrast: Contrast, limits: tuple[float, float]) -> Contrast:
    low, high = (float(np.clip(end, *limits)) for end in (contrast.low, contrast.high))
    return Contrast(contrast.name, contrast.estimate, contrast.se, contrast.df, low, high)


def _check(figures: Figures, design: Design, readers: str) -> None:
    if not design.balanced:
        raise InputError(
            "mrmc-incomplete",
            "Obuchowski-Rockette needs every reader's cases in every arm.",
            why=f"This study is {design}; {design.missing} reads are missing.",
            what_to_do="Leave the method to the design (auto), or use U-statistics (u): both use every read that was made.",
        )
    if readers == "random" and not free_readers(figures, design):
        raise InputError(
            "mrmc-one-reader",
            "Readers cannot be random: there is only one reader (in each block or arm).",
            what_to_do="Take readers as fixed, and speak of these readers only.",
        )
    hollow = np.isnan(figures.value) & figures.used.any(0)
    if hollow.any():
        arm, reader = np.argwhere(hollow)[0]
        raise InputError(
            "mrmc-one-class", f"{figures.readers[reader]} has only one class in arm {figures.arms[arm]}.",
            what_to_do="Leave the reader out and say so, or use a figure of merit of one class.",
        )  # fmt: skip


def _warnings(r: int, readers: str, model: _Model, test: ArmTest | None) -> tuple[str, ...]:
    said = []
    if readers == "random" and r < 5:
        said.append(f"Only {r} readers: a population of readers is judged from few.")
    if test is not None:
        parts = model.components()
        negative = [name for name, value in (("reader", parts.reader), ("arm by reader", parts.arm_reader)) if value < 0]
        if negative:
            said.append(f"Negative variance component ({', '.join(negative)}): reported as estimated.")
        if test.constraint_active:
            said.append("Cov2 is below Cov3; their difference was taken as 0 in the test.")
        if np.isfinite(test.df2) and test.df2 < 5:
            said.append(f"Only {test.df2:.1f} degrees of freedom.")
        if np.isinf(test.df2) and readers == "random":
            said.append("The arm-by-reader mean square is 0; a normal interval was used.")
    return tuple(said)
