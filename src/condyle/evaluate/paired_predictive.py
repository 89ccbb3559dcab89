"""Predictive values and likelihood ratios of two tests on the same patients.

McNemar's test does not apply: each test has its own denominator, the patients it calls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate, binary, two_sided, z_of

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Tests:
    truth: Bools
    first: Bools
    second: Bools


def generalised_score(truth: ArrayLike, first: ArrayLike, second: ArrayLike, value: str = "PPV", *, weighted: bool = True) -> Estimate:
    """PPV (or NPV) of the second minus that of the first test, with a score test of equality.

    Parameters
    ----------
    truth, first, second : (n,) 0 or 1 of the same independent patients
    weighted : Kosinski's weighted generalised score (default); else Leisenring's, kept as a cross-check

    Returns
    -------
    Estimate with statistic (chi-square, 1 degree of freedom) and p; the interval is Wald's with the variance of
    ``relative_predictive_value`` carried over to the difference

    Source: Kosinski, Stat Med 2013;32:964-977; Leisenring, Alonzo & Pepe, Biometrics 2000;56:345-351.
    """
    t = _tests(truth, first, second)
    if value == "NPV":
        t = _Tests(~t.truth, ~t.first, ~t.second)
    elif value != "PPV":
        raise InputError("statistics-value", f"There is no predictive value {value!r}.", what_to_do="Use PPV or NPV.")
    n1, n2 = int(t.first.sum()), int(t.second.sum())
    if not n1 or not n2:
        return Estimate(f"difference of {value}", float("nan"), n=len(t.truth), warnings=("A test calls nobody.",))
    p1, p2 = float(t.truth[t.first].mean()), float(t.truth[t.second].mean())
    statistic = _kosinski(t, p1, p2, n1, n2) if weighted else _leisenring(t, n1, n2)
    influence = (t.second * (t.truth - p2)) / n2 - (t.first * (t.truth - p1)) / n1
    se = float(np.sqrt((influence**2).sum()))
    half = z_of(0.95) * se
    return Estimate(
        f"difference of {value}", p2 - p1, p2 - p1 - half, p2 - p1 + half,
        ("weighted " if weighted else "") + "generalised score; Wald limits", len(t.truth), int(t.truth.sum()), len(t.truth), se=se,
        statistic=statistic, df=1, p=float(chi2.sf(statistic, 1)), null=f"the {value} are equal",
    )  # fmt: skip


def relative_predictive_values(
    truth: ArrayLike, first: ArrayLike, second: ArrayLike, *, level: float = 0.95
) -> tuple[Estimate, Estimate, NDArray[np.float64]]:
    """PPV ratio and NPV ratio, second over first test, and the covariance (2, 2) of their logarithms.

    Source: Moskowitz & Pepe, Clin Trials 2006;3:272-279; the covariance is that of the influence of each patient.
    """
    t = _tests(truth, first, second)
    parts = []
    for true, one, other in ((t.truth, t.first, t.second), (~t.truth, ~t.first, ~t.second)):
        influence = _log_share(true & other, other) - _log_share(true & one, one)
        parts.append((float(true[other].mean() / true[one].mean()), influence))
    stack = np.stack([influence for _, influence in parts])
    cov = stack @ stack.T
    names = ("relative PPV", "relative NPV")
    made = [
        _log_ratio(name, ratio, float(cov[i, i]), len(t.truth), int(t.truth.sum()), level)
        for i, (name, (ratio, _)) in enumerate(zip(names, parts, strict=True))
    ]
    return made[0], made[1], cov


def relative_likelihood_ratios(truth: ArrayLike, first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> tuple[Estimate, Estimate]:
    """LR+ ratio and LR- ratio, first over second test. Source: Gu & Pepe, Stat Med 2009;28:2384-2399 (regression of the ratio)."""
    t = _tests(truth, first, second)
    found = []
    for name, one, other in (("relative LR+", t.first, t.second), ("relative LR-", ~t.first, ~t.second)):
        up = _log_share(t.truth & one, t.truth) - _log_share(t.truth & other, t.truth)
        down = _log_share(~t.truth & one, ~t.truth) - _log_share(~t.truth & other, ~t.truth)
        ratio = (one[t.truth].mean() / one[~t.truth].mean()) / (other[t.truth].mean() / other[~t.truth].mean())
        variance = float(((up - down) ** 2).sum())
        found.append(_log_ratio(name, float(ratio), variance, len(t.truth), int(t.truth.sum()), level))
    return found[0], found[1]


def relative_share(measure: str, first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Ratio of two shares of the same units, second over first, such as relative sensitivity among the diseased.

    Source: Cheng & Macaluso, Epidemiology 1997;8:104-106: variance of the log (b + c) / (x1 x2).
    """
    one, other = binary(first, "Answers"), binary(second, "Answers")
    x1, x2 = int(one.sum()), int(other.sum())
    return _log_ratio(measure, x2 / x1, int((one != other).sum()) / (x1 * x2), len(one), int((one != other).sum()), level)


def _kosinski(t: _Tests, p1: float, p2: float, n1: int, n2: int) -> float:
    pooled = (int((t.truth & t.first).sum()) + int((t.truth & t.second).sum())) / (n1 + n2)
    both = t.first & t.second
    shared = (int((both & t.truth).sum()) * (1 - pooled) ** 2 + int((both & ~t.truth).sum()) * pooled**2) / (n1 + n2)
    variance = (pooled * (1 - pooled) - 2 * shared) * (1 / n1 + 1 / n2)
    return float((p1 - p2) ** 2 / variance) if variance > 0 else float("nan")


def _leisenring(t: _Tests, n1: int, n2: int) -> float:
    mean_test = n2 / (n1 + n2)
    pooled = (int((t.truth & t.first).sum()) + int((t.truth & t.second).sum())) / (n1 + n2)
    weight = t.first * (0 - mean_test) + t.second * (1 - mean_test)
    own = weight * (t.truth - pooled)
    return float((weight * t.truth).sum() ** 2 / (own**2).sum())


def _log_share(right: Bools, among: Bools) -> NDArray[np.float64]:
    """Influence of each patient on the logarithm of the share ``right`` of ``among``."""
    return np.asarray(right / right.sum() - among / among.sum())


def _log_ratio(name: str, ratio: float, variance: float, n: int, events: int, level: float) -> Estimate:
    se = float(np.sqrt(variance))
    half = z_of(level) * se
    z = float(np.log(ratio)) / se if se > 0 else float("nan")
    return Estimate(
        name, ratio, float(ratio * np.exp(-half)), float(ratio * np.exp(half)), "log-scale Wald", n, events, n, level, se=se * ratio,
        statistic=z, p=two_sided(z) if se > 0 else float("nan"), null="the ratio is 1",
    )  # fmt: skip


def _tests(truth: ArrayLike, first: ArrayLike, second: ArrayLike) -> _Tests:
    found = _Tests(binary(truth), binary(first, "Calls"), binary(second, "Calls"))
    if not len(found.truth) == len(found.first) == len(found.second):
        raise InputError("statistics-shape", "Truth and both tests must have one length.")
    return found
