"""Two arms of one figure of merit, by the analysis that was asked for, as estimates.

Complete designs go to Obuchowski and Rockette's analysis (or Dorfman, Berbaum and Metz'), missing reads to the readers' own
means, and readers of one arm only, who have no mean difference, to U-statistics. The means keep the level a little better than
U-statistics do (5.9 and 6.9 % of null studies with a quarter of the reads missing, ``tests/evaluate/test_simulation_studies.py``),
and their variance is never negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate, cut
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
                what_to_do="Choose one of these methods; fix readers or cases, or neither.",
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
    """Base, other arm, and arm - base; ``test`` is that all arms of the figures are equal, None without an analysis of variance."""

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
    figures : of the two arms, or of more: then Obuchowski-Rockette and Dorfman-Berbaum-Metz take the error of all arms together
    design : of their reads
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
        nothing = _bare(metric, float("nan"), figures, level, "Only one class: not defined.")
        return Compared(nothing, nothing, replace(nothing, measure=f"difference of {metric}"))
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
        apart = next(one for one in every.differences if one.name in (f"{base} - {arm}", f"{arm} - {base}"))
        if approach.method == "auto" and apart.unbiased.variance < 0 and both > 1:
            return _readers_means(figures, base, arm, approach, metric, level)
        one, other = (
            _of_u(next(item for item in every.arms if item.name == name), metric, _arm(figures, name), level) for name in (base, arm)
        )
        gap = _of_u(apart, metric, figures, level, sign=-1 if apart.name == f"{base} - {arm}" else 1)
        return Compared(one, other, gap, components(figures, base, arm))
    return _readers_means(figures, base, arm, approach, metric, level)


def covariance_for(figures: Figures, design: Design) -> Floats:
    """[t * r, t * r] covariance over patients: the jackknife where it is defined, else structural components by patient, or NaN."""
    if not np.isfinite(figures.value).any():
        return np.full((figures.value.size,) * 2, np.nan)
    whole = design.balanced and np.isfinite(figures.value[figures.used.any(0)]).all()
    return jackknife(figures) if whole and not _few_patients(figures) else influence_covariance(figures)


def _obuchowski_rockette(figures: Figures, base: str, arm: str, approach: Approach, metric: str, level: float) -> Compared:
    matrix = jackknife(figures)
    found = obuchowski_rockette(figures, covariance=matrix, readers=approach.readers, cases=approach.cases, level=level)
    name = "Obuchowski-Rockette" if approach.readers == "fixed" else "Obuchowski-Rockette-Hillis"
    words = f"{name}, jackknife over patients, {len(figures.readers)} {approach.factors}"
    values = {mean.contrast.name: _estimate(mean.contrast, metric, words, _arm(figures, mean.contrast.name), level) for mean in found.means}
    difference = _estimate(_between(found.differences, base, arm), f"difference of {metric}", words, figures, level, found.warnings)
    if approach.inference == INFERENCE["random", "random"]:
        these = obuchowski_rockette(figures, covariance=matrix, readers="fixed", level=level)
        difference = difference.warned(narrower(difference, _between(these.differences, base, arm)))
    if len(figures.arms) > 2:
        own = obuchowski_rockette(figures.of_arms((base, arm)), readers=approach.readers, cases=approach.cases, level=level)
        difference = difference.warned(_unlike(difference, _between(own.differences, base, arm)))
    return Compared(values[base], values[arm], difference, found.components, found.test)


def _unlike(pooled: Estimate, own: Contrast) -> str:
    """A sentence when the error of all arms together makes an interval much narrower than that of the two arms alone."""
    if not 1.25 * (pooled.high - pooled.low) < own.high - own.low:
        return ""
    return (
        f"From these two arms alone the interval is {own.low:.3f} to {own.high:.3f}: the arms' errors are unlike, and the error of all "
        "arms together is too small for this pair."
    )


def narrower(found: Estimate, these: Contrast | Estimate) -> str:
    """A sentence when an interval for all readers like these is narrower than the one for these readers alone, else ''.

    It cannot be in truth. It comes from components that are estimated as negative: the readers' gains differ by chance less than the
    cases alone make them differ.
    """
    if not found.high - found.low < these.high - these.low:
        return ""
    return (
        f"For these readers alone the interval is wider ({these.low:.3f} to {these.high:.3f}): by chance their gains differ less than "
        "cases alone make them differ (a negative component). The wider one is the safer."
    )


def _dbm(figures: Figures, base: str, arm: str, approach: Approach, metric: str, level: float) -> Compared:
    """Components are Obuchowski and Rockette's of the same jackknife, so that the next study can be planned from them."""
    found = dorfman_berbaum_metz(figures, readers=approach.readers, cases=approach.cases, level=level)
    words = f"Dorfman-Berbaum-Metz, jackknife pseudovalues, {len(figures.readers)} {approach.factors}"
    values = {one.name: _estimate(one, metric, words, _arm(figures, one.name), level) for one in found.means}
    parts = obuchowski_rockette(figures, readers=approach.readers, cases=approach.cases, level=level)
    squares = {line.source: line.ms for line in found.table}
    bound = approach.readers == approach.cases == "random" and squares["TC"] < squares["TRC"]
    test = ArmTest(found.statistic, found.df1, found.df2, found.p, squares["T"], squares["TR"], found.denominator, bound)
    difference = _estimate(_between(found.differences, base, arm), f"difference of {metric}", words, figures, level, parts.warnings)
    if approach.inference == INFERENCE["random", "random"]:
        these = dorfman_berbaum_metz(figures, readers="fixed", level=level)
        difference = difference.warned(narrower(difference, _between(these.differences, base, arm)))
    return Compared(values[base], values[arm], difference, parts.components, test)


def _readers_means(figures: Figures, base: str, arm: str, approach: Approach, metric: str, level: float) -> Compared:
    readers, cases = approach.readers, approach.cases
    one, other = (replace(mean_value(figures, name, readers=readers, cases=cases, level=level), measure=metric) for name in (base, arm))
    gain = mean_gain(figures, base, arm, readers=readers, cases=cases, level=level)
    if approach.inference == INFERENCE["random", "random"]:
        gain = gain.warned(narrower(gain, mean_gain(figures, base, arm, readers="fixed", level=level)))
    return Compared(one, other, replace(gain, measure=f"difference of {metric}"), components(figures, base, arm))


def _without_interval(figures: Figures, base: str, arm: str, metric: str, level: float) -> Compared:
    """Means over readers alone: a class is too small for a variance."""
    with np.errstate(invalid="ignore"):
        rows = [figures.value[figures.arms.index(name)] for name in (base, arm)]
        means = [float(np.nanmean(row)) if np.isfinite(row).any() else float("nan") for row in rows]
        gains = rows[1] - rows[0]
        gain = float(np.nanmean(gains)) if np.isfinite(gains).any() else float("nan")
    named = ((metric, means[0]), (metric, means[1]), (f"difference of {metric}", gain))
    one, other, apart = (_bare(name, value, figures, level, FEW_PATIENTS) for name, value in named)
    return Compared(one, other, apart)


def _bare(measure: str, value: float, figures: Figures, level: float, why: str) -> Estimate:
    n, events, patients = figures.counts
    return Estimate(measure, value, method="mean of the readers", n=n, events=events, clusters=patients, level=level, warnings=(why,))


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


def _arm(figures: Figures, name: str) -> Figures:
    return figures.of_arms((name,))


def _between(differences: Sequence[Contrast], base: str, arm: str) -> Contrast:
    """arm - base among the differences of all arms, turned where it stands as base - arm."""
    own = next(one for one in differences if one.name in (f"{base} - {arm}", f"{arm} - {base}"))
    if own.name == f"{arm} - {base}":
        return own
    return replace(own, estimate=0.0 - own.estimate, low=0.0 - own.high, high=0.0 - own.low, statistic=0.0 - own.statistic)


def _estimate(
    contrast: Contrast, measure: str, words: str, figures: Figures, level: float, warnings: tuple[str, ...] | None = None
) -> Estimate:
    """``warnings`` are given with a difference, which alone is tested; a mean ends at 0 and 1."""
    tested = warnings is not None
    n, events, patients = figures.counts
    low, high, said = contrast.low, contrast.high, warnings or ()
    if contrast.se < 1e-12:  # pseudovalues that agree do so to the last digits only
        low, high, said = float("nan"), float("nan"), (*said, NO_VARIANCE)
    found = Estimate(
        measure, contrast.estimate, low, high, words, n, events, patients, level, contrast.se,
        contrast.statistic if tested else float("nan"), contrast.df, contrast.p if tested else float("nan"),
        "difference 0" if tested and np.isfinite(contrast.p) else "", warnings=said,
    )  # fmt: skip
    return cut(found) if tested else cut(found, 0.0)


def _of_u(one: UStatistic, metric: str, figures: Figures, level: float, *, sign: int = 0) -> Estimate:
    """``sign`` is that of a difference, turned round with -1; 0 of an arm."""
    found = one.unbiased
    low, high = (0.0 - found.high, 0.0 - found.low) if sign < 0 else (found.low, found.high)
    said = one.warnings
    if not found.variance > 0:
        low, high = float("nan"), float("nan")
        said = said if found.variance < 0 else (*said, NO_VARIANCE)
    se = float(np.sqrt(found.variance)) if found.variance >= 0 else float("nan")
    value = 0.0 - one.estimate if sign < 0 else one.estimate
    n, events, patients = figures.counts
    made = Estimate(
        f"difference of {metric}" if sign else metric, value, low, high,
        f"U-statistics (BDG), weighted by what was read, {one.n_readers} readers and cases random", n, events, patients, level, se,
        value / se if sign and se > 0 else float("nan"), found.df,
        found.p if sign else float("nan"), "difference 0" if sign and np.isfinite(found.p) else "", warnings=said,
    )  # fmt: skip
    return cut(made) if sign else cut(made, 0.0)
