"""One measure in each subgroup, and whether the subgroups differ. No difference found is not parity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f

from condyle.errors import InputError
from condyle.evaluate.bootstrap import Interval, interval_of
from condyle.evaluate.clustered_auc import clustered_auroc
from condyle.evaluate.delong import delong
from condyle.evaluate.diagnostic import accuracy
from condyle.evaluate.estimate import Estimate, binary, finite
from condyle.evaluate.jackknife import equal_values
from condyle.evaluate.ranking import auroc
from condyle.evaluate.recalibration import logistic
from condyle.evaluate.resampling import gap_draws, ranking_draws, ranking_without, scored

ENOUGH = 10  # positives, and negatives, below which a cell is only counted
SHUFFLES = 200  # random assignments of patients to groups for the gap that chance alone gives
NO_TEST = (float("nan"), 0, float("nan"))
WELCH = "Welch's F of the areas about their weighted mean, variances over patients"


@dataclass(frozen=True, slots=True)
class Difference:
    """Whether subgroups differ.

    Parameters
    ----------
    gap : Interval or None - largest minus smallest value over subgroups with enough of both classes; its interval is that of
        this statistic over resampled patients. It is above 0 even when nothing differs:
    gap_if_equal : mean gap when group labels are dealt out anew among patients; NaN when not asked for
    test : Estimate - the interaction test: statistic, df and p; NaN when it cannot be made, ``note`` says why
    """

    measure: str
    gap: Interval | None
    gap_if_equal: float
    test: Estimate
    note: str

    @property
    def statistic(self) -> float:
        return self.test.statistic

    @property
    def df(self) -> int:
        """Of the test; 0 when there is none."""
        return 0 if np.isnan(self.test.df) else int(self.test.df)

    @property
    def p(self) -> float:
        return self.test.p


def interaction(measure: str, test: tuple[float, int, float], how: str, size: tuple[int, int | None, int], note: str = "") -> Estimate:
    """An interaction test as an estimate without an interval.

    Parameters
    ----------
    test : statistic, degrees of freedom (0 when there is none), p; how : it was made; size : rows, events, patients of the groups compared
    note : why there is none
    """
    (statistic, df, p), (n, events, clusters) = test, size
    if not df:
        statistic = p = float("nan")
    return Estimate(
        f"interaction of {measure}", statistic, method=f"{how}; no interval: a test", n=n, events=events, clusters=clusters,
        statistic=statistic, df=df or float("nan"), p=p, null="the groups have one value", warnings=(note,) if note and not df else (),
    )  # fmt: skip


def subgroup_values(
    truth: ArrayLike,
    score: ArrayLike,
    called: ArrayLike | None,
    groups: ArrayLike,
    clusters: ArrayLike,
    *,
    level: float = 0.95,
    proportions: str = "wilson",
) -> dict[str, dict[str, Estimate]]:
    """AUROC, and sensitivity and specificity of calls, in each subgroup.

    Parameters
    ----------
    truth : (n,) 0 or 1; score : (n,); called : (n,) 0, 1 or NaN (undecided), or None
    groups : (n,) labels; '' is "unknown" and makes its own group
    clusters : (n,) patients
    proportions : 'wilson' or 'exact', for independent units

    Returns
    -------
    group -> measure -> Estimate. With fewer than ``ENOUGH`` positives or negatives the estimate is NaN and the warning says
    "insufficient"; n and events stand
    """
    y = binary(truth)
    s = finite(score, y)
    labels, patients = np.asarray(groups).astype(str), np.asarray(clusters)
    found: dict[str, dict[str, Estimate]] = {}
    for name in np.unique(labels):
        own = labels == name
        events, n, people = int(y[own].sum()), int(own.sum()), len(np.unique(patients[own]))
        measures = ["AUROC"] + (["sensitivity", "specificity"] if called is not None else [])
        if min(events, n - events) < ENOUGH:
            sentence = f"insufficient: {events} positives and {n - events} negatives"
            found[str(name)] = {
                measure: Estimate(measure, float("nan"), n=n, events=events, clusters=people, level=level, warnings=(sentence,))
                for measure in measures
            }
            continue
        repeated = people < n
        area = clustered_auroc(y[own], s[own], patients[own], level=level) if repeated else delong(y[own], s[own], level=level)
        found[str(name)] = {"AUROC": area}
        if called is not None:
            calls = np.asarray(called, np.float64)
            decided = own & ~np.isnan(calls)
            shares = accuracy(y[decided], calls[decided], patients[decided], level=level, interval=proportions)
            found[str(name)] |= {measure: shares[measure] for measure in ("sensitivity", "specificity")}
    return found


def auroc_difference(
    truth: ArrayLike, score: ArrayLike, groups: ArrayLike, clusters: ArrayLike, *, n: int = 1000, seed: int = 0, shuffles: int = SHUFFLES,
    level: float = 0.95,
) -> Difference:
    """Gap and interaction test of AUROC over subgroups with enough of both classes.

    The test is Welch's of the areas about their precision-weighted mean with variances over patients, each with its own degrees of
    freedom: of two groups it is the unpaired t test. Cochran's chi-square takes the variances as known, and called 8 to 11 % of null
    differences significant in small groups where this calls 4 to 6 %. Where groups share patients (levels, sides) it is an F with their
    covariance over patients (``jackknife.equal_values``).

    Source: Welch, Biometrika 1951;38:330-336, applied to Obuchowski's variances (DeLong's where no patient repeats).
    """
    y = binary(truth)
    s = finite(score, y)
    labels, patients = np.asarray(groups).astype(str), np.asarray(clusters)
    usable = [name for name in np.unique(labels) if min(y[labels == name].sum(), (~y[labels == name]).sum()) >= ENOUGH]
    kept = np.isin(labels, usable)
    y, s, labels, patients = y[kept], s[kept], labels[kept], patients[kept]
    size = (len(y), int(y.sum()), len(np.unique(patients)))
    if len(usable) < 2:
        note = "Fewer than two subgroups have enough positives and negatives."
        return Difference("AUROC", None, float("nan"), interaction("AUROC", NO_TEST, WELCH, size, note), note)
    gap = _gap_interval(y, s, labels, usable, patients, n, seed, level)
    if _shared(labels, patients):
        parts = {name: scored(y[own], s[own], patients[own]) for name in usable for own in [labels == name]}
        values = np.array([auroc(one.truth, one.score) for one in parts.values()])
        test = equal_values(values, np.stack([one.auroc for one in ranking_without(parts).values()], axis=1))
        note = "Patients occur in several subgroups: F over patients." if test.df else "The areas do not vary."
        made = interaction("AUROC", (test.statistic, test.df, test.p), test.how, size, note)
        return Difference("AUROC", gap, float("nan"), made, note)
    areas = [clustered_auroc(y[labels == name], s[labels == name], patients[labels == name]) for name in usable]
    statistic, df, error = _welch(np.array([(one.estimate, one.se, one.df) for one in areas]))
    null = _shuffled(y, s, labels, usable, patients, shuffles, seed) if shuffles else float("nan")
    note = "" if df else "An area has no variance."
    how = WELCH.replace("F of", f"F({df}, {error:.8g}) of") if df else WELCH
    made = interaction("AUROC", (statistic, df, float(f.sf(statistic, df, error)) if df else float("nan")), how, size, note)
    return Difference("AUROC", gap, null, made, note)


def share_difference(measure: str, truth: ArrayLike, called: ArrayLike, groups: ArrayLike, clusters: ArrayLike) -> Difference:
    """Interaction test of sensitivity (or specificity): calls among positives (negatives) by group.

    Wald test of the group terms of a logistic regression with independence working correlation and a sandwich over
    patients (generalised estimating equations), K / (K - 1); F with K - g degrees of freedom, K patients in g groups.

    Source: Liang & Zeger, Biometrika 1986;73:13-22.
    """
    y, calls = binary(truth), np.asarray(called, np.float64)
    if measure not in ("sensitivity", "specificity"):
        raise InputError(
            "statistics-measure", "Only sensitivity and specificity have this test.",
            what_to_do="Ask for one of them, or for the areas by auroc_difference.",
        )  # fmt: skip
    own = (y if measure == "sensitivity" else ~y) & ~np.isnan(calls)
    right = (calls == 1)[own] if measure == "sensitivity" else (calls == 0)[own]
    labels, patients = np.asarray(groups).astype(str)[own], np.asarray(clusters)[own]
    how = "Wald F of a logistic regression on group, sandwich over patients"
    usable = [str(name) for name in np.unique(labels) if (labels == name).sum() >= ENOUGH and 0 < right[labels == name].mean() < 1]
    kept = np.isin(labels, usable)
    size = (int(kept.sum()), int(right[kept].sum()), len(np.unique(patients[kept])))
    flat = [str(name) for name in np.unique(labels) if (labels == name).sum() >= ENOUGH and str(name) not in usable]
    left_out = f"Left out of the test, since all or none of its rows are right: {', '.join(flat)}." if flat else ""
    if len(usable) < 2:
        note = " ".join(filter(None, ("Fewer than two subgroups vary and are large enough.", left_out)))
        return Difference(measure, None, float("nan"), interaction(measure, NO_TEST, how, size, note), note)
    design = np.stack([np.ones(int(kept.sum())), *[(labels[kept] == name).astype(np.float64) for name in usable[1:]]], axis=1)
    fit = logistic(right[kept], design)
    terms, cov = fit.coefficients[1:], fit.sandwich(patients[kept])[1:, 1:]
    df, error = int(np.linalg.matrix_rank(cov, hermitian=True)), size[2] - len(usable)
    if not df or error < 1:
        note = "Too few patients for a test."
        return Difference(measure, None, float("nan"), interaction(measure, NO_TEST, how, size, note), note)
    statistic = float(terms @ np.linalg.pinv(cov, hermitian=True) @ terms) / df
    made = interaction(measure, (statistic, df, float(f.sf(statistic, df, error))), how.replace("F", f"F({df}, {error})"), size)
    return Difference(measure, None, float("nan"), made.warned(left_out), left_out)


def bands(values: ArrayLike, edges: Mapping[str, tuple[float, float]]) -> NDArray[np.str_]:
    """Numbers as named bands [low, high); outside all or NaN is ''."""
    given = np.asarray(values, np.float64)
    found = np.full(len(given), "", dtype=object)
    for name, (low, high) in edges.items():
        found[(given >= low) & (given < high)] = name
    return found.astype(str)


def _gap_interval(
    y: NDArray[np.bool_],
    s: NDArray[np.float64],
    labels: NDArray[np.str_],
    names: list[str],
    patients: NDArray[np.generic],
    n: int,
    seed: int,
    level: float,
) -> Interval:
    parts = ranking_draws({name: scored(y[labels == name], s[labels == name], patients[labels == name]) for name in names}, n=n, seed=seed)
    value = _gap(y, s, labels, names, np.ones(len(y)))
    return interval_of(value, gap_draws(list(parts.values())), (len(y), len(np.unique(patients))), seed, None, level)


def _gap(y: NDArray[np.bool_], s: NDArray[np.float64], labels: NDArray[np.str_], names: list[str], w: NDArray[np.float64]) -> float:
    areas = [auroc(y[own], s[own], w[own]) for own in (labels == name for name in names)]
    return float(max(areas) - min(areas)) if np.isfinite(areas).all() else float("nan")


def _shared(labels: NDArray[np.str_], patients: NDArray[np.generic]) -> bool:
    pairs = {(str(patient), str(label)) for patient, label in zip(patients, labels, strict=True)}
    return len(pairs) > len(np.unique(patients))


def _welch(groups: NDArray[np.float64]) -> tuple[float, int, float]:
    """F and its two degrees of freedom from (g, 3) values, standard errors and their degrees of freedom; (NaN, 0, 0) without variance."""
    (values, se, df), g = groups.T, len(groups)
    if not (se > 0).all():
        return float("nan"), 0, 0.0
    weight = 1 / se**2
    share = weight / weight.sum()
    spread = float((weight * (values - share @ values) ** 2).sum()) / (g - 1)
    unsure = float(((1 - share) ** 2 / df).sum())
    return spread / (1 + 2 * (g - 2) / (g**2 - 1) * unsure), g - 1, (g**2 - 1) / (3 * unsure)


def _shuffled(
    y: NDArray[np.bool_],
    s: NDArray[np.float64],
    labels: NDArray[np.str_],
    names: list[str],
    patients: NDArray[np.generic],
    times: int,
    seed: int,
) -> float:
    """Mean gap with group labels permuted among patients."""
    people, first, place = np.unique(patients, return_index=True, return_inverse=True)
    rng, own = np.random.default_rng(seed), labels[first]
    ones = np.ones(len(y))
    gaps = [_gap(y, s, rng.permutation(own)[place], names, ones) for _ in range(times)]
    usable = [gap for gap in gaps if np.isfinite(gap)]
    return float(np.mean(usable)) if usable and len(people) > 1 else float("nan")
