"""Predictive values and likelihood ratios of two tests on the same patients.

McNemar's test does not apply: each test has its own denominator, the patients it calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2, t

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate, binary, cut, two_sided, z_of

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Tests:
    truth: Bools
    first: Bools
    second: Bools


def generalised_score(
    truth: ArrayLike, first: ArrayLike, second: ArrayLike, value: str = "PPV", *, weighted: bool = True, level: float = 0.95
) -> Estimate:
    """PPV (or NPV) of the second minus that of the first test, with a score test of equality.

    Parameters
    ----------
    truth, first, second : (n,) 0 or 1 of the same independent patients
    weighted : Kosinski's weighted generalised score (default); else Leisenring's, kept as a cross-check

    Returns
    -------
    Estimate with statistic (chi-square, 1 degree of freedom) and p; the interval is Wald's with the variance of
    ``relative_predictive_value`` carried over to the difference, cut at -1 and 1

    Source: Kosinski, Stat Med 2013;32:964-977; Leisenring, Alonzo & Pepe, Biometrics 2000;56:345-351.
    """
    tests = _tests(truth, first, second)
    if value == "NPV":
        tests = _Tests(~tests.truth, ~tests.first, ~tests.second)
    elif value != "PPV":
        raise InputError("statistics-value", f"There is no predictive value {value!r}.", what_to_do="Use PPV or NPV.")
    n1, n2 = int(tests.first.sum()), int(tests.second.sum())
    if not n1 or not n2:
        return Estimate(f"difference of {value}", float("nan"), n=len(tests.truth), warnings=("A test calls nobody.",))
    p1, p2 = float(tests.truth[tests.first].mean()), float(tests.truth[tests.second].mean())
    statistic = _kosinski(tests, p1, p2, n1, n2) if weighted else _leisenring(tests, n1, n2)
    se = float(np.sqrt((_influence(tests) ** 2).sum()))
    record: dict[str, Any] = {"n": len(tests.truth), "events": int(tests.truth.sum()), "clusters": len(tests.truth), "level": level}
    if not se > 0:
        return Estimate(f"difference of {value}", p2 - p1, p=1.0 if p1 == p2 else float("nan"), warnings=(_SAME,), **record)
    half = z_of(level) * se
    return cut(Estimate(
        f"difference of {value}", p2 - p1, p2 - p1 - half, p2 - p1 + half,
        ("weighted " if weighted else "") + "generalised score, chi-square with 1 df; limits Wald", se=se,
        statistic=statistic, p=float(chi2.sf(statistic, 1)), null=f"the {value} are equal", **record,
    ))  # fmt: skip


def clustered_predictive(
    truth: ArrayLike, first: ArrayLike, second: ArrayLike, clusters: ArrayLike, value: str = "PPV", *, level: float = 0.95
) -> Estimate:
    """PPV (or NPV) of the second minus that of the first test where patients give several units: Wald's test over patients, t.

    The influence of each unit on the difference is summed within patients: var = K / (K - 1) sum_k (sum_i u_i)^2, the sandwich of
    Leisenring's marginal regression. Source: Leisenring, Pepe & Longton, Stat Med 1997;16:1263-1281.
    """
    tests = _tests(truth, first, second)
    if value == "NPV":
        tests = _Tests(~tests.truth, ~tests.first, ~tests.second)
    place = np.unique(np.asarray(clusters), return_inverse=True)[1]
    patients = int(place.max()) + 1 if len(place) else 0
    record: dict[str, Any] = {"n": len(tests.truth), "events": int(np.asarray(truth).sum()), "clusters": patients, "level": level}
    if not tests.first.any() or not tests.second.any():
        return Estimate(f"difference of {value}", float("nan"), warnings=("A test calls nobody.",), **record)
    gap = float(tests.truth[tests.second].mean() - tests.truth[tests.first].mean())
    pulls = np.bincount(place, _influence(tests))
    se = float(np.sqrt(patients / (patients - 1) * (pulls**2).sum())) if patients > 1 else 0.0
    if not se > 1e-12:
        return Estimate(f"difference of {value}", gap, p=1.0 if gap == 0 else float("nan"), warnings=(_SAME,), **record)
    half, z = float(t.ppf(0.5 + level / 2, patients - 1)) * se, gap / se
    return cut(Estimate(
        f"difference of {value}", gap, gap - half, gap + half, "influence summed over patients, t", se=se, statistic=z, df=patients - 1,
        p=float(2 * t.sf(abs(z), patients - 1)), null=f"the {value} are equal", **record,
    ))  # fmt: skip


_SAME = "The difference has no variance: the tests call the same units, or all are right."


def _influence(tests: _Tests) -> NDArray[np.float64]:
    """(n,) of each unit on the share of the second's calls that are right less that of the first's."""
    parts = []
    for called in (tests.second, tests.first):
        parts.append(called * (tests.truth - tests.truth[called].mean()) / called.sum())
    return np.asarray(parts[0] - parts[1])


def relative_predictive_values(
    truth: ArrayLike, first: ArrayLike, second: ArrayLike, *, level: float = 0.95
) -> tuple[Estimate, Estimate, NDArray[np.float64]]:
    """PPV ratio and NPV ratio, second over first test, and the covariance (2, 2) of their logarithms.

    Source: Moskowitz & Pepe, Clin Trials 2006;3:272-279; the covariance is that of the influence of each patient.
    """
    tests = _tests(truth, first, second)
    parts = []
    for true, one, other in ((tests.truth, tests.first, tests.second), (~tests.truth, ~tests.first, ~tests.second)):
        influence = _log_share(true & other, other) - _log_share(true & one, one)
        parts.append((float(true[other].mean() / true[one].mean()), influence))
    stack = np.stack([influence for _, influence in parts])
    cov = stack @ stack.T
    names = ("relative PPV", "relative NPV")
    made = [
        _log_ratio(name, ratio, float(cov[i, i]), len(tests.truth), int(tests.truth.sum()), level)
        for i, (name, (ratio, _)) in enumerate(zip(names, parts, strict=True))
    ]
    return made[0], made[1], cov


def relative_likelihood_ratios(truth: ArrayLike, first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> tuple[Estimate, Estimate]:
    """LR+ ratio and LR- ratio, first over second test. Source: Gu & Pepe, Stat Med 2009;28:2384-2399 (regression of the ratio)."""
    tests = _tests(truth, first, second)
    found = []
    for name, one, other in (("relative LR+", tests.first, tests.second), ("relative LR-", ~tests.first, ~tests.second)):
        up = _log_share(tests.truth & one, tests.truth) - _log_share(tests.truth & other, tests.truth)
        down = _log_share(~tests.truth & one, ~tests.truth) - _log_share(~tests.truth & other, ~tests.truth)
        ratio = (one[tests.truth].mean() / one[~tests.truth].mean()) / (other[tests.truth].mean() / other[~tests.truth].mean())
        variance = float(((up - down) ** 2).sum())
        found.append(_log_ratio(name, float(ratio), variance, len(tests.truth), int(tests.truth.sum()), level))
    return found[0], found[1]


def relative_share(measure: str, first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Ratio of two shares of the same units, second over first, such as relative sensitivity among the diseased.

    Source: Cheng & Macaluso, Epidemiology 1997;8:104-106: variance of the log (b + c) / (x1 x2).
    """
    one, other = binary(first, "Answers"), binary(second, "Answers")
    x1, x2 = int(one.sum()), int(other.sum())
    return _log_ratio(measure, x2 / x1, int((one != other).sum()) / (x1 * x2), len(one), int((one != other).sum()), level)


def _kosinski(tests: _Tests, p1: float, p2: float, n1: int, n2: int) -> float:
    pooled = (int((tests.truth & tests.first).sum()) + int((tests.truth & tests.second).sum())) / (n1 + n2)
    both = tests.first & tests.second
    shared = (int((both & tests.truth).sum()) * (1 - pooled) ** 2 + int((both & ~tests.truth).sum()) * pooled**2) / (n1 + n2)
    variance = (pooled * (1 - pooled) - 2 * shared) * (1 / n1 + 1 / n2)
    return float((p1 - p2) ** 2 / variance) if variance > 0 else float("nan")


def _leisenring(tests: _Tests, n1: int, n2: int) -> float:
    mean_test = n2 / (n1 + n2)
    pooled = (int((tests.truth & tests.first).sum()) + int((tests.truth & tests.second).sum())) / (n1 + n2)
    weight = tests.first * (0 - mean_test) + tests.second * (1 - mean_test)
    own = weight * (tests.truth - pooled)
    return float((weight * tests.truth).sum() ** 2 / (own**2).sum())


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
        raise InputError(
            "statistics-shape", "Truth and both tests must have one length.",
            what_to_do="Give one call of each test for each value of truth.",
        )  # fmt: skip
    return found
