"""A whole reader study: every finding and metric in two arms, readers, groups of readers, time, wash-out.

The first arm is the base, such as ``unaided``; differences are arm - base. Readers and cases are random.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.mrmc.covariance import jackknife
from condyle.evaluate.mrmc.design import Design, design_of, design_of_mask
from condyle.evaluate.mrmc.figure import Figures, accuracy, area_under_roc, sensitivity, specificity
from condyle.evaluate.mrmc.incomplete import components, influence_covariance, mean_gain, mean_value
from condyle.evaluate.mrmc.macro import macro
from condyle.evaluate.mrmc.obuchowski_rockette import Analysis, Components, Contrast, obuchowski_rockette
from condyle.evaluate.mrmc.reading_time import ReadingTime, reading_time
from condyle.evaluate.mrmc.seniority import ReaderGain, compare_groups, reader_gains
from condyle.evaluate.mrmc.table import VALUES, Read, Truth, assemble, findings_of
from condyle.evaluate.mrmc.ustatistics import UStatistic, u_statistics
from condyle.evaluate.mrmc.washout import Washout, washout
from condyle.evaluate.multiplicity import holm

METRICS: dict[str, tuple[str, Callable[..., Figures]]] = {
    "auroc": ("score", area_under_roc),
    "sensitivity": ("decision", sensitivity),
    "specificity": ("decision", specificity),
    "accuracy": ("decision", accuracy),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of one finding (or macro average) in two arms.

    Parameters
    ----------
    finding, metric : str; base, arm : names of the arms
    base_value, arm_value, difference : over readers and cases
    p_adjusted : of the difference, Holm over the findings of this metric; NaN for macro averages
    design : of the reads; components : variance components, None with fewer than two readers of both arms
    readers : each reader alone; groups : group -> difference within it; between : difference of the groups' gains
    excluded : what was left out, by reason
    """

    finding: str
    metric: str
    base: str
    arm: str
    base_value: Estimate
    arm_value: Estimate
    difference: Estimate
    p_adjusted: float
    design: Design
    components: Components | None
    readers: tuple[ReaderGain, ...]
    groups: dict[str, Estimate]
    between: Estimate | None
    excluded: dict[str, int]


@dataclass(frozen=True, slots=True)
class ReaderStudy:
    """Everything a reader study says.

    Parameters
    ----------
    base, arm : names; n_readers, n_studies, n_patients : that took part; seniority : group -> readers
    comparisons : findings by metric, then macro averages
    time : None when the table has no reading times; time_by_group : group -> reading time
    washout : gaps and order
    warnings : sentences of the study as a whole
    """

    base: str
    arm: str
    n_readers: int
    n_studies: int
    n_patients: int
    seniority: dict[str, int]
    comparisons: tuple[Comparison, ...]
    time: ReadingTime | None
    time_by_group: dict[str, ReadingTime]
    washout: Washout
    warnings: tuple[str, ...]

    def of(self, finding: str, metric: str) -> Comparison:
        """The comparison of a finding (or ``macro`` group) and metric."""
        for one in self.comparisons:
            if (one.finding, one.metric) == (finding, metric):
                return one
        raise InputError("mrmc-absent", f"The study holds no {metric} of {finding}.")


def reader_study(
    reads: Sequence[Read],
    truth: Sequence[Truth],
    *,
    base: str,
    arm: str,
    findings: Sequence[str] = (),
    metrics: Sequence[str] = (),
    groups_of_findings: Mapping[str, Sequence[str]] | None = None,
    level: float = 0.95,
    least_days: float = 28.0,
) -> ReaderStudy:
    """Analyse a reader study of two arms.

    Parameters
    ----------
    reads, truth : from ``parse_reads`` and ``parse_truth``
    base, arm : the two arms
    findings : to analyse; none takes all that were read
    metrics : of ``auroc`` (from scores), ``sensitivity``, ``specificity``, ``accuracy`` (from decisions); none takes those whose
        column is filled
    groups_of_findings : name -> findings whose macro average is given too, such as ``major`` and ``minor``

    Raises
    ------
    InputError - an arm or finding without reads, a metric whose column is empty
    """
    wanted = tuple(findings) or findings_of(reads)
    filled = {column for column in VALUES if any(getattr(read, column) is not None for read in reads)}
    asked = tuple(metrics) or tuple(name for name, (column, _) in METRICS.items() if column in filled)
    unknown = [name for name in asked if name not in METRICS]
    if unknown or not asked:
        raise InputError("mrmc-metric", f"Metrics of a reader study are {', '.join(METRICS)}; asked was {', '.join(asked) or 'none'}.")
    seniority = {read.reader: read.seniority for read in reads}
    found: list[Comparison] = []
    for metric in asked:
        column, figure = METRICS[metric]
        built: dict[str, Figures] = {}
        rows = []
        for finding in wanted:
            gathered = assemble(reads, truth, finding, value=column, arms=(base, arm))
            figures = figure(gathered.reads)
            built[finding] = figures
            design = design_of(gathered.reads)
            rows.append(_compare(finding, metric, figures, design, gathered.excluded, base, arm, seniority, level))
        adjusted = _holm([row.difference.p for row in rows])
        found += [replace(row, p_adjusted=p) for row, p in zip(rows, adjusted, strict=True)]
        for name, members in (groups_of_findings or {}).items():
            parts = [_same_readers(built[one]) for one in members if one in built]
            if parts and all(one.readers == parts[0].readers for one in parts):
                mean = macro(parts)
                found.append(_compare(f"macro {name}", metric, mean, _design(mean), {}, base, arm, seniority, level))
    used = [read for read in reads if read.arm in (base, arm)]
    time, by_group = _times(used, base, arm, seniority, level)
    gaps = washout(used, least_days=least_days)
    patients = {one.study: one.patient for one in truth}
    studies = {read.study for read in used}
    ranks = [seniority[name] for name in dict.fromkeys(read.reader for read in used)]
    return ReaderStudy(
        base, arm, len(ranks), len(studies), len({patients.get(study, study) for study in studies}),
        {rank: ranks.count(rank) for rank in dict.fromkeys(ranks) if rank}, tuple(found), time, by_group, gaps, gaps.warnings,
    )  # fmt: skip


def _compare(
    finding: str, metric: str, figures: Figures, design: Design, excluded: dict[str, int], base: str, arm: str,
    seniority: Mapping[str, str], level: float,
) -> Comparison:  # fmt: skip
    if np.isnan(figures.value[figures.used.any(0)]).all():
        nothing = Estimate(metric, float("nan"), n=len(figures.patients), warnings=("Only one class: not defined.",))
        return Comparison(finding, metric, base, arm, nothing, nothing, nothing, float("nan"), design, None, (), {}, None, excluded)
    ranks = [rank for rank in dict.fromkeys(seniority.get(name, "") for name in figures.readers) if rank]
    if design.balanced and len(figures.readers) - len(set(design.blocks)) >= 1 and not np.isnan(figures.value).any():
        matrix = jackknife(figures)
        analysis = replace(obuchowski_rockette(figures, covariance=matrix, level=level), covariance="jackknife")
        gains = reader_gains(figures, base, arm, seniority, matrix, level=level)
        groups = {rank: one for rank in ranks if (one := _within(figures, rank, seniority, base, arm, level)) is not None}
        between = compare_groups(figures, base, arm, seniority, ranks[0], ranks[1], level=level) if len(groups) == 2 == len(ranks) else None
        values = {mean.contrast.name: _of_analysis(mean.contrast, metric, analysis) for mean in analysis.means}
        return Comparison(
            finding, metric, base, arm, values[base], values[arm], _turned(analysis.differences[0], metric, analysis), float("nan"), design,
            analysis.components, gains, groups, between, excluded,
        )  # fmt: skip
    return _incomplete(finding, metric, figures, design, excluded, base, arm, seniority, ranks, level)


def _incomplete(
    finding: str, metric: str, figures: Figures, design: Design, excluded: dict[str, int], base: str, arm: str,
    seniority: Mapping[str, str], ranks: Sequence[str], level: float,
) -> Comparison:  # fmt: skip
    """Missing reads: U-statistics of pairs, readers' means for macro averages; readers and groups from what each has read."""
    gains = reader_gains(figures, base, arm, seniority, influence_covariance(figures), level=level)
    gains = tuple(one for one in gains if np.isfinite(one.gain.estimate))
    groups = {}
    for rank in ranks:
        places = np.array([j for j, name in enumerate(figures.readers) if seniority.get(name) == rank], np.intp)
        own = mean_gain(_of_readers(figures, places), base, arm, level=level)
        if np.isfinite(own.se):
            groups[rank] = replace(own, measure=f"difference of {metric}")
    between = compare_groups(figures, base, arm, seniority, ranks[0], ranks[1], level=level) if len(groups) == 2 == len(ranks) else None
    if figures.pairs is None and figures.successes is None:
        one, other = (replace(mean_value(figures, name, level=level), measure=metric) for name in (base, arm))
        difference = replace(mean_gain(figures, base, arm, level=level), measure=f"difference of {metric}")
    else:
        every = u_statistics(figures, level=level)
        one, other = (_of_u(item, metric, level) for item in every.arms)
        difference = _of_u(every.differences[0], metric, level, turned=True)
    return Comparison(
        finding, metric, base, arm, one, other, difference, float("nan"), design, components(figures, base, arm), gains, groups, between,
        excluded,
    )  # fmt: skip


def _within(figures: Figures, rank: str, seniority: Mapping[str, str], base: str, arm: str, level: float) -> Estimate | None:
    """The difference among the readers of one group alone, readers and cases random; None with one reader."""
    places = [j for j, name in enumerate(figures.readers) if seniority.get(name) == rank]
    if len(places) < 2:
        return None
    own = _of_readers(figures, np.array(places, np.intp))
    design = _design(own)
    if not design.balanced or len(places) - len(set(design.blocks)) < 1:
        return None
    analysis = obuchowski_rockette(own, level=level)
    return _turned(analysis.differences[0], figures.name, analysis)


def _of_readers(figures: Figures, places: NDArray[np.intp]) -> Figures:
    return Figures(
        figures.name, figures.arms, tuple(figures.readers[j] for j in places), figures.patients, figures.value[:, places],
        figures.without[:, :, places], figures.used[:, :, places], figures.positive[:, :, places], figures.negative[:, :, places],
        lambda weights: figures.weighted(weights)[:, places],
    )  # fmt: skip


def _same_readers(figures: Figures) -> Figures:
    """Without the pairs: a macro average is no pair statistic."""
    return _of_readers(figures, np.arange(len(figures.readers)))


def _design(figures: Figures) -> Design:
    return design_of_mask(np.moveaxis(figures.used, 0, 2))


def _holm(p: Sequence[float]) -> list[float]:
    """Holm over those that are tested; NaN stays NaN."""
    defined = [place for place, one in enumerate(p) if np.isfinite(one)]
    found = [float("nan")] * len(p)
    for place, value in zip(defined, holm([p[one] for one in defined]) if defined else (), strict=True):
        found[place] = float(value)
    return found


def _of_analysis(contrast: Contrast, metric: str, analysis: Analysis) -> Estimate:
    return Estimate(
        metric, contrast.estimate, contrast.low, contrast.high,
        f"Obuchowski-Rockette-Hillis, {analysis.covariance} over patients, {analysis.n_readers} readers and cases random",
        analysis.n_patients, None, analysis.n_patients, analysis.level, contrast.se, contrast.statistic, contrast.df, contrast.p,
        "difference 0" if np.isfinite(contrast.p) else "", warnings=analysis.warnings if np.isfinite(contrast.p) else (),
    )  # fmt: skip


def _turned(contrast: Contrast, metric: str, analysis: Analysis) -> Estimate:
    """base - arm becomes arm - base."""
    ends = -contrast.high, -contrast.low
    other = Contrast(contrast.name, -contrast.estimate, contrast.se, contrast.df, *ends, -contrast.statistic, contrast.p)
    return _of_analysis(other, f"difference of {metric}", analysis)


def _of_u(one: UStatistic, metric: str, level: float, *, turned: bool = False) -> Estimate:
    sign, ends = (-1, (-one.unbiased.high, -one.unbiased.low)) if turned else (1, (one.unbiased.low, one.unbiased.high))
    se = float(np.sqrt(one.unbiased.variance)) if one.unbiased.variance >= 0 else float("nan")
    cases = one.n_positive + one.n_negative
    return Estimate(
        f"difference of {metric}" if turned else metric, sign * one.estimate, *ends,
        f"U-statistics (BDG), weighted by what was read, {one.n_readers} readers and cases random", cases, None, cases, level,
        se, float("nan"), one.unbiased.df,
        one.unbiased.p if turned else float("nan"), "difference 0" if turned else "", warnings=one.warnings,
    )  # fmt: skip


def _times(
    reads: Sequence[Read], base: str, arm: str, seniority: Mapping[str, str], level: float
) -> tuple[ReadingTime | None, dict[str, ReadingTime]]:
    if not any(read.seconds is not None for read in reads):
        return None, {}
    whole = reading_time(reads, base, arm, level=level)
    groups = {}
    for rank in dict.fromkeys(seniority.values()):
        own = [read for read in reads if read.seniority == rank]
        if rank and len({read.reader for read in own if read.seconds is not None}) > 1:
            groups[rank] = reading_time(own, base, arm, level=level)
    return whole, groups
