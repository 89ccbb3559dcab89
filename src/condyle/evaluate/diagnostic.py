"""Accuracy of yes-or-no calls at a frozen threshold: sensitivity, specificity, predictive values, ratios, F1, MCC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.stats import t

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate, binary, z_of
from condyle.evaluate.proportion import clustered_proportion, proportion


@dataclass(frozen=True, slots=True)
class Table:
    """Counts of calls against truth; weights may make them fractions."""

    tp: float
    fp: float
    fn: float
    tn: float

    @property
    def n(self) -> float:
        return self.tp + self.fp + self.fn + self.tn


def count(truth: ArrayLike, called: ArrayLike, weights: ArrayLike | None = None) -> Table:
    """The four counts. ``truth`` and ``called`` are (n,) of 0 and 1."""
    true, said = binary(truth), binary(called, "Calls")
    if true.shape != said.shape:
        raise InputError("statistics-shape", "Truth and calls must have one length.", what_to_do="Give one call for each value of truth.")
    weight = np.ones(len(true)) if weights is None else np.asarray(weights, np.float64)
    return Table(*(float(weight[cell].sum()) for cell in (true & said, ~true & said, true & ~said, ~true & ~said)))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def f1(table: Table) -> float:
    """2 TP / (2 TP + FP + FN); NaN without positives and calls. Blind to true negatives, so it moves with prevalence."""
    return _ratio(2 * table.tp, 2 * table.tp + table.fp + table.fn)


def mcc(table: Table) -> float:
    """Matthews correlation of calls and truth; NaN when a margin is empty. Source: Matthews, BBA 1975;405:442-451."""
    margins = (table.tp + table.fp) * (table.tp + table.fn) * (table.tn + table.fp) * (table.tn + table.fn)
    return _ratio(table.tp * table.tn - table.fp * table.fn, float(np.sqrt(margins)))


def balanced(table: Table) -> float:
    """Mean of sensitivity and specificity."""
    return (_ratio(table.tp, table.tp + table.fn) + _ratio(table.tn, table.tn + table.fp)) / 2


SHARES: Mapping[str, str] = {
    "sensitivity": "positives that are called",
    "specificity": "negatives that are not called",
    "PPV": "calls that are positive",
    "NPV": "non-calls that are negative",
    "accuracy": "units that are called right",
    "prevalence": "units that are positive",
}


def accuracy(
    truth: ArrayLike, called: ArrayLike, clusters: ArrayLike | None = None, *, level: float = 0.95, interval: str = "wilson"
) -> dict[str, Estimate]:
    """Each share of ``SHARES`` with its interval.

    Parameters
    ----------
    clusters : (n,) patient of each unit; when a patient occurs twice the interval is the ratio estimator over patients
    interval : 'wilson' or 'exact', for units that are all of different patients

    Notes
    -----
    PPV and NPV hold at this sample's prevalence only; in an enriched sample give ``predictive_at`` instead.
    """
    true, said = binary(truth), binary(called, "Calls")
    if true.shape != said.shape:
        raise InputError("statistics-shape", "Truth and calls must have one length.", what_to_do="Give one call for each value of truth.")
    of = {
        "sensitivity": (true, said), "specificity": (~true, ~said), "PPV": (said, true), "NPV": (~said, ~true),
        "accuracy": (np.ones_like(true), true == said), "prevalence": (np.ones_like(true), true),
    }  # fmt: skip
    patients = None if clusters is None else np.asarray(clusters)
    repeated = patients is not None and len(np.unique(patients)) < len(patients)
    found = {}
    for name, (among, right) in of.items():
        hits = right[among]
        if patients is not None and repeated:
            found[name] = clustered_proportion(name, hits, patients[among], level=level)
        else:
            found[name] = proportion(name, int(hits.sum()), len(hits), level=level, interval=interval)
    return found


def likelihood_ratios(table: Table, *, level: float = 0.95) -> dict[str, Estimate]:
    """LR+, LR- and diagnostic odds ratio with log-scale Wald limits for independent units.

    Where a cell that the ratio needs is 0, 0.5 is added to all four for the interval, with a warning; the estimate stays
    what the counts say.

    Source: Simel, Samsa & Matchar, J Clin Epidemiol 1991;44:763-770.
    """
    found = {}
    for name, needed in (("LR+", (table.tp, table.fp)), ("LR-", (table.fn, table.tn)), ("diagnostic odds ratio", _cells(table))):
        shift = 0.5 if min(needed) == 0 else 0.0
        plain, _ = _log_ratio(name, table)
        value, variance = _log_ratio(name, Table(*(cell + shift for cell in _cells(table))))
        half = z_of(level) * np.sqrt(variance)
        found[name] = Estimate(
            name, plain, float(value * np.exp(-half)), float(value * np.exp(half)), "log-scale Wald", round(table.n),
            round(table.tp + table.fn), round(table.n), level,
            warnings=("A cell is 0: 0.5 was added to each for the interval.",) if shift else (),
        )  # fmt: skip
    return found


def clustered_likelihood_ratios(truth: ArrayLike, called: ArrayLike, clusters: ArrayLike, *, level: float = 0.95) -> dict[str, Estimate]:
    """LR+, LR- and diagnostic odds ratio where patients give several units: logarithm, errors over patients, t.

    The influence of each unit on the logarithm is summed within patients: var = K / (K - 1) sum_k (sum_i u_i)^2; degrees of freedom are
    min(patients with a positive, with a negative) - 1. No interval where a cell is 0.

    Source: Gu & Pepe, Stat Med 2009;28:2384-2399, with the sandwich of Leisenring, Pepe & Longton, Stat Med 1997;16:1263-1281.
    """
    true, said = binary(truth), binary(called, "Calls")
    labels, place = np.unique(np.asarray(clusters), return_inverse=True)
    table, patients = count(true, said), len(labels)
    df = min(len(np.unique(place[own])) for own in (true, ~true)) - 1
    inside = min(_cells(table)) > 0 and df > 0
    pulls: dict[str, NDArray[np.float64]] = {}
    if inside:
        ups, downs = (_pull_on_log(said, own) for own in (true, ~true))
        misses, passes = (_pull_on_log(~said, own) for own in (true, ~true))
        pulls = {"LR+": ups - downs, "LR-": misses - passes, "diagnostic odds ratio": ups - downs - misses + passes}
    found = {}
    for name in ("LR+", "LR-", "diagnostic odds ratio"):
        value, _ = _log_ratio(name, table)
        record: dict[str, Any] = {"n": len(true), "events": int(true.sum()), "clusters": patients, "level": level}
        if not inside:
            why = "A cell is 0, or a class comes from one patient: no interval over patients."
            known = value if np.isfinite(value) else np.nan
            found[name] = Estimate(name, known, method="log-scale over patients", warnings=(why,), **record)
            continue
        se = float(np.sqrt(patients / (patients - 1) * (np.bincount(place, pulls[name]) ** 2).sum()))
        half = float(t.ppf(0.5 + level / 2, df)) * se
        words = "log-scale, influence summed over patients, t"
        found[name] = Estimate(name, value, value * float(np.exp(-half)), value * float(np.exp(half)), words, df=df, **record)
    return found


def _pull_on_log(counted: NDArray[np.bool_], among: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n,) influence of each unit on the logarithm of the share ``counted`` of ``among``."""
    both = counted & among
    return np.asarray(both / both.sum() - among / among.sum())


def _cells(table: Table) -> tuple[float, float, float, float]:
    return table.tp, table.fp, table.fn, table.tn


def _log_ratio(name: str, table: Table) -> tuple[float, float]:
    """A ratio and the variance of its logarithm; infinite or NaN where a cell it divides by is 0."""
    tp, fp, fn, tn = _cells(table)
    ups, downs = tp + fn, fp + tn
    if name == "diagnostic odds ratio":
        return _over(tp * tn, fp * fn), sum(_over(1, cell) for cell in (tp, fp, fn, tn))
    hit, miss = (tp, fp) if name == "LR+" else (fn, tn)
    return _over(_ratio(hit, ups), _ratio(miss, downs)), _over(1, hit) - _over(1, ups) + _over(1, miss) - _over(1, downs)


def _over(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("inf") if part > 0 else float("nan")


def predictive_at(sensitivity: Estimate, specificity: Estimate, prevalence: float, *, level: float = 0.95) -> dict[str, Estimate]:
    """PPV and NPV at a stated prevalence by Bayes' rule, delta interval on the logit scale.

    logit PPV = logit prevalence + log(sens / (1 - spec)); its variance is that of log sens plus that of log(1 - spec),
    as sensitivity and specificity come from different units. Where one of them is 0 or 1 the limits are those of both after z^2 / 2 was
    added to the counts of right and wrong calls (over patients where these repeat), with a warning; the estimate stays what the counts say.

    Source: Mercaldo, Lau & Zhou, Stat Med 2007;26:2170-2183, logit and adjusted logit intervals.
    """
    if not 0 < prevalence < 1:
        raise InputError("statistics-prevalence", "A prevalence lies between 0 and 1.", what_to_do="Write 0.2 for 20 %.")
    z = z_of(level)
    known = bool(np.isfinite([sensitivity.estimate, specificity.estimate]).all())
    inside = known and all(0 < one.estimate < 1 and one.se > 0 for one in (sensitivity, specificity))
    words, said = "Bayes' rule, delta on the logit scale", () if known else ("Sensitivity or specificity is unknown: no interval.",)
    if known and not inside:
        words = "Bayes' rule, adjusted logit"
        said = ("Sensitivity or specificity is 0 or 1: z squared / 2 was added to right and wrong calls for the interval.",)
    parts = [(one.estimate, one.se) if inside or not known else _adjusted(one, z) for one in (sensitivity, specificity)]
    found = {}
    for name, own, other, prior in (("PPV", 0, 1, prevalence), ("NPV", 1, 0, 1 - prevalence)):
        hit, false = (sensitivity.estimate, specificity.estimate)[own], 1 - (sensitivity.estimate, specificity.estimate)[other]
        share = _ratio(hit * prior, hit * prior + false * (1 - prior))
        low = high = float("nan")
        if known and np.isfinite(share):
            (right, se), (wrong, other_se) = parts[own], parts[other]
            half = z * np.sqrt((se / right) ** 2 + (other_se / (1 - wrong)) ** 2)
            centre = np.log(right * prior / ((1 - wrong) * (1 - prior)))
            low, high = float(expit(centre - half)), float(expit(centre + half))
            low, high = min(low, share), max(high, share)  # the counts' own value may lie beyond the adjusted limits
        found[name] = Estimate(
            f"{name} at prevalence {prevalence:g}", share, low, high, words, sensitivity.n + specificity.n, sensitivity.n,
            max(sensitivity.clusters, specificity.clusters), level,
            warnings=said if np.isfinite(share) or not known else ("Nobody is called: it divides by 0.",),
        )  # fmt: skip
    return found


def _adjusted(share: Estimate, z: float) -> tuple[float, float]:
    """A share and its standard error after z^2 / 2 of each kind was added; a patient is one unit where these repeat."""
    n = min(share.n, share.clusters or share.n)
    moved = (share.estimate * n + z**2 / 2) / (n + z**2)
    return moved, float(np.sqrt(moved * (1 - moved) / (n + z**2)))
