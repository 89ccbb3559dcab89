"""One reader alone: the figure of merit in each arm and the gain, over the patients this reader has read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from condyle.evaluate.clustered_auc import clustered_auroc
from condyle.evaluate.delong import delong
from condyle.evaluate.estimate import Estimate, cut, two_sided, z_of
from condyle.evaluate.mrmc.figure import Figures
from condyle.evaluate.paired_proportions import paired_difference
from condyle.evaluate.proportion import clustered_proportion, proportion

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReaderGain:
    """One reader: figure in the base and the other arm, and the gain, each with its interval over patients."""

    reader: str
    group: str
    base: Estimate
    arm: Estimate
    gain: Estimate


def reader_gains(
    figures: Figures, base: str, arm: str, groups: Mapping[str, str], covariance: Floats, *, metric: str = "", level: float = 0.95
) -> tuple[ReaderGain, ...]:
    """The gain of each reader alone, cases random; readers without a figure in both arms have none.

    Parameters
    ----------
    groups : reader -> group, '' when unknown
    covariance : [t * r, t * r] of the figures
    metric : word for the figure in the measures; default its own name
    """
    i, k = figures.arms.index(base), figures.arms.index(arm)
    t, r = figures.value.shape
    grid = covariance.reshape(t, r, t, r)
    word = metric or figures.name
    found = []
    for j, reader in enumerate(figures.readers):
        if not np.isfinite(figures.value[[i, k], j]).all():
            continue
        one, other = (
            reader_value(figures, name, reader, float(grid[at, j, at, j]), metric=word, level=level) for name, at in ((base, i), (arm, k))
        )
        variance = float(grid[k, j, k, j] + grid[i, j, i, j] - 2 * grid[k, j, i, j])
        found.append(ReaderGain(reader, groups.get(reader, ""), one, other, _gain(figures, (i, k), j, variance, word, level)))
    return tuple(found)


def reader_value(figures: Figures, arm: str, reader: str, variance: float, *, metric: str = "", level: float = 0.95) -> Estimate:
    """The figure of one reader in one arm.

    An area by DeLong or, over patients with several cases, Obuchowski; a share by Wilson or the ratio estimator; a macro average and
    an area over marks by its ``variance`` over patients, normal.
    """
    j = figures.readers.index(reader)
    own = figures.of_readers((j,)).of_arms((arm,))
    n, events, patients = own.counts
    word = metric or figures.name
    if own.pairs is not None and not np.isinf(own.pairs.positive).any() and not np.isinf(own.pairs.negative).any():
        up, down = own.pairs.positive[0, 0], own.pairs.negative[0, 0]
        here, there = ~np.isnan(up), ~np.isnan(down)
        truth = np.r_[np.ones(here.sum()), np.zeros(there.sum())]
        score = np.r_[up[here], down[there]]
        owner = np.r_[own.pairs.positive_patient[here], own.pairs.negative_patient[there]]
        if (own.pairs.weight == 1).all():
            alone = len(set(owner)) == len(owner)
            found = delong(truth, score, level=level) if alone else clustered_auroc(truth, score, owner, level=level)
            return replace(found, measure=word).warned(*constant(own, reader))
    if own.successes is not None:
        read = ~np.isnan(own.successes.positive[0, 0])
        counted, owner = own.successes.positive[0, 0][read], own.successes.positive_patient[read]
        if len(set(owner)) == len(owner):
            return proportion(word, round(float(counted.sum())), len(counted), level=level)
        return clustered_proportion(word, counted, owner, level=level)
    value, se = float(own.value[0, 0]), float(np.sqrt(variance)) if variance >= 0 else float("nan")
    reach = z_of(level) * se
    method = "this reader, cases random, normal"
    return cut(Estimate(word, value, value - reach, value + reach, method, n, events, patients, level, se), 0.0)


def constant(figures: Figures, reader: str) -> list[str]:
    """A sentence for each arm in which this reader gave every case one score: the area is 0.5 by ties alone and says nothing."""
    j = figures.readers.index(reader)
    said = []
    for i, arm in enumerate(figures.arms):
        if figures.pairs is not None:
            scores = np.r_[figures.pairs.positive[i, j], figures.pairs.negative[i, j]]
            read = scores[~np.isnan(scores)]
            if len(read) > 1 and (read == read[0]).all():
                said.append(f"{reader} gives every case one score in {arm}: an area of 0.5 by ties alone, no interval.")
    return said


def _gain(figures: Figures, arms: tuple[int, int], j: int, variance: float, word: str, level: float) -> Estimate:
    """Shares read in both arms as pairs (Tango, McNemar's mid-p); all else by the variance over patients, normal."""
    i, k = arms
    measure, reader = f"difference of {word}", figures.readers[j]
    if figures.successes is not None:
        first, second = figures.successes.positive[k, j], figures.successes.positive[i, j]
        read = ~np.isnan(first)
        if (read == ~np.isnan(second)).all():
            return paired_difference(measure, first[read], second[read], figures.successes.positive_patient[read], level=level)
    gain = float(figures.value[k, j] - figures.value[i, j])
    n, events, patients = figures.of_readers((j,)).counts
    se = float(np.sqrt(variance)) if variance >= 0 else float("nan")
    reach, tested = z_of(level) * se, se > 1e-12
    flat = [sentence for place in arms for sentence in constant(figures.of_arms((figures.arms[place],)), reader)]
    if flat or not tested:
        reach = float("nan")
    p = two_sided(gain / se) if tested and not flat else float("nan")
    why = () if flat or tested else ("The variance is 0: no interval.",)
    return cut(Estimate(
        measure, gain, gain - reach, gain + reach, "this reader, cases random, normal", n, events, patients, level, se,
        gain / se if tested and not flat else float("nan"), float("inf"), p, "difference 0" if np.isfinite(p) else "",
        warnings=(*flat, *why),
    ))  # fmt: skip

