"""Agreement of several readers as evidence: coefficients over all readers, pairs of readers, groups of readers, arms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.evaluate.bland_altman import limits_of_agreement
from condyle.evaluate.bootstrap import rows_bootstrap
from condyle.evaluate.cohen import beside, cohen_kappa
from condyle.evaluate.endpoints import Endpoint, judge_endpoints
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.figures import Figure, Heat, finding_words, forest_of
from condyle.evaluate.finding_figures import bland_altman_figure
from condyle.evaluate.icc import icc
from condyle.evaluate.many_raters import rater_agreement
from condyle.evaluate.proportion import share_of
from condyle.evaluate.standalone import Line, Settings, from_interval
from condyle.evaluate.study_evidence import Cell, Sheet, StudyEvidence

Floats = NDArray[np.float64]
Coefficient = Callable[[NDArray[np.intp]], float]
ICCS = ("ICC(A,1)", "ICC(C,1)", "ICC(1)")


@dataclass(frozen=True, slots=True, eq=False)
class RatingTable:
    """Ratings of one finding in one arm.

    Parameters
    ----------
    finding : name; kind : 'binary', 'ordinal' or 'measurement'; scale : steps of the first two; arm : '' when there is none
    units : what was rated; patients : of each unit, (n,)
    readers : names; groups : reader -> seniority
    ratings : (n, readers), NaN where a reader gave none
    """

    finding: str
    kind: str
    scale: tuple[int, ...]
    arm: str
    units: tuple[str, ...]
    patients: NDArray[np.str_]
    readers: tuple[str, ...]
    ratings: Floats
    unit: str = ""
    groups: dict[str, str] = field(default_factory=dict)


def agreement_study(
    tables: Sequence[RatingTable], settings: Settings, *, endpoints: Sequence[Endpoint] = (), rule: tuple[float, str] = (0.05, "none")
) -> StudyEvidence:
    """Judge how well readers agree, finding by finding and arm by arm."""
    lines: list[Line] = []
    pairs: list[tuple[Cell, ...]] = []
    figures: list[Figure] = []
    for table in tables:
        site = table.arm or "all"
        lines += [Line(table.finding, site, "", one) for one in _coefficients(table, settings)]
        for rank in dict.fromkeys(table.groups.values()):
            own = _of_readers(table, [name for name in table.readers if table.groups.get(name) == rank])
            if rank and 2 <= len(own.readers) < len(table.readers):
                lines += [Line(table.finding, site, f"seniority: {rank}", one) for one in _coefficients(own, settings)[:2]]
        pairs += _pairs(table, settings.level)
        figures += _pair_figures(table, settings)
    lines += _between_arms(tables, settings)
    arms = dict.fromkeys(table.arm for table in tables)
    by_name = {(line.finding, line.site, line.estimate.measure.lower()): line.estimate for line in lines if not line.group}
    only = next(iter(arms), "") or "all"
    found = [by_name.get((one.finding, only if one.site == "all" else one.site, one.measure.lower())) for one in endpoints]
    names = {name for table in tables for name in table.readers}
    summary = (f"{len(names)} readers, {len({(unit, table.finding) for table in tables for unit in table.units})} rated places.",)
    listed = Sheet(
        "agreement", "Agreement of all readers", ("Finding", "Arm", "Readers", "Coefficient", "Value", "Units", "Patients"),
        [
            (line.finding, "" if line.site == "all" else line.site, line.group or "all", line.estimate.measure, line.estimate,
             line.estimate.n, line.estimate.clusters)
            for line in lines
        ],
        "Coefficients differ in what they call chance; where one category is rare kappa is low although readers agree, and AC stays high. "
        "Never compare them between tables of different prevalence.",
    )  # fmt: skip
    byrt = "Byrt 1993, of the n places of the row; no interval: it describes the table of the pair"
    paired = Sheet(
        "pairs", "Pairs of readers", PAIRS, pairs, "Prevalence and bias index: Byrt 1993, two categories only.",
        how={"Prevalence index": byrt, "Bias index": byrt},
    )  # fmt: skip
    return StudyEvidence(
        "Agreement of readers", summary, tuple(lines), (listed, paired), judge_endpoints(endpoints, found, alpha=rule[0], rule=rule[1]),
        _methods(tables, settings), (), (*_forest(lines), *figures), asdict(settings),
    )  # fmt: skip


PAIRS = ("Finding", "Arm", "First", "Second", "Coefficient", "Value", "Exact", "Within one step", "Prevalence index", "Bias index", "n")


def _coefficients(table: RatingTable, settings: Settings) -> list[Estimate]:
    """The leading coefficient first."""
    if table.kind == "measurement":
        whole = table.ratings[~np.isnan(table.ratings).any(axis=1)]
        people = table.patients[~np.isnan(table.ratings).any(axis=1)]
        left = len(table.ratings) - len(whole)
        note = f"{left} units without a number of every reader are left out." if left else ""
        if len(whole) < 3:
            return [Estimate("ICC(A,1)", float("nan"), n=len(whole), warnings=("Fewer than three complete units.", note))]
        return [
            _over_patients(icc(whole, form, level=settings.level), partial(_icc_of, whole, form), people, settings).warned(note)
            for form in ICCS
        ]
    ordinal = table.kind == "ordinal"
    asked = [
        ("Krippendorff alpha", "ordinal" if ordinal else "none"), ("Gwet AC", "quadratic" if ordinal else "none"),
        ("Conger kappa", "quadratic" if ordinal else "none"),
    ]  # fmt: skip
    if not np.isnan(table.ratings).any():
        asked.append(("Fleiss kappa", "quadratic" if ordinal else "none"))
    found = []
    twice = (~np.isnan(table.ratings)).sum(axis=1) > 1  # units that say something of agreement; others speak to the chance of a category
    for name, weighting in asked:
        one = rater_agreement(table.ratings, table.scale, name, weighting=weighting, level=settings.level)
        words = one.measure if weighting == "none" else f"{one.measure}, {weighting} weights"
        one = _over_patients(one, _coefficient(table, name, weighting), table.patients, settings)
        found.append(replace(one, measure=words, n=int(twice.sum()), clusters=len(np.unique(table.patients[twice]))))
    return [*found, _exact(table, settings)]


def _icc_of(whole: Floats, form: str, rows: NDArray[np.intp]) -> float:
    return icc(whole[rows], form).estimate


def _coefficient(table: RatingTable, name: str, weighting: str) -> Coefficient:
    return lambda rows: rater_agreement(table.ratings[rows], table.scale, name, weighting=weighting).estimate


def _exact(table: RatingTable, settings: Settings) -> Estimate:
    """Chance that two readers of a unit say the same, each unit weighing alike."""
    counts = np.stack([(table.ratings == step).sum(axis=1) for step in table.scale], axis=1)
    total = counts.sum(axis=1)
    share = (counts * (counts - 1)).sum(axis=1) / np.maximum(total * (total - 1), 1)
    used = total > 1
    if not used.any():
        return Estimate("exact agreement of pairs", float("nan"), warnings=("No unit has two ratings.",))
    value = float(share[used].mean())
    one = Estimate("exact agreement of pairs", value, n=int(used.sum()), level=settings.level)
    return _bootstrapped(one, lambda rows: float(share[used][rows].mean()), table.patients[used], settings)


def _over_patients(one: Estimate, again: Coefficient, patients: NDArray[np.str_], settings: Settings) -> Estimate:
    """The analytic interval where every patient has one unit, else that of resampled patients."""
    people = len(np.unique(patients))
    if people == len(patients) or np.isnan(one.estimate):
        return replace(one, clusters=people)
    return _bootstrapped(one, again, patients, settings)


def _bootstrapped(one: Estimate, again: Coefficient, patients: NDArray[np.str_], settings: Settings) -> Estimate:
    """Percentile limits over patients; all units of a patient are drawn together."""
    found = rows_bootstrap({one.measure: again}, patients, n=settings.resamples, seed=settings.seed, confidence=settings.level)
    return from_interval(one.measure, found[one.measure], None, settings).warned(*one.warnings)


def _between_arms(tables: Sequence[RatingTable], settings: Settings) -> list[Line]:
    """Difference of the leading coefficient between two arms, patients resampled in both at once."""
    lines: list[Line] = []
    for finding in dict.fromkeys(table.finding for table in tables):
        own = [table for table in tables if table.finding == finding and table.kind != "measurement"]
        if len(own) != 2 or own[0].units != own[1].units:
            continue
        weighting = "ordinal" if own[0].kind == "ordinal" else "none"
        values = [_coefficient(table, "Krippendorff alpha", weighting) for table in own]
        whole = np.arange(len(own[0].units))
        contrast = f"{own[1].arm} - {own[0].arm}"
        gap = Estimate("difference of Krippendorff alpha", values[1](whole) - values[0](whole), n=len(whole), level=settings.level)
        lines.append(Line(finding, contrast, "", _bootstrapped(gap, partial(_gap_of, values[0], values[1]), own[0].patients, settings)))
    return lines


def _gap_of(base: Coefficient, other: Coefficient, rows: NDArray[np.intp]) -> float:
    return other(rows) - base(rows)


def _of_readers(table: RatingTable, names: Sequence[str]) -> RatingTable:
    places = [table.readers.index(name) for name in names]
    return replace(table, readers=tuple(names), ratings=table.ratings[:, places])


def _pairs(table: RatingTable, level: float) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for one, other in combinations(range(len(table.readers)), 2):
        both = ~np.isnan(table.ratings[:, [one, other]]).any(axis=1)
        first, second, names = table.ratings[both, one], table.ratings[both, other], (table.readers[one], table.readers[other])
        if both.sum() < 3:
            continue
        if table.kind == "measurement":
            bias = limits_of_agreement(first, second, table.patients[both], level=level).bias
            rows.append((table.finding, table.arm, *names, "bias", bias, None, None, None, None, int(both.sum())))
            continue
        value = cohen_kappa(first, second, table.scale, weighting="quadratic" if table.kind == "ordinal" else "none", level=level)
        if len(np.unique(table.patients[both])) < both.sum():
            value = replace(value, low=float("nan"), high=float("nan"), method="no interval: several units a patient; see all readers")
        told, apart = beside(first, second, table.scale), np.abs(first - second)
        steps, people = (("exact agreement", 0), ("within one step", 1)), table.patients[both]
        ordered = len(table.scale) > 2  # of two categories everything is within one step
        alike = [share_of(name, apart <= step, people, level=level) if ordered or not step else None for name, step in steps]
        rows.append(
            (table.finding, table.arm, *names, value.measure, value, *alike, told.prevalence_index, told.bias_index, int(both.sum()))
        )
    return rows


def _pair_figures(table: RatingTable, settings: Settings) -> list[Figure]:
    """Kappa of every pair as a heat map; Bland and Altman's plot of a measurement's first pair."""
    file = f"{table.finding}{'_' + table.arm if table.arm else ''}"
    if len(table.readers) < 2:
        return []
    if table.kind == "measurement":
        both = ~np.isnan(table.ratings[:, :2]).any(axis=1)
        if both.sum() < 3:
            return []
        first, second = table.ratings[both, 0], table.ratings[both, 1]
        rows = (first, second, table.patients[both])
        chart = bland_altman_figure(f"bland_altman_{file}", table.finding, *rows, table.unit, level=settings.level)
        return [replace(chart, words=f"{table.readers[0]} less {table.readers[1]}. {chart.words}")]
    if len(table.readers) < 3:
        return []
    values = np.full((len(table.readers),) * 2, np.nan)
    weighting = "quadratic" if table.kind == "ordinal" else "none"
    for one, other in combinations(range(len(table.readers)), 2):
        both = ~np.isnan(table.ratings[:, [one, other]]).any(axis=1)
        if both.sum() >= 3:
            kappa = cohen_kappa(table.ratings[both, one], table.ratings[both, other], table.scale, weighting=weighting).estimate
            values[one, other] = values[other, one] = kappa
    name = "quadratic kappa" if table.kind == "ordinal" else "kappa"
    where = f", {table.arm}" if table.arm else ""
    words = f"Cohen's {name} of every pair of readers{where}. Intervals stand in the table of pairs."
    title = f"{finding_words(table.finding)}{where}: pairs of readers"
    low = min(0.0, float(np.nanmin(values))) if np.isfinite(values).any() else 0.0
    return [Heat(f"pairs_{file}", table.finding, title, "", "", table.readers, table.readers, values, words, low=low, high=1.0)]


def _forest(lines: Sequence[Line]) -> tuple[Figure, ...]:
    leading = ("Krippendorff alpha", "Krippendorff alpha, ordinal weights", "ICC(A,1)")
    own = [line for line in lines if line.estimate.measure in leading]
    rows = []
    for line in own:
        where = ("" if line.site == "all" else line.site, line.group.removeprefix("seniority: "))
        rows.append((" ".join(filter(None, (finding_words(line.finding), *where))), f"n = {line.estimate.n}", line.estimate))
    words = "Krippendorff's alpha (ICC(A,1) of measurements) of all readers, and of groups of readers, with intervals."
    return forest_of("agreement", "Agreement of readers", "Krippendorff alpha or ICC(A,1)", rows, words)


def _methods(tables: Sequence[RatingTable], settings: Settings) -> str:
    kinds = {table.kind for table in tables}
    said = [f"Intervals are {settings.level:.0%}, two-sided."]
    if kinds & {"binary", "ordinal"}:
        said.append(
            "Agreement of all readers: Krippendorff's alpha, Gwet's AC (AC1, or AC2 with quadratic weights), Conger's and, where every "
            "reader rated everything, Fleiss' kappa; missing ratings are used as they are, n counts units with two. Their limits are t "
            "with Gwet's linearised variance over units (2014) where every patient has one. Pairs: Cohen's kappa with its non-null error "
            "(quadratic weights for grades), over the whole scale."
        )
    if "measurement" in kinds:
        said.append("Measurements: intraclass correlations (McGraw and Wong) of units that every reader measured; pairs: Bland and Altman.")
    said.append(
        "Where a patient has several units, and for differences between arms, limits are percentiles over "
        f"{settings.resamples} resamples of patients (seed {settings.seed})."
    )
    return " ".join(said)


def rating_scale(kind: str, scale: Sequence[int]) -> tuple[int, ...]:
    """Steps of a finding. Raises InputError for a category, which has no order and no agreement here."""
    if kind == "binary":
        return (0, 1)
    if kind == "category":
        raise InputError("agreement-category", "Agreement of categories is not offered.", what_to_do="Use findings, grades or numbers.")
    return tuple(scale)
