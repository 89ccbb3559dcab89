"""What a reader is worth alone: every finding of a table of predictions against truth.

The rows of all statistics carry n, events, patients, interval and method. Nothing is dropped: a finding without positives
has its row, with the reason in place of the number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from condyle.evaluate.agreement import balanced_accuracy, confusion, kappa_of
from condyle.evaluate.bland_altman import limits_of_agreement
from condyle.evaluate.bootstrap import Interval, interval_of, patient_bootstrap, pulls_of, rows_bootstrap, sums_bootstrap
from condyle.evaluate.clustered_auc import clustered_auroc, design_effect
from condyle.evaluate.concordance import concordance
from condyle.evaluate.delong import delong, few_events, one_class
from condyle.evaluate.diagnostic import accuracy, clustered_likelihood_ratios, count, likelihood_ratios, predictive_at
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.icc import icc
from condyle.evaluate.macro import call_metrics, cells, macro_areas, macro_calls
from condyle.evaluate.precision import average_precision
from condyle.evaluate.proportion import share_of
from condyle.evaluate.ranking import auroc_within_groups
from condyle.evaluate.resampling import Draws, Scored, ranking_draws, ranking_without, scored, within_draws
from condyle.evaluate.roc import partial_areas, roc_of_weights

Floats = NDArray[np.float64]

FEW_FOR_PRECISION = 50  # positives below which the distribution of average precision is too skewed for percentiles


@dataclass(frozen=True, slots=True)
class Settings:
    """How it is done.

    Parameters
    ----------
    level : of intervals; resamples, seed : of the bootstrap
    proportions : 'wilson' or 'exact', for independent units
    failures : 'exclude' or 'wrong', see ``FindingTable.answered``
    prevalences : at which PPV and NPV are recomputed
    groups : name -> findings whose measures are averaged, such as major and minor; empty: all with a score
    interval : of the bootstrap, 'percentile' or 'bca'; average precision of fewer than 50 positives is BCa in any case
    bands : (axis, low, high) of partial areas, such as ('specificity', 0.9, 1.0)
    """

    level: float = 0.95
    resamples: int = 2000
    seed: int = 0
    proportions: str = "wilson"
    failures: str = "exclude"
    prevalences: tuple[float, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    interval: str = "percentile"
    bands: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One number of the evidence.

    Parameters
    ----------
    finding : name, or the name of a group of findings
    site : 'all', or a level or side
    group : '' or 'column: value' of a subgroup
    estimate : the number
    """

    finding: str
    site: str
    group: str
    estimate: Estimate


def standalone(tables: Sequence[FindingTable], settings: Settings) -> tuple[Line, ...]:
    """Every statistic of every finding, over all sites and by level, and means over groups of findings."""
    ready = [table.answered(settings.failures) for table in tables]
    rankable = _rankable(ready)
    draws = ranking_draws(rankable, n=settings.resamples, seed=settings.seed, with_precision=True) if rankable else {}
    without = ranking_without(rankable, with_precision=True) if rankable and settings.interval == "bca" else None
    lines: list[Line] = []
    for table in ready:
        lines += [Line(table.finding, "all", "", one) for one in _of_finding(table, draws.get(table.finding), settings)]
        lines += _by_level(table, settings)
    return (*lines, *_macro(ready, draws, without, settings))


def binary_shares(table: FindingTable, settings: Settings) -> list[Estimate]:
    """Sensitivity to accuracy of the calls, decided rows only, and the share decided when some are not."""
    decided = ~np.isnan(table.called)
    if not decided.any():
        return [
            Estimate("sensitivity", float("nan"), n=len(table), level=settings.level, warnings=("The reader decided nothing: no calls.",))
        ]
    own = table.where(decided)
    shares = accuracy(own.truth, own.called, own.patients, level=settings.level, interval=settings.proportions)
    found = [shares[name] for name in ("sensitivity", "specificity", "PPV", "NPV", "accuracy")]
    bootstrapped = sums_bootstrap(
        cells(own), call_metrics, own.patients, n=settings.resamples, seed=settings.seed, confidence=settings.level,
        interval=settings.interval,
    )  # fmt: skip
    events = int(own.truth.sum())
    found += [from_interval(name, bootstrapped[name], events, settings) for name in ("balanced accuracy", "F1", "MCC")]
    independent = _independent(own)
    ratios = likelihood_ratios(count(own.truth, own.called), level=settings.level) if independent else None
    found += (ratios or clustered_likelihood_ratios(own.truth, own.called, own.patients, level=settings.level)).values()
    for prevalence in settings.prevalences:
        found += list(predictive_at(shares["sensitivity"], shares["specificity"], prevalence, level=settings.level).values())
    if not decided.all():
        found.append(_share("decided", decided, table, settings))
    return found


def from_interval(measure: str, one: Interval, events: int | None, settings: Settings) -> Estimate:
    """A bootstrap interval as an estimate."""
    low, high = one.low, one.high
    warnings: tuple[str, ...] = ()
    if np.isfinite(one.estimate) and not np.isfinite(low):
        warnings = (f"Only {one.resamples} of {one.drawn} resamples gave a value; no interval.",)
    elif np.isnan(one.estimate):
        low = high = float("nan")
        warnings = ("Not defined here: it divides by 0.",)
    elif low == high:  # a point is no interval
        low = high = float("nan")
        warnings = ("Every resample gives the same value; no interval.",)
    elif not low <= one.estimate <= high:
        warnings = ("The value lies outside its interval: the statistic is biased under resampling.",)
    return Estimate(
        measure,
        one.estimate,
        low,
        high,
        one.method,
        one.n,
        events,
        one.clusters,
        settings.level,
        resamples=one.resamples,
        drawn=one.drawn,
        seed=one.seed,
        warnings=warnings,
        replicates=one.replicates,
        bias=one.bias,
    )


def ranked_area(table: FindingTable, settings: Settings) -> Estimate:
    """AUROC with the analytic interval: over patients when one occurs twice, else DeLong's."""
    if _independent(table):
        return delong(table.truth, table.score, level=settings.level)
    return clustered_auroc(table.truth, table.score, table.patients, level=settings.level)


def _of_finding(table: FindingTable, draws: Draws | None, settings: Settings) -> list[Estimate]:
    if not len(table):
        return [Estimate(_first(table.kind), float("nan"), warnings=("No row has both truth and an answer.",))]
    if table.kind == "binary":
        return _binary(table, draws, settings)
    return _ordinal(table, settings) if table.kind == "ordinal" else _measurement(table, settings)


def _first(kind: str) -> str:
    return {"binary": "AUROC", "ordinal": "quadratic kappa"}.get(kind, "mean absolute error")


def _binary(table: FindingTable, draws: Draws | None, settings: Settings) -> list[Estimate]:
    events = int(table.truth.sum())
    found = [ranked_area(table, settings), _share("prevalence", table.truth == 1, table, settings)]
    if 0 < events < len(table) and draws is not None:
        found[0] = _with_design_effect(found[0], table)
        bca = settings.interval == "bca"
        without = _without(table) if bca or events < FEW_FOR_PRECISION else None
        found.insert(1, _from_draws("AUROC, patient bootstrap", found[0].estimate, draws.auroc, table, settings, without if bca else None))
        if len(np.unique(table.levels)) > 1:
            found.append(_within_level(table, settings))
        found += [one for band in settings.bands for one in partial_estimates(table, band, settings)]
        value = average_precision(table.truth, table.score)
        found.append(_from_draws("average precision", value, draws.average_precision, table, settings, without))
    else:
        found.append(Estimate("average precision", float("nan"), n=len(table), events=events, warnings=(one_class(events),)))
    return found + binary_shares(table, settings)


def partial_estimates(table: FindingTable, band: tuple[str, float, float], settings: Settings) -> list[Estimate]:
    """The raw partial area (at most the width of the band) and McClish's (chance 0.5, best 1), over patients."""
    axis, low, high = band
    curve_of = roc_of_weights(table.truth, table.score)

    def area(place: int, weights: Floats | None) -> float:
        curve = curve_of(weights)
        return float("nan") if curve is None else partial_areas(curve, (low, high), axis=axis)[place]

    name = f"partial AUROC, {axis} {low:g} to {high:g}"
    metrics = {name: partial(area, 0), f"{name}, McClish": partial(area, 1)}
    n = settings.resamples
    found = patient_bootstrap(
        metrics, table.patients, n=n, seed=settings.seed, confidence=settings.level, interval=settings.interval
    )
    events = int(table.truth.sum())
    raw, mcclish = (from_interval(measure, one, events, settings) for measure, one in found.items())
    if np.isnan(mcclish.estimate):
        mcclish = replace(mcclish, warnings=("The curve lies below chance in the band: not defined.",))
    return [raw.warned(f"At most {high - low:g}, the width of the band."), mcclish]


def _ordinal(table: FindingTable, settings: Settings) -> list[Estimate]:
    truth, given, scale = table.truth, table.given, table.scale

    def kappa(weighting: str) -> Callable[[Floats], float]:
        return lambda w: kappa_of(confusion(truth, given, scale, w), weighting)

    apart = np.abs(truth - given)
    metrics = {
        "quadratic kappa": kappa("quadratic"),
        "linear kappa": kappa("linear"),
        "balanced accuracy": lambda w: balanced_accuracy(truth, given, scale, w),
        "mean absolute error": _weighted(apart),
        "mean squared error": _weighted(apart**2),
    }
    found = patient_bootstrap(
        metrics, table.patients, n=settings.resamples, seed=settings.seed, confidence=settings.level, interval=settings.interval
    )
    shares = [_share("exact agreement", apart == 0, table, settings), _share("within one step", apart <= 1, table, settings)]
    return (
        [from_interval(name, one, None, settings) for name, one in found.items()]
        + shares
        + [_share(f"sensitivity for grade {step}", given[truth == step] == step, table.where(truth == step), settings) for step in scale]
    )


def _measurement(table: FindingTable, settings: Settings) -> list[Estimate]:
    gap = table.given - table.truth
    metrics = {
        "mean absolute error": _weighted(np.abs(gap)),
        "root mean squared error": lambda w: float(np.sqrt(np.average(gap**2, weights=w))),
    }
    found = patient_bootstrap(
        metrics, table.patients, n=settings.resamples, seed=settings.seed, confidence=settings.level, interval=settings.interval
    )
    lines = [from_interval(name, one, None, settings) for name, one in found.items()]
    if len(table) < 3 or len(np.unique(table.patients)) < 3:
        return lines
    limits = limits_of_agreement(table.given, table.truth, table.patients, level=settings.level)
    lines += [limits.bias, limits.lower, limits.upper, limits.slope]
    return [*lines, *_agreement(table, settings)]


def _agreement(table: FindingTable, settings: Settings) -> list[Estimate]:
    """ICC(A,1) and Lin's concordance with their own limits, or over patients when one has several rows."""
    both = np.stack([table.given, table.truth], axis=1)
    if _independent(table):
        return [icc(both, "ICC(A,1)", level=settings.level), concordance(table.given, table.truth, level=settings.level).ccc]
    metrics = {
        "ICC(A,1)": lambda rows: icc(both[rows], "ICC(A,1)").estimate,
        "concordance correlation": lambda rows: concordance(both[rows, 0], both[rows, 1]).ccc.estimate,
    }
    n = settings.resamples
    found = rows_bootstrap(metrics, table.patients, n=n, seed=settings.seed, confidence=settings.level)
    return [from_interval(name, one, None, settings) for name, one in found.items()]


def _by_level(table: FindingTable, settings: Settings) -> list[Line]:
    """The main measures at each level (or side) of a finding that has several."""
    sites = table.levels if len(np.unique(table.levels)) > 1 else table.sides
    names = list(dict.fromkeys(sites.tolist()))
    lines: list[Line] = []
    for name in names if len(names) > 1 else ():
        own = table.where(sites == name)
        if table.kind == "binary":
            found = [ranked_area(own, settings), *_sensitivity_and_specificity(own, settings)] if len(own) else []
        else:
            found = (_ordinal(own, settings)[:3] if table.kind == "ordinal" else _measurement(own, settings)[:1]) if len(own) else []
        lines += [Line(table.finding, name or "none", "", one) for one in found]
    return lines


def _sensitivity_and_specificity(table: FindingTable, settings: Settings) -> list[Estimate]:
    own = table.where(~np.isnan(table.called))
    if not len(own):
        return []
    shares = accuracy(own.truth, own.called, own.patients, level=settings.level, interval=settings.proportions)
    return [shares["sensitivity"], shares["specificity"]]


def _macro(
    tables: Sequence[FindingTable], draws: Mapping[str, Draws], without: Mapping[str, Draws] | None, settings: Settings
) -> list[Line]:
    """Means over each group of findings, by a joint bootstrap. A finding without both classes is named, not dropped silently."""
    binary = {table.finding: table for table in tables if table.kind == "binary"}
    groups = settings.groups or ({"mean of findings": tuple(binary)} if len(binary) > 1 else {})
    lines = []
    for group, names in groups.items():
        usable = [binary[name] for name in names if name in draws]
        if not usable:
            lacking = f"Without {', '.join(names)}: one class only, or no score."
            lines.append(Line(group, "all", "", Estimate("macro AUROC", float("nan"), warnings=(lacking,))))
            continue
        areas = [ranked_area(table, settings).estimate for table in usable]
        precisions = [average_precision(table.truth, table.score) for table in usable]
        found = [
            macro_areas(measure, usable, values, draws, without, seed=settings.seed, level=settings.level)
            for measure, values in (("macro AUROC", areas), ("macro average precision", precisions))
        ]
        listed = [binary[name] for name in names if name in binary]
        found += macro_calls(listed, n=settings.resamples, seed=settings.seed, level=settings.level, interval=settings.interval)
        for one in found:
            lacking = ", ".join(name for name in names if name not in one.findings)
            made = from_interval(one.measure, one.interval, one.events, settings)
            made = replace(made, method=f"joint {made.method}, {len(one.findings)} findings")
            lines.append(Line(group, "all", "", made.warned(f"Without {lacking}: one class only, or no answer." if lacking else "")))
    return lines


def _rankable(tables: Sequence[FindingTable]) -> dict[str, Scored]:
    return {
        table.finding: scored(table.truth, table.score, table.patients)
        for table in tables
        if table.kind == "binary" and 0 < table.truth.sum() < len(table)
    }


def _independent(table: FindingTable) -> bool:
    return len(np.unique(table.patients)) == len(table)


def _share(measure: str, hits: NDArray[np.bool_], table: FindingTable, settings: Settings) -> Estimate:
    return share_of(measure, hits, table.patients, level=settings.level, interval=settings.proportions)


def _weighted(values: NDArray[np.generic]) -> Callable[[Floats], float]:
    numbers = np.asarray(values, np.float64)
    return lambda w: float(np.average(numbers, weights=w)) if w.sum() > 0 else float("nan")


def _within_level(table: FindingTable, settings: Settings) -> Estimate:
    """AUROC over pairs of rows of one level: what the level alone predicts is worth 0.5."""
    parts = {}
    for name in np.unique(table.levels):
        own = table.where(table.levels == name)
        if 0 < own.truth.sum() < len(own):
            parts[str(name)] = scored(own.truth, own.score, own.patients)
    value = auroc_within_groups(table.truth, table.score, table.levels)
    draws = within_draws(list(ranking_draws(parts, n=settings.resamples, seed=settings.seed).values())) if parts else np.empty(0)
    return _from_draws("AUROC within level", value, draws, table, settings)


def _from_draws(
    measure: str, value: float, draws: Floats, table: FindingTable, settings: Settings, without: Draws | None = None
) -> Estimate:
    """A ranking measure from its replicates; BCa when its values without each patient are given."""
    events = int(table.truth.sum())
    left = None if without is None else without.average_precision if measure == "average precision" else without.auroc
    pulls = None if left is None else pulls_of(value, left)
    one = interval_of(value, draws, (len(table), len(np.unique(table.patients))), settings.seed, pulls, settings.level)
    return from_interval(measure, one, events, settings).warned(few_events(events, len(table) - events))


def _without(table: FindingTable) -> Draws:
    one = scored(table.truth, table.score, table.patients)
    return ranking_without({"": one}, with_precision=True)[""]


def _with_design_effect(area: Estimate, table: FindingTable) -> Estimate:
    if _independent(table):
        return area
    effect = design_effect(table.truth, table.score, table.patients)
    return area.warned(f"Patients give several rows; design effect {effect:.2f} against independent rows.") if np.isfinite(effect) else area
