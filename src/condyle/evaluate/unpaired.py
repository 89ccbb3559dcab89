"""One finding in two sets of different patients: every difference is second minus first, and the sets are independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from condyle.errors import InputError
from condyle.evaluate.bootstrap import interval_of, patient_bootstrap
from condyle.evaluate.clustered_auc import clustered_auroc
from condyle.evaluate.comparison import JUDGED, with_holm
from condyle.evaluate.delong import compare_unpaired
from condyle.evaluate.estimate import Estimate, cut
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.noninferiority import noninferior
from condyle.evaluate.proportion import clustered_proportion
from condyle.evaluate.standalone import Line, Settings, from_interval
from condyle.evaluate.subgroup_tests import metric_of
from condyle.evaluate.unpaired_proportions import newcombe_unpaired_difference, unpaired_difference

Bools = NDArray[np.bool_]
SHARES = ("sensitivity", "specificity", "PPV", "NPV", "accuracy")


def unpaired_differences(
    first: Sequence[FindingTable], second: Sequence[FindingTable], settings: Settings, *, margin: float | None = None
) -> list[Line]:
    """Differences of every finding that both sets hold; p of the AUROC differences carry Holm's adjustment in their warnings.

    Parameters
    ----------
    margin : of non-inferiority in the second set, on the scale of AUROC, sensitivity and specificity

    Raises
    ------
    InputError - a patient is in both sets
    """
    _refuse_common_patients(first, second)
    others = {table.finding: table for table in second}
    lines: list[Line] = []
    for one in first:
        if one.finding not in others:
            continue
        for found in _of_finding(one.answered(settings.failures), others[one.finding].answered(settings.failures), settings):
            judged = margin is not None and found.measure in JUDGED and np.isfinite(found.low)
            verdict = noninferior(found, margin).sentence if judged and margin is not None else ""
            lines.append(Line(one.finding, "all", "", found.warned(verdict)))
    return with_holm(lines)


def _of_finding(one: FindingTable, other: FindingTable, settings: Settings) -> list[Estimate]:
    if not len(one) or not len(other):
        return [Estimate("difference", float("nan"), warnings=("One of the sets has no row with truth and an answer.",))]
    if one.kind != "binary":
        return [_by_bootstrap(one, other, settings)]
    found = [_areas(one, other, settings)]
    decided = [table.where(~np.isnan(table.called)) for table in (one, other)]
    if all(map(len, decided)):
        found += [line for measure in SHARES for line in _share(measure, decided[0], decided[1], settings)]
    return found


def _areas(one: FindingTable, other: FindingTable, settings: Settings) -> Estimate:
    """DeLong's unpaired test, or the same with errors over patients where one occurs twice."""
    if not _repeated(one) and not _repeated(other):
        found = compare_unpaired(other.truth, other.score, one.truth, one.score, level=settings.level)
        return found if np.isfinite(found.estimate) else replace(found, warnings=("A set has one class only.",))
    parts = [clustered_auroc(table.truth, table.score, table.patients, level=settings.level) for table in (other, one)]
    return _apart("difference of AUROC", parts[0], parts[1], "Obuchowski, unpaired, t", settings)


def _share(measure: str, one: FindingTable, other: FindingTable, settings: Settings) -> list[Estimate]:
    """Miettinen and Nurminen's difference with Newcombe's beside it; the ratio estimators of both sets where patients repeat."""
    name = f"difference of {measure}"
    sets = [_counted(measure, table) for table in (other, one)]
    if not all(among.any() for among, _ in sets):
        return [Estimate(name, float("nan"), level=settings.level, warnings=("One of the sets has nothing to count.",))]
    if _repeated(one) or _repeated(other):
        parts = [
            clustered_proportion(measure, right[among], table.patients[among], level=settings.level)
            for table, (among, right) in zip((other, one), sets, strict=True)
        ]
        return [_apart(name, parts[0], parts[1], "ratio estimators over patients, t", settings)]
    four = [int(count) for among, right in sets for count in (right[among].sum(), among.sum())]
    found = unpaired_difference(name, *four, level=settings.level)
    note = "Predictive values move with prevalence: part of the difference may be that of the sets." if measure in ("PPV", "NPV") else ""
    return [found.warned(note), newcombe_unpaired_difference(f"{name}, Newcombe", *four, level=settings.level)]


def _counted(measure: str, table: FindingTable) -> tuple[Bools, Bools]:
    """Which rows a share is taken of, and which count for it."""
    true, said = table.truth == 1, table.called == 1
    return {
        "sensitivity": (true, said), "specificity": (~true, ~said), "PPV": (said, true), "NPV": (~said, ~true),
        "accuracy": (np.ones(len(table), bool), true == said),
    }[measure]  # fmt: skip


def _apart(name: str, later: Estimate, earlier: Estimate, method: str, settings: Settings) -> Estimate:
    """Later less earlier of independent estimates, Satterthwaite's degrees of freedom; limits are cut at -1 and 1."""
    record: dict[str, Any] = {
        "n": later.n + earlier.n, "clusters": later.clusters + earlier.clusters,
        "level": settings.level,
    }  # fmt: skip
    if "AUROC" in name:
        record["events"] = (later.events or 0) + (earlier.events or 0)
    else:
        record["counts"] = (later.events or 0, later.n, earlier.events or 0, earlier.n)
    gap, variances = later.estimate - earlier.estimate, (later.se**2, earlier.se**2)
    dfs = [max(one.clusters - 1, 1) if np.isnan(one.df) else one.df for one in (later, earlier)]
    if not sum(variances) > 0:
        sentences = dict.fromkeys((*later.warnings, *earlier.warnings, "The difference has no variance."))
        return Estimate(name, gap, warnings=tuple(sentences), **record)
    se = float(np.sqrt(sum(variances)))
    df = se**4 / sum(variance**2 / own for variance, own in zip(variances, dfs, strict=True))
    half, z = float(t.ppf(0.5 + settings.level / 2, df)) * se, gap / se
    stuck = (one.estimate for one in (later, earlier) if not one.se)
    bound = tuple(f"A value is {value:g} and shows no variance: the interval is too narrow." for value in stuck)
    return cut(Estimate(
        name, gap, gap - half, gap + half, method, se=se, statistic=z, df=df, p=float(2 * t.sf(abs(z), df)), null="the values are equal",
        warnings=bound, **record,
    ))  # fmt: skip


def _by_bootstrap(one: FindingTable, other: FindingTable, settings: Settings) -> Estimate:
    """Kappa of grades or error of measurements; both sets are resampled, each by its own patients."""
    measure = "quadratic kappa" if one.kind == "ordinal" else "mean absolute error"
    draws, values = [], []
    for place, table in enumerate((other, one)):
        metric: Callable[[NDArray[np.float64]], float] = metric_of(table)
        found = patient_bootstrap({"": metric}, table.patients, n=settings.resamples, seed=settings.seed + place)[""]
        values.append(found.estimate)
        draws.append(np.full(settings.resamples, np.nan) if found.replicates is None else _padded(found.replicates, settings.resamples))
    size = (len(one) + len(other), len(np.unique(one.patients)) + len(np.unique(other.patients)))
    made = interval_of(values[0] - values[1], draws[0] - draws[1], size, settings.seed, None, settings.level)
    return from_interval(f"difference of {measure}", made, None, settings)


def _padded(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    return np.asarray(np.r_[values, np.full(n - len(values), np.nan)])


def _repeated(table: FindingTable) -> bool:
    return len(np.unique(table.patients)) < len(table)


def _refuse_common_patients(first: Sequence[FindingTable], second: Sequence[FindingTable]) -> None:
    people = [{str(one) for table in tables for one in table.patients} for tables in (first, second)]
    common = len(people[0] & people[1])
    if common:
        raise InputError(
            "compare-common-patients", f"{common} patient_ids are in both sets.",
            why="An unpaired comparison takes them as different people.",
            what_to_do="Compare two tables of predictions over one truth, or make the ids of both places distinct (site-id).",
        )  # fmt: skip
