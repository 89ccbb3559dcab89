"""Intervals of one proportion: independent units or units within patients."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta, t

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate, finite, logit_limits, z_of
from condyle.evaluate.score_limits import falling_root


def wilson(events: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Score limits without continuity correction; (NaN, NaN) when n is 0.

    Source: Wilson, J Am Stat Assoc 1927;22:209-212.
    """
    if not n > 0:
        return float("nan"), float("nan")
    z = z_of(level)
    share = events / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # At 0 and n the closed form is exact only up to rounding.
    return (0.0 if events <= 0 else float(centre - half)), (1.0 if events >= n else float(centre + half))


def clopper_pearson(events: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Exact limits, conservative; the lower one at n of n is (alpha / 2)^(1 / n). (NaN, NaN) when n is 0.

    Source: Clopper & Pearson, Biometrika 1934;26:404-413.
    """
    if not n > 0:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, events, n - events + 1)) if events > 0 else 0.0
    high = float(beta.ppf(1 - tail, events + 1, n - events)) if events < n else 1.0
    return low, high


def agresti_coull(events: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Wald limits after adding z^2 / 2 of each kind; may leave [0, 1]. Source: Agresti & Coull, Am Stat 1998;52:119-126."""
    z = z_of(level)
    share = (events + z**2 / 2) / (n + z**2)
    half = z * np.sqrt(share * (1 - share) / (n + z**2))
    return float(share - half), float(share + half)


_METHODS = {"wilson": (wilson, "Wilson"), "exact": (clopper_pearson, "Clopper-Pearson")}


def proportion(measure: str, events: int, n: int, *, level: float = 0.95, interval: str = "wilson") -> Estimate:
    """A share of independent units. NaN with a warning when n is 0.

    Parameters
    ----------
    interval : 'wilson' or 'exact' (Clopper-Pearson, for a regulatory table). Wald is not offered: at 0 % and 100 % it is a point
    """
    if interval not in _METHODS:
        raise InputError("statistics-interval", f"There is no interval {interval!r}.", what_to_do="Use wilson or exact.")
    limits, words = _METHODS[interval]
    if not n:
        return Estimate(measure, float("nan"), n=0, events=0, level=level, warnings=("Nothing to count.",))
    low, high = limits(events, n, level=level)
    share = events / n
    return Estimate(measure, share, low, high, words, n, events, n, level, float(np.sqrt(share * (1 - share) / n)))


def clustered_proportion(measure: str, counted: ArrayLike, clusters: ArrayLike, *, level: float = 0.95) -> Estimate:
    """A share of units that lie within patients: the ratio estimator with logit limits and t over patients.

    Parameters
    ----------
    counted : (n,) 0 or 1 of each unit; clusters : (n,) patient of each

    Returns
    -------
    Estimate: p = sum x_i / sum n_i, se = sqrt(K / (K - 1) sum (x_i - p n_i)^2) / sum n_i, logit limits with t of K - 1.
    At 0 or 1 the error is 0: Clopper-Pearson on the number of patients, which is conservative, and a warning.

    Source: Cochran, Sampling Techniques 1977, section 6; Rao & Scott 1992; limits as in R's survey::svyciprop('logit').
    """
    given = finite(counted, what="Counts")
    labels, place = np.unique(np.asarray(clusters), return_inverse=True)
    if given.shape != place.shape:
        raise InputError("statistics-shape", "Counts and clusters must have one length.", what_to_do="Give the patient of each unit.")
    n, patients = len(given), len(labels)
    if not n:
        return Estimate(measure, float("nan"), n=0, events=0, level=level, warnings=("Nothing to count.",))
    share, events = float(given.mean()), round(float(given.sum()))
    if share in (0.0, 1.0):
        low, high = clopper_pearson(patients * share, patients, level=level)
        return Estimate(
            measure, share, low, high, "Clopper-Pearson over patients", n, events, patients, level, 0.0,
            warnings=(f"Every unit counts {'for' if share else 'against'}: the interval takes each patient as one unit.",),
        )  # fmt: skip
    if patients < 2:
        return Estimate(measure, share, n=n, events=events, clusters=patients, level=level, warnings=("A single patient; no interval.",))
    residual = np.bincount(place, given, patients) - share * np.bincount(place, minlength=patients)
    se = float(np.sqrt(patients / (patients - 1) * (residual**2).sum()) / n)
    low, high = logit_limits(share, se, float(t.ppf(0.5 + level / 2, patients - 1)))
    return Estimate(measure, share, low, high, "ratio estimator over patients, logit, t", n, events, patients, level, se, df=patients - 1)


def share_of(measure: str, counted: ArrayLike, clusters: ArrayLike, *, level: float = 0.95, interval: str = "wilson") -> Estimate:
    """A share of units: as ``proportion`` where every patient gives one, else as ``clustered_proportion``."""
    hits = np.asarray(counted)
    if len(np.unique(np.asarray(clusters))) == len(hits):
        return proportion(measure, round(float(hits.sum())), len(hits), level=level, interval=interval)
    return clustered_proportion(measure, hits, clusters, level=level)


def intracluster(counted: ArrayLike, clusters: ArrayLike) -> tuple[float, float]:
    """Correlation of units of one patient by analysis of variance, and the design effect 1 + (sum n_i^2 / n - 1) icc.

    The correlation may be negative and is reported as it is. NaN when no patient has two units.

    Source: Ridout, Demetrio & Firth, Biometrics 1999;55:137-148; Saha, Miller & Wang 2016, equation 2.
    """
    given = finite(counted, what="Counts")
    _, place = np.unique(np.asarray(clusters), return_inverse=True)
    sizes = np.bincount(place).astype(np.float64)
    hits = np.bincount(place, given)
    patients, n = len(sizes), sizes.sum()
    if n <= patients or patients < 2:
        return float("nan"), float("nan")
    between = ((hits**2 / sizes).sum() - hits.sum() ** 2 / n) / (patients - 1)
    within = (hits - hits**2 / sizes).sum() / (n - patients)
    typical = (n - (sizes**2).sum() / n) / (patients - 1)
    total = between + (typical - 1) * within
    icc = float((between - within) / total) if total > 0 else float("nan")
    return icc, float(1 + ((sizes**2).sum() / n - 1) * icc)


def clustered_score(measure: str, counted: ArrayLike, clusters: ArrayLike, *, level: float = 0.95, skew: bool = True) -> Estimate:
    """A share of units within patients with score limits: Wilson's variance times the design effect, corrected for skewness.

    The estimate is the share at which the corrected score is 0, a little nearer to one half than the plain share.

    Source: Saha, Miller & Wang, Int J Biostat 2016;12(2); skewness correction Laud, Pharm Stat 2017;16:334-348.
    """
    given = finite(counted, what="Counts")
    n, patients = len(given), len(np.unique(np.asarray(clusters)))
    _, effect = intracluster(given, clusters)
    share = float(given.mean()) if n else float("nan")
    if not effect > 0:
        return Estimate(measure, share, n=n, clusters=patients, level=level, warnings=("No design effect can be estimated; no interval.",))

    def score(p: float, z: float) -> float:
        variance = p * (1 - p) / n * effect
        third = p * (1 - p) * (1 - 2 * p) / n**2 if skew else 0.0
        return float((share - p) / np.sqrt(variance) - (z**2 - 1) * third / (6 * variance**1.5) - z)

    edge = 1e-12
    z = z_of(level)
    ends = (falling_root(partial(score, z=wanted), edge, 1 - edge) for wanted in (0.0, z, -z))
    middle, low, high = (0.0 if end <= edge else 1.0 if end >= 1 - edge else end for end in ends)
    return Estimate(
        measure, middle, low, high, "score with design effect, skewness corrected" if skew else "score with design effect",
        n, round(float(given.sum())), patients, level,
    )  # fmt: skip
