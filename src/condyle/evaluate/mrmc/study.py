"""A whole reader study: every finding and metric in two arms or more, readers, groups of readers, time, wash-out.

The first arm is the base, such as ``unaided``; differences are later - earlier.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.mrmc.analysis import Approach, compare_arms, covariance_for
from condyle.evaluate.mrmc.design import Design, design_of, design_of_mask
from condyle.evaluate.mrmc.each_reader import ReaderGain, constant, reader_gains
from condyle.evaluate.mrmc.figure import Figures, accuracy, area_under_roc, sensitivity, specificity
from condyle.evaluate.mrmc.macro import macro
from condyle.evaluate.mrmc.obuchowski_rockette import ArmTest, Components
from condyle.evaluate.mrmc.reading_time import ReadingTime, enough_times, reading_time
from condyle.evaluate.mrmc.seniority import GainSpread, compare_groups, gain_spread
from condyle.evaluate.mrmc.table import VALUES, Assembled, Read, Truth, assemble, findings_of, unmatched
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
    p_adjusted : of the difference, Holm over the findings of this metric and, with three arms or more, their pairs; NaN for macro averages
    design : of the reads; components : variance components, None with fewer than two readers of both arms
    test : that all arms are equal, with its mean squares; None with U-statistics and readers' means
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
class AllArms:
    """Are three arms or more equal? The first question before any pair.

    Parameters
    ----------
    test : None where the design has no such test (missing reads, U-statistics); method : of the test
    p_adjusted : Holm over the findings of this metric; NaN for macro averages and without a test
    n, events, patients : as of the differences
    """

    finding: str
    metric: str
    method: str
    test: ArmTest | None
    p_adjusted: float
    n: int
    events: int | None
    patients: int


@dataclass(frozen=True, slots=True)
class ReaderStudy:
    """Everything a reader study says.

    Parameters
    ----------
    arms : the base first; approach : how they were compared; n_readers, n_studies, n_patients : that took part
    seniority : group -> readers
    comparisons : findings by pairs of arms by metric, then macro averages
    all_arms : tests over three arms or more, empty with two
    times : reading times of each pair of arms, of all readers and of each group; empty when the table has none
    washout : gaps and order
    warnings : sentences of the study as a whole
    """

    arms: tuple[str, ...]
    approach: Approach
    n_readers: int
    n_studies: int
    n_patients: int
    seniority: dict[str, int]
    comparisons: tuple[Comparison, ...]
    all_arms: tuple[AllArms, ...]
    times: tuple[ReadingTime, ...]
    washout: Washout
    warnings: tuple[str, ...]

    def of(self, finding: str, metric: str, arm: str = "") -> Comparison:
        """The comparison of a finding (or ``macro`` group) and metric; of the first pair, or of this arm with the base."""
        for one in self.comparisons:
            if (one.finding, one.metric) == (finding, metric) and arm in ("", one.arm):
                return one
        raise InputError(
            "mrmc-absent", f"The study holds no {metric} of {finding}.",
            what_to_do=f"Ask for one of {', '.join(sorted({f'{one.metric} of {one.finding}' for one in self.comparisons}))}.",
        )  # fmt: skip


def reader_study(
    reads: Sequence[Read],
    truth: Sequence[Truth],
    *,
    arms: Sequence[str],
    findings: Sequence[str] = (),
    metrics: Sequence[str] = (),
    groups_of_findings: Mapping[str, Sequence[str]] | None = None,
    approach: Approach | None = None,
    level: float = 0.95,
    least_days: float = 28.0,
) -> ReaderStudy:
    """Analyse a reader study of two arms or more.

    Parameters
    ----------
    reads, truth : from ``parse_reads`` and ``parse_truth``
    arms : the base first. Differences are later - earlier; with three arms or more all pairs are compared after a test of all
    findings : to analyse; none takes all that were read
    metrics : of ``auroc`` (from scores), ``sensitivity``, ``specificity``, ``accuracy`` (from decisions); none takes those whose
        column is filled
    groups_of_findings : name -> findings whose macro average is given too, such as ``major`` and ``minor``
    approach : method, and whether readers and cases are random; None is all random, by what the design allows

    Raises
    ------
    InputError - fewer than two arms, an arm or finding without reads, a metric whose column is empty, a design that the asked method
        cannot analyse
    """
    names = tuple(dict.fromkeys(arms))
    if len(names) < 2:
        raise InputError("mrmc-arms", "Two arms or more are compared.", why=f"Given: {', '.join(arms) or 'none'}.",
                         what_to_do="Name the base and the other arms as the table does.")  # fmt: skip
    wanted = tuple(findings) or findings_of(reads)
    valued = [read for read in reads if read.valued]
    filled = {(read.finding, column) for read in valued for column in VALUES if getattr(read, column) is not None}
    asked = tuple(metrics) or tuple(name for name, (column, _) in METRICS.items() if any(column == one for _, one in filled))
    unknown = [name for name in asked if name not in METRICS]
    if unknown or not asked:
        raise InputError(
            "mrmc-metric", f"Metrics of a reader study are {', '.join(METRICS)}; asked was {', '.join(asked) or 'none'}.",
            what_to_do="Fill the column 'score' for AUROC, 'decision' for the others.",
        )  # fmt: skip
    seniority = {read.reader: read.seniority for read in valued}
    approach = approach or Approach()
    pairs = list(itertools.combinations(names, 2))
    found: list[Comparison] = []
    tests: list[AllArms] = []
    said = list(unmatched([read for read in reads if read.arm in names and read.finding in wanted], truth))
    for metric in asked:
        column, figure = METRICS[metric]
        built: dict[str, Figures] = {}
        rows: list[Comparison] = []
        for finding in wanted:
            if not metrics and (finding, column) not in filled:
                said.append(f"{metric}: {finding} has no {column} and is not analysed.")
                continue
            gathered = assemble(valued, truth, finding, value=column, arms=names)
            figures = figure(gathered.reads)
            built[finding] = figures
            said += [f"{metric}, {finding}: {words}" for words in _flat(figures)]
            rows += [_compare(finding, metric, figures, gathered, pair, seniority, approach, level) for pair in pairs]
        adjusted = _holm([row.difference.p for row in rows])
        rows = [replace(row, p_adjusted=p) for row, p in zip(rows, adjusted, strict=True)]
        macros: list[Comparison] = []
        for name, members in (groups_of_findings or {}).items():
            parts, lacking = _alike({one: built.get(one) for one in members})
            said += [f"{metric}, macro {name}: {words}" for words in lacking]
            if parts:
                whole = macro(parts)
                macros += [_compare(f"macro {name}", metric, whole, None, pair, seniority, _of_macro(approach), level) for pair in pairs]
        found += rows + macros
        if len(names) > 2:
            tests += _all_arms(rows, adjust=True) + _all_arms(macros, adjust=False)
    used = [read for read in valued if read.arm in names and read.finding in wanted]
    takers = {read.reader for read in used}
    made = [read for read in reads if read.made and read.reader in takers and read.arm in names and read.finding in wanted]
    gaps = washout(made, least_days=least_days)
    patients = {one.study: one.patient for one in truth}
    studies = {read.study for read in used} & set(patients)
    ranks = [seniority[name] for name in dict.fromkeys(read.reader for read in used)]
    return ReaderStudy(
        names, approach, len(ranks), len(studies), len({patients[study] for study in studies}),
        {rank: ranks.count(rank) for rank in dict.fromkeys(ranks) if rank}, tuple(found), tuple(tests),
        _over_pairs([one for pair in pairs for one in _times(made, *pair, seniority, level, said)]), gaps,
        (*gaps.warnings, *dict.fromkeys(said)),
    )  # fmt: skip


def _flat(figures: Figures) -> list[str]:
    return [sentence for reader in figures.readers for sentence in constant(figures, reader)]


def _all_arms(rows: Sequence[Comparison], *, adjust: bool) -> list[AllArms]:
    """One line a finding: every pair carries the same test of all arms."""
    first = list({row.finding: row for row in rows}.values())
    p = [float("nan") if row.test is None else row.test.p for row in first]
    adjusted = _holm(p) if adjust else [float("nan")] * len(p)
    none = "no test of all arms at once for this design: pairs with Holm's adjustment stand alone"
    return [
        AllArms(
            row.finding, row.metric, row.difference.method if row.test is not None else none, row.test, own,
            row.difference.n, row.difference.events, row.difference.clusters,
        )
        for row, own in zip(first, adjusted, strict=True)
    ]  # fmt: skip


def _compare(
    finding: str, metric: str, figures: Figures, gathered: Assembled | None, pair: tuple[str, str], seniority: Mapping[str, str],
    approach: Approach, level: float,
) -> Comparison:  # fmt: skip
    """``gathered`` is None for a macro average, whose parts have said what they lack. Figures may hold more arms than the pair."""
    base, arm = pair
    design = _design(figures) if gathered is None else design_of(gathered.reads)
    compared = compare_arms(figures, design, base, arm, approach, metric=metric, level=level)
    matrix = covariance_for(figures, design)
    gains = reader_gains(figures, base, arm, seniority, matrix, metric=metric, level=level)
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
    own = figures.of_readers(places)
    found = compare_arms(own, _design(own), base, arm, approach, metric=metric, level=level).difference
    return found if np.isfinite(found.se) else None


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
    said += [f"without {len(others)} reader{'s' if len(others) > 1 else ''} who did not read every finding."] if others else []
    if not common:
        return [], said
    return [one.of_readers([one.readers.index(name) for name in common]) for one in defined.values()], said


def _design(figures: Figures) -> Design:
    return design_of_mask(np.moveaxis(figures.used, 0, 2))


def _holm(p: Sequence[float]) -> list[float]:
    """Holm over those that are tested; NaN stays NaN."""
    defined = [place for place, one in enumerate(p) if np.isfinite(one)]
    found = [float("nan")] * len(p)
    for place, value in zip(defined, holm([p[one] for one in defined]) if defined else (), strict=True):
        found[place] = float(value)
    return found


def _over_pairs(times: Sequence[ReadingTime]) -> tuple[ReadingTime, ...]:
    """p over the pairs of arms, each group of readers for itself."""
    found = list(times)
    for group in {one.group for one in times}:
        places = [place for place, one in enumerate(times) if one.group == group]
        for place, p in zip(places, _holm([times[one].ratio.p for one in places]), strict=True):
            found[place] = replace(times[place], p_adjusted=p)
    return tuple(found)


def _times(
    reads: Sequence[Read], base: str, arm: str, seniority: Mapping[str, str], level: float, said: list[str]
) -> list[ReadingTime]:
    """Of all readers, then of each group with two readers or more; a sentence where there are too few."""
    if not any(read.seconds is not None for read in reads):
        return []
    found = []
    for rank in ("", *dict.fromkeys(one for one in seniority.values() if one)):
        own = [read for read in reads if rank in ("", read.seniority)]
        if enough_times(own, base, arm):
            found.append(replace(reading_time(own, base, arm, level=level), group=rank))
        else:
            words = "fewer than two readers or studies, one arm, or all alike"
            said.append(f"Reading times of {rank or 'all readers'}, {arm} / {base}: {words}.")
    return found
