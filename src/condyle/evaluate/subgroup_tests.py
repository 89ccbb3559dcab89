"""Every finding in every subgroup, and one family of tests whether subgroups differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.evaluate.agreement import confusion, kappa_of
from condyle.evaluate.bootstrap import Metric, patient_bootstrap
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.jackknife import Contrast, equal_values
from condyle.evaluate.multiplicity import benjamini_hochberg, holm
from condyle.evaluate.standalone import Line, Settings, from_interval
from condyle.evaluate.study_evidence import P, Sheet
from condyle.evaluate.subgroups import ENOUGH, NO_TEST, SHUFFLES, auroc_difference, interaction, share_difference, subgroup_values

UNTESTED: dict[str, Any] = {"statistic": float("nan"), "df": float("nan"), "p": float("nan"), "null": "", "warnings": ()}

NOTE = (
    "No difference found is not parity. The largest gap is above 0 even when nothing differs, and so are both its limits; 'gap if equal' "
    "is its mean when group labels are dealt out anew; whether groups differ is told by the test. Holm keeps the chance of any false "
    "claim over all tests of this table, for subgroups that were listed before; Benjamini-Hochberg the share of false ones, for a "
    "screen. Significant in one group and not in another is no interaction."
)


@dataclass(frozen=True, slots=True)
class GroupTest:
    """Whether the subgroups of a column differ in a measure of a finding.

    Parameters
    ----------
    gap : largest minus smallest value over the groups that are large enough; None without two
    gap_if_equal : mean gap when labels are dealt out anew; None when not asked for
    test : of the interaction: statistic, df and p; NaN where ``note`` says why there is none
    holm, false_discovery : p adjusted over the family of all tests (Holm; Benjamini-Hochberg)
    """

    finding: str
    column: str
    measure: str
    gap: Estimate | None
    gap_if_equal: Estimate | None
    test: Estimate
    note: str
    holm: float = float("nan")
    false_discovery: float = float("nan")

    @property
    def p(self) -> float:
        return self.test.p

    @property
    def lines(self) -> list[Line]:
        """The gap, the gap if equal and the test as numbers of the evidence."""
        found = [one for one in (self.gap, self.gap_if_equal, self.test) if one is not None]
        return [Line(self.finding, "all", f"between groups of {self.column}", one) for one in found]


def compare_subgroups(
    tables: Sequence[FindingTable], columns: Sequence[str], settings: Settings
) -> tuple[tuple[Line, ...], tuple[GroupTest, ...]]:
    """Values in each subgroup and the tests, p adjusted over all of them together.

    Parameters
    ----------
    tables : as given; rows without an answer are treated as ``settings.failures`` says
    columns : of the tables; 'level' and 'side' too
    """
    lines: list[Line] = []
    tests: list[GroupTest] = []
    for table in tables:
        own = table.answered(settings.failures)
        for column in columns:
            labels = {"level": own.levels, "side": own.sides}.get(column, own.columns.get(column))
            if labels is None or not len(own):
                continue
            named = np.where(labels == "", "unknown", labels)
            found, asked = (_binary if own.kind == "binary" else _graded)(own, column, named, settings)
            lines += found
            tests += asked
    return tuple(lines), _adjusted(tests)


def tests_sheet(tests: Sequence[GroupTest]) -> Sheet:
    """The tests as a table."""
    columns = (
        "Finding", "Column", "Measure", "Largest gap", "Gap if equal", "Statistic", "df", "Interaction p", "p, Holm",
        "p, Benjamini-Hochberg", "Note",
    )  # fmt: skip
    rows = [
        (
            one.finding, one.column, one.measure, one.gap, one.gap_if_equal, one.test, "" if np.isnan(one.test.df) else int(one.test.df),
            P(one.p), P(one.holm), P(one.false_discovery), one.note,
        )
        for one in tests
    ]  # fmt: skip
    of_all = "of the interaction p of all rows of this table"
    how = {"Interaction p": "p of the statistic", "p, Holm": f"Holm's adjustment {of_all}"}
    how["p, Benjamini-Hochberg"] = f"Benjamini and Hochberg's adjustment {of_all}"
    return Sheet("subgroup_tests", "Do subgroups differ?", columns, rows, NOTE, how=how)


def _binary(table: FindingTable, column: str, named: NDArray[np.str_], settings: Settings) -> tuple[list[Line], list[GroupTest]]:
    called = None if np.isnan(table.called).all() else table.called
    values = subgroup_values(
        table.truth, table.score, called, named, table.patients, level=settings.level, proportions=settings.proportions
    )
    lines = [Line(table.finding, "all", f"{column}: {name}", one) for name, measures in values.items() for one in measures.values()]
    n = settings.resamples
    area = auroc_difference(table.truth, table.score, named, table.patients, n=n, seed=settings.seed, level=settings.level)
    gap = None if area.gap is None else _held(from_interval("gap of AUROC", area.gap, area.test.events, settings))
    by_chance = None
    if np.isfinite(area.gap_if_equal):
        how = f"mean over {SHUFFLES} random assignments of patients to groups; no interval: what chance alone gives"
        chance: dict[str, Any] = {"measure": "gap of AUROC if equal", "method": how, "seed": settings.seed, **UNTESTED}
        by_chance = replace(area.test, estimate=area.gap_if_equal, **chance)
    tests = [GroupTest(table.finding, column, "AUROC", gap, by_chance, area.test, area.note)]
    enough = _enough(table, named)  # what the table of values shows is what is compared
    for measure in ("sensitivity", "specificity") if called is not None else ():
        one = share_difference(measure, table.truth[enough], table.called[enough], named[enough], table.patients[enough])
        spread = _share_gap(measure, table.where(enough), named[enough], settings)
        tests.append(GroupTest(table.finding, column, measure, spread, None, one.test, one.note))
    return lines, tests


def _enough(table: FindingTable, named: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Rows of groups with enough positives and enough negatives; the others have counts only."""
    names = [name for name in np.unique(named) if min((table.truth[named == name] == value).sum() for value in (0, 1)) >= ENOUGH]
    return np.isin(named, names)


def _held(gap: Estimate) -> Estimate:
    """A gap is never below 0 and grows under resampling: limits that do not hold the value are no interval for it."""
    if not np.isfinite(gap.low) or gap.low <= gap.estimate <= gap.high:
        return gap
    said = "Resampling widens a small gap beyond its own value: no interval. See the gap if equal and the test."
    return replace(gap, low=float("nan"), high=float("nan"), warnings=(said,))


def _share_gap(measure: str, table: FindingTable, named: NDArray[np.str_], settings: Settings) -> Estimate | None:
    """Largest minus smallest share over groups with enough rows, patients resampled."""
    positive = measure == "sensitivity"
    own = (table.truth == positive) & ~np.isnan(table.called)
    right = (table.called == positive)[own].astype(np.float64)
    labels, patients = named[own], table.patients[own]
    groups = [labels == name for name in np.unique(labels) if (labels == name).sum() >= ENOUGH]
    if len(groups) < 2:
        return None

    def gap(weights: NDArray[np.float64]) -> float:
        totals = [weights[group].sum() for group in groups]
        if not all(totals):
            return float("nan")
        return float(np.ptp([(weights * right)[group].sum() / total for group, total in zip(groups, totals, strict=True)]))

    found = patient_bootstrap({"gap": gap}, patients, n=settings.resamples, seed=settings.seed, confidence=settings.level)
    return _held(from_interval(f"gap of {measure}", found["gap"], int(right.sum()), settings))


def _graded(table: FindingTable, column: str, named: NDArray[np.str_], settings: Settings) -> tuple[list[Line], list[GroupTest]]:
    """Quadratic kappa (mean absolute error of a measurement) in groups of ten rows or more, the gap, and its test over patients."""
    measure = "quadratic kappa" if table.kind == "ordinal" else "mean absolute error"
    n, seed = settings.resamples, settings.seed
    lines: list[Line] = []
    usable: list[tuple[NDArray[np.bool_], Metric]] = []
    for name in np.unique(named):
        rows = named == name
        people, size = table.patients[rows], int(rows.sum())
        if size < ENOUGH:
            small = Estimate(measure, float("nan"), n=size, clusters=len(np.unique(people)), level=settings.level)
            lines.append(Line(table.finding, "all", f"{column}: {name}", small.warned(f"insufficient: {size} rows")))
            continue
        usable.append((rows, metric_of(table.where(rows))))
        found = patient_bootstrap({"value": usable[-1][1]}, people, n=n, seed=seed, confidence=settings.level)
        lines.append(Line(table.finding, "all", f"{column}: {name}", from_interval(measure, found["value"], None, settings)))
    inside = np.any([rows for rows, _ in usable], axis=0) if usable else np.zeros(len(table), bool)
    counted = (int(inside.sum()), None, len(np.unique(table.patients[inside])))
    if len(usable) < 2:
        note = "Fewer than two subgroups."
        nothing = interaction(measure, NO_TEST, "F of the contrasts, jackknife covariance over patients", counted, note)
        return lines, [GroupTest(table.finding, column, measure, None, None, nothing, note)]
    spread = patient_bootstrap(
        {"gap": lambda w: float(np.ptp([metric(w[rows]) for rows, metric in usable]))}, table.patients, n=n, seed=seed,
        confidence=settings.level,
    )  # fmt: skip
    gap = _held(from_interval(f"gap of {measure}", spread["gap"], None, settings))
    test = _equal(table, usable)
    note = "F over patients." if test.df else "The values do not vary, or one is not defined."
    made = interaction(measure, (test.statistic, test.df, test.p), test.how, counted, note)
    return lines, [GroupTest(table.finding, column, measure, gap, None, made, note)]


def _equal(table: FindingTable, usable: Sequence[tuple[NDArray[np.bool_], Metric]]) -> Contrast:
    """Values of the groups and those without each patient; a patient that a group lacks does not change it."""
    values = np.array([metric(np.ones(int(rows.sum()))) for rows, metric in usable])
    if not np.isfinite(values).all():
        return Contrast(float("nan"), 0, 0, float("nan"))
    inside = np.any([rows for rows, _ in usable], axis=0)
    people = np.unique(table.patients[inside])
    without = np.tile(values, (len(people), 1))
    for place, (rows, metric) in enumerate(usable):
        own = table.patients[rows]
        for person in np.unique(own):
            without[np.searchsorted(people, person), place] = metric((own != person).astype(np.float64))
    return equal_values(values, without)


def graded_whole(table: FindingTable, settings: Settings) -> list[Estimate]:
    """The measure of ``_graded`` over all rows, for the line beside the groups."""
    measure = "quadratic kappa" if table.kind == "ordinal" else "mean absolute error"
    n = settings.resamples
    found = patient_bootstrap({measure: metric_of(table)}, table.patients, n=n, seed=settings.seed, confidence=settings.level)
    return [from_interval(measure, found[measure], None, settings)]


def metric_of(own: FindingTable) -> Metric:
    """Quadratic kappa of grades, mean absolute error of a measurement, as a function of row weights."""
    if own.kind == "ordinal":
        return lambda w: kappa_of(confusion(own.truth, own.given, own.scale, w), "quadratic")
    apart = np.abs(own.given - own.truth)
    return lambda w: float(np.average(apart, weights=w)) if w.sum() > 0 else float("nan")


def _adjusted(tests: Sequence[GroupTest]) -> tuple[GroupTest, ...]:
    tested = [place for place, one in enumerate(tests) if np.isfinite(one.p)]
    if not tested:
        return tuple(tests)
    p = [tests[place].p for place in tested]
    found = list(tests)
    for place, family, screen in zip(tested, holm(p), benjamini_hochberg(p), strict=True):
        found[place] = replace(found[place], holm=float(family), false_discovery=float(screen))
    return tuple(found)
