"""Does an arm change the reading time? Logarithm of the seconds in a mixed model of crossed readers and studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.mixed_model import MixedFit, intercept, intercept_and_slope, mixed_model
from condyle.evaluate.mrmc.table import Read


@dataclass(frozen=True, slots=True)
class ReadingTime:
    """How an arm changes the reading time.

    Parameters
    ----------
    ratio : time in ``arm`` / time in ``base``, with Kenward and Roger's interval; below 1 is faster
    seconds : difference of the arms' geometric means, seconds
    geometric_mean : arm -> seconds
    model : the whole fit, on the logarithm
    group : of readers, '' for all
    p_adjusted : Holm over the pairs of arms of this group of readers; the same as p with two arms
    """

    base: str
    arm: str
    ratio: Estimate
    seconds: float
    geometric_mean: dict[str, float]
    model: MixedFit
    group: str = ""
    p_adjusted: float = float("nan")


def reading_time(reads: Sequence[Read], base: str, arm: str, *, level: float = 0.95) -> ReadingTime:
    """Compare reading times of two arms over readers and studies.

    Readers differ in level and in what the arm does to them (random intercept and slope), studies in level; the reading period
    is a fixed effect when it is known and varies. A study read in several rows counts once; rows that say nothing do not count.

    Raises
    ------
    InputError - fewer than two readers or studies with times in both arms
    """
    used = _visits(reads, base, arm)
    with_arm = np.array([float(read.arm == arm) for read in used])
    readers, studies = ([getattr(read, name) for read in used] for name in ("reader", "study"))
    if not enough_times(reads, base, arm):
        raise InputError(
            "reading-time-few", f"Reading times in {base} and {arm} of two readers and two studies or more are needed.",
            what_to_do="Fill the column 'seconds'.",
        )  # fmt: skip
    log = np.log([read.seconds for read in used if read.seconds is not None])
    columns, names = [np.ones(len(used)), with_arm], ["(constant)", arm]
    period = np.array([float(read.period) for read in used])
    if (period > 0).all() and np.linalg.matrix_rank(np.column_stack([*columns, period])) == 3:
        columns.append(period - period.min())
        names.append("period")
    random = [intercept_and_slope("reader", readers, with_arm, arm), intercept("study", studies)]
    fit = mixed_model(log, np.column_stack(columns), random, names=names, level=level)
    effect = fit.of(arm)
    means = {name: float(np.exp(log[with_arm == number].mean())) for number, name in enumerate((base, arm))}
    ratio = Estimate(
        f"time ratio {arm} / {base}", float(np.exp(effect.estimate)), float(np.exp(effect.low)), float(np.exp(effect.high)),
        "REML of log seconds, crossed readers and studies, reader-by-arm slope, Kenward-Roger", len(used), None, len(set(studies)), level,
        float(np.exp(effect.estimate) * effect.se_kr), effect.statistic, effect.df_kr, effect.p, "ratio 1", warnings=fit.warnings,
    )  # fmt: skip
    return ReadingTime(base, arm, ratio, means[arm] - means[base], means, fit)


def enough_times(reads: Sequence[Read], base: str, arm: str) -> bool:
    """Are there times of two readers and two studies or more, in both arms, and not all alike?"""
    used = _visits(reads, base, arm)
    return all(len({getattr(one, name) for one in used}) > 1 for name in ("reader", "study", "arm", "seconds"))


def _visits(reads: Sequence[Read], base: str, arm: str) -> list[Read]:
    visits: dict[tuple[str, str, str], Read] = {}
    for read in reads:
        if read.made and read.seconds is not None and read.arm in (base, arm):
            visits.setdefault((read.reader, read.study, read.arm), read)
    return list(visits.values())
