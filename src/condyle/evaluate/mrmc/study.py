"""A whole reader study: every finding and metric in two arms, readers, groups of readers, time, wash-out.

The first arm is the base, such as ``unaided``; differences are arm - base.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.mrmc.analysis import Approach, compare_arms, covariance_for
from condyle.evaluate.mrmc.design import Design, design_of, design_of_mask
from condyle.evaluate.mrmc.figure import Figures, Pairs, accuracy, area_under_roc, sensitivity, specificity
from condyle.evaluate.mrmc.macro import macro
from condyle.evaluate.mrmc.obuchowski_rockette import ArmTest, Components
from condyle.evaluate.mrmc.reading_time import ReadingTime, reading_time
from condyle.evaluate.mrmc.seniority import GainSpread, ReaderGain, compare_groups, gain_spread, reader_gains
from condyle.evaluate.mrmc.table import VALUES, Assembled, Read, Truth, assemble, findings_of
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
    test : mean squares of the analysis of variance, None with U-statistics and readers' means
    readers : each reader alone; spread : do these readers gain alike; groups : group -> difference within it
    between : difference of the groups' gains
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
    test: ArmTest | None
    readers: tuple[ReaderGain, ...]
    spread: GainSpread
    groups: dict[str, Estimate]
    between: Estimate | None
    excluded: dict[str, int]


@dataclass(frozen=True, slots=True)
class ReaderStudy:
    """Everything a reader study says.

    Parameters
    ----------
    base, arm : names; approach : how they were compared; n_readers, n_studies, n_patients : that took part; seniority : group -> readers
    comparisons : findings by metric, then macro averages
    time : None when the table has no reading times; time_by_group : group -> reading time
    washout : gaps and order
    warnings : sentences of the study as a whole
    """

    base: str
    arm: str
    approach: Approach
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
    approach: Approach | None = None,
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
    approach : method, and whether readers and cases are random; None is all random, by what the design allows

    Raises
    ------
    InputError - an arm or finding without reads, a metric whose column is empty, a design that the asked method cannot analyse
    """
    wanted = tuple(findings) or findings_of(reads)
    filled = {column for column in VALUES if any(getattr(read, column) is not None for read in reads)}
    asked = tuple(metrics) or tuple(name for name, (column, _) in METRICS.items() if column in filled)
    unknown = [name for name in asked if name not in METRICS]
    if unknown or not asked:
        raise InputError("mrmc-metric", f"Metrics of a reader study are {', '.join(METRICS)}; asked was {', '.join(asked) or 'none'}.")
    seniority = {read.reader: read.seniority for read in reads}
    approach = approach or Approach()
    found: list[Comparison] = []
    said: list[str] = []
    for metric in asked:
        column, figure = METRICS[metric]
        built: dict[str, Figures] = {}
        rows = []
        for finding in wanted:
            gathered = assemble(reads, truth, finding, value=column, arms=(base, arm))
            figures = figure(gathered.reads)
            built[finding] = figures
            rows.append(_compare(finding, metric, figures, gathered, base, arm, seniority, approach, level))
        adjusted = _holm([row.difference.p for row in rows])
        found += [replace(row, p_adjusted=p) for row, p in zip(rows, adjusted, strict=True)]
        for name, members in (groups_of_findings or {}).items():
            parts, lacking = _alike({one: built.get(one) for one in members})
            said += [f"{metric}, macro {name}: {words}" for words in lacking]
            if parts:
                found.append(_compare(f"macro {name}", metric, macro(parts), None, base, arm, seniority, _of_macro(approach), level))
    used = [read for read in reads if read.arm in (base, arm)]
    time, by_group = _times(used, base, arm, seniority, level)
    gaps = washout(used, least_days=least_days)
    patients = {one.study: one.patient for one in truth}
    studies = {read.study for read in used}
    ranks = [seniority[name] for name in dict.fromkeys(read.reader for read in used)]
    return ReaderStudy(
        base, arm, approach, len(ranks), len(studies), len({patients.get(study, study) for study in studies}),
        {rank: ranks.count(rank) for rank in dict.fromkeys(ranks) if rank}, tuple(found), time, by_group, gaps,
        (*gaps.warnings, *said),
    )  # fmt: skip


def _compare(
    finding: str, metric: str, figures: Figures, gathered: Assembled | None, base: str, arm: str, seniority: Mapping[str, str],
    approach: Approach, level: float,
) -> Comparison:  # fmt: skip
    """``gathered`` is None for a macro average, whose parts have said what they lack."""
    design = _design(figures) if gathered is None else design_of(gathered.reads)
    compared = compare_arms(figures, design, base, arm, approach, metric=metric, level=level)
    matrix = covariance_for(figures, design)
    gains = tuple(one for one in reader_gains(figures, base, arm, seniority, matrix, level=level) if np.isfinite(one.gain.estimate))
    ranks = [rank for rank in dict.fromkeys(seniority.get(name, "") for name in figures.readers) if rank]
    groups = {rank: one for rank in ranks if (one := _within(figures, rank, seniority, base, arm, approach, metric, level)) is not None}
    between, least = None, 1 if approach.readers == "fixed" else 2
    if len(groups) == 2 == len(ranks) and all(sum(gain.group == rank for gain in gains) >= least for rank in ranks):
        over_cases = matrix if approach.readers == "fixed" else None
        between = compare_groups(figures, base, arm, seniority, ranks[0], ranks[1], covariance=over_cases, level=level)
    return Comparison(
        finding, metric, base, arm, compared.base, compared.arm, compared.difference, float("nan"), design, compared.components,
        compared.test, gains, gain_spread(figures, base, arm, matrix), groups, between, {} if gathered is None else gathered.excluded,
    )  # fmt: skip


def _within(
    figures: Figures, rank: str, seniority: Mapping[str, str], base: str, arm: str, approach: Approach, metric: str, level: float
) -> Estimate | None:
    """The difference among the readers of one group alone; None without an interval, as with one random reader."""
    places = [j for j, name in enumerate(figures.readers) if seniority.get(name) == rank]
    if len(places) < (1 if approach.readers == "fixed" else 2):
        return None
    own = _of_readers(figures, np.array(places, np.intp))
    found = compare_arms(own, _design(own), base, arm, approach, metric=metric, level=level).difference
    return found if np.isfinite(found.se) else None


def _of_readers(figures: Figures, places: NDArray[np.intp]) -> Figures:
    return Figures(
        figures.name, figures.arms, tuple(figures.readers[j] for j in places), figures.patients, figures.value[:, places],
        figures.without[:, :, places], figures.used[:, :, places], figures.positive[:, :, places], figures.negative[:, :, places],
        lambda weights: figures.weighted(weights)[:, places], *(_sides(pairs, places) for pairs in (figures.pairs, figures.successes)),
    )  # fmt: skip


def _of_macro(approach: Approach) -> Approach:
    """A macro average is no pair statistic: in place of U-statistics the readers' means are analysed."""
    return replace(approach, method="auto") if approach.method == "u" else approach


def _alike(members: Mapping[str, Figures | None]) -> tuple[list[Figures], list[str]]:
    """The parts of a macro average, by the readers of all, and what it does without. Its parts lose their pairs."""
    defined = {name: one for name, one in members.items() if one is not None and np.isfinite(one.value).any()}
    said = [f"without {name}, which was not read or has one class only." for name in members if name not in defined]
    readers = next(iter(defined.values())).readers if defined else ()
    common = [name for name in readers if all(name in one.readers for one in defined.values())]
    others = {name for one in defined.values() for name in one.readers} - set(common)
    said += [f"without {len(others)} readers who did not read every finding."] if others else []
    if not common:
        return [], said
    return [_of_readers(one, np.array([one.readers.index(name) for name in common], np.intp)) for one in defined.values()], said


def _sides(pairs: Pairs | None, places: NDArray[np.intp]) -> Pairs | None:
    return None if pairs is None else replace(pairs, positive=pairs.positive[:, places], negative=pairs.negative[:, places])


def _design(figures: Figures) -> Design:
    return design_of_mask(np.moveaxis(figures.used, 0, 2))


def _holm(p: Sequence[float]) -> list[float]:
    """Holm over those that are tested; NaN stays NaN."""
    defined = [place for place, one in enumerate(p) if np.isfinite(one)]
    found = [float("nan")] * len(p)
    for place, value in zip(defined, holm([p[one] for one in defined]) if defined else (), strict=True):
        found[place] = float(value)
    return found


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
