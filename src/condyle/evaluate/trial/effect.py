"""The effect of an arm on one outcome of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from condyle.evaluate.estimate import Estimate, cut
from condyle.evaluate.gee import FEW_CLUSTERS, gee
from condyle.evaluate.mixed_model import MixedFit, RandomTerm, intercept, intercept_and_slope, mixed_model
from condyle.evaluate.trial.table import Unit, need
from condyle.evaluate.unpaired_proportions import unpaired_difference

BOTH = "Fill its column for units of both arms, or leave the outcome out."


@dataclass(frozen=True, slots=True)
class BinaryEffect:
    """Share of an outcome in two arms.

    Parameters
    ----------
    control, arm : (events, units with the outcome)
    difference : risk difference by GEE over clusters, independence working correlation (the participant-average effect)
    ratio : risk ratio by GEE, the same way
    unclustered : difference by Miettinen-Nurminen, as if units were independent: right when each cluster has one unit, else a
        comparison that shows what clustering costs
    design_effect : variance over clusters / variance of independent units
    missing : in control and arm; bounds : (lowest, highest) difference that the missing outcomes allow
    """

    control: tuple[int, int]
    arm: tuple[int, int]
    difference: Estimate
    ratio: Estimate
    unclustered: Estimate
    design_effect: float
    missing: tuple[int, int]
    bounds: tuple[float, float]


@dataclass(frozen=True, slots=True)
class TimeEffect:
    """A time in two arms: ratio of geometric means by mixed model of log time, and their difference in the unit of the column."""

    ratio: Estimate
    difference: float
    geometric_mean: tuple[float, float]
    missing: tuple[int, int]
    model: MixedFit


def binary_effect(units: Sequence[Unit], outcome: str, control: str, arm: str, *, level: float = 0.95) -> BinaryEffect:
    """Effect of the assigned arm on a 0/1 outcome; units without the outcome are counted and bounded, never filled in.

    A cluster may have units of both arms: the sandwich takes what it adds to both together, so that its level falls out of the difference.
    Periods, where every unit has one, are fixed effects.
    """
    known = [unit for unit in units if unit.number(outcome) is not None]
    y = np.array([unit.number(outcome) for unit in known], np.float64)
    with_arm = np.array([float(unit.assigned == arm) for unit in known])
    clusters = [unit.cluster for unit in known]
    need(0 < with_arm.sum() < len(known), f"{outcome}: both arms need units with this outcome.", BOTH)
    periods = _periods(known, with_arm)
    design = np.column_stack([np.ones(len(known)), *periods, with_arm])
    counts = [(int(y[with_arm == one].sum()), int((with_arm == one).sum())) for one in (0, 1)]
    unclustered = unpaired_difference(f"risk difference of {outcome}", *counts[1], *counts[0], level=level)
    gone = [sum(unit.number(outcome) is None and unit.assigned == name for unit in units) for name in (control, arm)]
    p0, p1 = (events / n for events, n in counts)
    independent = p0 * (1 - p0) / counts[0][1] + p1 * (1 - p1) / counts[1][1]
    how = _fixed(periods)
    difference = _marginal(f"risk difference of {outcome}", y, design, clusters, "gaussian", level, how)
    ratio = _marginal(f"risk ratio of {outcome}", y, design, clusters, "log", level, how)
    return BinaryEffect(
        counts[0], counts[1], difference, ratio, unclustered, difference.se**2 / independent if independent > 0 else float("nan"),
        (gone[0], gone[1]), _bounds(counts, gone),
    )  # fmt: skip


def time_effect(units: Sequence[Unit], outcome: str, control: str, arm: str, *, level: float = 0.95) -> TimeEffect:
    """Effect of the assigned arm on a time, on the logarithm.

    Random: the cluster, and the arm within it where clusters have units of both arms (Turner et al., Stat Med 2007;26:274); reader, with a
    reader-by-arm slope when every reader has both arms; study when studies are read more than once. Fixed: arm, stratum and period.
    Degrees of freedom are Kenward and Roger's, never more than the clusters (or readers of one arm) leave: with the cluster left out, or
    counted as nothing where its variance is estimated as none, trials without an effect come out significant far too often.
    """
    known = [unit for unit in units if unit.number(outcome) is not None]
    log = np.log(np.array([unit.number(outcome) for unit in known], np.float64))
    with_arm = np.array([float(unit.assigned == arm) for unit in known])
    need(0 < with_arm.sum() < len(known), f"{outcome}: both arms need units with this outcome.", BOTH)
    columns, names = [np.ones(len(known)), with_arm], ["(constant)", arm]
    for stratum in sorted({unit.stratum for unit in known})[1:]:
        own = np.array([float(unit.stratum == stratum) for unit in known])
        if _adds(columns, own):
            columns.append(own)
            names.append(f"stratum {stratum}")
    periods = _periods(known, *columns[1:])
    columns, names = [*columns, *periods], [*names, *(f"period {place}" for place in range(2, len(periods) + 2))]
    fit = mixed_model(log, np.column_stack(columns), _random(known, with_arm, arm), names=names, level=level, contained=True)
    effect = fit.of(arm)
    means = [float(np.exp(log[with_arm == one].mean())) for one in (0, 1)]
    gone = [sum(unit.number(outcome) is None and unit.assigned == name for unit in units) for name in (control, arm)]
    ratio = Estimate(
        f"time ratio of {outcome}", float(np.exp(effect.estimate)), float(np.exp(effect.low)), float(np.exp(effect.high)),
        f"REML of log time, random effects of {_listed(fit)}, Kenward-Roger" + _fixed(periods), len(known), None,
        len({unit.cluster for unit in known}), level,
        float(np.exp(effect.estimate) * effect.se_kr), effect.statistic, effect.df_kr, effect.p, "ratio 1", warnings=fit.warnings,
    )  # fmt: skip
    return TimeEffect(ratio, means[1] - means[0], (means[0], means[1]), (gone[0], gone[1]), fit)


def interaction(units: Sequence[Unit], outcome: str, arm: str, *, level: float = 0.95) -> Estimate | None:
    """Does the risk difference differ between two strata? Difference of differences by GEE; None unless there are two strata."""
    known = [unit for unit in units if unit.number(outcome) is not None]
    strata = sorted({unit.stratum for unit in known})
    if len(strata) != 2:
        return None
    y = np.array([unit.number(outcome) for unit in known], np.float64)
    with_arm = np.array([float(unit.assigned == arm) for unit in known])
    second = np.array([float(unit.stratum == strata[1]) for unit in known])
    columns = [np.ones(len(known)), with_arm, second, with_arm * second]
    name = f"risk difference of {outcome}, {strata[1]} - {strata[0]}"
    if np.linalg.matrix_rank(np.column_stack(columns)) < 4:
        return None
    periods = _periods(known, *columns[1:])
    design = np.column_stack([*periods, *columns])
    return _marginal(name, y, design, [unit.cluster for unit in known], "gaussian", level, _fixed(periods), widest=2.0)


def _fixed(periods: Sequence[np.ndarray]) -> str:
    return ", periods fixed" if periods else ""


def _periods(units: Sequence[Unit], *beside: np.ndarray) -> list[np.ndarray]:
    """A column for each period but the first, where every unit has one and the arms (and strata) leave it free."""
    if not all(unit.period for unit in units):
        return []
    columns: list[np.ndarray] = []
    for value in sorted({unit.period for unit in units})[1:]:
        own = np.array([float(unit.period == value) for unit in units])
        if _adds([np.ones(len(units)), *beside, *columns], own):
            columns.append(own)
    return columns


def _adds(columns: Sequence[np.ndarray], own: np.ndarray) -> bool:
    return int(np.linalg.matrix_rank(np.column_stack([*columns, own]))) > len(columns)


def _marginal(
    name: str, y: np.ndarray, design: np.ndarray, clusters: Sequence[str], link: str, level: float, how: str, *, widest: float = 1.0
) -> Estimate:
    """The last coefficient of an independence GEE: a difference of shares, or with a log link a ratio."""
    count = len(set(clusters))
    if link == "log" and min(y[design[:, -1] == one].sum() for one in (0, 1)) == 0:
        return Estimate(
            name, float("nan"), method=f"GEE over {count} clusters, independence, log link", n=len(y), events=int(y.sum()), clusters=count,
            level=level, warnings=("An arm has no event: a ratio is not defined.",),
        )  # fmt: skip
    names = tuple(f"x{place}" for place in range(design.shape[1]))
    fit = gee(y, design, clusters, link=link, names=names)
    low, high, statistic, df, p = fit.interval(names[-1], level=level)
    value, se = float(fit.coefficient[-1]), float(fit.se()[-1])
    said = (f"Only {fit.clusters} clusters.",) if fit.clusters < FEW_CLUSTERS else ()
    if link == "log":
        value, low, high = (float(np.exp(one)) for one in (value, low, high))
        se *= value  # delta method: the standard error is on the scale of the estimate
    spread = "Student t" if np.isfinite(df) else "normal"
    words = f"GEE over {fit.clusters} clusters, independence{how}, {fit.default} standard error, {spread}"
    null = ("ratio 1" if link == "log" else "difference 0") if np.isfinite(p) else ""
    found = Estimate(name, value, low, high, words, len(y), int(y.sum()), fit.clusters, level, se, statistic, df, p, null, warnings=said)
    return found if link == "log" else cut(found, -widest, widest)


def _listed(fit: MixedFit) -> str:
    """'cluster (24 levels), reader (6 levels) with its arm slope'."""
    slopes = {one.group for one in fit.random if one.column != "(intercept)" and one.group != "residual"}
    return ", ".join(f"{name} ({count} levels)" + (" with its arm slope" if name in slopes else "") for name, count in fit.levels.items())


def _random(units: Sequence[Unit], with_arm: np.ndarray, arm: str) -> list[RandomTerm]:
    """Cluster, arm within cluster, reader, study: each that groups units, and groups them otherwise than one before.

    What was randomised always stays: a model of readers alone takes the reads of a cluster for so many randomised units. The arm within
    the cluster is what limits a crossover, where clusters differ in what the arm does; two knees of a patient cannot tell that.
    """
    groups = {"cluster": np.array([unit.cluster for unit in units])}
    if _crossed_over(units):
        groups["arm within cluster"] = np.array([f"{unit.cluster}\n{unit.assigned}" for unit in units])
    groups |= {"reader": np.array([unit.reader for unit in units]), "study": np.array([unit.study for unit in units])}
    terms: list[RandomTerm] = []
    for name, labels in groups.items():
        places = np.unique(labels, return_inverse=True)[1]
        levels = int(places.max()) + 1
        if not all(labels) or levels < 2 or levels == len(units) or any(_alike(places, term.groups) for term in terms):
            continue
        both = name == "reader" and all(len(set(with_arm[places == one].tolist())) == 2 for one in range(levels))
        terms.append(intercept_and_slope(name, labels, with_arm, arm) if both else intercept(name, labels))
    return terms or [intercept("cluster", groups["cluster"])]


def _crossed_over(units: Sequence[Unit]) -> bool:
    """Have at least half of the clusters units of both arms, and more than one of an arm?"""
    arms: dict[str, list[str]] = {}
    for unit in units:
        arms.setdefault(unit.cluster, []).append(unit.assigned)
    return 2 * sum(len(own) > 2 and len(set(own)) == 2 for own in arms.values()) >= len(arms)


def _alike(places: np.ndarray, groups: np.ndarray) -> bool:
    """Do two columns group units in the same way?"""
    other = np.unique(groups, return_inverse=True)[1]
    pairs = len(set(zip(places.tolist(), other.tolist(), strict=True)))
    return pairs == int(places.max()) + 1 == int(other.max()) + 1


def _bounds(counts: Sequence[tuple[int, int]], missing: Sequence[int]) -> tuple[float, float]:
    """Difference when all missing outcomes speak against the arm, and when all speak for it."""
    (x0, n0), (x1, n1) = counts
    worst = x1 / (n1 + missing[1]) - (x0 + missing[0]) / (n0 + missing[0])
    best = (x1 + missing[1]) / (n1 + missing[1]) - x0 / (n0 + missing[0])
    return worst, best
