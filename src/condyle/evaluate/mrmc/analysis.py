"""Two arms of one figure of merit, by the analysis that was asked for, as estimates.

Complete designs go to Obuchowski and Rockette's analysis (or Dorfman, Berbaum and Metz'), missing reads to the readers' own
means, and readers of one arm only, who have no mean difference, to U-statistics. The means keep the level a little better than
U-statistics do (5.9 and 6.9 % of null studies with a quarter of the reads missing, ``tests/evaluate/test_simulation_studies.py``),
and their variance is never negative.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.mrmc.covariance import jackknife
from condyle.evaluate.mrmc.dbm import dorfman_berbaum_metz
from condyle.evaluate.mrmc.design import Design
from condyle.evaluate.mrmc.figure import Figures
from condyle.evaluate.mrmc.incomplete import components, influence_covariance, mean_gain, mean_value
from condyle.evaluate.mrmc.obuchowski_rockette import INFERENCE, ArmTest, Components, Contrast, free_readers, obuchowski_rockette
from condyle.evaluate.mrmc.ustatistics import UStatistic, u_statistics

Floats = NDArray[np.float64]
METHODS = ("auto", "or", "dbm", "u")
ONE_READER = "One reader: the reader is taken as fixed and cases as random; nothing is said of other readers."
NO_VARIANCE = "The variance is 0: no interval."
FEW_PATIENTS = "A reader has fewer than two patients of a class: no interval."


@dataclass(frozen=True, slots=True)
class Approach:
    """How arms are compared.

    Parameters
    ----------
    method : ``or`` (Obuchowski-Rockette), ``dbm`` (Dorfman-Berbaum-Metz), ``u`` (U-statistics), or ``auto``: ``or`` for complete
        designs, ``u`` where a reader has one arm only, else the readers' own means
    readers, cases : ``random`` (the result speaks of others like them) or ``fixed`` (of these only); not both fixed

    Raises
    ------
    InputError - an unknown word, both fixed, or U-statistics with a fixed factor
    """

    method: str = "auto"
    readers: str = "random"
    cases: str = "random"

    def __post_init__(self) -> None:
        if self.method not in METHODS or (self.readers, self.cases) not in INFERENCE:
            raise InputError(
                "mrmc-factors", "This analysis of readers is not known.",
                why=f"Methods are {', '.join(METHODS)}; readers and cases are random or fixed, and not both fixed.",
            )  # fmt: skip
        if self.method == "u" and (self.readers, self.cases) != ("random", "random"):
            raise InputError(
                "mrmc-factors", "U-statistics take readers and cases as random.",
                what_to_do="Use the method auto, which has fixed readers and fixed cases for every design.",
            )  # fmt: skip

    @property
    def inference(self) -> str:
        """To whom the result speaks."""
        return INFERENCE[self.readers, self.cases]

    @property
    def factors(self) -> str:
        """What is random and what is fixed, in words."""
        return "readers and cases random" if self.readers == self.cases else f"readers {self.readers}, cases {self.cases}"


@dataclass(frozen=True, slots=True)
class Compared:
    """Base, other arm, and arm - base; ``test`` holds the mean squares of an analysis of variance, else None."""

    base: Estimate
    arm: Estimate
    difference: Estimate
    components: Components | None = None
    test: ArmTest | None = None


def compare_arms(
    figures: Figures, design: Design, base: str, arm: str, approach: Approach, *, metric: str, level: float = 0.95
) -> Compared:
    """Compare two arms.

    Parameters
    ----------
    figures : of the two arms; design : of their reads
    metric : word for the figure in the measures

    Returns
    -------
    Compared; estimates without an interval, with a warning, where a class is too small for one

    Raises
    ------
    InputError - ``or`` or ``dbm`` was asked of a design that it cannot analyse
    """
    there = np.isfinite(figures.value).any(1)
    if not there.any():
        nothing = Estimate(metric, float("nan"), n=len(figures.patients), warnings=("Only one class: not defined.",))
        return Compared(nothing, nothing, nothing)
    whole = design.balanced and bool(np.isfinite(figures.value[figures.used.any(0)]).all())
    pairs = approach.method == "u" or (approach.method == "auto" and not whole and _by_pairs(figures, approach))
    if not there.all() or (_few_in_all(figures) if pairs else _few_patients(figures)):
        return _without_interval(figures, base, arm, metric, level)
    if len(figures.readers) == 1 and approach.readers == "random" and approach.method in ("auto", "or"):
        lone = compare_arms(figures, design, base, arm, replace(approach, readers="fixed", cases="random"), metric=metric, level=level)
        return replace(lone, difference=lone.difference.warned(ONE_READER))
    if approach.method == "dbm":
        return _dbm(figures, base, arm, approach, metric, level)
    if approach.method == "or" or (approach.method == "auto" and whole and (approach.readers == "fixed" or free_readers(figures, design))):
        return _obuchowski_rockette(figures, base, arm, approach, metric, level)
    if pairs:
        every = u_statistics(figures, level=level)
        both = int(np.isfinite(figures.value).all(0).sum())
        if approach.method == "auto" and every.differences[0].unbiased.variance < 0 and both > 1:
            return _readers_means(figures, base, arm, approach, metric, level)
        one, other = (_of_u(item, metric, level) for item in every.arms)
        return Compared(one, other, _of_u(every.differences[0], metric, level, turned=True), components(figures, base, arm))
    return _readers_means(figures, base, arm, approach, metric, level)


def covariance_for(figures: Figures, design: Design) -> Floats:
    """[t * r, t * r] covariance over patients: the jackknife where it is defined, else structural components by patient, or NaN."""
    if not np.isfinite(figures.value).any():
        return np.full((figures.value.size,) * 2, np.nan)
    whole = design.balanced and np.isfinite(figures.value[figures.used.any(0)]).all()
    return jackknife(figures) if whole and not _few_patients(figures) else influence_covariance(figures)


def _obuchowski_rockette(figures: Figures, base: str, arm: str, approach: Approach, metric: str, level: float) -> Compared:
    found = obuchowski_rockette(figures, readers=approach.readers, cases=approach.cases, level=level)
    name = "Obuchowski-Rockette" if approach.readers == "fixed" else "Obuchowski-Rockette-Hillis"
    words = f"{name}, jackknife over patients, {len(figures.readers)} {approach.factors}"
    values = {mean.contrast.name: _estimate(mean.contrast, metric, words, figures, level) for mean in found.means}
    difference = _estimate(_turned(found.differences[0], base), f"difference of {metric}", words, figures, level, found.warnings)
    return Compared(values[base], values[arm], difference, found.components, found.test)


def _dbm(figures: Figures, base: str, arm: str, approach: Approach, metric: str, level: float) -> Compared:
    """Components are Obuchowski and Rockette's of the same jackknife, so that the next study can be planned from them."""
    found = dorfman_berbaum_metz(figures, readers=approach.readers, cases=approach.cases, level=level)
    words = f"Dorfman-Berbaum-Metz, jackknife pseudovalues, {len(figures.readers)} {approach.factors}"
    values = {one.name: _estimate(one, metric, words, figures, level) for one in found.means}
    parts = obuchowski_rockette(figures, readers=approach.readers, cases=approach.cases, level=level)
    squares = {line.source: line.ms for line in found.table}
    bound = approach.readers == approach.cases == "random" and squares["TC"] < squares["TRC"]
    test = ArmTest(found.statistic, found.df1, found.df2, found.p, squares["T"], squares["TR"], found.denominator, bound)
    difference = _estimate(_turned(found.differences[0], base), f"difference of {metric}", words, figures, level, parts.warnings)
    return Compared(values[base], values[arm], difference, parts.components, test)


def _readers_means(figures: Figures, base: str, arm: str, approach: Approach, metric: str, level: float) -> Compared:
    readers, cases = approach.readers, approach.cases
    one, other = (replace(mean_value(figures, name, readers=readers, cases=cases, level=level), measure=metric) for name in (base, arm))
    gain = mean_gain(figures, base, arm, readers=readers, cases=cases, level=level)
    return Compared(one, other, replace(gain, measure=f"difference of {metric}"), components(figures, base, arm))


def _without_interval(figures: Figures, base: str, arm: str, metric: str, level: float) -> Compared:
    """Means over readers alone: a class is too small for a variance."""
    with np.errstate(invalid="ignore"):
        rows = [figures.value[figures.arms.index(name)] for name in (base, arm)]
        means = [float(np.nanmean(row)) if np.isfinite(row).any() else float("nan") for row in rows]
        gains = rows[1] - rows[0]
        gain = float(np.nanmean(gains)) if np.isfinite(gains).any() else float("nan")
    count = len(figures.patients)
    said = (FEW_PATIENTS,)
    one, other, apart = (
        Estimate(name, value, n=count, clusters=count, level=level, warnings=said)
        for name, value in ((metric, means[0]), (metric, means[1]), (f"difference of {metric}", gain))
    )
    return Compared(one, other, apart)


def _few_patients(figures: Figures) -> bool:
    """Would the jackknife of a reader who has a figure lose it?"""
    here = np.isfinite(figures.value)
    return bool(np.isnan(figures.without[:, here]).any()) or bool((figures.used.sum(0)[here] < 2).any())


def _few_in_all(figures: Figures) -> bool:
    """Are there fewer than two patients with, or without, the finding among all that was read?"""
    sides = figures.pairs or figures.successes
    assert sides is not None
    owners = [(sides.positive, sides.positive_patient)] + ([] if figures.pairs is None else [(sides.negative, sides.negative_patient)])
    return any(len(set(owner[np.isfinite(values).any((0, 1))].tolist())) < 2 for values, owner in owners)


def _by_pairs(figures: Figures, approach: Approach) -> bool:
    """Has a reader one arm only, and are U-statistics possible: readers and cases random, pairs or shares, no patient in both classes?"""
    pairs = figures.pairs or figures.successes
    random = (approach.readers, approach.cases) == ("random", "random")
    apart = bool((np.isfinite(figures.value).sum(0) == 1).any())
    return random and apart and pairs is not None and not np.isin(pairs.positive_patient, pairs.negative_patient).any()


def _turned(contrast: Contrast, base: str) -> Contrast:
    """base - arm becomes arm - base."""
    if not contrast.name.startswith(f"{base} - "):
        return contrast
    return replace(
        contrast, estimate=0.0 - contrast.estimate, low=0.0 - contrast.high, high=0.0 - contrast.low, statistic=0.0 - contrast.statistic
    )  # fmt: skip


def _estimate(
    contrast: Contrast, measure: str, words: str, figures: Figures, level: float, warnings: tuple[str, ...] | None = None
) -> Estimate:
    """``warnings`` are given with a difference, which alone is tested; a mean ends at 0 and 1."""
    count, tested = len(figures.patients), warnings is not None
    low, high = (contrast.low, contrast.high) if tested else (max(contrast.low, 0.0), min(contrast.high, 1.0))
    said = warnings or ()
    if contrast.se < 1e-12:  # pseudovalues that agree do so to the last digits only
        low, high, said = float("nan"), float("nan"), (*said, NO_VARIANCE)
    return Estimate(
        measure, contrast.estimate, low, high, words, count, None, count, level, contrast.se,
        contrast.statistic if tested else float("nan"), contrast.df, contrast.p if tested else float("nan"),
        "difference 0" if tested and np.isfinite(contrast.p) else "", warnings=said,
    )  # fmt: skip


def _of_u(one: UStatistic, metric: str, level: float, *, turned: bool = False) -> Estimate:
    found = one.unbiased
    low, high = (0.0 - found.high, 0.0 - found.low) if turned else (max(found.low, 0.0), min(found.high, 1.0))
    said = one.warnings
    if found.variance < 0:
        low, high = float("nan"), float("nan")
    elif found.variance == 0:
        low, high, said = float("nan"), float("nan"), (*said, NO_VARIANCE)
    cases = one.n_positive + one.n_negative
    return Estimate(
        f"difference of {metric}" if turned else metric, 0.0 - one.estimate if turned else one.estimate, low, high,
        f"U-statistics (BDG), weighted by what was read, {one.n_readers} readers and cases random", cases, None, cases, level,
        float(np.sqrt(found.variance)) if found.variance >= 0 else float("nan"), float("nan"), found.df,
        found.p if turned else float("nan"), "difference 0" if turned else "", warnings=said,
    )  # fmt: skip
